"""The exact law of what speculative decoding emits, summed over every draft and every verdict.

For a model over a handful of words nothing has to be sampled: all drafts can be listed, and a verifier's
:class:`~specdec_lib.decoding.rejection.Plan` holds the probability of every verdict on each. Chaining the
rounds gives the joint law of the first tokens, to compare with the target's own. The arithmetic is that of
the numbers which come in: floats for the library's verifiers, a ``Fraction`` for a proof
without rounding (:mod:`specdec_lib.lossless.laws.reference`).

A model is a function from a prefix to a distribution here; nothing knows caches, texts or random numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import mul
from typing import Any, Protocol, runtime_checkable

import torch

from specdec_lib.decoding.rejection import PLANS, Plan, PlanMaker, next_law
from specdec_lib.errors import InvalidArgument

Prefix = tuple[int, ...]
Law = Sequence[Any]
"""A distribution over the vocabulary: floats or Fractions."""
Model = Callable[[Prefix], Law]
"""The law of the next token after a prefix."""
Judgement = list[tuple[Any, Law]]
"""For n = 0 … K: P(exactly n draft tokens stay), and the law of the token that follows them."""
Judge = Callable[[list[Law], list[Law], Prefix], Judgement]
"""From the K + 1 laws of the target, the K laws of the draft and the K draft tokens."""


@runtime_checkable
class DraftLister(Protocol):
    """A drafter whose drafts can be listed, though its law is not known for every prefix."""

    def listed(self, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, list[Law], Any]]:
        """Every draft of up to ``k`` tokens behind ``prefix``, the laws it comes with, its probability."""
        ...


ROUNDING = 1e-12
"""Largest difference that float64 arithmetic may leave between two enumerated laws."""


def library_judge(verifier: str) -> Judge:
    """The library's own verifier as a :data:`Judge`, in float64: its plan, with the chance summed out.

    Raises:
        InvalidArgument: an unknown verifier.
    """
    if verifier not in PLANS:
        raise InvalidArgument(f"enumerate: unknown verifier {verifier!r}; choose from {list(PLANS)}")
    return PlanJudge(PLANS[verifier])


@dataclass(frozen=True)
class PlanJudge:
    """The rule that carries out a plan, with the chance summed out."""

    plan: PlanMaker

    def __call__(self, target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
        return judge_with(self.plan, target, draft, ids)


def judge_with(make_plan: PlanMaker, target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    """The judgement of any function that makes a :class:`~specdec_lib.decoding.rejection.Plan`."""
    target_probs = torch.tensor([list(law) for law in target], dtype=torch.float64)
    draft_probs = torch.tensor([list(law) for law in draft], dtype=torch.float64) if ids else target_probs[:0]
    plan = make_plan(target_probs, draft_probs, torch.tensor(ids, dtype=torch.long))
    laws = [next_law(plan, target_probs, draft_probs, torch.tensor(n)).tolist() for n in range(len(ids) + 1)]
    return list(zip(verdict_probabilities(plan), laws, strict=True))


def verdict_probabilities(plan: Plan) -> list[float]:
    """P(exactly n draft tokens stay) for n = 0 … K, under independent uniforms."""
    passing = plan.thresholds.double().tolist()
    k = len(passing)
    if plan.cut == "first failure":
        stays = [1.0, *itertools.accumulate(passing, mul)]
        return [stays[n] * (1 - passing[n]) for n in range(k)] + [stays[k]]
    later_fail = list(itertools.accumulate((1 - h for h in reversed(passing)), mul))
    none_after = [*reversed(later_fail), 1.0]  # entry n: every position after n fails
    return [none_after[0], *(passing[n - 1] * none_after[n] for n in range(1, k + 1))]


def drafts(draft: Model, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, Any]]:
    """Every draft of ``k`` tokens behind ``prefix`` that can come up, with its probability."""
    if k == 0:
        yield (), 1
        return
    for token, chance in enumerate(draft(prefix)):
        if chance:
            for rest, probability in drafts(draft, (*prefix, token), k - 1):
                yield (token, *rest), chance * probability


def output_law(
    target: Model, draft: Model | DraftLister, length: int, k: int, judge: Judge
) -> dict[Prefix, Any]:
    """The joint law of the first ``length`` tokens that rounds of ``k`` draft tokens emit.

    The last rounds draft fewer, as the decoder's do, so that no round emits more than is left.
    Outcomes of probability 0 may be missing.
    """

    @cache
    def law_after(prefix: Prefix) -> dict[Prefix, Any]:
        left = length - len(prefix)
        if left == 0:
            return {(): 1}
        law: dict[Prefix, Any] = {}
        for emitted, probability in round_law(target, draft, prefix, min(k, left - 1), judge).items():
            for rest, chance in law_after((*prefix, *emitted)).items():
                outcome = (*emitted, *rest)
                law[outcome] = law.get(outcome, 0) + probability * chance
        return law

    return law_after(())


def round_law(
    target: Model, draft: Model | DraftLister, prefix: Prefix, k: int, judge: Judge
) -> dict[Prefix, Any]:
    """The law of what one round emits: 1 to ``k`` + 1 tokens behind ``prefix``."""
    law: dict[Prefix, Any] = {}
    for kept, reached, following in every_verdict(target, draft, prefix, k, judge):
        for token, chance in enumerate(following if reached else ()):
            if chance:  # outcomes that cannot happen are left out, and so is all that would follow them
                emitted = (*kept, token)
                law[emitted] = law.get(emitted, 0) + reached * chance
    return law


def accepted_law(
    target: Model, draft: Model | DraftLister, k: int, judge: Judge, prefix: Prefix = ()
) -> list[Any]:
    """P(a round accepts exactly n draft tokens) for n = 0 … k."""
    law: list[Any] = [0] * (k + 1)
    for kept, reached, _ in every_verdict(target, draft, prefix, k, judge):
        law[len(kept)] += reached
    return law


def mean_accepted(target: Model, draft: Model, k: int, judge: Judge, prefix: Prefix = ()) -> Any:
    """Draft tokens that a round accepts on average, the correction or bonus excluded."""
    return sum(n * chance for n, chance in enumerate(accepted_law(target, draft, k, judge, prefix)))


def target_law(target: Model, length: int) -> dict[Prefix, Any]:
    """The joint law of the first ``length`` tokens of the target itself."""
    return dict(drafts(target, (), length))


def error_of(target: Model, draft: Model | DraftLister, length: int, k: int, judge: Judge) -> tuple[Any, int]:
    """How far :func:`output_law` is from the target's law at most, and over how many outcomes."""
    law = target_law(target, length)
    return largest_difference(output_law(target, draft, length, k, judge), law), len(law)


