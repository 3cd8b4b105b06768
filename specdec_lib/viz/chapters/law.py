"""Figures of the speedup law: a round's length, acceptance over temperature, speedup over the batch.

Rows are plain dicts of numbers that somebody computed with :mod:`specdec_lib.theory`. Series differ by
marker and dash as well as by colour. Nothing here computes the law; the playground does, in a browser.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from specdec_lib.viz.theme import BLUE, DASHES, GREY, PALETTE, SYMBOLS, VERMILLION, Rows, hatched, new_figure


def plot_round_lengths(rows: Rows, mean: float) -> go.Figure:
    """The law of a round's length beside what was drawn, and its mean.

    Args:
        rows: tokens (1 to K + 1), probability, frequency.
        mean: E[N], marked by a line.
    """
    tokens = [row["tokens"] for row in rows]
    kinds = {"probability": ("by the law", BLUE, ""), "frequency": ("drawn", VERMILLION, "/")}
    figure = new_figure(300, barmode="group", bargap=0.3)
    for column, (name, color, pattern) in kinds.items():
        figure.add_trace(
            go.Bar(
                x=tokens,
                y=[row[column] for row in rows],
                name=name,
                marker=hatched(color, pattern),
                hovertemplate=f"%{{x}} tokens, {name}: %{{y:.1%}}<extra></extra>",
            )
        )
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_vline(x=mean, line=line, annotation={"text": f"mean {mean:.2f}", "yanchor": "top"})
    figure.update_xaxes(title_text="tokens that a round emits", dtick=1, showgrid=False)
    figure.update_yaxes(title_text="share of the rounds", tickformat=".0%", rangemode="tozero")
    return figure


def plot_acceptance_over_temperature(rows: Rows) -> go.Figure:
    """beta over the temperature of both models, a line a pair of distributions.

    Args:
        rows: pair (its name), temperature (ascending within a pair, > 0), beta.
    """
    figure = new_figure(330)
    for index, pair in enumerate(dict.fromkeys(row["pair"] for row in rows)):
        chosen = [row for row in rows if row["pair"] == pair]
        xy = {"x": [row["temperature"] for row in chosen], "y": [row["beta"] for row in chosen]}
        figure.add_trace(_line(pair, index, f"<b>{pair}</b>, T = %{{x:.2g}}: β = %{{y:.2f}}", **xy))
    figure.update_traces(mode="lines")
    figure.update_xaxes(type="log", title_text="temperature of both models", dtick=1)
    figure.update_yaxes(title_text="β, chance that a draft token stays", range=[0, 1.03])
    return figure


def plot_batch_speedup(rows: Rows, critical: float) -> go.Figure:
    """S over the number of texts decoded together, a line a K, against plain decoding of the same batch.

    Args:
        rows: k, batch (ascending within a k), speedup.
        critical: the batch that alone fills the arithmetic, marked by a line.
    """
    figure = new_figure(350)
    for index, k in enumerate(dict.fromkeys(row["k"] for row in rows)):
        chosen = [row for row in rows if row["k"] == k]
        xy = {"x": [row["batch"] for row in chosen], "y": [row["speedup"] for row in chosen]}
        figure.add_trace(_line(f"K = {k}", index, f"<b>K = {k}</b>, batch %{{x}}: %{{y:.2f}}×", **xy))
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_hline(y=1, line=line)
    figure.add_vline(x=critical, line=line | {"dash": "dot"})
    place = {"x": math.log10(critical), "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "top"}
    figure.add_annotation(**place, text=f" B* = {critical:g}", showarrow=False)
    figure.update_xaxes(type="log", title_text="texts decoded together, B", tickvals=[1, 4, 16, 64, 256])
    figure.update_yaxes(title_text="speedup", ticksuffix="×", rangemode="tozero")
    return figure


def _line(name: str, index: int, hover: str, **xy: Sequence[float]) -> go.Scatter:
    return go.Scatter(
        **xy,
        mode="lines+markers",
        name=name,
        line={"color": PALETTE[index], "dash": DASHES[index], "width": 2.5},
        marker={"symbol": SYMBOLS[index], "size": 7},
        hovertemplate=f"{hover}<extra></extra>",
    )
