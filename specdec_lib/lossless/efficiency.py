"""Are as many draft tokens accepted as p and q allow? Bugs that are lossless, and waste the draft.

A draft whose cache has a hole, or that warps its logits twice, still gives exact output: the verifier
corrects for whatever q it is told. Only the counts show it. Given the prefix, a round accepts its i-th
draft token with probability Σ_x min(q_i(x), a_{i−1} · p_i(x)), where a is the chance that the tokens before
stay and p, q are what the two models say about the true text, computed anew. The differences between
counted and expected are martingale increments: their mean over rounds is normal around 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.rejection import PLANS, prefix_acceptance
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
    """Σ_i Σ_x min(q_i(x), a_{i−1} · p_i(x)): what a round accepts on average, draft token by draft token.

    a_i is P(at least i tokens stay) given the draft: the product of min(1, p/q) for token verification
    (Leviathan et al. 2023, theorem 3.5 for one position), the clamped product for block verification
    (Sun et al. 2024).
    """
    if not len(draft_ids):
        return 0.0
    target, draft = target_probs.double(), draft_probs.double()
    if verifier == "block":
        stays = prefix_acceptance(target, draft, draft_ids)[:-1]
    else:
        passing = PLANS["token"](target, draft, draft_ids).thresholds
        stays = torch.cat([passing.new_ones(1), passing.cumprod(0)[:-1]])
    return float(torch.minimum(draft, stays[:, None] * target[:-1]).sum())


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
    if spread == 0:
        z_score = 0.0 if abs(mean) < 1e-9 else math.copysign(math.inf, mean)
    else:
        z_score = mean / spread
    return Efficiency(sum(accepted) / n, sum(expected) / n, z_score, n, float(2 * norm.sf(abs(z_score))))
