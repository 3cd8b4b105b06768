"""The playground: the speedup law with sliders, which needs no kernel.

:class:`Playground` shows itself wherever HTML is shown: its data, its style and one ES module travel with it,
and the module computes the law in the browser. :class:`PlaygroundWidget` is the same module as an anywidget,
whose values can be set and observed from Python. Points to compare with come from a paper
(:func:`published_points`) or from measurements of one's own (:func:`measured_points`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from specdec_lib.theory.checks import positive, probability, quantity, whole
from specdec_lib.theory.published import LEVIATHAN_2023, PublishedRun
from specdec_lib.theory.speedup import expected_tokens, speedup
from specdec_lib.viz import sentences
from specdec_lib.viz.standalone import StandaloneFigure, plain_table, widget

TITLE = sentences.LAW_TO_PLAY_WITH
SHOWN_K = 16
_START = {"alpha": 0.8, "k": 4, "c": 0.05, "slope": 0.0, "overhead": 0.0}


@dataclass(frozen=True)
class Point:
    """A pair whose speedup somebody has measured.

    Attributes:
        name: what a reader chooses; ``source``: the heading under which it stands.
        alpha, k, c, slope, overhead: as the law takes them; the target's wide forward costs 1 + slope k.
        speedup: as measured or published, ``low`` and ``high`` its interval where there is one.
        kind: who measured.
        note: a sentence that goes with it.
    """

    name: str
    source: str
    alpha: float
    k: int
    c: float
    speedup: float
    slope: float = 0.0
    overhead: float = 0.0
    low: float | None = None
    high: float | None = None
    kind: Literal["published", "measured"] = "measured"
    note: str = ""

    def __post_init__(self) -> None:
        _checked({name: getattr(self, name) for name in _START})
        positive(self.speedup, "speedup")


def published_points(runs: Iterable[PublishedRun] = LEVIATHAN_2023) -> list[Point]:
    """The published runs whose alpha and c are known; v and o are not, and are taken as 1 and 0."""
    return [
        Point(
            name=run.name,
            source=f"{run.source}, published",
            alpha=run.alpha,
            k=run.k,
            c=run.c,
            speedup=run.speedup,
            kind="published",
            note=sentences.NOT_PUBLISHED,
        )
        for run in runs
        if run.alpha is not None and run.c is not None
    ]


def measured_points(rows: Sequence[Mapping[str, Any]], source: str, domain: str = "all") -> list[Point]:
    """Cells that this project has measured, one domain at all temperatures.

    Args:
        rows: of ``prediction_table``: temperature, domain, k, alpha_hat, c, v, overhead, measured, low, high.
        source: what was measured, such as the pair's name.
    """
    return [
        Point(
            name=f"{source}, T = {row['temperature']:g}, K = {row['k']}",
            source=f"{source}, measured",
            alpha=row["alpha_hat"],
            k=row["k"],
            c=row["c"],
            speedup=row["measured"],
            slope=max(0.0, (row["v"] - 1.0) / row["k"]),
            overhead=row["overhead"],
            low=row["low"],
            high=row["high"],
        )
        for row in rows
        if row["domain"] == domain
    ]


def arm_points(rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Arms of a comparison, one domain each, as a draft of k tokens in every round that would bring and cost
    as much: a drafter that is silent in some rounds has fewer of everything.

    Args:
        rows: of ``rounds_table``, with pair: domain, arm, k, alpha, drafted, v, c, predicted, measured, low,
            high. Those without a draft, or whose draft was not timed, are left out.
    """
    return [
        Point(
            name=f"{row['arm']}, {row['domain']}",
            source=f"{row['pair']}, measured",
            alpha=row["alpha"],
            k=row["k"],
            c=row["c"] * row["drafted"] / row["k"],
            speedup=row["measured"],
            slope=max(0.0, (row["v"] - 1.0) / row["k"]),
            low=row["low"],
            high=row["high"],
        )
        for row in rows
        if row["predicted"] is not None and row["k"]
    ]


def law_payload(points: Iterable[Point] = (), title: str = TITLE, **start: float) -> dict[str, Any]:
    """What the module draws: plain data.

    Args:
        start: alpha, k, c, slope, overhead at first; those that are not given are 0.8, 4, 0.05, 0 and 0.

    Raises:
        InvalidArgument: a value that cannot be what it claims.
        TypeError: a name that is none of these.
    """
    if unknown := start.keys() - _START.keys():
        raise TypeError(sentences.UNKNOWN_CONTROLS.format(sorted(unknown), sorted(_START)))
    values = _checked(_START | start)
    return {"title": title, "start": values, "k_max": SHOWN_K, "points": [asdict(point) for point in points]}


class Playground(StandaloneFigure):
    """A self-contained figure: S over K, and the plane of c and alpha, with sliders.

    Args:
        points, title, start: as :func:`law_payload` takes them.
    """

    kind, module = "law", "playground"

    def __init__(self, points: Iterable[Point] = (), title: str = TITLE, **start: float) -> None:
        self.payload = law_payload(points, title, **start)

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value:g}" for name, value in self.payload["start"].items())
        return f"Playground({len(self.payload['points'])} points; {values})"

    def fallback(self) -> str:
        """A table of S over K at the values at first."""
        start = self.payload["start"]
        alpha, c, slope, overhead = (start[name] for name in ("alpha", "c", "slope", "overhead"))
        rows = []
        for k in range(1, self.payload["k_max"] + 1):
            v = 1.0 + slope * k
            values = (expected_tokens(alpha, k), k * c + v + overhead, speedup(alpha, k, c, v, overhead))
            rows.append([str(k), *(f"{value:.2f}" for value in values)])
        given = f"alpha {alpha:g}, c {c:g}, v(K) = 1 + {slope:g} K, o {overhead:g}"
        headers = ("K", "tokens a round", "cost", "speedup")
        return plain_table(f"{self.payload['title']}: {given}", headers, rows)


def PlaygroundWidget(points: Iterable[Point] = (), title: str = TITLE, **start: float) -> Any:
    """The playground as a widget for JupyterLab: its five values follow the reader, and lead.

    Needs ``anywidget`` (of the extra ``dev``) and a kernel; a published page has :class:`Playground`.
    """
    plain = law_payload(points, title, **start)
    return widget("playground", _widget_said, plain, **plain["start"])


def _widget_said(shown: Any) -> str:
    return f"PlaygroundWidget({len(shown.payload['points'])} points)"


def _checked(values: Mapping[str, Any]) -> dict[str, float]:
    """alpha, k, c, slope and overhead, each what it claims to be."""
    checks = dict.fromkeys(_START, quantity) | {"alpha": probability, "k": partial(whole, minimum=1)}
    return {name: check(values[name], name) for name, check in checks.items()}