def largest_difference(law: dict[Prefix, Any], other: dict[Prefix, Any]) -> Any:
    """The largest absolute difference of two probabilities of one outcome; a missing one has 0."""
    return max((abs(law.get(x, 0) - other.get(x, 0)) for x in law.keys() | other.keys()), default=0)


def total_variation(law: dict[Prefix, Any], other: dict[Prefix, Any]) -> Any:
    """Half of the summed absolute differences: how far an event's probability can differ."""
    return sum(abs(law.get(x, 0) - other.get(x, 0)) for x in law.keys() | other.keys()) / 2


def _listed(draft: Model | DraftLister, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, list[Law], Any]]:
    """Every draft with the laws that its tokens were drawn from, and its probability."""
    if isinstance(draft, DraftLister):
        yield from draft.listed(prefix, k)
        return
    for ids, probability in drafts(draft, prefix, k):
        yield ids, [draft((*prefix, *ids[:n])) for n in range(len(ids))], probability


def every_verdict(
    target: Model, draft: Model | DraftLister, prefix: Prefix, k: int, judge: Judge
) -> Iterator[tuple[Prefix, Any, Law]]:
    """One round: draft tokens that stay, the probability of that draft and verdict, the law of what follows.

    A draft that a verdict keeps whole and one that it cuts to the same tokens are listed apart; a probability
    may be 0, and the law that goes with it is then of no use.
    """
    for ids, draft_laws, probability in _listed(draft, prefix, k):
        target_laws = [target((*prefix, *ids[:n])) for n in range(len(ids) + 1)]
        for n, (weight, following) in enumerate(judge(target_laws, draft_laws, ids)):
            yield ids[:n], probability * weight, following
