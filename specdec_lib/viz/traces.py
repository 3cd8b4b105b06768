"""Rows into traces: series and columns of a table, and the lines, markers, bars and cells that show them.

Names are plotly's, and so is every further keyword. Nothing here knows what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences, theme
from specdec_lib.viz.theme import Rows

Table = Sequence[Sequence[Any]]
"""Lines of cells."""


def distinct(rows: Rows, name: str) -> list[Any]:
    """The values of a column, each once, in the order in which they first stand there."""
    return list(dict.fromkeys(row[name] for row in rows))


def series(rows: Rows, name: str) -> list[tuple[Any, list[Mapping[str, Any]]]]:
    """Each value of a column in its order, and the rows that have it."""
    return [(value, [row for row in rows if row[name] == value]) for value in distinct(rows, name)]


def column(rows: Rows, name: str, places: int | None = None) -> list[Any]:
    """The values of a column; numbers rounded to so many decimal places where ``places`` is given."""
    return [row[name] if places is None else round(float(row[name]), places) for row in rows]


def xy(rows: Rows, x: str, y: str, places: int | None = None) -> tuple[list[Any], list[Any]]:
    """Two columns, as a trace takes them."""
    return column(rows, x, places), column(rows, y, places)


def columns(rows: Rows, *names: str) -> list[list[Any]]:
    """For each row its values in these columns, as ``customdata`` takes them."""
    return [[row[name] for name in names] for row in rows]


def significant(value: float, digits: int = 6) -> float:
    """``value`` with so many digits; what another library's rounding changes is behind the sixth."""
    return float(f"{float(value):.{digits}g}")


Panels = tuple[go.Figure, list[tuple[int, list[Mapping[str, Any]]]]]
"""A column of panels; each one's number (from 1) and its rows."""


def panels_by(
    rows: Rows, name: str, height: int, legend_height: int = 0, title: Callable[[Any], str] = str
) -> Panels:
    """A panel for each value of a column, titled by it."""
    parts = series(rows, name)
    figure = theme.panels([title(value) for value, _ in parts], height, legend_height)
    return figure, [(number, own) for number, (_, own) in enumerate(parts, start=1)]


def temperature_panels(rows: Rows, height: int, legend_height: int = 0) -> Panels:
    """A panel a temperature, from the lowest on."""
    ordered = sorted(rows, key=lambda row: row["temperature"])
    return panels_by(ordered, "temperature", height, legend_height, theme.temperature_title)


def named(name: str, is_listed: bool) -> dict[str, Any]:
    """The name of a trace that has one of its kind in each panel; one of them is listed in the legend."""
    return {"name": name, "legendgroup": name, "showlegend": is_listed}


def interval(place: int, digits: str = ".2f") -> str:
    """Words for an interval of 95 % whose ends are the ``customdata`` from ``place`` on."""
    return sentences.INTERVAL.format(place, digits, place + 1, digits)


def scatter(x: Iterable[Any], y: Iterable[Any], hover: str | None = None, **style: Any) -> go.Scatter:
    """Lines, markers and text, whichever ``style`` has a ``line``, a ``marker`` or a ``text`` for.

    Args:
        hover: what is said under the pointer; nothing where it is empty, plotly's own words where None.
    """
    parts = {"lines": "line", "markers": "marker", "text": "text"}
    mode = "+".join(part for part, name in parts.items() if name in style)
    return go.Scatter(x=list(x), y=list(y), **{"mode": mode} | _told(hover) | style)


def curve(
    x: Iterable[Any], y: Iterable[Any], hover: str, index: int, width: float = 2, size: Any = 8, **style: Any
) -> go.Scatter:
    """The line with markers of a figure's series by its number, so wide and of that size."""
    look = {"line": theme.line_style(index, width), "marker": theme.marker_style(index, size)}
    return scatter(x, y, hover, **look | style)


def bars(x: Iterable[Any], y: Iterable[Any], hover: str, **style: Any) -> go.Bar:
    """Bars; ``hover`` is what is said under the pointer."""
    return go.Bar(x=list(x), y=list(y), **_told(hover) | style)


def heatmap(
    z: Table, text: Table, hover: str, span: tuple[float, float], gap: int = 3, **style: Any
) -> go.Heatmap:
    """A table of tinted cells with their text in them, and no scale beside it.

    Args:
        span: what the first and the last colour of the scale stand for.
        gap: pixels between two cells.
    """
    look = {"texttemplate": "%{text}", "textfont": {"size": 12, "color": theme.INK}, "showscale": False}
    place = {"zmin": span[0], "zmax": span[1], "xgap": gap, "ygap": gap}
    return go.Heatmap(z=z, text=text, **place | look | _told(hover) | style)


def stacked_shares(height: int, words: Sequence[str], parts: Table) -> go.Figure:
    """A bar a word, stacked from parts: each its name, its heights, its colour and its pattern."""
    figure = theme.new_figure(height, barmode="stack")
    for name, heights, color, pattern in parts:
        rounded = [round(float(share), 6) for share in heights]
        hover = sentences.SHARE_OF_A_BAR.format(name)
        figure.add_trace(bars(words, rounded, hover, name=name, marker=theme.hatched(color, pattern)))
    figure.update_xaxes(type="category", showgrid=False)
    return figure.update_yaxes(title_text="probability", rangemode="tozero")


def legend_entry(name: str, **style: Any) -> go.Scatter:
    """An entry in the legend with nothing of its own in the figure."""
    return scatter([None], [None], name=name, **style)


def _told(hover: str | None) -> dict[str, Any]:
    if hover is None:
        return {}
    return {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}


def sliding(
    figure: go.Figure, label: str, parts: Sequence[tuple[str, Sequence[Any]]], shown: int = 0
) -> go.Figure:
    """A slider below the figure, which shows the traces of one of its values; it needs no kernel.

    Args:
        label: what the slider is of, before its value.
        parts: each value and its traces; those that the figure has already are shown with all of them.
        shown: the value at first, and the only one where nothing moves.
    """
    standing: Any = figure.data
    first = len(standing)
    for index, (_, own) in enumerate(parts):
        for trace in own:
            figure.add_trace(trace.update(visible=index == shown))
    owners = [index for index, (_, own) in enumerate(parts) for _ in own]
    steps = [
        {
            "label": value,
            "method": "restyle",
            "args": [{"visible": [True] * first + [owner == index for owner in owners]}],
        }
        for index, (value, _) in enumerate(parts)
    ]
    margin = {"b": (figure.layout.margin.b or 0) + 90}
    bar = {"active": shown, "currentvalue": {"prefix": f"{label} "}, "pad": {"t": 48}, "steps": steps}
    return figure.update_layout(sliders=[bar], margin=margin)
