"""Figures of sampling: what each warper leaves of a distribution, and acceptance over temperature.

Rows are plain values, computed elsewhere; a token's text is untrusted and is escaped before it is shown.
Tokens are told apart by their text and their place, series by symbol and dash; colour only helps.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import INK, Rows, error_bars, new_figure
from specdec_lib.viz.tokens import shown_token
from specdec_lib.viz.traces import bars, column, curve, distinct, series

_TINTS = ("#8dbbe6", "#e8a06c", "#7fbf9f", "#d3a3c6", "#d9bd74")
_OTHERS = "#d9d9d9"
OTHERS = "all others"
"""The token text of what is not shown one by one."""


def plot_warpers(rows: Rows) -> go.Figure:
    """A distribution laid end to end on a line of length one, a line a stage of warping.

    Args:
        rows: stage, token (text, or :data:`OTHERS`), probability; stages from the top down, tokens from the
            left. A token that a stage lacks has probability 0 there.
    """
    stages = distinct(rows, "stage")
    share = {(row["stage"], row["token"]): float(row["probability"]) for row in rows}
    figure = new_figure(90 + 44 * len(stages), barmode="stack", bargap=0.25, showlegend=False)
    for index, token in enumerate(distinct(rows, "token")):
        others = token == OTHERS
        lengths = [round(share.get((stage, token), 0.0), 4) for stage in stages]
        label = token if others else shown_token(token)
        trace = bars(
            lengths,
            stages,
            sentences.PROBABILITY_UNDER_A_RULE.format(label),
            orientation="h",
            name=label,
            text=[label if length else "" for length in lengths],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": INK, "size": 12},
            marker=_segment(index, others),
        )
        figure.add_trace(trace)
    figure.update_layout(uniformtext={"minsize": 11, "mode": "hide"})
    figure.update_xaxes(title_text="probability", tickformat=".0%", range=[0, 1.004])
    return figure.update_yaxes(autorange="reversed", showgrid=False, ticks="")


def _segment(index: int, others: bool) -> dict[str, Any]:
    """A segment's fill; its border is what divides it from a neighbour of the same tint."""
    pattern = {"shape": "/" if others else "", "fillmode": "overlay", "fgcolor": "#8f959e", "size": 6}
    color = _OTHERS if others else _TINTS[index % len(_TINTS)]
    return {"color": color, "pattern": pattern, "line": {"color": "#3b3f45", "width": 1}}


def plot_overlap_by_temperature(rows: Rows) -> go.Figure:
    """The probability that a draft token is kept over the temperature, a line a series.

    Args:
        rows: series, temperature (ascending within a series), alpha; low and high where it was estimated.
    """
    figure = new_figure(400)
    for index, (name, chosen) in enumerate(series(rows, "series")):
        estimated = all("low" in row for row in chosen)
        trace = curve(
            column(chosen, "temperature"),
            column(chosen, "alpha", 4),
            sentences.KEPT_AT_A_TEMPERATURE.format(name),
            index,
            width=2.5,
            size=9,
            error_y=error_bars(chosen, "alpha", thickness=1.5, width=4) if estimated else None,
            name=name,
            cliponaxis=False,
        )
        figure.add_trace(trace)
    figure.update_xaxes(title_text="temperature", rangemode="tozero")
    return figure.update_yaxes(title_text="draft tokens kept, α", tickformat=".0%", range=[0, 1.02])
