"""Do the rounds of a text know of each other? A generator seeded anew each round draws the right law, again.

Where each round throws fresh dice, the first tokens of rounds are independent, given the texts before them:
applied to its law, in the order of the ids, each becomes a uniform number of its own. Dice that come back
draw high ids, or low ones, all through a text. So the numbers of each text are added up, and the sums have to
scatter over the texts as sums of independent ones do: their squares, over their variances, add up to a
chi-square with a degree of freedom a text. Each number alone stays uniform under such a mistake, which is why
no pooled test sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.errors import InvalidArgument


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
