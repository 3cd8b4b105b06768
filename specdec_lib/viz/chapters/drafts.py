"""Figures of drafts that are not a small model: what a round costs and brings, over K, and over c and alpha.

Rows are plain dicts. Kinds of drafts differ by colour and by symbol or dash, and every point or line has its
name written beside it or in the legend. Nothing here evaluates a law.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import DASHES, GREY, PALETTE, SYMBOLS, Rows, new_figure

_MARKER, _STAR = 11, 15


def plot_round_costs(rows: Rows, speedups: Sequence[float] = (1.0, 1.5, 2.0, 2.5)) -> go.Figure:
    """Tokens a round over the cost of the round, a marker a method; on a grey line the speedup is the same.

    Args:
        rows: method, kind (groups colour and symbol), tokens (a round, all included), cost (of the round,
            in target forwards), speedup; side (optional: plotly's name for where the method is written).
        speedups: for which to draw a line.
    """
    figure = new_figure(460, margin={"l": 8, "r": 12, "t": 56, "b": 8})
    right, top = 1.12 * max(row["cost"] for row in rows), 1.1 * max(row["tokens"] for row in rows)
    left = 0.7 * min(row["cost"] for row in rows)
    for value in speedups:
        _ray(figure, value, left, right, top)
    for number, kind in enumerate(dict.fromkeys(row["kind"] for row in rows)):
        chosen = [row for row in rows if row["kind"] == kind]
        figure.add_trace(
            go.Scatter(
                x=[row["cost"] for row in chosen],
                y=[row["tokens"] for row in chosen],
                mode="markers+text",
                name=kind,
                marker=_marker(number),
                text=[row["method"].replace(" ", "<br>") for row in chosen],
                textposition=_sides(chosen, "middle left"),
                textfont={"size": 12},
                customdata=[[row["method"], row["speedup"]] for row in chosen],
                hovertemplate="<b>%{customdata[0]}</b><br>%{y:.2f} tokens a round, which costs %{x:.2f} "
                "target forwards<br>speedup %{customdata[1]:.2f}×<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="cost of a round, in target forwards", range=[left, right])
    figure.update_yaxes(title_text="tokens a round", range=[0.8, top])
    return figure


def _ray(figure: go.Figure, value: float, left: float, right: float, top: float) -> None:
    """The line on which tokens over cost is ``value``, with its name at its end."""
    end = min(right, top / value)
    figure.add_trace(
        go.Scatter(
            x=[left, end],
            y=[value * left, value * end],
            mode="lines+text",
            text=["", f"{value:g}×"],
            textposition="bottom left",
            textfont={"size": 12, "color": GREY},
            line={"color": GREY, "width": 1.2, "dash": "dot"},
            showlegend=False,
            hoverinfo="skip",
        )
    )


def plot_over_k(rows: Rows) -> go.Figure:
    """Speedup over the number of draft tokens, a line a draft, a star on the best K of each.

    Args:
        rows: draft (its name), k, speedup.
    """
    figure = new_figure(400, margin={"l": 8, "r": 12, "t": 76, "b": 8})
    for number, draft in enumerate(dict.fromkeys(row["draft"] for row in rows)):
        line = [row for row in rows if row["draft"] == draft]
        best = max(line, key=lambda row: row["speedup"])
        color = PALETTE[number % len(PALETTE)]
        figure.add_trace(
            go.Scatter(
                x=[row["k"] for row in line],
                y=[row["speedup"] for row in line],
                mode="lines+markers",
                name=draft,
                line={"color": color, "dash": DASHES[number % len(DASHES)], "width": 2},
                marker={
                    "color": color,
                    "symbol": ["star" if row is best else "circle" for row in line],
                    "size": [_STAR if row is best else 4 for row in line],
                },
                hovertemplate=f"<b>{draft}</b>, K = %{{x}}: %{{y:.2f}}×<extra></extra>",
            )
        )
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.2})
    figure.update_xaxes(title_text="draft tokens a round, K")
    figure.update_yaxes(title_text="speedup", ticksuffix="×")
    return figure


def plot_break_even(rows: Rows) -> go.Figure:
    """What a parallel draft must keep of its acceptance from place to place, over the sequential draft's c.

    Args:
        rows: alpha (of the first place), c, keep (None where no parallel draft is fast enough).
    """
    figure = new_figure(380, margin={"l": 8, "r": 12, "t": 56, "b": 8})
    for number, alpha in enumerate(dict.fromkeys(row["alpha"] for row in rows)):
        line = [row for row in rows if row["alpha"] == alpha]
        figure.add_trace(
            go.Scatter(
                x=[row["c"] for row in line],
                y=[row["keep"] for row in line],
                mode="lines+markers",
                name=f"α = {alpha:g}",
                line={"color": PALETTE[number], "dash": DASHES[number], "width": 2},
                marker={"color": PALETTE[number], "symbol": SYMBOLS[number], "size": 6},
                hovertemplate=f"<b>α = {alpha:g}</b>, c = %{{x:.2f}}: keep %{{y:.1%}}<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="cost of one draft forward, c", rangemode="tozero")
    figure.update_yaxes(title_text="kept from place to place", tickformat=".0%")
    return figure


def plot_draft_map(rows: Rows, frontiers: Rows) -> go.Figure:
    """Drafts by what they cost and how often they are right; on a grey line the best K gives that speedup.

    Args:
        rows: family (colour, symbol; its points are joined in order), label, c, alpha; side (optional:
            plotly's name for where the label is written).
        frontiers: speedup, c, alpha: points of the lines, in order.
    """
    figure = new_figure(470, margin={"l": 8, "r": 12, "t": 76, "b": 8})
    for number, value in enumerate(dict.fromkeys(row["speedup"] for row in frontiers)):
        line = [row for row in frontiers if row["speedup"] == value]
        figure.add_trace(
            go.Scatter(
                x=[row["c"] for row in line],
                y=[row["alpha"] for row in line],
                mode="lines",
                name=f"{value:g}× at best",
                line={"color": GREY, "dash": DASHES[number % len(DASHES)], "width": 1.5},
                hovertemplate=f"{value:g}×: c = %{{x:.2f}} needs α = %{{y:.2f}}<extra></extra>",
            )
        )
    for number, family in enumerate(dict.fromkeys(row["family"] for row in rows)):
        chosen = [row for row in rows if row["family"] == family]
        figure.add_trace(
            go.Scatter(
                x=[row["c"] for row in chosen],
                y=[row["alpha"] for row in chosen],
                mode="lines+markers+text",
                name=family,
                line={"color": PALETTE[number], "width": 1},
                marker=_marker(number),
                text=[row["label"] for row in chosen],
                textposition=_sides(chosen, "bottom right"),
                textfont={"size": 11},
                hovertemplate=f"<b>{family}: %{{text}}</b><br>c = %{{x:.2f}}, α = %{{y:.2f}}<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="cost of a draft forward, c", range=[0, 1.02])
    figure.update_yaxes(title_text="acceptance, α", range=[0, 1.04])
    return figure


def _sides(rows: Rows, default: str) -> list[str]:
    return [row.get("side", default) for row in rows]


def _marker(number: int) -> dict[str, Any]:
    return {"color": PALETTE[number], "symbol": SYMBOLS[number], "size": _MARKER, "line": {"width": 0}}
