"""Is every token drawn from the target's law, given the text before it, and by dice of its own? Any prompt.

A joint law over thousands of words cannot be counted. But a token drawn from p becomes a uniform number
when p's distribution function is applied to it, smoothed by a uniform of its own over the jump (Rosenblatt
1952; Czado et al. 2009). If the joint law of a text is the target's, these numbers are independent and
uniform; Kolmogorov and Smirnov compare them with the diagonal. (Not the other way round: a mistake that moves
mass among tokens that rank alike, or that cancels over positions, leaves them uniform.) The tokens may stand
in any order that does not depend on the one drawn: from those that the draft prefers to those that it
neglects, a token emitted too often for the draft's sake shows soonest.

A generator that is seeded anew each round draws the right law, again, and no pooled test sees it: each number
alone stays uniform. But dice that come back draw high ids, or low ones, all through a text. So of the first
tokens of rounds, in the order of the ids, the numbers of each text are added up, and the sums have to scatter
over the texts as sums of independent ones do: their squares, over their variances, add up to a chi-square
with a degree of freedom a text.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def shift_caught(num_samples: int, level: float, power: float = 0.99) -> float:
    """A shift of the distribution function that is seen with that power, by the DKW inequality (Massart)."""
    critical = np.sqrt(np.log(2 / level) / (2 * num_samples))
    return float(min(1.0, critical + np.sqrt(np.log(2 / (1 - power)) / (2 * num_samples))))


@dataclass(frozen=True)
class Independence:
    """A chi-square test of sums over texts; ``catches`` is a correlation of two rounds of one text."""

    statistic: float
    num_texts: int
    num_rounds: int
    p_value: float
    catches: float
    """The smallest correlation that is rejected with 99 % probability; above 1 where none would be."""


def p_values_by_id(
    target_probs: Sequence[Float[Tensor, " vocab"]], ids: Sequence[int], generator: torch.Generator
) -> Float[np.ndarray, " rounds"]:
    """P(an id below x) + U · p(x) for the first token x of each round; U comes from ``generator``."""
    values = []
    for probs, token in zip(target_probs, ids, strict=True):
        law = probs.double().cpu()
        uniform = float(torch.rand((), dtype=torch.float64, generator=generator))
        values.append(float(law[:token].sum()) + uniform * float(law[token]))
    return np.array(values)


def independence_test(
    texts: Sequence[Float[np.ndarray, "..."]], level: float, power: float = 0.99
) -> Independence:
    """Test that uniform numbers of one text are independent; their number may differ from text to text.

    Args:
        texts: the numbers of each, between 0 and 1.
        level: a p-value below it rejects; with ``power`` it makes ``catches``.

    Raises:
        InvalidArgument: no texts, or one without a number.
    """
    from scipy.stats import chi2

    if not texts or not all(len(values) for values in texts):
        raise InvalidArgument(
            f"independence: numbers of {[len(values) for values in texts]} rounds; pass one a text at least"
        )
    count, rounds = len(texts), sum(len(values) for values in texts)
    sums = np.array([float((values - 0.5).sum()) for values in texts])
    statistic = float((sums**2 * 12 / np.array([len(values) for values in texts])).sum())
    inflation = chi2.isf(level, count) / chi2.ppf(1 - power, count)
    others = rounds / count - 1
    catches = float((inflation - 1) / others) if others > 0 else np.inf
    return Independence(statistic, count, rounds, float(chi2.sf(statistic, count)), catches)
