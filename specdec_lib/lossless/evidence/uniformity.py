"""Is every token drawn from the target's law, given the text before it? Any vocabulary, any prompt.

A joint law over thousands of words cannot be counted. But a token drawn from p becomes a uniform number
when p's distribution function is applied to it, smoothed by a uniform of its own over the jump (Rosenblatt
1952; Czado et al. 2009). If the joint law of a text is the target's, these numbers are independent and
uniform; Kolmogorov and Smirnov compare them with the diagonal. (Not the other way round: a mistake that moves
mass among tokens that rank alike, or that cancels over positions, leaves them uniform.) The tokens may stand
in any order that does not depend on the one drawn: from those that the draft prefers to those that it
neglects, a token emitted too often for the draft's sake shows soonest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.errors import InvalidArgument


@dataclass(frozen=True)
class Uniformity:
    """A Kolmogorov-Smirnov test of randomised p-values against the uniform law."""

    statistic: float
    num_samples: int
    p_value: float


def randomised_p_values(
    target_probs: Float[Tensor, "tokens vocab"],
    draft_probs: Float[Tensor, "tokens vocab"],
    ids: Integer[Tensor, " tokens"],
    generator: torch.Generator,
) -> Float[np.ndarray, " tokens"]:
    """P(a token before x) + U · p(x), the tokens ordered by p / q from small to large.

    Args:
        target_probs: p of each position, given the text before it, warped.
        draft_probs: q of each position; it sets the order and nothing else.
        ids: the token emitted at each position.
        generator: source of U, one a token; independent of whatever drew the tokens.
    """
    target, draft = target_probs.double(), draft_probs.double()
    order = target / (target + draft).clamp_min(1e-300)
    picked = ids[:, None]
    own = order.gather(1, picked)
    before = torch.where(order < own, target, 0).sum(-1)
    tied = torch.where(order == own, target, 0).sum(-1)  # one block for all that rank alike
    uniform = torch.rand(len(ids), dtype=torch.float64, device=target.device, generator=generator)
    impossible = target.gather(1, picked)[:, 0] == 0  # no uniform number: it lies outside of the law
    values = torch.where(impossible, torch.zeros_like(before), before + uniform * tied)
    return values.cpu().numpy()


def uniformity_test(values: Float[np.ndarray, " tokens"]) -> Uniformity:
    """Test that ``values`` are uniform on [0, 1].

    Raises:
        InvalidArgument: no values, or one outside [0, 1].
    """
    from scipy.stats import kstest

    values = np.asarray(values, dtype=np.float64)
    if not len(values) or values.min() < 0 or values.max() > 1 + 1e-6:
        raise InvalidArgument(
            f"uniformity: {len(values)} values; pass at least one, each a probability between 0 and 1"
        )
    result = kstest(values.clip(0, 1), "uniform")
    return Uniformity(float(result.statistic), len(values), float(result.pvalue))
