"""Figures of the speedup: by domain and draft length, against the prediction, and step by step.

Each takes rows of :mod:`specdec_lib.bench.summary` and returns a figure. They compute nothing
but positions and labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import (
    AMBER,
    BLUE,
    DOMAIN_STYLE,
    GREY,
    PURPLE,
    hatched,
    new_figure,
    panels,
    temperature_title,
)

Rows = Sequence[Mapping[str, Any]]

_PREDICTION_DATA = ("k", "temperature", "low", "high", "alpha_hat", "c", "v", "overhead")
_SLOWER_TO_FASTER = [[0.0, "#ef9a63"], [0.5, "#f3f3f3"], [1.0, "#5ba6e0"]]
_SPEEDUP_HOVER = (
    "<b>%{y}, %{x}</b><br>speedup %{customdata[0]:.2f}×"
    " (95 % interval %{customdata[1]:.2f}–%{customdata[2]:.2f})"
    "<br>%{customdata[3]:.0f} → %{customdata[4]:.0f} tokens/s"
    "<br>%{customdata[5]} pairs of runs on %{customdata[6]} prompts<extra></extra>"
)


def plot_speedup_heatmap(rows: Rows) -> go.Figure:
    """Speedup by domain (down) and K (across), one panel a temperature; a star marks each row's best K.

    Args:
        rows: of ``speedup_table``: temperature, domain, k, speedup, low, high, num_pairs,
            num_prompts, ar_tokens_per_second, sd_tokens_per_second.
    """
    temperatures = sorted({row["temperature"] for row in rows})
    domains = list(dict.fromkeys(row["domain"] for row in rows))
    figure = panels([temperature_title(t) for t in temperatures], 46 * len(domains))
    reach = max((abs(math.log2(row["speedup"])) for row in rows), default=1.0) or 1.0
    for panel, temperature in enumerate(temperatures, start=1):
        chosen = [row for row in rows if row["temperature"] == temperature]
        figure.add_trace(_heatmap(chosen, domains, reach), row=panel, col=1)
    figure.update_xaxes(showgrid=False, showline=False, ticks="", showticklabels=True)
    figure.update_yaxes(showgrid=False, showline=False, ticks="", autorange="reversed")
    return figure


def _heatmap(rows: Rows, domains: Sequence[str], reach: float) -> go.Heatmap:
    ks = sorted({row["k"] for row in rows})
    cells = {(row["domain"], row["k"]): row for row in rows}
    best = {
        d: max((c["speedup"] for (domain, _), c in cells.items() if domain == d), default=None)
        for d in domains
    }
    table = [[cells.get((domain, k)) for k in ks] for domain in domains]
    return go.Heatmap(
        x=[f"K = {k}" for k in ks],
        y=list(domains),
        z=[[math.log2(cell["speedup"]) if cell else None for cell in line] for line in table],
        text=[[_cell_text(cell, best) for cell in line] for line in table],
        customdata=[[_cell_data(cell) for cell in line] for line in table],
        texttemplate="%{text}",
        textfont={"size": 11, "color": "#111111"},
        hovertemplate=_SPEEDUP_HOVER,
        colorscale=_SLOWER_TO_FASTER,
        zmin=-reach,
        zmax=reach,
        showscale=False,
        xgap=3,
        ygap=3,
    )


def _cell_text(cell: Mapping[str, Any] | None, best: Mapping[str, float | None]) -> str:
    if cell is None:
        return "–"
    star = "★ " if cell["speedup"] == best[cell["domain"]] else ""
    return f"<b>{star}{cell['speedup']:.2f}×</b><br>{cell['low']:.2f}–{cell['high']:.2f}"


def _cell_data(cell: Mapping[str, Any] | None) -> list[Any]:
    names = (
        "speedup",
        "low",
        "high",
        "ar_tokens_per_second",
        "sd_tokens_per_second",
        "num_pairs",
        "num_prompts",
    )
    return [cell[name] if cell else None for name in names]


def plot_prediction(rows: Rows) -> go.Figure:
    """Measured speedup over predicted, one marker a cell with its K inside, and the diagonal; panels are T.

    Args:
        rows: of ``prediction_table``: temperature, domain, k, alpha_hat, c, v, overhead,
            predicted, measured, low, high.
    """
    temperatures = sorted({row["temperature"] for row in rows})
    figure = panels([temperature_title(t) for t in temperatures], 270, legend_height=40)
    values = [row[name] for row in rows for name in ("predicted", "low", "high")] or [1.0]
    ends = [0.95 * min(values), 1.04 * max(values)]
    for panel, temperature in enumerate(temperatures, start=1):
        figure.add_trace(_diagonal(ends, legend=panel == 1), row=panel, col=1)
        for domain in dict.fromkeys(row["domain"] for row in rows):
            chosen = [r for r in rows if r["domain"] == domain and r["temperature"] == temperature]
            figure.add_trace(_prediction_points(chosen, domain, legend=panel == 1), row=panel, col=1)
    figure.update_xaxes(range=ends, ticksuffix="×", showticklabels=True)
    figure.update_xaxes(title_text="predicted speedup, E / (K·c + v + o)", row=len(temperatures))
    figure.update_yaxes(title_text="measured", range=ends, ticksuffix="×")
    return figure


def _diagonal(ends: Sequence[float], legend: bool) -> go.Scatter:
    return go.Scatter(
        x=list(ends),
        y=list(ends),
        mode="lines",
        name="measured = predicted",
        legendgroup="diagonal",
        showlegend=legend,
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )


def _prediction_points(rows: Rows, domain: str, legend: bool) -> go.Scatter:
    color, symbol = DOMAIN_STYLE.get(domain, (PURPLE, "cross"))
    return go.Scatter(
        x=[row["predicted"] for row in rows],
        y=[row["measured"] for row in rows],
        error_y={
            "array": [row["high"] - row["measured"] for row in rows],
            "arrayminus": [row["measured"] - row["low"] for row in rows],
            "color": color,
            "thickness": 1.2,
            "width": 3,
        },
        mode="markers+text",
        text=[str(row["k"]) for row in rows],
        textfont={"size": 11, "color": "white"},
        name=f"{domain} (K inside)",
        legendgroup=domain,
        showlegend=legend,
        marker={"color": color, "symbol": symbol, "size": 20 if symbol == "diamond" else 17},
        customdata=[[row[name] for name in _PREDICTION_DATA] for row in rows],
        hovertemplate=(
            f"<b>{domain}, K = %{{customdata[0]}}, T = %{{customdata[1]:g}}</b>"
            "<br>measured %{y:.2f}× (%{customdata[2]:.2f}–%{customdata[3]:.2f})<br>predicted %{x:.2f}×"
            "<br>α̂ = %{customdata[4]:.3f}, c = %{customdata[5]:.3f}, v = %{customdata[6]:.2f}, "
            "o = %{customdata[7]:.2f}<extra></extra>"
        ),
    )


def plot_difference(rows: Rows) -> go.Figure:
    """From the ideal speedup to the measured one, one assumption dropped a step.

    Args:
        rows: of ``difference_table`` for one cell, in order: step (short name), speedup, change,
            meaning (one sentence), is_measured (hatched) or predicted (plain).
    """
    figure = new_figure(90 + 42 * len(rows), showlegend=False)
    names = [row["step"] for row in rows]
    values = [row["speedup"] for row in rows]
    changes = ["" if row["change"] is None else f"  ({row['change']:+.2f})" for row in rows]
    figure.add_trace(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            marker=hatched(
                [AMBER if row["is_measured"] else BLUE for row in rows],
                ["/" if row["is_measured"] else "" for row in rows],
            ),
            text=[f"{value:.2f}×{change}" for value, change in zip(values, changes, strict=True)],
            textposition="auto",
            insidetextfont={"color": "white"},
            cliponaxis=False,
            customdata=[row["meaning"] for row in rows],
            hovertemplate="<b>%{y}: %{x:.2f}×</b><br>%{customdata}<extra></extra>",
        )
    )
    figure.add_vline(x=1, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_xaxes(title_text="speedup", ticksuffix="×", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
