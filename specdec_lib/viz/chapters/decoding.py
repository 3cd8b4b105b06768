"""Figures of decoding: a distribution, the clock of a generation, a verdict, the rounds of a text.

Rows and rounds are plain values; a token's text is untrusted and is escaped before it is shown.
Colours come with a pattern, a symbol or a letter of their own. Nothing here runs a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import (
    AMBER,
    BLUE,
    DASHES,
    GREEN,
    GREY,
    PALETTE,
    SYMBOLS,
    VERMILLION,
    Rows,
    hatched,
    new_figure,
)
from specdec_lib.viz.tokens import shown_token

_KINDS = {  # code -> (label, letter, colour)
    1: ("accepted", "a", "#7fbf9f"),
    2: ("correction", "c", "#e8a06c"),
    3: ("bonus", "b", "#8dbbe6"),
    4: ("drafted, rejected", "×", "#d9d9d9"),
}


def plot_next_token(rows: Rows) -> go.Figure:
    """Probability of the likeliest next tokens, a line a temperature.

    Args:
        rows: temperature, token (text), probability; tokens in the order in which they are drawn.
    """
    figure = new_figure(360)
    for index, temperature in enumerate(dict.fromkeys(row["temperature"] for row in rows)):
        chosen = [row for row in rows if row["temperature"] == temperature]
        figure.add_trace(
            go.Scatter(
                x=[shown_token(row["token"]) for row in chosen],
                y=[round(row["probability"], 4) for row in chosen],
                mode="lines+markers",
                name=f"T = {temperature:g}",
                line={"color": PALETTE[index], "dash": DASHES[index], "width": 2},
                marker={"symbol": SYMBOLS[index], "size": 8},
                hovertemplate=f"T = {temperature:g}, %{{x}}: %{{y:.1%}}<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="next token", type="category", showgrid=False)
    figure.update_yaxes(title_text="probability", tickformat=".0%", rangemode="tozero")
    return figure


def plot_token_times(latencies: Mapping[str, Sequence[float]]) -> go.Figure:
    """When each token of a generation appeared, a line a decoder: the first token is the prompt's.

    Args:
        latencies: seconds a token, by the name of the decoder.
    """
    figure = new_figure(340)
    for index, (name, seconds) in enumerate(latencies.items()):
        elapsed = [sum(seconds[: n + 1]) for n in range(len(seconds))]
        figure.add_trace(
            go.Scatter(
                x=[round(1e3 * t, 3) for t in elapsed],
                y=list(range(1, len(seconds) + 1)),
                mode="lines",
                name=name,
                line={"color": PALETTE[index], "dash": DASHES[index], "width": 2.5, "shape": "hv"},
                hovertemplate=f"<b>{name}</b>: token %{{y}} after %{{x:.1f}} ms<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="time since the call", ticksuffix=" ms", rangemode="tozero")
    figure.update_yaxes(title_text="tokens emitted", rangemode="tozero")
    return figure


def plot_overlap(
    tokens: Sequence[str], target_probs: Sequence[float], draft_probs: Sequence[float]
) -> go.Figure:
    """Two distributions over a few tokens, cut where they overlap: min(p, q), and what each has alone.

    The overlap is the chance that a draft token stays; the target's own part is the residual.
    """
    pairs = list(zip(target_probs, draft_probs, strict=True))
    parts = (
        ("overlap min(p, q): stays", [min(p, q) for p, q in pairs], GREEN, ""),
        ("only p: the residual", [max(p - q, 0) for p, q in pairs], BLUE, "/"),
        ("only q: drafted too often", [max(q - p, 0) for p, q in pairs], VERMILLION, "x"),
    )
    figure = new_figure(340, barmode="stack", bargap=0.3)
    for name, heights, color, pattern in parts:
        figure.add_trace(
            go.Bar(
                x=[shown_token(token) for token in tokens],
                y=[round(float(height), 6) for height in heights],
                name=name,
                marker=hatched(color, pattern),
                hovertemplate=f"<b>%{{x}}</b>, {name}: %{{y:.3f}}<extra></extra>",
            )
        )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(title_text="probability", rangemode="tozero")
    return figure


def plot_rounds(rounds: Sequence[Any], text_of: Callable[[int], str]) -> go.Figure:
    """The rounds of a generation, one line each: what was accepted, what followed, what was thrown away.

    Args:
        rounds: of ``specdec_lib.decoding.trace.Trace``: token_ids, draft_ids, num_accepted, kind.
        text_of: the text of one token id.
    """
    width = max(max(len(r.token_ids), len(r.draft_ids)) for r in rounds)
    lines = [_round_cells(r, text_of, width) for r in rounds]
    figure = new_figure(90 + 26 * len(rounds), showlegend=True)
    figure.add_trace(
        go.Heatmap(
            z=[[code or None for code, _ in line] for line in lines],
            text=[[_cell_label(code, token) for code, token in line] for line in lines],
            customdata=[[_KINDS[code][0] if code else "" for code, _ in line] for line in lines],
            x=list(range(1, width + 1)),
            y=list(range(1, len(rounds) + 1)),
            texttemplate="%{text}",
            textfont={"size": 11, "color": "#111111"},
            colorscale=[[(code - 1) / 3, color] for code, (_, _, color) in _KINDS.items()],
            zmin=1,
            zmax=4,
            showscale=False,
            xgap=2,
            ygap=2,
            hoverongaps=False,
            hovertemplate="round %{y}, token %{x}: %{text} %{customdata}<extra></extra>",
        )
    )
    for label, letter, color in _KINDS.values():
        figure.add_trace(_legend_entry(f"{letter}: {label}", color))
    figure.update_xaxes(title_text="token of the round", dtick=1, showgrid=False, ticks="")
    figure.update_yaxes(title_text="round", showgrid=False, ticks="", autorange="reversed")
    return figure


def plot_speedup_by_k(rows: Rows) -> go.Figure:
    """Speedup over K: the formula's dashed, the clock's with markers.

    Args:
        rows: k (ascending), predicted, measured.
    """
    ks = [row["k"] for row in rows]
    series = (
        ("predicted: E / (K·c + v(K))", "predicted", AMBER, "dash", "diamond-open"),
        ("measured", "measured", BLUE, "solid", "circle"),
    )
    figure = new_figure(340)
    for name, column, color, dash, symbol in series:
        figure.add_trace(
            go.Scatter(
                x=ks,
                y=[round(row[column], 4) for row in rows],
                mode="lines+markers",
                name=name,
                line={"color": color, "dash": dash, "width": 2.5},
                marker={"symbol": symbol, "size": 9},
                hovertemplate=f"K = %{{x}}, {column}: %{{y:.2f}}×<extra></extra>",
            )
        )
    figure.add_hline(y=1, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text="draft tokens a round, K", tickvals=ks)
    figure.update_yaxes(title_text="speedup", ticksuffix="×", rangemode="tozero")
    return figure


def _round_cells(round_: Any, text_of: Callable[[int], str], width: int) -> list[tuple[int, str]]:
    """(code, token) of each place in a round's line: emitted tokens, then drafted ones never emitted."""
    emitted = [(1, text_of(i)) for i in round_.token_ids[: round_.num_accepted]]
    own = [(3 if round_.kind == "bonus" else 2, text_of(i)) for i in round_.token_ids[round_.num_accepted :]]
    thrown = [(4, text_of(i)) for i in round_.draft_ids[round_.num_accepted + len(own) :]]
    cells = emitted + own + thrown
    return cells + [(0, "")] * (width - len(cells))


def _cell_label(code: int, token: str) -> str:
    if not code:
        return ""
    shown = token if len(token) <= 8 else f"{token[:7]}…"
    return f"{shown_token(shown)} <i>{_KINDS[code][1]}</i>"


def _legend_entry(name: str, color: str) -> go.Scatter:
    marker = {"color": color, "symbol": "square", "size": 12}
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name, hoverinfo="skip")
