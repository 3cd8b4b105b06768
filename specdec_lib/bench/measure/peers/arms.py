"""The arms of a comparison side by side: Hugging Face's ``generate`` in its variants, and our decoders.

An arm turns prompt ids into a fixed number of ids, whatever ends a text. All arms compute with the same
weights in the same dtype; each of Hugging Face's arms has modules of its own around them, because a run
leaves things behind on a model. Ours leaves nothing behind but graphs, which its compiled arms share. Every
run is timed from outside the public call, alike for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from specdec_lib.bench.measure.peers.hugging_face import (
    LOOKUP_TOKENS,
    HuggingFace,
    constant_drafting,
    drafting_of,
    static_and_compiled,
    twin,
)
from specdec_lib.bench.records.schema import HUGGING_FACE, OURS, REFERENCE
from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.profiling.timer import cuda_sync_time


@dataclass(frozen=True)
class Arm:
    """One way to decode, not built yet.

    Args:
        name: as records and tables show it.
        library: ``HUGGING_FACE`` or ``OURS``.
        method: "autoregressive", "assisted", "lookup" or "speculative".
        build: makes what runs it: called with prompt ids, a number of tokens, a temperature and a seed, it
            returns a result; its ``fell_back`` says whether the compiler gave up. Whatever cannot be had
            raises here or at the first run.
        k: draft tokens a round where the arm is told how many; else 0.
        compiled: whether it claims to run compiled code.
        options: what else sets the arm apart, as the records tell it.
    """

    name: str
    library: str
    method: str
    build: Callable[[], Any]
    k: int = 0
    compiled: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """What a record says of the arm."""
        kept = ("library", "method", "k", "compiled")
        return {name: getattr(self, name) for name in kept} | {"options": dict(self.options)}


def make_arms(
    target: ModelWrapper, draft: ModelWrapper, k_values: Sequence[int], compile: bool = True
) -> list[Arm]:
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
) -> list[Arm]:
    model, helper = target.model, draft.model

    def assisted(name: str, drafting: Mapping[str, Any], k: int = 0) -> Arm:
        build = partial(HuggingFace, model, {}, helper, drafting)
        return Arm(name, HUGGING_FACE, "assisted", build, k, options=drafting)

    arms = [Arm(REFERENCE, HUGGING_FACE, "autoregressive", partial(HuggingFace, model, {}))]
    if compile:
        build = partial(HuggingFace, model, static_and_compiled())
        told = {"cache_implementation": "static"}
        arms.append(
            Arm("hf-static-compiled", HUGGING_FACE, "autoregressive", build, compiled=True, options=told)
        )
    arms.append(assisted("hf-assisted", drafting_of(helper)))
    arms += [assisted(f"hf-assisted-K{k}", constant_drafting(k), k) for k in k_values]
    lookup = {"prompt_lookup_num_tokens": LOOKUP_TOKENS}
    build = partial(HuggingFace, model, lookup)
    return [*arms, Arm("hf-lookup", HUGGING_FACE, "lookup", build, LOOKUP_TOKENS, options=lookup)]


def _our_arms(
    target: ModelWrapper, draft: ModelWrapper, k_values: Sequence[int], compiled: bool
) -> list[Arm]:
    wrapped = {id(model): cache(partial(_compiled, model)) for model in (target, draft)}

    def build(k: int) -> Ours:
        models = [target, draft] if k else [target]
        return Ours([wrapped[id(model)]() for model in models] if compiled else models, k)

    suffix = "-compiled" if compiled else ""
    arms = [Arm(f"ours-AR{suffix}", OURS, "autoregressive", partial(build, 0), compiled=compiled)]
    for k in k_values:
        arms.append(Arm(f"ours-K{k}{suffix}", OURS, "speculative", partial(build, k), k, compiled))
    return arms


def _compiled(model: ModelWrapper) -> ModelWrapper:
    """The model compiled, once for all of our arms: a graph is kept by its width, and the arms share some."""
    return ModelWrapper(
        twin(model.model),
        model.tokenizer,
        compile=True,
        vocab_size=model.vocab_size,
        masked_ids=model.masked_ids,
    )


class Ours:
    """A decoder of this library, made anew for every run: no draft is warm.

    Args:
        models: the target, and for ``k`` > 0 the draft.
        k: draft tokens a round; 0 decodes autoregressively.
    """

    def __init__(self, models: Sequence[ModelWrapper], k: int) -> None:
        self.models, self.k = list(models), k

    @property
    def has_graphs(self) -> bool:
        """Whether compiled code is there already, of this arm or of one before it."""
        return any(model.compiled is not None and model.compiled.num_graphs for model in self.models)

    @property
    def fell_back(self) -> bool:
        """Whether the compiler gave a model up, which then goes on eagerly."""
        return any(model.compiled is not None and not model.compiled.active for model in self.models)

    def __call__(
        self, prompt_ids: Sequence[int], max_new_tokens: int, temperature: float, seed: int
    ) -> GenerationResult:
        """One generation, timed from outside like any other."""
        decoder = self._decoder()
        start = cuda_sync_time()
        result = decoder.generate(prompt_ids, max_new_tokens, temperature, ignore_eos=True, seed=seed)
        return replace(result, total_time=cuda_sync_time() - start)

    def _decoder(self) -> Decoder:
        if self.k:
            return SpeculativeDecoder(self.models[0], self.models[1], k=self.k)
        return AutoregressiveDecoder(self.models[0])
