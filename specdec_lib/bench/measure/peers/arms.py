"""The arms of a comparison side by side: Hugging Face's ``generate`` in its variants, and our decoders.

An arm turns prompt ids into a fixed number of ids, whatever ends a text. All arms compute with the same
weights in the same dtype; each of Hugging Face's arms has modules of its own around them, because a run
leaves things behind on a model. Ours leaves nothing behind but graphs, which its compiled arms share. Every
run is timed from outside the public call, alike for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from specdec_lib.bench.measure.arm import Arm, Facts, Ours, our_facts, wrapped_like
from specdec_lib.bench.measure.engines.timed import EngineResult
from specdec_lib.bench.measure.peers.hugging_face import (
    LOOKUP_TOKENS,
    HuggingFace,
    constant_drafting,
    drafting_of,
    static_and_compiled,
    twin,
)
from specdec_lib.bench.measure.runner import compiled_graphs
from specdec_lib.bench.measure.subjects import dtype_of
from specdec_lib.bench.records.schema import HUGGING_FACE, REFERENCE
from specdec_lib.errors import SpecDecError
from specdec_lib.models.fast.compiled import CompiledForward
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.profiling.timer import cuda_sync_time

GeneratingArm = Arm[GenerationResult]
_NOT_COMPILED = "it ran, but without compiled code: torch.compile gave up or was not asked"


class ArmRefused(SpecDecError):
    """An arm that ran, but not as its name says."""


def make_arms(
    target: ModelWrapper, draft: ModelWrapper, k_values: Sequence[int], compile: bool = True
) -> list[GeneratingArm]:
    """Every arm of the comparison, the reference first; nothing is built or compiled yet.

    Args:
        k_values: draft lengths, of our speculation and of assisted generation alike.
        compile: have the compiled arms too.
    """
    arms = _hugging_face_arms(target, draft, k_values, compile)
    for compiled in (False, True) if compile else (False,):
        arms += _our_arms(target, draft, k_values, compiled)
    return arms


def _hugging_face_arms(
    target: ModelWrapper, draft: ModelWrapper, k_values: Sequence[int], compile: bool
) -> list[GeneratingArm]:
    def arm(name: str, facts: Facts, *options: Any) -> GeneratingArm:
        return Arm(name, replace(facts, dtype=dtype_of(target)), partial(HuggingFace, target.model, *options))

    arms = [arm(REFERENCE, Facts(HUGGING_FACE, "autoregressive"), {})]
    if compile:
        told = {"cache_implementation": "static"}
        facts = Facts(HUGGING_FACE, "autoregressive", compiled=True, options=told)
        arms.append(arm("hf-static-compiled", facts, static_and_compiled()))
    assisted = {"hf-assisted": (0, drafting_of(draft.model))}
    assisted |= {f"hf-assisted-K{k}": (k, constant_drafting(k)) for k in k_values}
    for name, (k, drafting) in assisted.items():
        facts = Facts(HUGGING_FACE, "assisted", k, drafter=draft.name, options=drafting)
        arms.append(arm(name, facts, {}, draft.model, drafting))
    lookup = {"prompt_lookup_num_tokens": LOOKUP_TOKENS}
    facts = Facts(HUGGING_FACE, "lookup", LOOKUP_TOKENS, options=lookup)
    return [*arms, arm("hf-lookup", facts, lookup)]


def _our_arms(
    target: ModelWrapper, draft: ModelWrapper, k_values: Sequence[int], compiled: bool
) -> list[GeneratingArm]:
    @cache  # a graph is kept by its width, and our arms share some
    def wrapped(model: ModelWrapper) -> ModelWrapper:
        return wrapped_like(model, twin(model.model), compile=True) if compiled else model

    def build(k: int) -> OursFromOutside:
        return OursFromOutside(wrapped(target), wrapped(draft) if k else None, k)

    suffix = "-compiled" if compiled else ""
    return [
        Arm(
            f"ours-{f'K{k}' if k else 'AR'}{suffix}",
            our_facts(target, draft if k else None, k, compiled),
            partial(build, k),
        )
        for k in (0, *k_values)
    ]


class OursFromOutside(Ours):
    """This library's engine on the clock of the others, which ticks outside of the public call."""

    @property
    def has_graphs(self) -> bool:
        """Whether compiled code is there already, of this arm or of one before it."""
        return any(compiled.num_graphs or compiled.native for compiled in self._forwards)

    @property
    def fell_back(self) -> bool:
        """Whether the compiler gave a model up, which then goes on eagerly."""
        return any(not compiled.active for compiled in self._forwards)

    def __call__(
        self, prompt_ids: Sequence[int], max_new_tokens: int, temperature: float, seed: int
    ) -> GenerationResult:
        """One generation, timed from outside like any other."""
        start = cuda_sync_time()
        result = super().__call__(prompt_ids, max_new_tokens, temperature, seed)
        return replace(result, total_time=cuda_sync_time() - start)

    @property
    def _forwards(self) -> list[CompiledForward]:
        asked = (getattr(model, "compiled", None) for model in (self.target, self.draft))
        return [compiled for compiled in asked if compiled is not None]


class AsNamed:
    """An arm's engine, held to its name: compiled code where that is claimed, and every token that is asked.

    An engine that ends texts by itself may say less; whoever reads its runs leaves those out.
    Arms may share a compiler that gives up for all of them, also in the middle of the timed runs.
    """

    def __init__(self, arm: GeneratingArm) -> None:
        self._compiled, self._graphs = arm.facts.compiled, compiled_graphs()
        self._engine: Any = arm.make()

    def __call__(
        self, prompt_ids: Sequence[int], max_new_tokens: int, temperature: float, seed: int
    ) -> GenerationResult:
        """One generation.

        Raises:
            ArmRefused: it came without compiled code, or with fewer tokens.
        """
        result = self._engine(prompt_ids, max_new_tokens, temperature, seed)
        if self._compiled and (
            self._engine.fell_back or not (compiled_graphs() > self._graphs or self._engine.has_graphs)
        ):
            raise ArmRefused(_NOT_COMPILED)
        if result.num_tokens != max_new_tokens and not isinstance(result, EngineResult):
            raise ArmRefused(
                f"it emitted {result.num_tokens} of {max_new_tokens} tokens, so its time says nothing"
            )
        return result
