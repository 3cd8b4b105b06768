"""Figures of decoding: a distribution, the clock of a generation, a verdict, the rounds of a text.

Rows and rounds are plain values; a token's text is untrusted and is escaped before it is shown.
Colours come with a pattern, a symbol or a letter of their own. Nothing here runs a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import AMBER, BLUE, GREEN, GREY, INK, VERMILLION, Rows, line_style, new_figure
from specdec_lib.viz.tokens import shown_token
from specdec_lib.viz.traces import column, curve, heatmap, legend_entry, scatter, series, stacked_shares

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
    for index, (temperature, chosen) in enumerate(series(rows, "temperature")):
        name, tokens = f"T = {temperature:g}", [shown_token(row["token"]) for row in chosen]
        shares, hover = column(chosen, "probability", 4), sentences.PROBABILITY_OF_A_TOKEN.format(name)
        figure.add_trace(curve(tokens, shares, hover, index, name=name))
    figure.update_xaxes(title_text="next token", type="category", showgrid=False)
    return figure.update_yaxes(title_text="probability", tickformat=".0%", rangemode="tozero")


def plot_token_times(latencies: Mapping[str, Sequence[float]]) -> go.Figure:
    """When each token of a generation appeared, a line a decoder: the first token is the prompt's.

    Args:
        latencies: seconds a token, by the name of the decoder.
    """
    figure = new_figure(340)
    for index, (name, seconds) in enumerate(latencies.items()):
        elapsed = [round(1e3 * sum(seconds[: n + 1]), 3) for n in range(len(seconds))]
        hover = sentences.TOKEN_AFTER.format(name)
        line = line_style(index, 2.5) | {"shape": "hv"}
        figure.add_trace(scatter(elapsed, range(1, len(seconds) + 1), hover, name=name, line=line))
    figure.update_xaxes(title_text="time since the call", ticksuffix=" ms", rangemode="tozero")
    return figure.update_yaxes(title_text="tokens emitted", rangemode="tozero")


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
    words = [shown_token(token) for token in tokens]
    return stacked_shares(340, words, parts).update_layout(bargap=0.3)


def plot_rounds(rounds: Sequence[Any], text_of: Callable[[int], str]) -> go.Figure:
    """The rounds of a generation, one line each: what was accepted, what followed, what was thrown away.

    Args:
        rounds: of ``specdec_lib.decoding.trace.Trace``: token_ids, draft_ids, num_accepted, kind.
        text_of: the text of one token id.
    """
    width = max(max(len(r.token_ids), len(r.draft_ids)) for r in rounds)
    lines = [_round_cells(r, text_of, width) for r in rounds]
    figure = new_figure(90 + 26 * len(rounds), showlegend=True)
    cells = heatmap(
        [[code or None for code, _ in line] for line in lines],
        [[_cell_label(code, token) for code, token in line] for line in lines],
        sentences.VERDICT_ON_A_TOKEN,
        span=(1, 4),
        gap=2,
        customdata=[[_KINDS[code][0] if code else "" for code, _ in line] for line in lines],
        x=list(range(1, width + 1)),
        y=list(range(1, len(rounds) + 1)),
        textfont={"size": 11, "color": INK},
        colorscale=[[(code - 1) / 3, color] for code, (_, _, color) in _KINDS.items()],
        hoverongaps=False,
    )
    figure.add_trace(cells)
    for label, letter, color in _KINDS.values():
        marker = {"color": color, "symbol": "square", "size": 12}
        figure.add_trace(legend_entry(f"{letter}: {label}", marker=marker, hoverinfo="skip"))
    figure.update_xaxes(title_text="token of the round", dtick=1, showgrid=False, ticks="")
    return figure.update_yaxes(title_text="round", showgrid=False, ticks="", autorange="reversed")


def plot_speedup_by_k(rows: Rows) -> go.Figure:
    """Speedup over K: the formula's dashed, the clock's with markers.

    Args:
        rows: k (ascending), predicted, measured.
    """
    ks = column(rows, "k")
    lines = (
        ("predicted: E / (K·c + v(K))", "predicted", AMBER, "dash", "diamond-open"),
        ("measured", "measured", BLUE, "solid", "circle"),
    )
    figure = new_figure(340)
    for name, kind, color, dash, symbol in lines:
        look = {"line": {"color": color, "dash": dash, "width": 2.5}, "marker": {"symbol": symbol, "size": 9}}
        hover = sentences.SPEEDUP_OF_A_KIND.format(kind)
        figure.add_trace(scatter(ks, column(rows, kind, 4), hover, name=name, **look))
    figure.add_hline(y=1, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text="draft tokens a round, K", tickvals=ks)
    return figure.update_yaxes(title_text="speedup", ticksuffix="×", rangemode="tozero")


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
