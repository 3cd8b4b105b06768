"""The wrong verifiers once more, with the chance summed out: what each does to a law, exactly.

A verifier of ``specdec_lib.lossless.mutants.verifiers`` throws dice, so it can only be sampled. Here the
same mistakes are :data:`~specdec_lib.lossless.laws.enumeration.Judge` functions, which an enumeration takes;
the tests hold the two against each other. Those whose mistake is in how they draw are not here, and neither
are the mistakes of loops and drafters: their rule, where they ask a verifier, is read off the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.lossless.checks.exact import judge_in
from specdec_lib.lossless.laws.enumeration import Judge, Judgement, Law, Prefix
from specdec_lib.lossless.mutants.gallery import Mutant

Correction = Callable[[Law, Law, int], Law]


def judging(
    correction: Correction | None = None,
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
    correct = correction or (
        lambda p, q, x: normalised([max(a - b, 0) for a, b in zip(p, q, strict=True)], p)
    )

    def judge(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
        judgement: Judgement = []
        reached: Any = 1
        for p, q, x in zip(target[:-1], draft, ids, strict=True):
            passes = min(1, ratio(p[x], q[x]))
            stays = min(reached, passes) if shared_uniform else reached * passes
            judgement.append((reached - stays, correct(p, q, x)))
            reached = stays
        return [*judgement, (reached, bonus(target, draft))]

    return judge


def normalised(masses: Sequence[Any], otherwise: Law) -> Law:
    """``masses`` over their sum; ``otherwise`` where that is 0."""
    total = sum(masses)
    return [mass / total for mass in masses] if total else otherwise


def judging_blocks(clamped: bool = True, early_break: bool = False) -> Judge:
    """Block verification (Sun et al. 2024, Algorithm 2) with one of its parts broken; with none it is right.

    Args:
        clamped: the running product of the ratios is kept at 1 or below.
        early_break: the first test that fails ends the draft, not the last that succeeds.
    """

    def judge(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
        products: list[Any] = [1]
        for p, q, x in zip(target[:-1], draft, ids, strict=True):
            product = products[-1] * p[x] / q[x]
            products.append(min(1, product) if clamped else product)
        left = [
            [max(product * a - b, 0) for a, b in zip(p, q, strict=True)]
            for product, p, q in zip(products, target[:-1], draft, strict=False)
        ]
        following = [normalised(masses, p) for masses, p in zip(left, target, strict=False)]
        passing = [_passes(sum(left[n]), products[n]) for n in range(1, len(ids))]
        passing += [min(1, product) for product in products[1:][-1:]]
        return list(zip(_staying(passing, early_break), [*following, target[-1]], strict=True))

    return judge


def _passes(mass: Any, product: Any) -> Any:
    """The threshold of a position inside of a block."""
    rest = mass + 1 - product
    return min(1, mass / rest) if rest > 0 else 1


def _staying(passing: Sequence[Any], early_break: bool) -> list[Any]:
    """P(exactly n draft tokens stay), by the first test that fails or by the last that succeeds."""
    k = len(passing)
    if early_break:
        stays = [prod(passing[:n]) for n in range(k + 1)]
        return [*(stays[n] * (1 - passing[n]) for n in range(k)), stays[k]]
    none_behind = [prod(1 - chance for chance in passing[n:]) for n in range(k + 1)]
    return [none_behind[0], *(passing[n - 1] * none_behind[n] for n in range(1, k + 1))]


def _rows_behind(target: list[Law], draft: list[Law], ids: Prefix) -> Judgement:
    return judging()([*target[1:], target[-1]], draft, ids)


JUDGES: dict[str, Judge] = {
    "correct": judging(),
    "residual_is_p": judging(lambda p, q, x: p),
    "residual_is_absolute": judging(
        lambda p, q, x: normalised([abs(a - b) for a, b in zip(p, q, strict=True)], p)
    ),
    "residual_is_p_without_x": judging(
        lambda p, q, x: normalised([a if i != x else 0 for i, a in enumerate(p)], p)
    ),
    "one_uniform_a_round": judging(shared_uniform=True),
    "bonus_from_the_draft": judging(bonus=lambda target, draft: draft[-1] if draft else target[-1]),
    "bonus_from_the_previous_position": judging(bonus=lambda target, draft: target[-2:][0]),
    "smoothed_ratio": judging(ratio=lambda p, q: p / (q + 0.1)),
    "clamped_ratio": judging(ratio=lambda p, q: max(p / q, 0.25)),
    "accepts_typical_tokens": judging(ratio=lambda p, q: int(p > 0.2)),
    "accepts_everything": judging(ratio=lambda p, q: 1),
    "ratio_is_upside_down": judging(ratio=lambda p, q: q / p if p else 1),
    "rows_are_off_by_one": _rows_behind,
    "block": judging_blocks(),
    "block_breaks_early": judging_blocks(early_break=True),
    "block_without_clamp": judging_blocks(clamped=False),
}
"""By the names of the gallery."""


def judge_of(mutant: Mutant, decoder: Decoder) -> Judge | None:
    """The rule by which that mutant's ``decoder`` judges a draft; None where it can only be sampled."""
    return JUDGES[mutant.name] if mutant.name in JUDGES else judge_in(decoder)
