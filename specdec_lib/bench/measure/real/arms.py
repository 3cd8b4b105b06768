"""The ways to decode a model that has no trained draft: plain ones, and those that draft for nothing.

Plain decoding is everybody's: Hugging Face's ``generate`` as it is and with its static cache compiled, ours
eager and compiled. What drafts is the text itself, the target in four bits, or the one behind the other; and
a draft length that follows from measured costs. Nothing is built before its arm runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

from specdec_lib.bench.measure.arm import Arm, our_facts, wrapped_like
from specdec_lib.bench.measure.peers.arms import GeneratingArm, OursFromOutside
from specdec_lib.bench.measure.peers.hugging_face import (
    LOOKUP_TOKENS,
    HuggingFace,
    static_and_compiled,
    twin,
)
from specdec_lib.bench.measure.subjects import dtype_of
from specdec_lib.bench.records.parts import Facts
from specdec_lib.bench.records.schema import HUGGING_FACE, REFERENCE
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.drafters.cascade import Cascade
from specdec_lib.decoding.drafters.draft_model import as_drafter
from specdec_lib.decoding.drafters.grammar import open_draft
from specdec_lib.models.wrapper import ModelWrapper

COST_AWARE = "cost-aware"
Compiled = Callable[[], ModelWrapper]


def free_drafters(target: ModelWrapper, packed: ModelWrapper) -> dict[str, Drafter]:
    """Drafts that need no draft model, by the name of their arm; ``packed`` is the target in four bits."""
    cascade = Cascade(open_draft("suffix:least=4", target), packed, name="suffix:least=4 > self@int4")
    return {
        "lookup": open_draft("lookup", target),
        "suffix": open_draft("suffix", target),
        "self@int4": as_drafter(packed),
        "suffix > self@int4": cascade,
    }


def real_arms(
    target: ModelWrapper,
    drafters: Mapping[str, Drafter],
    k_values: Mapping[str, int],
    cost_aware: str,
    policy: Callable[[], CostAware],
    compile: Sequence[str] = (),
) -> list[GeneratingArm]:
    """Every arm, the reference first; nothing is built, compiled or measured yet.

    Args:
        drafters: by the name of their arm. k_values: draft tokens a round of each.
        cost_aware: whose drafter has an arm of measured draft length too.
        policy: that draft length; called when the arm is first used.
        compile: which drafters have a compiled arm too; if any, plain decoding has its two.
    """

    @cache  # a graph is kept by its width, and our arms share some
    def compiled() -> ModelWrapper:
        return wrapped_like(target, twin(target.model), compile=True)

    arms = [*_plain_arms(target, compiled if compile else None), _their_lookup(target)]
    for name, drafter in drafters.items():
        k = k_values[name]
        arms.append(_ours(f"ours-{name}", target, drafter, k))
        if name in compile:
            arms.append(_ours(f"ours-{name}-compiled", target, drafter, k, compiled))
    drafter = drafters[cost_aware]
    facts = our_facts(target, drafter, max(k_values.values()), draft_length=COST_AWARE)

    def by_cost() -> OursFromOutside:  # one policy for all texts, which knows what earlier ones accepted
        return OursFromOutside(target, drafter, policy())

    return [*arms, Arm(f"ours-{cost_aware}-{COST_AWARE}", facts, by_cost)]


def _plain_arms(target: ModelWrapper, compiled: Compiled | None) -> list[GeneratingArm]:
    theirs = Facts(HUGGING_FACE, "autoregressive", dtype=dtype_of(target))
    arms: list[GeneratingArm] = [Arm(REFERENCE, theirs, partial(HuggingFace, target.model, {}))]
    if compiled is None:
        return [*arms, _ours("ours-AR", target)]
    facts = replace(theirs, compiled=True, options={"cache_implementation": "static"})
    arms.append(Arm("hf-static-compiled", facts, partial(HuggingFace, target.model, static_and_compiled())))
    return [*arms, _ours("ours-AR", target), _ours("ours-AR-compiled", target, compiled=compiled)]


def _ours(
    name: str,
    target: ModelWrapper,
    drafter: Drafter | None = None,
    k: int = 0,
    compiled: Compiled | None = None,
) -> GeneratingArm:
    def make() -> OursFromOutside:
        return OursFromOutside(target if compiled is None else compiled(), drafter, k)

    return Arm(name, our_facts(target, drafter, k, compiled is not None), make)


def _their_lookup(target: ModelWrapper) -> GeneratingArm:
    options = {"prompt_lookup_num_tokens": LOOKUP_TOKENS}
    facts = Facts(HUGGING_FACE, "lookup", LOOKUP_TOKENS, dtype=dtype_of(target), options=options)
    return Arm("hf-lookup", facts, partial(HuggingFace, target.model, options))
