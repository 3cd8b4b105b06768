"""The totals of each group's prompts, and the numbers that follow from totals: speeds, speedups, α̂.

A block in which an arm took no time or emitted nothing says nothing about speed, and counts for none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from specdec_lib.bench.tables.cells.gathering import COLUMNS, Gathered
from specdec_lib.bench.tables.cells.intervals import (
    PromptTotals,
    drawn_totals,
    draws_for,
    ends,
    ratio,
    totals_by_prompt,
)

WHOLE, DECODE = slice(0, 4), slice(4, 8)
"""Columns of totals: seconds and tokens of the baseline, then of the draft; of whole texts, and without the
first round, which reads the prompt."""
ACCEPTED, REJECTED, DRAFTED, DRAFTS, FORWARDS, PAIRS, FIRST, TEXTS = range(8, 16)
"""Columns behind them; ``FIRST`` are seconds to the first token of the draft's arm."""
_DRAWN = REJECTED + 1


def timed_columns(blocks: Float[np.ndarray, "blocks columns"]) -> Float[np.ndarray, "blocks totals"]:
    """Blocks of :data:`~specdec_lib.bench.tables.cells.gathering.COLUMNS` as the columns named above."""
    whole = blocks[:, [0, 1, 4, 5]]
    decode = whole - blocks[:, [2, 3, 6, 7]]
    timed, decoded = ((columns > 0).all(axis=1, keepdims=True) for columns in (whole, decode))
    of_draft = blocks[:, [COLUMNS.index("num_accepted_tokens") + i for i in range(5)]]
    first = blocks[:, [COLUMNS.index("sd_first_seconds")]]
    return np.hstack([whole * timed, decode * decoded, of_draft, timed, first, np.ones((len(blocks), 1))])


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number with its interval, which is the number itself where there is one prompt."""

    value: float
    low: float
    high: float


class Counted:
    """Gathered cells with the totals of each group's prompts."""

    def __init__(self, gathered: Gathered) -> None:
        self.gathered = gathered
        self.draws = draws_for(len(gathered.groups))
        self.values = timed_columns(gathered.blocks)

    @cached_property
    def totals(self) -> dict[int, PromptTotals]:
        """By the number of a group."""
        return totals_by_prompt(self.gathered.owners, self.gathered.prompts, self.values)

    def pooled(self, owner_of_group: Sequence[int]) -> dict[int, PromptTotals]:
        """Totals by owners that hold several groups each; a prompt of several groups is one prompt."""
        owners = np.asarray(owner_of_group, dtype=np.int64)[self.gathered.owners]
        return totals_by_prompt(owners, self.gathered.prompts, self.values)

    def drawn(self, totals: PromptTotals, stream: int = 0) -> Float[np.ndarray, "draws drawn"]:
        """Resampled totals of one owner, of the columns that have intervals."""
        return drawn_totals(totals.rows[:, :_DRAWN], self.draws, stream)


def numbers_of(totals: Float[np.ndarray, "rows totals"]) -> Float[np.ndarray, "rows 3"]:
    """Of each row of totals the speedup, that without the first round, and α̂; not a number where unknown."""
    accepted = totals[:, ACCEPTED]
    over = np.column_stack([*_crossed(totals[:, WHOLE].T), *_crossed(totals[:, DECODE].T), accepted])
    under = over[:, [1, 3]]
    judged = accepted + totals[:, REJECTED]
    return ratio(over[:, [0, 2, 4]], np.column_stack([under, judged]))


def _crossed(timed: Float[np.ndarray, "4 rows"]) -> tuple[np.ndarray, np.ndarray]:
    """Above and below the line of a speedup: (s_AR / n_AR) / (s_SD / n_SD)."""
    ar_seconds, ar_tokens, sd_seconds, sd_tokens = timed
    return ar_seconds * sd_tokens, ar_tokens * sd_seconds


def estimates_of(
    parts: Sequence[PromptTotals], drawn: Sequence[Float[np.ndarray, "draws drawn"]]
) -> tuple[Float[np.ndarray, " totals"], list[Estimate]]:
    """Totals of several groups together, and speedup, speedup without the first round and α̂ of them.

    Args:
        drawn: resampled totals of each part; domains were chosen and not sampled, so each is drawn by itself.
    """
    total = np.sum([part.rows.sum(axis=0) for part in parts], axis=0)
    middles = numbers_of(total[None])[0]
    if all(len(part.rows) == 1 for part in parts):
        return total, [Estimate(*[float(value)] * 3) for value in middles]
    around = ends(middles, numbers_of(np.sum(drawn, axis=0)))
    return total, [Estimate(float(value), *pair) for value, pair in zip(middles, around, strict=True)]


def has_interval(parts: Sequence[PromptTotals], column: int) -> bool:
    """Whether each part has two prompts or more with something in a column to draw among."""
    return min(part.count(column) for part in parts) > 1
