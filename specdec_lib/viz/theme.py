"""What all figures share: paper that takes the page's colour, one palette, symbols beside colours.

Every colour has a contrast of at least 3 : 1 on a white page and on a dark one, the palette
stays apart for the common colour deficiencies, and no reading rests on colour alone: a series
also has a marker, a dash or a pattern of its own. Figures have no width, so that they fit the
page, down to a phone's. Nothing here knows what is plotted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from specdec_lib.errors import InvalidArgument
from specdec_lib.viz import sentences

Rows = Sequence[Mapping[str, Any]]
"""What a figure is drawn from: plain values by column, as each figure's docstring names them."""

GREY, BLUE, VERMILLION, GREEN = "#747b85", "#2b7bba", "#d55e00", "#0a8f6a"
PURPLE, AMBER = "#b0609a", "#b07c12"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, AMBER, GREY)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
INK = "#111111"
"""Text on a tint of its own, which is the same on a light and on a dark page."""
GRID_LINE = "rgba(127, 127, 127, 0.25)"
TRANSPARENT = "rgba(0, 0, 0, 0)"

DOMAIN_STYLE = {
    "code": (BLUE, "circle"),
    "conversation": (VERMILLION, "square"),
    "summarization": (GREEN, "diamond"),
    "all": (GREY, "x"),
}

PHASE_STYLE = {
    "draft": ("draft", AMBER, ""),
    "verify": ("verify", BLUE, "/"),
    "sampling": ("sample", GREEN, "."),
    "rollback": ("roll back", PURPLE, "x"),
    "other": ("other", GREY, "\\"),
}
"""A round's phases, as ``Round.phases_ms`` names them: word, colour, pattern; the last is the rest."""


def line_style(index: int, width: float) -> dict[str, Any]:
    """The line of a figure's series by its number: colours and dashes come round again after the last."""
    return {"color": PALETTE[index % len(PALETTE)], "dash": DASHES[index % len(DASHES)], "width": width}


def marker_style(index: int, size: Any, **more: Any) -> dict[str, Any]:
    """The marker of a series by its number; plotly gives it the line's colour where it has none."""
    return {"symbol": SYMBOLS[index % len(SYMBOLS)], "size": size, **more}


def hatched(color: str | list[str], shape: str | list[str]) -> dict[str, Any]:
    """A bar's marker: filled with ``color``, a pattern over it ("" for none); lists go bar by bar."""
    pattern = {"shape": shape, "fillmode": "overlay", "fgcolor": "rgba(255, 255, 255, 0.55)", "size": 7}
    return {"color": color, "pattern": pattern, "line": {"width": 0}}


def error_bars(rows: Rows, middle: str, low: str = "low", high: str = "high", **style: Any) -> dict[str, Any]:
    """Error bars from the columns of an interval; ``style`` as plotly's ``error_y`` takes it."""
    above = [row[high] - row[middle] for row in rows]
    below = [row[middle] - row[low] for row in rows]
    return {"array": above, "arrayminus": below, **style}


def new_figure(height: int, **layout: Any) -> go.Figure:
    """An empty figure in the house style, ``height`` pixels high and as wide as its page."""
    return styled(go.Figure(), height, **layout)


def panels(titles: Sequence[str], panel_height: int, legend_height: int = 0) -> go.Figure:
    """A column of panels that share their x axis, titled, in the house style.

    Args:
        panel_height: pixels of one panel without title and ticks.
        legend_height: pixels kept above the first title for a legend; a legend that needs more
            on a narrow page makes the panels lower, and covers nothing.

    Raises:
        InvalidArgument: no panel, as of a table without rows.
    """
    if not titles:
        raise InvalidArgument(sentences.NO_ROWS_TO_SHOW)
    gap, ticks = 62, 46
    inner = len(titles) * panel_height + (len(titles) - 1) * gap
    figure = make_subplots(
        rows=len(titles),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=gap / inner if len(titles) > 1 else 0,
        subplot_titles=titles,
    )
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    top = 28 + legend_height
    legend = {"y": 1 + 26 / inner}
    return styled(figure, top + inner + ticks, margin={"l": 8, "r": 12, "t": top, "b": 8}, legend=legend)


def styled(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    """``figure`` in the house style; ``layout`` adds to it."""
    axis = {
        "gridcolor": GRID_LINE,
        "linecolor": GREY,
        "zerolinecolor": GRID_LINE,
        "ticks": "outside",
        "tickcolor": GRID_LINE,
        "tickfont": {"size": 12},
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    figure.update_xaxes(axis).update_yaxes(axis)
    figure.update_layout(
        template="none",
        height=height,
        autosize=True,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"family": "system-ui, sans-serif", "size": 13, "color": GREY},
        colorway=PALETTE,
        margin={"l": 8, "r": 12, "t": 24, "b": 8},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"font": {"size": 13}, "align": "left"},
    )
    return figure.update_layout(layout)


def domain_style(domain: str) -> tuple[str, str]:
    """A domain's colour and symbol; those that nobody has named share one."""
    return DOMAIN_STYLE.get(domain, (PURPLE, "cross"))


def temperature_title(temperature: float) -> str:
    """The title of a panel that holds one temperature."""
    return f"temperature {temperature:g}" + (" (greedy)" if temperature == 0 else "")


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """The heights moved apart to at least ``gap``: their order is kept and, of a crowd, its middle.

    No other moves have a smaller sum of squares (isotonic regression).

    >>> spread([1.0, 1.0, 5.0], 2.0)
    [0.0, 2.0, 5.0]
    """

    def bottom(crowd: list[int]) -> float:
        return sum(heights[i] for i in crowd) / len(crowd) - gap * (len(crowd) - 1) / 2

    crowds: list[list[int]] = []
    for i in sorted(range(len(heights)), key=heights.__getitem__):
        crowds.append([i])
        while len(crowds) > 1 and bottom(crowds[-1]) < bottom(crowds[-2]) + gap * len(crowds[-2]):
            crowds[-2:] = [crowds[-2] + crowds[-1]]
    moved = {i: bottom(crowd) + place * gap for crowd in crowds for place, i in enumerate(crowd)}
    return [moved[i] for i in range(len(heights))]
