"""Figures of many at once: the fastest group of each setup, and one file over another.

Each takes rows of :mod:`specdec_lib.bench.tables.cells.rows` and returns a figure.
"""

from __future__ import annotations

import plotly.graph_objects as go

from specdec_lib.viz import theme
from specdec_lib.viz.report import sentences
from specdec_lib.viz.theme import Rows
from specdec_lib.viz.traces import column, columns, interval, scatter

_ONE = {"color": theme.GREY, "dash": "dash", "width": 1.5}
_WIDEST_NAME = 26
"""Characters of a setup's name in a line beside an axis."""


def folded(name: str, width: int = _WIDEST_NAME) -> str:
    """A name in several lines, cut between its parts: "a · b<br>c"."""
    lines: list[str] = []
    for part in name.split(" · "):
        if lines and len(lines[-1]) + len(part) < width:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "<br>".join(lines)


def plot_best_speedups(rows: Rows) -> go.Figure:
    """The fastest draft length of each setup, with its interval; the line is the baseline.

    Args:
        rows: setup, speedup, low, high, has_interval, length, domain, temperature.
    """
    names = [folded(row["setup"]) for row in rows]
    lines = sum(name.count("<br>") + 1 for name in names)
    figure = theme.new_figure(96 + 16 * lines + 18 * len(rows), showlegend=False)
    trace = scatter(
        column(rows, "speedup", 4),
        names,
        sentences.BEST_OF_A_SETUP.format(interval(0)),
        error_x=theme.error_bars(rows, "speedup", color=theme.BLUE, thickness=1.6, width=4),
        marker={"color": theme.BLUE, "size": 10, "symbol": "circle"},
        customdata=columns(rows, "low", "high", "k_words", "domain", "temperature"),
    )
    figure.add_trace(trace)
    figure.add_vline(x=1.0, line=_ONE)
    figure.update_xaxes(title_text="speedup", ticksuffix="×")
    return figure.update_yaxes(type="category", range=[len(rows) - 0.4, -0.6])


_COMPARED = {
    "draft": ("tokens/s with the draft", theme.BLUE, "circle"),
    "baseline": ("tokens/s of the baseline", theme.VERMILLION, "square"),
    "speedup": ("speedup", theme.GREEN, "diamond"),
    "alpha": ("α̂", theme.PURPLE, "triangle-up"),
}


def plot_comparison(rows: Rows) -> go.Figure:
    """B over A for each group: speed of both arms, speedup and α̂, with intervals; 1 is no change.

    Args:
        rows: of ``compared``: label, and of draft, baseline, speedup and alpha the ratio, _low and _high.
    """
    figure = theme.new_figure(120 + 62 * len(rows))
    for index, (name, (label, color, symbol)) in enumerate(_COMPARED.items()):
        own = [row for row in rows if row[name] is not None]
        shift = (index - 1.5) / 5
        trace = scatter(
            column(own, name, 4),
            [rows.index(row) + shift for row in own],
            sentences.RATIO_OF_TWO_FILES.format(label, interval(0, ".3f")),
            error_x=theme.error_bars(own, name, f"{name}_low", f"{name}_high", color=color, width=3),
            marker={"color": color, "symbol": symbol, "size": 9},
            customdata=columns(own, f"{name}_low", f"{name}_high", "label"),
            name=label,
        )
        figure.add_trace(trace)
    figure.add_vline(x=1.0, line=_ONE)
    figure.update_xaxes(title_text="B / A", ticksuffix="×")
    labels = [folded(label, 22) for label in column(rows, "label")]
    return figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=labels,
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
    )
