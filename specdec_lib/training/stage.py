"""What a recipe is made of: the shape of its models, and stages, each one run of the optimiser."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields

from specdec_lib.errors import InvalidArgument
from specdec_lib.training.tokenizer import LEAST_VOCABULARY, TOKENIZER_KINDS

STAGE_KINDS = ("pretrain", "grow", "distill", "rollout", "imitate")
_WITHOUT = STAGE_KINDS[:-1]
_WITH_TEACHER = ("pretrain", "grow", "imitate")


@dataclass(frozen=True)
class Shape:
    """The Llama shape that target and draft share, depth excepted."""

    vocab_size: int
    width: int
    mlp_width: int
    num_heads: int
    context: int


@dataclass(frozen=True)
class Stage:
    """One run of the optimiser. ``tokens`` is what it sees; a step sees ``batch * length`` of them."""

    name: str
    kind: str
    """One of ``STAGE_KINDS``."""
    layers: int
    tokens: int
    batch: int
    length: int
    peak_lr: float
    warmup_steps: int = 50
    flat_fraction: float = 0.5
    final_lr_fraction: float = 0.02
    weight_decay: float = 0.1
    tv_weight: float = 0.0
    rollout_sequences: int = 0
    rollout_prompt: int = 0
    rollout_temperatures: tuple[float, ...] = ()

    @property
    def num_steps(self) -> int:
        """Optimiser steps of the stage (the last one completes ``tokens``)."""
        return -(-self.tokens // (self.batch * self.length))

    def learning_rate(self, step: int) -> float:
        """Warm-up, flat, then linear decay ("WSD"): the rate of 0-based optimiser step ``step``."""
        if step < self.warmup_steps:
            return self.peak_lr * (step + 1) / self.warmup_steps
        decay_from = max(self.warmup_steps, int(self.num_steps * self.flat_fraction))
        if step < decay_from:
            return self.peak_lr
        progress = (step - decay_from + 1) / max(1, self.num_steps - decay_from)
        return self.peak_lr * (1 - min(1.0, progress) * (1 - self.final_lr_fraction))


def check_shape(shape: Shape, tokenizer: str) -> None:
    """A vocabulary that holds every byte and fits 16 bits; heads that rotary positions can turn.

    Raises:
        InvalidArgument: naming the number, and what to give instead.
    """
    _check_numbers(shape)
    if tokenizer not in TOKENIZER_KINDS:
        raise InvalidArgument(f"recipe: tokenizer {tokenizer!r} is not one of {TOKENIZER_KINDS}")
    least = LEAST_VOCABULARY[tokenizer]
    if not least <= shape.vocab_size <= 2**16:
        raise InvalidArgument(
            f"recipe: vocab_size is {shape.vocab_size}; give {least} to {2**16} "
            "(every byte and the end of text have an id, and an id has 16 bits)"
        )
    if shape.width % (2 * shape.num_heads):
        raise InvalidArgument(
            f"recipe: width {shape.width} does not make {shape.num_heads} heads of an even size; give a "
            f"multiple of {2 * shape.num_heads}"
        )


def check_stage(stage: Stage, context: int, teacher: str) -> None:
    """A stage of a kind that goes with a teacher, or without one; no longer than the context.

    Raises:
        InvalidArgument: naming the stage, and what to give instead.
    """
    _check_numbers(stage)
    where = f"stage {stage.name!r}"
    if stage.kind not in STAGE_KINDS:
        raise InvalidArgument(f"{where}: kind {stage.kind!r} is not one of {STAGE_KINDS}")
    kinds = _WITH_TEACHER if teacher else _WITHOUT
    if stage.kind not in kinds:
        of = f"with the teacher {teacher!r}" if teacher else "without a teacher"
        raise InvalidArgument(f"{where}: kind {stage.kind!r}, but a recipe {of} has stages of kind {kinds}")
    if stage.length > context:
        raise InvalidArgument(f"{where}: length {stage.length} exceeds the context {context}")
    if stage.kind not in ("rollout", "imitate"):
        return
    if not 0 < stage.rollout_prompt <= stage.length or not stage.rollout_sequences:
        raise InvalidArgument(
            f"{where}: rollouts need rollout_sequences >= 1 and a rollout_prompt from 1 to their length "
            f"{stage.length}; got {stage.rollout_sequences} and {stage.rollout_prompt}"
        )
    numbers = [t for t in stage.rollout_temperatures if isinstance(t, (int, float)) and 0 <= t < float("inf")]
    if not numbers or len(numbers) != len(stage.rollout_temperatures):
        raise InvalidArgument(f"{where}: give rollout_temperatures, a list of numbers >= 0")


def _check_numbers(part: Shape | Stage) -> None:
    """Sizes are whole and at least 1; what has a default may be 0 as well."""
    kinds = {"int": (int, "a whole number"), "float": ((int, float), "a number")}
    for field in fields(part):
        if field.type not in kinds:
            continue
        value, (kind, what), least = getattr(part, field.name), kinds[field.type], 1
        if field.default is not MISSING or field.type == "float":
            least = 0
        if not isinstance(value, kind) or isinstance(value, bool) or not least <= value < float("inf"):
            raise InvalidArgument(f"recipe: {field.name} is {value!r}; give {what} >= {least}")
