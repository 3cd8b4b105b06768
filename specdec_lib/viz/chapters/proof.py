"""Figures of a proof and its tests: a coupling, p-values, power, a text's uniformity, who catches what.

Rows are plain values, computed elsewhere. Every series has a dash, a symbol or a word beside its colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import DASHES, GREY, PALETTE, PURPLE, SYMBOLS, new_figure
from specdec_lib.viz.tokens import shown_token

Rows = Sequence[Mapping[str, Any]]

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
    tokens = list(dict.fromkeys(row["drafted"] for row in rows))
    table = {(row["drafted"], row["emitted"]): float(row["probability"]) for row in rows}
    down = [f"{shown_token(x)}, q = {sum(table[x, y] for y in tokens):.2f}" for x in tokens]
    across = [f"{shown_token(y)}<br>p = {sum(table[x, y] for x in tokens):.2f}" for y in tokens]
    figure = new_figure(120 + 42 * len(tokens))
    figure.add_trace(
        go.Heatmap(
            z=[[_kind(table[x, y], x == y) for y in tokens] for x in tokens],
            text=[[_share(table[x, y], x == y) for y in tokens] for x in tokens],
            x=across,
            y=down,
            texttemplate="%{text}",
            textfont={"size": 12, "color": "#111111"},
            colorscale=[[0, _STAYS], [1, _TRADED]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverongaps=False,
            hovertemplate="drafted %{y}<br>emitted %{x}<br>together %{text}<extra></extra>",
        )
    )
    for name, color in (("bold: the draft token stays", _STAYS), ("plain: it is traded", _TRADED)):
        marker = {"color": color, "symbol": "square", "size": 12}
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name))
    figure.update_xaxes(title_text="emitted", showgrid=False, ticks="", type="category")
    figure.update_yaxes(title_text="drafted", showgrid=False, ticks="", autorange="reversed", type="category")
    return figure


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
    for name, style, chosen in _series(rows, "series"):
        hover = f"<b>{name}</b>: %{{y:.1%}} of p-values up to %{{x}}<extra></extra>"
        xs, ys = ([round(float(row[axis]), 4) for row in chosen] for axis in ("p", "share"))
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", name=name, line=style, hovertemplate=hover))
    figure.add_trace(_line([0, 1], [0, 1], "uniform"))
    figure.update_xaxes(title_text="p-value", range=[0, 1])
    figure.update_yaxes(title_text="share of tests", range=[0, 1.02], tickformat=".0%")
    return figure


def plot_power(curves: Rows, points: Rows) -> go.Figure:
    """Samples needed over the deviation to be seen: curves that promise, points that were tried.

    Args:
        curves: num_cells, deviation (ascending within a curve), num_samples.
        points: name, deviation, num_samples.
    """
    figure = new_figure(400)
    for cells, style, chosen in _series(curves, "num_cells"):
        name = f"{cells:,} outcomes".replace(",", " ")
        hover = f"{cells} outcomes: %{{y:,}} samples see %{{x}}<extra></extra>"
        xs = [round(float(row["deviation"]), 5) for row in chosen]
        ys = [int(row["num_samples"]) for row in chosen]
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", name=name, line=style, hovertemplate=hover))
    figure.add_trace(
        go.Scatter(
            x=[round(float(row["deviation"]), 5) for row in points],
            y=[int(row["num_samples"]) for row in points],
            mode="markers+text",
            text=[shown_token(row["name"]).replace("␣", " ") for row in points],
            textposition="bottom left",
            name="tried",
            marker={"color": PURPLE, "symbol": SYMBOLS[2], "size": 10},
            hovertemplate="<b>%{text}</b>: off by %{x}, seen with %{y:,} samples<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="total variation distance", type="log", tickvals=_DISTANCES)
    figure.update_yaxes(title_text="samples", type="log", dtick=1, exponentformat="power")
    return figure


def plot_uniformity(rows: Rows, critical: float) -> go.Figure:
    """Distribution functions of randomised p-values less the diagonal, and the band they should stay in.

    Args:
        rows: series, u (ascending within a series), gap (share of values up to u, less u).
        critical: half the height of the band.
    """
    figure = new_figure(360)
    for sign in (1, -1):
        figure.add_trace(_line([0, 1], [sign * critical] * 2, "edge of the test", legend=sign == 1))
    for name, style, chosen in _series(rows, "series"):
        hover = f"<b>{name}</b>: %{{y:+.3f}} at u = %{{x}}<extra></extra>"
        xs, ys = ([round(float(row[axis]), 4) for row in chosen] for axis in ("u", "gap"))
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", name=name, line=style, hovertemplate=hover))
    figure.update_xaxes(title_text="u", range=[0, 1])
    figure.update_yaxes(title_text="share of values up to u, less u", tickformat="+.2f")
    return figure


def plot_ladder(rows: Rows) -> go.Figure:
    """Who catches what: a line a decoder, a column a tier of checks, a cross where it rejects.

    Args:
        rows: name, tier, passed (None where the tier could not be asked); a row a cell.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    tiers = list(dict.fromkeys(row["tier"] for row in rows))
    passed = {(row["name"], row["tier"]): row["passed"] for row in rows}
    words = {True: "passes", False: "rejected", None: "not asked"}
    verdicts = [[passed[name, tier] for tier in tiers] for name in names]
    figure = new_figure(150 + 25 * len(names), legend={"y": -0.01, "yanchor": "top"})
    figure.add_trace(
        go.Heatmap(
            z=[[None if verdict is None else int(not verdict) for verdict in line] for line in verdicts],
            text=[[_MARKS[verdict] for verdict in line] for line in verdicts],
            customdata=[[words[verdict] for verdict in line] for line in verdicts],
            x=tiers,
            y=[shown_token(name.replace("_", " ")).replace("␣", " ") for name in names],
            texttemplate="%{text}",
            textfont={"size": 14, "color": GREY},
            colorscale=[[0, _PASSES], [1, _CAUGHT]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverongaps=False,
            hovertemplate="<b>%{y}</b><br>%{x}: %{customdata}<extra></extra>",
        )
    )
    for name, color, symbol in (("rejected", _CAUGHT, "x-thin-open"), ("passes", GREY, "circle")):
        marker = {"color": color, "symbol": symbol, "size": 9 if name == "rejected" else 4}
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name))
    figure.update_xaxes(side="top", tickangle=-90, showgrid=False, ticks="", type="category")
    figure.update_yaxes(showgrid=False, ticks="", autorange="reversed", type="category")
    return figure


def _series(rows: Rows, key: str) -> Iterator[tuple[Any, dict[str, Any], list[Mapping[str, Any]]]]:
    """Each value of ``key`` in its order, the style of its line, and its rows."""
    for index, value in enumerate(dict.fromkeys(row[key] for row in rows)):
        style = {"color": PALETTE[index], "dash": DASHES[index], "width": 2.5}
        yield value, style, [row for row in rows if row[key] == value]


_MARKS = {True: "·", False: "<b style='color:#111111'>✕</b>", None: "–"}


def _line(x: Sequence[float], y: Sequence[float], name: str, legend: bool = True) -> go.Scatter:
    line = {"color": GREY, "dash": "dot", "width": 1.5}
    height = [round(float(value), 4) for value in y]
    return go.Scatter(
        x=list(x), y=height, mode="lines", line=line, name=name, showlegend=legend, hoverinfo="skip"
    )
