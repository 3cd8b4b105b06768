"""The wrong verifiers once more, with the chance summed out: what each does to a law, exactly.

A verifier of ``specdec_lib.lossless.mutants.verifiers`` throws dice, so it can only be sampled. Here the
same mistakes are :data:`~specdec_lib.lossless.laws.enumeration.Judge` functions, which an enumeration takes;
the tests hold the two against each other. Those whose mistake is in how they draw are not here, and neither
are the mistakes of loops and drafters: their rule, where they ask a verifier, is read off the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.lossless.checks.exact import judge_in
from specdec_lib.lossless.laws.enumeration import Judge, Judgement, Law, Prefix, judge_with
from specdec_lib.lossless.laws.reference import leftover
from specdec_lib.lossless.mutants import verifiers
from specdec_lib.lossless.mutants.mutant import Mutant
from specdec_lib.lossless.mutants.verifiers import BlockVerifier, TokenVerifier


def judging(
    correction: Callable[[Law, Law, int], Law] = lambda p, q, x: leftover(1, p, q),
    ratio: Callable[[Any, Any], Any] = lambda p, q: p / q,
    bonus: Callable[[Sequence[Law], Sequence[Law]], Law] = lambda target, draft: target[-1],
    shared_uniform: bool = False,
) -> Judge:
    """Token verification with one of its parts replaced; with none replaced it is right.

    Args:
        correction: the law of what follows a rejection, from p, q and the rejected token.
        ratio: of p(x) and q(x); a token stays with that probability, at most 1.
        bonus: from all laws of the target and of the draft.
        shared_uniform: one uniform decides all positions of a round.
    """

    def judge(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
        judgement: Judgement = []
        reached: Any = 1
        for p, q, x in zip(target[:-1], draft, ids, strict=True):
            passes = min(1, ratio(p[x], q[x]))
            stays = min(reached, passes) if shared_uniform else reached * passes
            judgement.append((reached - stays, correction(p, q, x)))
            reached = stays
        return [*judgement, (reached, bonus(target, draft))]

    return judge


def summed(verifier: TokenVerifier | BlockVerifier) -> Judge:
    """The judge that is made of the same parts as ``verifier``."""
    if isinstance(verifier, BlockVerifier):
        return partial(judge_with, verifier.plan)  # in scalar code, so that one position is summed in Python

    def correction(p: Law, q: Law, x: int) -> Law:
        masses = [verifier.share(a, b, i == x) for i, (a, b) in enumerate(zip(p, q, strict=True))]
        total = sum(masses)
        return [mass / total for mass in masses] if total else p

    judge = judging(correction, verifier.ratio, verifier.bonus, verifier.shared_uniform)
    return lambda target, draft, ids: judge(
        [target[verifier.row(n, len(ids))] for n in range(len(ids) + 1)], draft, ids
    )


_SAMPLED_ONLY = ("residual_is_not_clamped", "correction_reuses_the_uniform", "residuals_of_all_rows")
JUDGES: dict[str, Judge] = {
    name: summed(verifier)
    for name, verifier in vars(verifiers).items()
    if isinstance(verifier, TokenVerifier | BlockVerifier) and name not in _SAMPLED_ONLY
}
"""By the names of the gallery."""


def judge_of(mutant: Mutant, decoder: Decoder) -> Judge | None:
    """The rule by which that mutant's ``decoder`` judges a draft; None where it can only be sampled."""
    return JUDGES[mutant.name] if mutant.name in JUDGES else judge_in(decoder)
