"""Are as many draft tokens accepted as p and q allow? Bugs that are lossless, and waste the draft.

A draft whose cache has a hole, or that warps its logits twice, still gives exact output: the verifier
corrects for whatever q it is told. Only the counts show it. Each round is compared with the number of draft
tokens that it should accept on average, from what the two models say about the true text, computed anew.
The differences are martingale increments: their mean over rounds is normal around 0 where there are many,
and within Freedman's bound always. Where nearly everything is accepted, what was seen says little of how
much it varies, so the variance is at least the one that the two laws imply.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.rejection import plan_tokens, prefix_acceptance
from specdec_lib.errors import InvalidArgument


@dataclass(frozen=True)
class Efficiency:
    """Mean accepted draft tokens a round, counted and expected, and the z-score of their difference."""

    accepted: float
    expected: float
    z_score: float
    num_rounds: int
    p_value: float
    catches: float | None = None
    """Tokens a round whose lack would have been seen with 99 % probability; where the laws were given."""


@dataclass(frozen=True)
class Expectation:
    """What a round accepts on average, and the variance around it (see :func:`expectation`)."""

    mean: float
    variance: float


def expected_in_round(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    verifier: str = "token",
) -> float:
    """What a round accepts on average, position by position along its draft.

    Given the draft tokens before it, position i is accepted with probability a_{i−1} · Σ_x min(p_i, q_i) by
    token verification, where a is the product of the min(1, p/q) so far (Leviathan et al. 2023, theorem
    3.5), and Σ_x min(a_{i−1} · p_i, q_i) by block verification, where a is the clamped running product p_i
    of Sun et al. 2024.
    """
    return sum(_staying(target_probs, draft_probs, draft_ids, verifier))


def expectation(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    verifier: str = "token",
) -> Expectation:
    """:func:`expected_in_round` with the variance of the count around it.

    With w_i the chance that position i stays, 1[i stays] varies by w_i (1 − w_i), and since a position stays
    only where those before it do, two of them, i < j, go together by w_j (1 − w_i).
    """
    chances = _staying(target_probs, draft_probs, draft_ids, verifier)
    variance = sum(
        (1 if i == j else 2) * later * (1 - earlier)
        for i, earlier in enumerate(chances)
        for j, later in enumerate(chances[i:], start=i)
    )
    return Expectation(sum(chances), max(0.0, variance))


def _staying(target_probs: Tensor, draft_probs: Tensor, draft_ids: Tensor, verifier: str) -> list[float]:
    """The chance of each position that it stays, given the draft tokens before it."""
    if not len(draft_ids):
        return []
    target, draft = target_probs.double(), draft_probs.double()
    if verifier == "block":
        stays = prefix_acceptance(target, draft, draft_ids)[:-1]
        return torch.minimum(draft, stays[:, None] * target[:-1]).sum(-1).tolist()
    passing = plan_tokens(target, draft, draft_ids).thresholds
    stays = torch.cat([passing.new_ones(1), passing.cumprod(0)[:-1]])
    return (stays * torch.minimum(draft, target[:-1]).sum(-1)).tolist()


def efficiency_test(accepted: Sequence[int], expected: Sequence[float]) -> Efficiency:
    """Compare what rounds accepted with what they should accept on average, one entry a round.

    Raises:
        InvalidArgument: fewer than two rounds, or lists of different length.
    """
    from scipy.stats import norm

    if len(accepted) != len(expected) or len(accepted) < 2:
        raise InvalidArgument(
            f"efficiency: {len(accepted)} counts and {len(expected)} expectations; pass one of each for at "
            "least two rounds"
        )
    n = len(accepted)
    differences = [count - mean for count, mean in zip(accepted, expected, strict=True)]
    mean = sum(differences) / n
    spread = math.sqrt(sum((d - mean) ** 2 for d in differences) / (n - 1) / n)
    z_score = mean / spread if spread else (math.copysign(math.inf, mean) if abs(mean) > 1e-9 else 0.0)
    return Efficiency(sum(accepted) / n, sum(expected) / n, z_score, n, float(2 * norm.sf(abs(z_score))))


def guarded_test(
    accepted: Sequence[int], expected: Sequence[Expectation], most: int, level: float, power: float = 0.99
) -> Efficiency:
    """The same where the variance of each round is known: a p-value that holds for few and for rare events.

    The larger of two: of the normal law, and of 2 exp(−t² / (2 (V + K t / 3))) for a sum t of increments of
    at most K whose variances add up to V (Freedman 1975). V is the larger of what was seen and what is
    implied.

    Args:
        most: K, draft tokens of the longest round.

    Raises:
        InvalidArgument: fewer than two rounds, or lists of different length.
    """
    from scipy.stats import norm

    plain = efficiency_test(accepted, [one.mean for one in expected])
    n = plain.num_rounds
    total = n * (plain.accepted - plain.expected)
    if abs(total) <= 1e-9 * n:  # rounding: nothing is missing, and nothing has to be explained
        total = 0.0
    seen = sum((count - one.mean) ** 2 for count, one in zip(accepted, expected, strict=True))
    variance = max(seen, sum(one.variance for one in expected))
    root = math.sqrt(variance)
    normal = 2 * norm.sf(abs(total) / root) if root else float(total == 0)
    freedman = 2 * math.exp(-(total**2) / (2 * (variance + most * abs(total) / 3))) if total else 1.0
    p_value = min(1.0, max(float(normal), freedman))
    catches = (_critical(variance, most, level) + float(norm.isf(1 - power)) * root) / n
    return Efficiency(plain.accepted, plain.expected, plain.z_score, n, p_value, catches)


def _critical(variance: float, most: int, level: float) -> float:
    """The sum at which Freedman's bound is ``level``, which is beyond where the normal law is."""
    weight = math.log(2 / level)
    slope = weight * most / 3
    return slope + math.sqrt(slope**2 + 2 * weight * variance)
