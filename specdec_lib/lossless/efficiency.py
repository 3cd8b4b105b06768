"""Are as many draft tokens accepted as p and q allow? Bugs that are lossless, and waste the draft.

A draft whose cache has a hole, or that warps its logits twice, still gives exact output: the verifier
corrects for whatever q it is told. Only the counts show it. Each round is compared with the number of draft
tokens that it should accept on average, from what the two models say about the true text, computed anew.
The differences are martingale increments: their mean over rounds is normal around 0.
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
    if not len(draft_ids):
        return 0.0
    target, draft = target_probs.double(), draft_probs.double()
    if verifier == "block":
        stays = prefix_acceptance(target, draft, draft_ids)[:-1]
        return float(torch.minimum(draft, stays[:, None] * target[:-1]).sum())
    passing = plan_tokens(target, draft, draft_ids).thresholds
    stays = torch.cat([passing.new_ones(1), passing.cumprod(0)[:-1]])
    return float(stays @ torch.minimum(draft, target[:-1]).sum(-1))


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
