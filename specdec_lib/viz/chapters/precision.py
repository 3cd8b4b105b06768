"""Figures of rounding: the gap between the two best logits, the noise under it, and a bound on laws.

Rows are plain values, computed elsewhere; a token's text is untrusted and is escaped before it is shown.
Every series has a symbol or a dash beside its colour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import BLUE, DASHES, GREY, PALETTE, SYMBOLS, new_figure
from specdec_lib.viz.tokens import shown_token

Rows = Sequence[Mapping[str, Any]]


def plot_gap_and_noise(gaps: Rows, noises: Rows) -> go.Figure:
    """Gaps of the two best logits along a text, over the noise that rounding puts between two forwards.

    Args:
        gaps: place, token (text), gap. A gap of 0 is a tie, for which a logarithmic axis has no place.
        noises: series, place, noise; a noise of 0 interrupts its line.
    """
    figure = new_figure(420)
    open_gaps = [row for row in gaps if row["gap"] > 0]
    figure.add_trace(
        go.Scatter(
            x=[row["place"] for row in open_gaps],
            y=[_short(row["gap"]) for row in open_gaps],
            customdata=[shown_token(row["token"]) for row in open_gaps],
            mode="markers",
            name="gap of the two best logits",
            marker={"color": BLUE, "symbol": SYMBOLS[0], "size": 7},
            hovertemplate="token %{x}, <b>%{customdata}</b>: ahead by %{y:.2g}<extra></extra>",
        )
    )
    for index, name in enumerate(dict.fromkeys(row["series"] for row in noises), start=1):
        chosen = [row for row in noises if row["series"] == name]
        figure.add_trace(
            go.Scatter(
                x=[row["place"] for row in chosen],
                y=[_short(row["noise"]) if row["noise"] > 0 else None for row in chosen],
                mode="lines+markers",
                name=name,
                line={"color": PALETTE[index], "dash": DASHES[index - 1], "width": 2},
                marker={"symbol": SYMBOLS[index], "size": 4},
                connectgaps=False,
                hovertemplate=f"<b>{name}</b>, token %{{x}}: %{{y:.2g}}<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="token of the text")
    figure.update_yaxes(title_text="difference of logits", type="log", dtick=1, exponentformat="power")
    return figure


def plot_rounding_bound(rows: Rows) -> go.Figure:
    """Distances of two laws over the range R / τ by which their logits differ, under the bound tanh(R / 4τ).

    Args:
        rows: series, range (R / τ), distance (total variation). Rows with a zero have no place here.
    """
    figure = new_figure(420)
    shown = [row for row in rows if row["range"] > 0 and row["distance"] > 0]
    for index, name in enumerate(dict.fromkeys(row["series"] for row in shown)):
        chosen = [row for row in shown if row["series"] == name]
        figure.add_trace(
            go.Scatter(
                x=[_short(row["range"]) for row in chosen],
                y=[_short(row["distance"]) for row in chosen],
                mode="markers",
                name=name,
                marker={"color": PALETTE[index], "symbol": SYMBOLS[index], "size": 7, "opacity": 0.75},
                hovertemplate=f"<b>{name}</b>: range %{{x:.2g}}, distance %{{y:.2g}}<extra></extra>",
            )
        )
    figure.add_trace(_bound(min(row["range"] for row in shown), max(row["range"] for row in shown)))
    log = {"type": "log", "dtick": 1, "exponentformat": "power"}
    figure.update_xaxes(title_text="range of the logits' difference, R / τ", **log)
    figure.update_yaxes(title_text="total variation distance", **log)
    return figure


def _bound(low: float, high: float) -> go.Scatter:
    ranges = [low * (high / low) ** (n / 40) for n in range(41)]
    return go.Scatter(
        x=[_short(r) for r in ranges],
        y=[_short(math.tanh(r / 4)) for r in ranges],
        mode="lines",
        name="bound tanh(R / 4τ)",
        line={"color": GREY, "dash": "dash", "width": 2},
        hoverinfo="skip",
    )


def _short(value: float) -> float:
    """Four significant digits, which a figure cannot show more of."""
    return float(f"{float(value):.4g}")
