"""Two laws and a temperature, to play with: what of the draft's law the target's covers.

:class:`OverlapFigure` shows itself wherever HTML is shown and needs no kernel: the module that travels with
it warps the logits in the browser, at one temperature for both models or at two. Acceptance is Σ min(p, q) at
one place and its mean over the places (Leviathan et al. 2023, definition 3.1 and theorem 3.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import positive
from specdec_lib.theory.speedup import acceptance_rate
from specdec_lib.viz import sentences
from specdec_lib.viz.standalone import StandaloneFigure, plain_table

TITLE = sentences.OVERLAP_TO_PLAY_WITH
_TEMPERATURES = (0.05, 0.25, 0.5, 1.0, 2.0, 10.0)  # rows of the table that stands in for the figure


@dataclass(frozen=True)
class Place:
    """One place of a text: its possible words, and the two models' logits of each.

    Raises:
        InvalidArgument: as many logits as words are needed, finite ones, and at least two.
    """

    name: str
    words: tuple[str, ...]
    target: tuple[float, ...]
    draft: tuple[float, ...]

    def __post_init__(self) -> None:
        sizes = len(self.words), len(self.target), len(self.draft)
        if len(set(sizes)) > 1 or sizes[0] < 2 or not all(map(math.isfinite, (*self.target, *self.draft))):
            raise InvalidArgument(sentences.ODD_PLACE.format(self.name, sizes[0], sizes[1], sizes[2]))

    def overlap(self, temperature: float) -> float:
        """β at one temperature of both models."""
        logits = np.array([self.target, self.draft])
        weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
        return acceptance_rate(*(row / row.sum() for row in weights))


class OverlapFigure(StandaloneFigure):
    """A self-contained figure: the two laws of a place, and acceptance over temperature, with sliders.

    Args:
        places: what a reader chooses among; α is the mean over all of them.
        title: its name, for those who do not see it.
        temperature: where both sliders begin.

    Raises:
        InvalidArgument: no places, or a temperature that is not positive.
    """

    kind = module = "overlap"

    def __init__(self, places: Sequence[Place], title: str = TITLE, temperature: float = 1.0) -> None:
        if not places:
            raise InvalidArgument(sentences.NO_PLACE_TO_SHOW)
        self.places, self.title = list(places), title
        plain = [vars(place) for place in self.places]
        self.payload = {"title": title, "places": plain, "temperature": positive(temperature, "temperature")}

    def __repr__(self) -> str:
        return f"OverlapFigure({len(self.places)} places)"

    def fallback(self) -> str:
        """A table: β of each place and α, a row a temperature of both models."""
        rows = []
        for t in _TEMPERATURES:
            betas = [place.overlap(t) for place in self.places]
            rows.append([f"{t:g}", *(f"{beta:.2f}" for beta in (*betas, sum(betas) / len(betas)))])
        return plain_table(self.title, ["T", *(place.name for place in self.places), "α"], rows)
