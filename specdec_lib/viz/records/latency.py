"""Figures of time: how long a token takes, and where a round's time goes.

A token's latency is the time of its round over the tokens of that round (time per output
token), so autoregressive and speculative decoding are read on one axis. Shares of a round come
from runs that were marked as profiles: they synchronise, and are not the timed ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import (
    AMBER,
    BLUE,
    DASHES,
    GREEN,
    GREY,
    PHASE_STYLE,
    PURPLE,
    VERMILLION,
    Rows,
    hatched,
)
from specdec_lib.viz.traces import bars, distinct, named, scatter, temperature_panels, xy

_LINE_COLORS = (GREY, AMBER, VERMILLION, PURPLE, BLUE, GREEN)
_LOG_TICKS = [m * 10.0**e for e in range(-2, 5) for m in (1, 2, 3, 5, 7)]


def plot_latency_ecdf(rows: Rows) -> go.Figure:
    """Share of tokens that took at most x milliseconds, a line a decoder, a panel a temperature.

    Args:
        rows: of ``latency_table``: temperature, decoder, quantiles_ms (ascending, evenly spaced
            from the smallest to the largest), tpot_ms, p50_ms, p95_ms, num_tokens.
    """
    figure, parts = temperature_panels(rows, 220, legend_height=40)
    decoders = distinct(rows, "decoder")
    for panel, own in parts:
        for row in own:
            trace = _ecdf(row, decoders.index(row["decoder"]), is_listed=panel == 1)
            figure.add_trace(trace, row=panel, col=1)
    figure.update_xaxes(type="log", tickvals=_LOG_TICKS, range=_log_range(rows), showticklabels=True)
    figure.update_xaxes(title_text="milliseconds per token (log scale)", row=len(parts))
    return figure.update_yaxes(range=[0, 1.02], tickformat=".0%")


def _log_range(rows: Rows) -> list[float]:
    """From the fastest token to the slowest but the last half per cent, as powers of ten."""
    tails = [row["quantiles_ms"] for row in rows] or [[1.0]]
    least, most = min(tail[0] for tail in tails), max(tail[-1 - len(tail) // 200] for tail in tails)
    return [math.log10(0.9 * least), math.log10(1.1 * most)]


def _ecdf(row: Mapping[str, Any], style: int, is_listed: bool) -> go.Scatter:
    values = row["quantiles_ms"]
    steps = max(1, len(values) - 1)
    color, dash = _LINE_COLORS[style % len(_LINE_COLORS)], DASHES[style % len(DASHES)]
    return scatter(
        values,
        [index / steps for index in range(len(values))],
        sentences.TOKENS_WITHIN.format(
            row["decoder"], row["tpot_ms"], row["p50_ms"], row["p95_ms"], row["num_tokens"]
        ),
        line={"color": color, "dash": dash, "width": 2.2},
        **named(row["decoder"], is_listed),
    )


def plot_round_time(rows: Rows) -> go.Figure:
    """Where the time of one round goes, a bar a decoder, stacked by phase; panels are temperatures.

    Args:
        rows: of ``phase_table``: temperature, decoder, draft_ms, verify_ms, sampling_ms,
            rollback_ms, other_ms, round_ms (all per round), tokens_per_round.
    """
    figure, parts = temperature_panels(rows, 36 * len(distinct(rows, "decoder")), legend_height=40)
    for panel, own in parts:
        for phase in PHASE_STYLE:
            figure.add_trace(_phase_bars(own, phase, panel == 1), row=panel, col=1)
    figure.update_layout(barmode="stack", bargap=0.25, legend={"traceorder": "normal"})
    figure.update_xaxes(ticksuffix=" ms", showticklabels=True)
    figure.update_xaxes(title_text="time of one round", row=len(parts))
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def _phase_bars(rows: Rows, phase: str, is_listed: bool) -> go.Bar:
    label, color, pattern = PHASE_STYLE[phase]
    label, spent = "everything else" if phase == "other" else label, f"{phase}_ms"
    return bars(
        *xy(rows, spent, "decoder"),
        sentences.PHASE_OF_A_ROUND.format(label),
        orientation="h",
        marker=hatched(color, pattern),
        customdata=[[row[spent] / row["round_ms"], row["round_ms"], row["tokens_per_round"]] for row in rows],
        **named(label, is_listed),
    )
