"""Figures of the speedup: by domain and draft length, against the prediction, and step by step.

Each takes rows of :mod:`specdec_lib.bench.tables.summary` and returns a figure. They compute nothing
but positions and labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences, theme, traces

_PREDICTION_DATA = (
    "k", "temperature", "measured", "low", "high", "predicted", "alpha_hat", "c", "v", "overhead",
)  # fmt: skip
_ROOM = 0.042
"""What a marker covers of the diagonal on a phone, as a share of its length."""
_SLOWER_TO_FASTER = [[0.0, "#ef9a63"], [0.5, "#f3f3f3"], [1.0, "#5ba6e0"]]
_SPEEDUP_DATA = (
    "speedup", "low", "high", "ar_tokens_per_second", "sd_tokens_per_second", "num_pairs", "num_prompts",
)  # fmt: skip


def plot_speedup_heatmap(rows: theme.Rows) -> go.Figure:
    """Speedup by domain (down) and K (across), one panel a temperature; a star marks each row's best K.

    Args:
        rows: of ``speedup_table``: temperature, domain, k, speedup, low, high, num_pairs,
            num_prompts, ar_tokens_per_second, sd_tokens_per_second; ``length`` where a policy decides.
    """
    domains = traces.distinct(rows, "domain")
    figure, parts = traces.temperature_panels(rows, 46 * len(domains))
    reach = max((abs(math.log2(row["speedup"])) for row in rows), default=1.0) or 1.0
    for panel, own in parts:
        figure.add_trace(_speedups(own, domains, reach), row=panel, col=1)
    figure.update_xaxes(showgrid=False, showline=False, ticks="", showticklabels=True)
    return figure.update_yaxes(showgrid=False, showline=False, ticks="", autorange="reversed")


def _speedups(rows: theme.Rows, domains: Sequence[str], reach: float) -> go.Heatmap:
    lengths = sorted({_length(row) for row in rows})
    cells = {(row["domain"], _length(row)): row for row in rows}
    best = {domain: max(traces.column(own, "speedup")) for domain, own in traces.series(rows, "domain")}
    table = [[cells.get((domain, length)) for length in lengths] for domain in domains]
    unknown: dict[str, Any] = dict.fromkeys(_SPEEDUP_DATA)
    return traces.heatmap(
        [[math.log2(cell["speedup"]) if cell else None for cell in line] for line in table],
        [[_cell_text(cell, best) for cell in line] for line in table],
        sentences.SPEEDUP.format(traces.interval(1)),
        span=(-reach, reach),
        x=[label for _, label in lengths],
        y=list(domains),
        customdata=[traces.columns([cell or unknown for cell in line], *_SPEEDUP_DATA) for line in table],
        textfont={"size": 11, "color": theme.INK},
        colorscale=_SLOWER_TO_FASTER,
    )


def _length(row: Mapping[str, Any]) -> tuple[int, str]:
    """The most tokens of a draft, and the word for it: "K = 4", or the name of a policy."""
    named = str(row.get("length", row["k"]))
    return row["k"], f"K = {named}" if named.isdigit() else named


def _cell_text(cell: Mapping[str, Any] | None, best: Mapping[str, float]) -> str:
    if cell is None:
        return "–"
    star = "★ " if cell["speedup"] == best[cell["domain"]] else ""
    around = f"{cell['low']:.2f}–{cell['high']:.2f}" if cell.get("has_interval", True) else "one text"
    return f"<b>{star}{cell['speedup']:.2f}×</b><br>{around}"


def plot_prediction(rows: theme.Rows) -> go.Figure:
    """Measured speedup over predicted, one marker a cell with its K inside, and the diagonal; panels are T.

    Markers that would cover each other are moved apart along the diagonal, as little as possible: their
    distance from it stays, and hovering tells the numbers themselves.

    Args:
        rows: of ``prediction_table``: temperature, domain, k, alpha_hat, c, v, overhead,
            predicted, measured, low, high.
    """
    figure, parts = traces.temperature_panels(rows, 270, legend_height=40)
    for panel, own in parts:
        low, high = _reach([(row, 0.0) for row in own])
        moved = list(zip(own, _moves_apart(own, _ROOM * (high - low)), strict=True))
        ends = _reach(moved)
        figure.add_trace(_diagonal(ends, is_listed=panel == 1), row=panel, col=1)
        for domain in traces.distinct(rows, "domain"):
            points = [(row, move) for row, move in moved if row["domain"] == domain]
            figure.add_trace(_prediction_points(points, domain, is_listed=panel == 1), row=panel, col=1)
        figure.update_xaxes(range=ends, matches=None, row=panel)
        figure.update_yaxes(range=ends, row=panel)
    figure.update_xaxes(ticksuffix="×", showticklabels=True)
    figure.update_xaxes(title_text="predicted speedup, E / (K·c + v + o)", row=len(parts))
    return figure.update_yaxes(title_text="measured", ticksuffix="×")


def _reach(moved: Sequence[tuple[Mapping[str, Any], float]]) -> list[float]:
    """Ends of an axis that holds all markers and intervals, where they have moved to."""
    values = [row[name] + move for row, move in moved for name in ("predicted", "low", "high")]
    return [0.95 * min(values), 1.04 * max(values)]


def _moves_apart(rows: theme.Rows, least: float) -> list[float]:
    """How far each marker moves along the diagonal, so that neighbours on it are ``least`` apart."""
    middles = [(row["predicted"] + row["measured"]) / 2 for row in rows]
    return [to - at for to, at in zip(theme.spread(middles, least), middles, strict=True)]


def _diagonal(ends: Sequence[float], is_listed: bool) -> go.Scatter:
    look = traces.named("diagonal", is_listed) | {"line": {"color": theme.GREY, "dash": "dash", "width": 1.5}}
    return traces.scatter(ends, ends, "", **look | {"name": "measured = predicted"})


def _prediction_points(
    points: Sequence[tuple[Mapping[str, Any], float]], domain: str, is_listed: bool
) -> go.Scatter:
    rows = [row for row, _ in points]
    color, symbol = theme.domain_style(domain)
    size = 14 if symbol in ("circle", "square") else 17
    return traces.scatter(
        [row["predicted"] + move for row, move in points],
        [row["measured"] + move for row, move in points],
        sentences.MEASURED_AND_PREDICTED.format(domain),
        error_y=theme.error_bars(rows, "measured", color=color, thickness=1.2, width=3),
        text=[str(row["k"]) for row in rows],
        textfont={"size": 11, "color": "white"},
        marker={"color": color, "symbol": symbol, "size": size},
        customdata=traces.columns(rows, *_PREDICTION_DATA),
        **traces.named(domain, is_listed) | {"name": f"{domain} (K inside)"},
    )


def plot_difference(rows: theme.Rows) -> go.Figure:
    """From the speedup of a free draft to the measured one, one assumption dropped a bar.

    Args:
        rows: of ``Cell.terms``, in order: term (short name), speedup, change, meaning. The
            last one is the measured speedup (hatched); those before it are calculated (plain).
    """
    figure = theme.new_figure(90 + 42 * len(rows), showlegend=False)
    calculated = len(rows) - 1
    changes = ["" if row["change"] is None else f"  ({row['change']:+.2f})" for row in rows]
    trace = traces.bars(
        *traces.xy(rows, "speedup", "term"),
        "<b>%{y}: %{x:.2f}×</b><br>%{customdata}",
        orientation="h",
        marker=theme.hatched([theme.BLUE] * calculated + [theme.AMBER], [""] * calculated + ["/"]),
        text=[f"{row['speedup']:.2f}×{change}" for row, change in zip(rows, changes, strict=True)],
        textposition="outside",
        cliponaxis=False,
        customdata=traces.column(rows, "meaning"),
    )
    figure.add_trace(trace)
    figure.add_vline(x=1, line={"color": theme.GREY, "dash": "dash", "width": 1.5})
    room = 1.5  # for the text beside the longest bar, on a phone too
    figure.update_xaxes(
        title_text="speedup", ticksuffix="×", range=[0, room * max(row["speedup"] for row in rows)]
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)
