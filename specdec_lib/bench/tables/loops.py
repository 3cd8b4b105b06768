"""Whether a text ends in a loop: a greedy text may repeat itself for ever, which flatters what copies it."""

from __future__ import annotations

from collections.abc import Sequence

TURNS, SHORTEST = 3, 12
"""A loop goes round at least so often, and over at least so many tokens."""


def ends_in_loop(ids: Sequence[int]) -> bool:
    """Whether the last tokens of ``ids`` repeat each other, ``TURNS`` times or more.

    >>> ends_in_loop([9, 8, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4])
    True
    """
    return any(
        _periodic(ids, period) >= max(TURNS * period, SHORTEST) for period in range(1, len(ids) // TURNS + 1)
    )


def _periodic(ids: Sequence[int], period: int) -> int:
    """How many tokens at the end have that period."""
    place = len(ids) - 1
    while place >= period and ids[place] == ids[place - period]:
        place -= 1
    return len(ids) - 1 - place + period
