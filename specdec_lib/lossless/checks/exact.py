"""The checks that draw nothing: the rule of the decoder on trial, summed over every draft and verdict.

What is summed is the :data:`~specdec_lib.lossless.laws.enumeration.Judge` that is read off the decoder, so a
wrong rule is seen here. What a decoder does beside its rule (its warping, caches, drafts) is for the other
checks. A decoder whose rule cannot be read is told so, and passes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.drafters.draft_model import DraftSource
from specdec_lib.decoding.rejection import PLANS, VERIFIERS, Plan, PlanMaker, next_law, verify_by
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless import sentences
from specdec_lib.lossless.laws.enumeration import ROUNDING, Judge, Law, PlanJudge, error_of
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.laws.small_law import SmallLaw
from specdec_lib.lossless.replays.proposals import rows_at
from specdec_lib.lossless.verdict import Check, bounded_check, not_applicable
from specdec_lib.models.base import CausalModel

ONE_POSITION = 1e-6
"""Largest difference that float32 probabilities may leave at one position."""
LIKELIEST = 256
"""Tokens of the vocabulary, the likeliest, over which a rule in plain Python is summed."""
_CHUNK = 4096


def judge_in(decoder: Decoder) -> PlanJudge | None:
    """The rule by which ``decoder`` judges drafts, where it carries out a plan.

    None where it cannot be read: a verifier that throws dice of its own, or a decoder that comes to its
    verdicts in another way than asking its verifier with the laws of the loop.
    """
    if not isinstance(decoder, SpeculativeDecoder) or type(decoder)._decide is not SpeculativeDecoder._decide:
        return None
    verify = decoder.verify
    for name, known in VERIFIERS.items():
        if verify is known:
            return PlanJudge(PLANS[name])
    if isinstance(verify, partial) and verify.func is verify_by and len(verify.args) == 1:
        return PlanJudge(verify.args[0])
    return None


def check_tables(verifier: str, judge: Judge | PlanMaker | None, num_tables: int = 3, seed: int = 0) -> Check:
    """The rule, enumerated over chained rounds on random tables in float64.

    Args:
        judge: the rule; one of the library's plans stands for its own; None where it cannot be read.
    """
    if judge is None:
        return not_applicable("exact, tables", verifier, sentences.WHY_DICE, "outcomes")
    largest, outcomes = 0.0, 0
    for index in range(num_tables):
        scenario = Scenario(seed=seed + index, vocab=3, length=4, k=3, draft_error=1.0, prompt=(1, 2))
        own, other = (partial(scenario.warped, model) for model in scenario.models)
        difference, count = error_of(own, other, scenario.length, scenario.k, _judge(judge))
        largest, outcomes = max(largest, difference), outcomes + count
    says = sentences.TABLES_SAY.format(num_tables)
    return bounded_check("exact, tables", verifier, largest, ROUNDING, outcomes, "outcomes", says)


def check_small_law(verifier: str, judge: Judge | PlanMaker | None, law: SmallLaw, k: int) -> Check:
    """The same on the pair's own laws, behind a prompt, with the vocabulary cut."""
    if judge is None:
        return not_applicable("exact, pair", verifier, sentences.WHY_DICE, "outcomes")
    if law.drafts is None:
        return not_applicable("exact, pair", verifier, law.why_broad or sentences.WHY_DRAWN, "outcomes")
    largest, outcomes = error_of(law.target, law.drafts, law.length, k, _judge(judge))
    says = sentences.SMALL_LAW_SAYS.format(law.length)
    return bounded_check("exact, pair", verifier, largest, ROUNDING, outcomes, "outcomes", says)


def check_one_position(
    target: CausalModel,
    draft: DraftSource,
    prompts: Sequence[Sequence[int]],
    params: SamplingParams,
    verifier: str = "token",
    judge: Judge | PlanMaker | None = PLANS["token"],
) -> Check:
    """Σ over all drafts x of q(x) (accept · x + reject · residual) against p, over the whole vocabulary.

    Rules that are no plans are summed in plain Python, over the likeliest tokens of either law.
    """
    if judge is None:
        return not_applicable("one position", verifier, sentences.WHY_DICE, "drafts")
    largest, drafts, vocabulary = 0.0, 0, sentences.ALL_TOKENS.format(target.vocab_size)
    rule = _judge(judge)
    for p, q in rows_at(target, draft, prompts, params):
        if isinstance(rule, PlanJudge):
            difference = one_position_difference(p, q, rule.plan)
        else:
            p, q = _likeliest(p, q)
            vocabulary = sentences.LIKELIEST_TOKENS.format(len(p))
            law = torch.tensor(emitted_at_one_position(rule, p.tolist(), q.tolist()), dtype=torch.float64)
            difference = float((law - p.cpu()).abs().max())
        largest, drafts = max(largest, difference), drafts + len(p)
    if not drafts:
        return not_applicable("one position", verifier, sentences.WHY_NO_PROPOSAL)
    says = sentences.ONE_POSITION_SAYS.format(vocabulary)
    return bounded_check("one position", verifier, largest, ONE_POSITION, drafts, "drafts", says)


def one_position_difference(p: Tensor, q: Tensor, plan: PlanMaker = PLANS["token"]) -> float:
    """L∞ of what one draft token and its verdict emit on average, less p, by any plan."""
    target, draft = p[None], q[None]
    every = torch.arange(p.shape[0], device=p.device)

    def judged(drafted: Tensor) -> tuple[Tensor, Tensor]:
        made = plan(torch.cat([target, target]), draft, drafted[None])
        return made.thresholds[0], made.scales[0]

    passing, scales = (part.double() for part in torch.vmap(judged, chunk_size=_CHUNK)(every))
    target, draft, none = target.double().repeat(2, 1), draft.double(), every.new_zeros(())
    law, rejected = draft[0] * passing, draft[0] * (1 - passing)
    for scale in scales.unique():  # one for every draft, in a plan that is right
        following = next_law(Plan(passing, scale.repeat(2), "first failure"), target, draft, none)
        law = law + rejected[scales == scale].sum() * following
    return float((law - target[0]).abs().max())


def emitted_at_one_position(judge: Judge, target: Law, draft: Law) -> list:
    """The law of a round's first token, one token drafted: the sum over every draft and verdict."""
    law = [0] * len(target)
    for drafted, chance in enumerate(draft):
        if not chance:
            continue
        (rejects, following), (stays, _) = judge([target, target], [draft], (drafted,))
        law[drafted] += chance * stays
        law = [mass + chance * rejects * share for mass, share in zip(law, following, strict=True)]
    return law


def _judge(rule: Judge | PlanMaker) -> Judge:
    for plan in PLANS.values():
        if plan is rule:
            return PlanJudge(plan)
    return cast(Judge, rule)


def _likeliest(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Both laws over the tokens that either finds likeliest, in float64, each summing to 1."""
    chosen = (p + q).topk(min(LIKELIEST, len(p))).indices
    target, draft = (law.double()[chosen] for law in (p, q))
    return target / target.sum(), draft / draft.sum()
