"""Two laws and a temperature, to play with: what of the draft's law the target's covers.

:class:`OverlapFigure` shows itself wherever HTML is shown and needs no kernel: the module that travels with
it warps the logits in the browser, at one temperature for both models or at two. Acceptance is Σ min(p, q) at
one place and its mean over the places (Leviathan et al. 2023, definition 3.1 and theorem 3.5).
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import positive
from specdec_lib.theory.speedup import acceptance_rate
from specdec_lib.viz.standalone import fragment

TITLE = "Acceptance over temperature, to play with"
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
            raise InvalidArgument(
                f"place {self.name!r}: {sizes[0]} words, {sizes[1]} and {sizes[2]} logits; pass a finite "
                "logit of either model for each of two words or more"
            )

    def overlap(self, temperature: float) -> float:
        """β at one temperature of both models."""
        logits = np.array([self.target, self.draft])
        weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
        return acceptance_rate(*(row / row.sum() for row in weights))


class OverlapFigure:
    """A self-contained figure: the two laws of a place, and acceptance over temperature, with sliders.

    Args:
        places: what a reader chooses among; α is the mean over all of them.
        title: its name, for those who do not see it.
        temperature: where both sliders begin.

    Raises:
        InvalidArgument: no places, or a temperature that is not positive.
    """

    def __init__(self, places: Sequence[Place], title: str = TITLE, temperature: float = 1.0) -> None:
        if not places:
            raise InvalidArgument("overlap: there is nothing to show; pass at least one place")
        self.places, self.title = list(places), title
        self.temperature = positive(temperature, "temperature")

    @property
    def payload(self) -> dict[str, Any]:
        """What the module draws: plain data."""
        places = [vars(place) for place in self.places]
        return {"title": self.title, "places": places, "temperature": self.temperature}

    def to_html(self) -> str:
        """An HTML fragment; the same places give the same bytes. Without scripts a table."""
        return fragment("overlap", "overlap", self.payload, self._table())

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return f"OverlapFigure({len(self.places)} places)"

    def _table(self) -> str:
        head = "".join(f'<th scope="col">{html.escape(place.name)}</th>' for place in self.places)
        rows = []
        for t in _TEMPERATURES:
            betas = [place.overlap(t) for place in self.places]
            cells = "".join(f"<td>{beta:.2f}</td>" for beta in (*betas, sum(betas) / len(betas)))
            rows.append(f'<tr><th scope="row">{t:g}</th>{cells}</tr>')
        return (
            f'<table><caption>{html.escape(self.title)}</caption><thead><tr><th scope="col">T</th>{head}'
            f'<th scope="col">α</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        )
