"""Figures of a proof and its tests: a coupling, p-values, power, a text's uniformity, who catches what.

Rows are plain values, computed elsewhere. Every series has a dash, a symbol or a word beside its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import GREY, PURPLE, Rows, line_style, marker_style, new_figure
from specdec_lib.viz.tokens import shown_token
from specdec_lib.viz.traces import column, distinct, heatmap, legend_entry, scatter, series

_STAYS, _TRADED = "#7fbf9f", "#e8a06c"
_CAUGHT, _PASSES = "#e8a06c", "rgba(127, 127, 127, 0.15)"
_DISTANCES = [m * 10.0**e for e in range(-5, 1) for m in (1, 2, 5)]  # ticks of a logarithmic axis
_LEAST = 1e-9  # probabilities below it are nothing, left over by rounding


def coupling_rows(tokens: Sequence[str], joint: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """A joint law, a row a drafted token and a column an emitted one, as :func:`plot_coupling` takes it."""
    return [
        {"drafted": x, "emitted": y, "probability": share}
        for x, line in zip(tokens, joint, strict=True)
        for y, share in zip(tokens, line, strict=True)
    ]


def plot_coupling(rows: Rows) -> go.Figure:
    """A joint law of drafted and emitted token: what stays on the diagonal, what is traded off it.

    Args:
        rows: drafted, emitted (text), probability; one for each pair of tokens, in the tokens' order.
    """
    tokens = distinct(rows, "drafted")
    table = {(row["drafted"], row["emitted"]): float(row["probability"]) for row in rows}
    down = [f"{shown_token(x)}, q = {sum(table[x, y] for y in tokens):.2f}" for x in tokens]
    across = [f"{shown_token(y)}<br>p = {sum(table[x, y] for x in tokens):.2f}" for y in tokens]
    figure = new_figure(120 + 42 * len(tokens))
    cells = heatmap(
        [[_kind(table[x, y], x == y) for y in tokens] for x in tokens],
        [[_share(table[x, y], x == y) for y in tokens] for x in tokens],
        sentences.DRAFTED_AND_EMITTED,
        span=(0, 1),
        x=across,
        y=down,
        colorscale=[[0, _STAYS], [1, _TRADED]],
        hoverongaps=False,
    )
    figure.add_trace(cells)
    for name, color in ((sentences.BOLD_STAYS, _STAYS), (sentences.PLAIN_IS_TRADED, _TRADED)):
        figure.add_trace(legend_entry(name, marker={"color": color, "symbol": "square", "size": 12}))
    figure.update_xaxes(title_text="emitted", showgrid=False, ticks="", type="category")
    return figure.update_yaxes(
        title_text="drafted", showgrid=False, ticks="", autorange="reversed", type="category"
    )


def _kind(probability: float, stays: bool) -> int | None:
    return None if probability < _LEAST else int(not stays)


def _share(probability: float, stays: bool) -> str:
    if probability < _LEAST:
        return ""
    return f"<b>{probability:.3f}</b>" if stays else f"{probability:.3f}"


def plot_p_values(rows: Rows) -> go.Figure:
    """How often a p-value is at most so large, a line a series; a right law's follow the diagonal.

    Args:
        rows: series, p (ascending within a series), share.
    """
    figure = new_figure(360)
    for index, (name, chosen) in enumerate(series(rows, "series")):
        hover = sentences.P_VALUES_UP_TO.format(name)
        xy, line = (column(chosen, "p", 4), column(chosen, "share", 4)), line_style(index, 2.5)
        figure.add_trace(scatter(*xy, hover, name=name, line=line))
    figure.add_trace(_line([0, 1], [0, 1], "uniform"))
    figure.update_xaxes(title_text="p-value", range=[0, 1])
    return figure.update_yaxes(title_text="share of tests", range=[0, 1.02], tickformat=".0%")


def plot_power(curves: Rows, points: Rows) -> go.Figure:
    """Samples needed over the deviation to be seen: curves that promise, points that were tried.

    Args:
        curves: num_cells, deviation (ascending within a curve), num_samples.
        points: name, deviation, num_samples.
    """
    figure = new_figure(400)
    for index, (cells, chosen) in enumerate(series(curves, "num_cells")):
        name, line = f"{cells:,} outcomes".replace(",", " "), line_style(index, 2.5)
        hover = sentences.POWER_OF_A_TEST.format(cells)
        samples = [int(row["num_samples"]) for row in chosen]
        figure.add_trace(scatter(column(chosen, "deviation", 5), samples, hover, name=name, line=line))
    trace = scatter(
        column(points, "deviation", 5),
        [int(row["num_samples"]) for row in points],
        sentences.DEVIATION_SEEN,
        text=[shown_token(row["name"]).replace("␣", " ") for row in points],
        textposition="bottom left",
        name="tried",
        marker=marker_style(2, 10, color=PURPLE),
    )
    figure.add_trace(trace)
    figure.update_xaxes(title_text="total variation distance", type="log", tickvals=_DISTANCES)
    return figure.update_yaxes(title_text="samples", type="log", dtick=1, exponentformat="power")


def plot_uniformity(rows: Rows, critical: float) -> go.Figure:
    """Distribution functions of randomised p-values less the diagonal, and the band they should stay in.

    Args:
        rows: series, u (ascending within a series), gap (share of values up to u, less u).
        critical: half the height of the band.
    """
    figure = new_figure(360)
    for sign in (1, -1):
        figure.add_trace(_line([0, 1], [sign * critical] * 2, "edge of the test", legend=sign == 1))
    for index, (name, chosen) in enumerate(series(rows, "series")):
        xy, line = (column(chosen, "u", 4), column(chosen, "gap", 4)), line_style(index, 2.5)
        figure.add_trace(scatter(*xy, sentences.OFF_THE_DIAGONAL.format(name), name=name, line=line))
    figure.update_xaxes(title_text="u", range=[0, 1])
    return figure.update_yaxes(title_text="share of values up to u, less u", tickformat="+.2f")


def plot_ladder(rows: Rows) -> go.Figure:
    """Who catches what: a line a decoder, a column a tier of checks, a cross where it rejects.

    Args:
        rows: name, tier, passed (None where the tier could not be asked); a row a cell.
    """
    names, tiers = distinct(rows, "name"), distinct(rows, "tier")
    passed = {(row["name"], row["tier"]): row["passed"] for row in rows}
    words = {True: "passes", False: "rejected", None: "not asked"}
    verdicts = [[passed[name, tier] for tier in tiers] for name in names]
    figure = new_figure(150 + 25 * len(names), legend={"y": -0.01, "yanchor": "top"})
    cells = heatmap(
        [[None if verdict is None else int(not verdict) for verdict in line] for line in verdicts],
        [[_MARKS[verdict] for verdict in line] for line in verdicts],
        "<b>%{y}</b><br>%{x}: %{customdata}",
        span=(0, 1),
        customdata=[[words[verdict] for verdict in line] for line in verdicts],
        x=tiers,
        y=[shown_token(name.replace("_", " ")).replace("␣", " ") for name in names],
        textfont={"size": 14, "color": GREY},
        colorscale=[[0, _PASSES], [1, _CAUGHT]],
        hoverongaps=False,
    )
    figure.add_trace(cells)
    figure.add_trace(legend_entry("rejected", marker={"color": _CAUGHT, "symbol": "x-thin-open", "size": 9}))
    figure.add_trace(legend_entry("passes", marker={"color": GREY, "symbol": "circle", "size": 4}))
    figure.update_xaxes(side="top", tickangle=-90, showgrid=False, ticks="", type="category")
    return figure.update_yaxes(showgrid=False, ticks="", autorange="reversed", type="category")


_MARKS = {True: "·", False: "<b style='color:#111111'>✕</b>", None: "–"}


def _line(x: Sequence[float], y: Sequence[float], name: str, legend: bool = True) -> go.Scatter:
    line, height = {"color": GREY, "dash": "dot", "width": 1.5}, [round(float(value), 4) for value in y]
    return scatter(x, height, "", line=line, name=name, showlegend=legend)
