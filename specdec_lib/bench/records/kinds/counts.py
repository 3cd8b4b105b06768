"""The counts of a cell: columns with an entry a block, and times in bins, which add up without loss.

A block is one prompt in one repeat, decoded by both arms. Everything here is a count or a sum of seconds;
rates are derived in ``bench.tables.cells``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from specdec_lib.utils.row import Row

BINS_PER_OCTAVE = 32
"""Bins of a latency: each is 2.2 % wider than the one before."""
LEAST_SECONDS = 1e-6
"""Where bin 0 begins."""

_Part = TypeVar("_Part", bound="_Columns")


@dataclass(frozen=True, eq=False)
class _Columns(Row):
    """Columns of a line, as they were written."""

    @classmethod
    def from_dict(cls: type[_Part], told: Mapping[str, Any]) -> _Part:
        """What ``to_dict`` wrote; what nobody knows is passed over."""
        return cls(**{name: told[name] for name in cls.__dataclass_fields__ if name in told})

    def to_dict(self) -> dict[str, Any]:
        """The columns."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, eq=False)
class CellBlocks(_Columns):
    """What both arms were asked, an entry a block.

    ``first_difference`` is where the draft's ids part from the baseline's, -1 where they do not; there are no
    entries where they were not compared.
    """

    prompt_ids: list[str]
    prompt_tokens: list[int]
    repeats: list[int]
    first_difference: list[int]


@dataclass(frozen=True, eq=False)
class ArmCounts(_Columns):
    """What came of one arm, an entry a block.

    Attributes:
        turn: 0 where it ran first. num_tokens: emitted. seconds: of the whole text.
        first_seconds, first_tokens: of the first round, which also reads the prompt.
        num_forwards: of the target.
        num_drafts: rounds that verified a draft. num_draft_tokens, num_accepted_tokens: of those rounds.
        num_rejections: rounds that accepted fewer tokens than they drafted.
        outcomes: over all blocks, [drafted, accepted, rounds] for each pair of the first two that came up.
        latencies: over all blocks, [bin, tokens] by :func:`latency_bin` of the tokens after the first round.
    """

    turn: list[int]
    num_tokens: list[int]
    seconds: list[float]
    first_seconds: list[float]
    first_tokens: list[int]
    num_forwards: list[int]
    num_drafts: list[int]
    num_draft_tokens: list[int]
    num_accepted_tokens: list[int]
    num_rejections: list[int]
    outcomes: list[list[int]]
    latencies: list[list[int]]


def latency_bin(seconds: float) -> int:
    """The number of the bin that holds a latency.

    >>> latency_bin(1e-6), latency_bin(2e-6)
    (0, 32)
    """
    return max(0, math.floor(BINS_PER_OCTAVE * math.log2(max(seconds, LEAST_SECONDS) / LEAST_SECONDS)))


def bin_seconds(number: float) -> float:
    """Where a bin begins, in seconds; that of a half number is the middle of one."""
    return float(LEAST_SECONDS * 2 ** (number / BINS_PER_OCTAVE))


def binned(latencies: Iterable[float]) -> list[list[int]]:
    """``[bin, tokens]`` of latencies, in order."""
    return [[number, count] for number, count in sorted(Counter(map(latency_bin, latencies)).items())]
