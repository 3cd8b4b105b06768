"""Figures of rounding: the gap between the two best logits, the noise under it, and a bound on laws.

Rows are plain values, computed elsewhere; a token's text is untrusted and is escaped before it is shown.
Every series has a symbol or a dash beside its colour.
"""

from __future__ import annotations

import math

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import BLUE, DASHES, GREY, PALETTE, Rows, marker_style, new_figure
from specdec_lib.viz.tokens import shown_token
from specdec_lib.viz.traces import column, scatter, series, significant


def plot_gap_and_noise(gaps: Rows, noises: Rows) -> go.Figure:
    """Gaps of the two best logits along a text, over the noise that rounding puts between two forwards.

    Args:
        gaps: place, token (text), gap. A gap of 0 is a tie, for which a logarithmic axis has no place.
        noises: series, place, noise; a noise of 0 interrupts its line.
    """
    figure = new_figure(420)
    open_gaps = [row for row in gaps if row["gap"] > 0]
    trace = scatter(
        column(open_gaps, "place"),
        [_short(row["gap"]) for row in open_gaps],
        sentences.AHEAD_BY,
        customdata=[shown_token(row["token"]) for row in open_gaps],
        name="gap of the two best logits",
        marker=marker_style(0, 7, color=BLUE),
    )
    figure.add_trace(trace)
    for index, (name, chosen) in enumerate(series(noises, "series"), start=1):
        noise = [_short(row["noise"]) if row["noise"] > 0 else None for row in chosen]
        line = {"color": PALETTE[index], "dash": DASHES[index - 1], "width": 2}
        look = {"name": name, "line": line, "marker": marker_style(index, 4), "connectgaps": False}
        hover = sentences.LOGITS_DIFFER_BY.format(name)
        figure.add_trace(scatter(column(chosen, "place"), noise, hover, **look))
    figure.update_xaxes(title_text="token of the text")
    return figure.update_yaxes(title_text="difference of logits", type="log", dtick=1, exponentformat="power")


def plot_rounding_bound(rows: Rows) -> go.Figure:
    """Distances of two laws over the range R / τ by which their logits differ, under the bound tanh(R / 4τ).

    Args:
        rows: series, range (R / τ), distance (total variation). Rows with a zero have no place here.
    """
    figure = new_figure(420)
    shown = [row for row in rows if row["range"] > 0 and row["distance"] > 0]
    for index, (name, chosen) in enumerate(series(shown, "series")):
        xy = [_short(row["range"]) for row in chosen], [_short(row["distance"]) for row in chosen]
        marker = marker_style(index, 7, color=PALETTE[index], opacity=0.75)
        hover = sentences.RANGE_AND_DISTANCE.format(name)
        figure.add_trace(scatter(*xy, hover, name=name, marker=marker))
    figure.add_trace(_bound(min(row["range"] for row in shown), max(row["range"] for row in shown)))
    log = {"type": "log", "dtick": 1, "exponentformat": "power"}
    figure.update_xaxes(title_text="range of the logits' difference, R / τ", **log)
    return figure.update_yaxes(title_text="total variation distance", **log)


def _bound(low: float, high: float) -> go.Scatter:
    ranges = [low * (high / low) ** (n / 40) for n in range(41)]
    heights = [_short(math.tanh(r / 4)) for r in ranges]
    line = {"color": GREY, "dash": "dash", "width": 2}
    return scatter([_short(r) for r in ranges], heights, "", name="bound tanh(R / 4τ)", line=line)


def _short(value: float) -> float:
    """Four significant digits, which a figure cannot show more of."""
    return significant(value, 4)
