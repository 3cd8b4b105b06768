"""Intervals of many groups at once: prompts are drawn again, each with all its repeats and seeds.

The rule is that of ``bench.tables.bootstrap``, for thousands of groups: how often a prompt is
drawn is a matrix that all groups of as many prompts share, and a draw's totals are one product. Repeats
stay with their prompt, whose totals hold them; between prompts they vary too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

LEVEL = 0.95
_MOST, _LEAST, _BUDGET = 2000, 400, 600_000
"""Draws of an interval at most and at least, and of all intervals of a file together."""


@dataclass(frozen=True, eq=False)
class PromptTotals:
    """What the blocks of one owner come to: a row a prompt, in the order of the prompts' numbers."""

    prompts: Int[np.ndarray, " prompts"]
    rows: Float[np.ndarray, "prompts columns"]

    def count(self, column: int) -> int:
        """Prompts with more than nothing in a column."""
        return int(np.count_nonzero(self.rows[:, column]))


def draws_for(groups: int) -> int:
    """How many draws an interval gets where there are so many groups.

    >>> draws_for(10), draws_for(1000), draws_for(100_000)
    (2000, 600, 400)
    """
    return max(_LEAST, min(_MOST, _BUDGET // max(1, groups)))


def totals_by_prompt(
    owners: Int[np.ndarray, " blocks"],
    prompts: Int[np.ndarray, " blocks"],
    values: Float[np.ndarray, "blocks columns"],
) -> dict[int, PromptTotals]:
    """The totals of each owner's prompts over all their blocks."""
    if not len(owners):
        return {}
    order = np.lexsort((prompts, owners))
    owners, prompts, values = owners[order], prompts[order], values[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(owners) != 0) | (np.diff(prompts) != 0)])
    rows = np.add.reduceat(values, starts, axis=0)
    own, asked = owners[starts], prompts[starts]
    edges = np.flatnonzero(np.r_[True, np.diff(own) != 0, True])
    return {int(own[low]): PromptTotals(asked[low:high], rows[low:high]) for low, high in pairwise(edges)}


def drawn_totals(
    rows: Float[np.ndarray, "prompts columns"], draws: int, stream: int = 0
) -> Float[np.ndarray, "draws columns"]:
    """Totals of ``draws`` resamples of the prompts.

    Args:
        stream: totals of one stream are drawn alike, so that what has the same prompts stays paired; those
            of another are independent of them.
    """
    return _weights(len(rows), draws, stream) @ rows


@lru_cache(maxsize=64)
def _weights(prompts: int, draws: int, stream: int) -> Float[np.ndarray, "draws prompts"]:
    generator = np.random.default_rng([stream, prompts])
    return generator.multinomial(prompts, np.full(prompts, 1 / prompts), draws).astype(np.float64)


def ends(
    estimates: Sequence[float] | Float[np.ndarray, " statistics"],
    drawn: Float[np.ndarray, "draws statistics"],
) -> list[tuple[float, float]]:
    """The 95 % interval of each statistic from its drawn values, which holds the estimate."""
    middles = np.asarray(estimates, dtype=np.float64)
    ordered = np.sort(np.where(np.isfinite(drawn), drawn, middles), axis=0)
    low, high = (_quantile(ordered, share) for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    pairs = zip(middles, low, high, strict=True)
    return [(min(float(one), float(a)), max(float(one), float(b))) for one, a, b in pairs]


def _quantile(
    ordered: Float[np.ndarray, "draws statistics"], share: float
) -> Float[np.ndarray, " statistics"]:
    """Of sorted values, linear between two of them."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """``over / under``, not a number where there is nothing under."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = over / under
    return np.where(np.isfinite(found), found, np.nan)
