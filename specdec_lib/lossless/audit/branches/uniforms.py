"""A uniform, of which no more is decided than something depended on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.tree import Path

_ROUNDING = 1e-6
"""By how much a cumulative distribution may fall from one place to the next."""


class Uniform:
    """One uniform on [0, 1), as far as it is decided: it lies in [low, high)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.low, self.high = 0.0, 1.0
        self.raced = False

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has depended on it yet."""
        return (self.low, self.high, self.raced) == (0.0, 1.0, False)

    def bin_of(self, places: Sequence[float]) -> int:
        """How many of the ascending ``places`` lie at or below it, chosen with its probability.

        Raises:
            Unfollowed: it decided a race already, and what it is now has no simple law; or the places
                fall, or one is NaN.
        """
        if self.raced:
            raise Unfollowed(sentences.RACED_AGAIN)
        if any(math.isnan(place) for place in places):
            raise Unfollowed(sentences.NO_LAW.format("a comparison", math.nan))
        if any(after < before - _ROUNDING for before, after in pairwise(places)):
            raise Unfollowed(sentences.NOT_ASCENDING)
        edges = [self.low, *(min(max(place, self.low), self.high) for place in places), self.high]
        widths = [high - low for low, high in pairwise(edges)]
        possible = [index for index, width in enumerate(widths) if width > 0]
        if len(possible) == 1:
            return possible[0]
        taken = possible[self._path.choose([widths[index] for index in possible], "a uniform")]
        self.low, self.high = edges[taken], edges[taken + 1]
        return taken
