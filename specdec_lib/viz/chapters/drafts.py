"""Figures of drafts that are not a small model: what a round costs and brings, over K, and over c and alpha.

Rows are plain dicts. Kinds of drafts differ by colour and by symbol or dash, and every point or line has its
name written beside it or in the legend. Nothing here evaluates a law.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import DASHES, GREY, PALETTE, Rows, marker_style, new_figure
from specdec_lib.viz.traces import bars, column, columns, curve, scatter, series, sliding, xy

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
    for number, (kind, chosen) in enumerate(series(rows, "kind")):
        trace = scatter(
            *xy(chosen, "cost", "tokens"),
            "<b>%{customdata[0]}</b><br>%{y:.2f} tokens a round, which costs %{x:.2f} "
            "target forwards<br>speedup %{customdata[1]:.2f}×",
            name=kind,
            marker=_marker(number),
            text=[row["method"].replace(" ", "<br>") for row in chosen],
            textposition=_sides(chosen, "middle left"),
            textfont={"size": 12},
            customdata=columns(chosen, "method", "speedup"),
        )
        figure.add_trace(trace)
    figure.update_xaxes(title_text="cost of a round, in target forwards", range=[left, right])
    return figure.update_yaxes(title_text="tokens a round", range=[0.8, top])


def _ray(figure: go.Figure, value: float, left: float, right: float, top: float) -> None:
    """The line on which tokens over cost is ``value``, with its name at its end."""
    end = min(right, top / value)
    words = {
        "text": ["", f"{value:g}×"],
        "textposition": "bottom left",
        "textfont": {"size": 12, "color": GREY},
    }
    line = {"color": GREY, "width": 1.2, "dash": "dot"}
    ends = [left, end], [value * left, value * end]
    figure.add_trace(scatter(*ends, "", line=line, showlegend=False, **words))


def plot_over_k(rows: Rows) -> go.Figure:
    """Speedup over the number of draft tokens, a line a draft, a star on the best K of each.

    Args:
        rows: draft (its name), k, speedup.
    """
    figure = new_figure(400, margin={"l": 8, "r": 12, "t": 76, "b": 8})
    for number, (draft, line) in enumerate(series(rows, "draft")):
        best = max(line, key=lambda row: row["speedup"])
        marker = {
            "color": PALETTE[number % len(PALETTE)],
            "symbol": ["star" if row is best else "circle" for row in line],
            "size": [_STAR if row is best else 4 for row in line],
        }
        hover = f"<b>{draft}</b>, K = %{{x}}: %{{y:.2f}}×"
        figure.add_trace(curve(*xy(line, "k", "speedup"), hover, number, name=draft, marker=marker))
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.2})
    figure.update_xaxes(title_text="draft tokens a round, K")
    return figure.update_yaxes(title_text="speedup", ticksuffix="×")


def plot_break_even(rows: Rows) -> go.Figure:
    """What a parallel draft must keep of its acceptance from place to place, over the sequential draft's c.

    Args:
        rows: alpha (of the first place), c, keep (None where no parallel draft is fast enough).
    """
    figure = new_figure(380, margin={"l": 8, "r": 12, "t": 56, "b": 8})
    for number, (alpha, line) in enumerate(series(rows, "alpha")):
        name, xy = f"α = {alpha:g}", (column(line, "c"), column(line, "keep"))
        hover = f"<b>{name}</b>, c = %{{x:.2f}}: keep %{{y:.1%}}"
        marker = marker_style(number, 6, color=PALETTE[number])
        figure.add_trace(curve(*xy, hover, number, name=name, marker=marker))
    figure.update_xaxes(title_text="cost of one draft forward, c", rangemode="tozero")
    return figure.update_yaxes(title_text="kept from place to place", tickformat=".0%")


def plot_draft_map(rows: Rows, frontiers: Rows) -> go.Figure:
    """Drafts by what they cost and how often they are right; on a grey line the best K gives that speedup.

    Args:
        rows: family (colour, symbol; its points are joined in order), label, c, alpha; side (optional:
            plotly's name for where the label is written).
        frontiers: speedup, c, alpha: points of the lines, in order.
    """
    figure = new_figure(470, margin={"l": 8, "r": 12, "t": 76, "b": 8})
    for number, (value, line) in enumerate(series(frontiers, "speedup")):
        look = {"color": GREY, "dash": DASHES[number % len(DASHES)], "width": 1.5}
        hover = f"{value:g}×: c = %{{x:.2f}} needs α = %{{y:.2f}}"
        figure.add_trace(scatter(*xy(line, "c", "alpha"), hover, name=f"{value:g}× at best", line=look))
    for number, (family, chosen) in enumerate(series(rows, "family")):
        trace = scatter(
            *xy(chosen, "c", "alpha"),
            f"<b>{family}: %{{text}}</b><br>c = %{{x:.2f}}, α = %{{y:.2f}}",
            name=family,
            line={"color": PALETTE[number], "width": 1},
            marker=_marker(number),
            text=column(chosen, "label"),
            textposition=_sides(chosen, "bottom right"),
            textfont={"size": 11},
        )
        figure.add_trace(trace)
    figure.update_xaxes(title_text="cost of a draft forward, c", range=[0, 1.02])
    return figure.update_yaxes(title_text="acceptance, α", range=[0, 1.04])


def plot_runs(rows: Rows) -> go.Figure:
    """Tokens a round by the least number of tokens that have to agree, a bar a domain; a slider moves it.

    Args:
        rows: least, domain, tokens (a round), share (of the rounds that have a draft).
    """
    figure = new_figure(400, margin={"l": 8, "r": 12, "t": 40, "b": 8})
    hover = "<b>%{x}</b>: %{y:.2f} tokens a round, a draft in %{customdata[0]:.0%} of the rounds"
    parts = [
        (
            str(least),
            [
                bars(
                    column(own, "domain"),
                    column(own, "tokens", 4),
                    hover,
                    marker_color=PALETTE[0],
                    customdata=columns(own, "share"),
                    text=[f"{row['tokens']:.2f}" for row in own],
                    textposition="outside",
                    showlegend=False,
                )
            ],
        )
        for least, own in series(rows, "least")
    ]
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.2})
    figure.update_yaxes(title_text="tokens a round", range=[0, 1.15 * max(row["tokens"] for row in rows)])
    return sliding(figure, "tokens that have to agree, at least:", parts)


def _sides(rows: Rows, default: str) -> list[str]:
    return [row.get("side", default) for row in rows]


def _marker(number: int) -> dict[str, Any]:
    return marker_style(number, _MARKER, color=PALETTE[number], line={"width": 0})
