"""A training recipe: everything that decides what `specdec train` produces, in one TOML file.

A recipe is a tokenizer and a list of stages. Each stage continues from the one before it and
has its own kind: `pretrain` starts a target from random weights, `grow` makes it deeper,
`distill` trains a draft on the target's distribution over the corpus, `rollout` goes on
training that draft on text the target itself wrote.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from specdec_lib.errors import InvalidArgument

STAGE_KINDS = ("pretrain", "grow", "distill", "rollout")
LEAST_VOCABULARY = 257
"""Ids of a byte-level vocabulary without merges: 256 bytes and the end of text."""


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


@dataclass(frozen=True)
class Recipe:
    """A tokenizer, a shape and the stages that follow each other."""

    name: str
    seed: int
    shape: Shape
    stages: tuple[Stage, ...]
    license: str = "other"
    """Of the trained weights, as an identifier of the hub."""
    sources: tuple[str, ...] = ()
    """Where the corpus comes from and under which licences: one Markdown line each, for the model card."""

    @classmethod
    def load(cls, path: str | Path) -> Recipe:
        """Read a TOML recipe. Raises InvalidArgument naming the file and what is wrong in it."""
        try:
            with open(path, "rb") as file:
                raw = tomllib.load(file)
            return cls.from_dict(raw)
        except FileNotFoundError:
            raise InvalidArgument(f"recipe: no file {str(path)!r}; give a TOML recipe") from None
        except InvalidArgument:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # no TOML, or of another shape
            raise InvalidArgument(f"recipe {str(path)!r} cannot be read: {error}") from error

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Recipe:
        """Build a recipe from plain data, as TOML or :meth:`to_dict` gives it."""
        stages = tuple(
            Stage(**{**stage, "rollout_temperatures": tuple(stage.get("rollout_temperatures", ()))})
            for stage in raw["stages"]
        )
        recipe = cls(
            raw["name"],
            raw["seed"],
            Shape(**raw["shape"]),
            stages,
            raw.get("license", "other"),
            tuple(raw.get("sources", ())),
        )
        recipe._check()
        return recipe

    def _check(self) -> None:
        _check_names(self)
        for part in (self.shape, *self.stages):
            _check_numbers(part)
        _check_shape(self.shape)
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names) or not names:
            raise InvalidArgument(f"recipe {self.name!r}: stage names must be unique, got {names}")
        if self.stages[0].kind != "pretrain":
            raise InvalidArgument(f"recipe {self.name!r}: the first stage must be of kind 'pretrain'")
        for stage in self.stages:
            _check_stage(stage, self.shape)
        _check_order(self)

    @property
    def longest_window(self) -> int:
        """Tokens in a row that the stages cut from the corpus, at most."""
        return max(max(stage.length + 1, stage.rollout_prompt) for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, in the order of the fields."""
        return asdict(self)

    def hash(self) -> str:
        """The first 12 hex digits of SHA-256 over the sorted JSON of what decides the weights."""
        decisive = {k: v for k, v in self.to_dict().items() if k not in ("license", "sources")}
        text = json.dumps(decisive, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _check_names(recipe: Recipe) -> None:
    """Names become parts of file names; a seed is what NumPy and torch both take."""
    for name in (recipe.name, *(stage.name for stage in recipe.stages)):
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
            raise InvalidArgument(
                f"recipe: the name {name!r} names files; give letters, digits, '.', '_' or '-'"
            )
    if not isinstance(recipe.seed, int) or isinstance(recipe.seed, bool) or not 0 <= recipe.seed < 2**63:
        raise InvalidArgument(f"recipe {recipe.name!r}: seed is {recipe.seed!r}; give a whole number >= 0")


def _check_shape(shape: Shape) -> None:
    """A vocabulary that holds every byte and fits 16 bits; heads that rotary positions can turn."""
    if not LEAST_VOCABULARY <= shape.vocab_size <= 2**16:
        raise InvalidArgument(
            f"recipe: vocab_size is {shape.vocab_size}; give {LEAST_VOCABULARY} to {2**16} "
            "(every byte and the end of text have an id, and an id has 16 bits)"
        )
    if shape.width % (2 * shape.num_heads):
        raise InvalidArgument(
            f"recipe: width {shape.width} does not make {shape.num_heads} heads of an even size; give a "
            f"multiple of {2 * shape.num_heads}"
        )


def _check_stage(stage: Stage, shape: Shape) -> None:
    where = f"stage {stage.name!r}"
    if stage.kind not in STAGE_KINDS:
        raise InvalidArgument(f"{where}: kind {stage.kind!r} is not one of {STAGE_KINDS}")
    if stage.length > shape.context:
        raise InvalidArgument(f"{where}: length {stage.length} exceeds the context {shape.context}")
    if stage.kind != "rollout":
        return
    if not 0 < stage.rollout_prompt <= stage.length or not stage.rollout_sequences:
        raise InvalidArgument(
            f"{where}: rollouts need rollout_sequences >= 1 and a rollout_prompt from 1 to their length "
            f"{stage.length}; got {stage.rollout_sequences} and {stage.rollout_prompt}"
        )
    numbers = [t for t in stage.rollout_temperatures if isinstance(t, (int, float)) and 0 <= t < float("inf")]
    if not numbers or len(numbers) != len(stage.rollout_temperatures):
        raise InvalidArgument(f"{where}: give rollout_temperatures, a list of numbers >= 0")


def _check_order(recipe: Recipe) -> None:
    """Each stage continues from what those before it left; at the end there is a draft."""
    target = draft = 0
    for stage in recipe.stages:
        makes_target = stage.kind in ("pretrain", "grow")
        if stage.kind == "grow" and stage.layers < target:
            raise InvalidArgument(f"stage {stage.name!r}: cannot grow from {target} layers to {stage.layers}")
        if not makes_target and (stage.layers > target or draft not in (0, stage.layers)):
            limit = f"the draft has {draft} already" if draft else f"its target has {target}"
            raise InvalidArgument(f"stage {stage.name!r}: a draft of {stage.layers} layers, but {limit}")
        target, draft = (stage.layers, draft) if makes_target else (target, stage.layers)
    if not draft:
        raise InvalidArgument(f"recipe {recipe.name!r}: no stage makes a draft; add one of kind 'distill'")


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
