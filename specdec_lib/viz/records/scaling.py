"""Figures of growth and of rounds as they went by: time over context, K or depth, and a timeline.

Of the four questions: *how fast is it?*, drawn from rows of ``bench.tables.scaling``.

Lines carry their names at their ends, and a dash and a marker of their own beside their colour. Takes rows of
:mod:`specdec_lib.bench.tables.scaling` and rounds of a profiled run, and measures nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences, theme
from specdec_lib.viz.traces import bars, column, distinct, scatter, series, xy

_STYLE = {  # arm -> colour, marker, dash
    "ours round": (theme.BLUE, "circle", "solid"),
    "HF round": (theme.VERMILLION, "square", "dash"),
    "ours token": (theme.GREEN, "diamond", "dot"),
    "HF token": (theme.AMBER, "triangle-up", "dashdot"),
    "ours token, compiled": (theme.PURPLE, "x", "longdash"),
    "ours forward": (theme.AMBER, "diamond", "dash"),
    "draft forward": (theme.GREY, "cross", "longdashdot"),
}
_AXIS = {
    "context": "tokens of context",
    "k": "draft tokens a round, K",
    "depth": "layers of the target",
}
_TIMES = [m * 10.0**e for e in range(-2, 6) for m in (1, 2, 5)]
_LABEL_GAP, _LABEL_WIDTH = 0.09, 96
"""Distance of two labels at least, as a share of the axis' height; pixels kept for them at the right."""


def plot_scaling(rows: theme.Rows, vary: str = "context") -> go.Figure:
    """Time of a round and of a token over one axis, a line an arm, its name at its end.

    Both axes are logarithmic for the context; for K and the depth both are linear and the times start at 0.

    Args:
        rows: of ``scaling_table``: vary, value, arm, median, low, high (milliseconds), ratio.
    """
    chosen = [row for row in rows if row["vary"] == vary]
    arms = distinct(chosen, "arm")
    figure = theme.new_figure(400, showlegend=False, margin={"l": 8, "r": _LABEL_WIDTH, "t": 24, "b": 8})
    for arm, own in series(chosen, "arm"):
        figure.add_trace(_line(own, arm, _AXIS[vary]))
    if not chosen:
        return figure
    is_log = vary == "context"
    place = math.log10 if is_log else float
    x_range, y_range = _ranges(chosen, place, is_log)
    ends = {arm: max((r for r in chosen if r["arm"] == arm), key=lambda r: r["value"]) for arm in arms}
    gap = _LABEL_GAP * (y_range[1] - y_range[0])
    heights = theme.spread([place(ends[arm]["median"]) for arm in arms], gap)
    for arm, height in zip(arms, heights, strict=True):
        figure.add_annotation(
            x=place(max(row["value"] for row in chosen)),
            y=height,
            text=arm.replace(", ", ",<br>"),
            align="left",
            font={"color": _style(arm)[0], "size": 12},
            xanchor="left",
            xshift=9,
            showarrow=False,
        )
    kind = "log" if is_log else "linear"
    values = sorted({row["value"] for row in chosen})
    figure.update_xaxes(type=kind, range=x_range, title_text=_AXIS[vary], tickvals=_ticks(values, is_log))
    figure.update_yaxes(type=kind, range=y_range, title_text="milliseconds")
    return figure.update_yaxes(tickvals=_TIMES) if is_log else figure


def plot_timeline(rounds: Sequence[Any], room: float = 0.0) -> go.Figure:
    """Rounds one after the other on a time axis, a lane a phase; a dotted line ends each round.

    Args:
        rounds: of the trace of a run with ``profile=True``: seconds, phases_ms, token_ids, draft_ids. What
            the phases do not cover is drawn as "other", at the end of its round.
        room: share of the axis that the words about a round need; a round that leaves less gets none.
    """
    pieces = _pieces(rounds)
    total = sum(1e3 * round_.seconds for round_ in rounds)
    height = 82 + 44 * (1 + len(theme.PHASE_STYLE))
    figure = theme.new_figure(height, bargap=0.25, barmode="overlay", showlegend=False)
    names = {}
    for key, (label, color, pattern) in theme.PHASE_STYLE.items():
        own = [piece for piece in pieces if piece["phase"] == key]
        spent = sum(column(own, "ms"))
        names[key] = f"{label}<br>{_percent(spent / (total or 1.0))}"
        figure.add_trace(_lane(own, names[key], label, color, pattern))
    edge, free = 0.0, float("-inf")
    for number, round_ in enumerate(rounds, start=1):
        start, edge = edge, edge + 1e3 * round_.seconds
        figure.add_vline(x=edge, line={"color": theme.GREY, "dash": "dot", "width": 1})
        words = f"round {number}<br>{len(round_.token_ids)} tok"
        middle, half = (start + edge) / 2, room * total / 2
        if middle - half < free - 1e-9 * total:
            continue
        free = middle + half
        figure.add_annotation(
            x=middle, y=1, yref="paper", yanchor="bottom", text=words, showarrow=False, font={"size": 11}
        )
    figure.update_layout(margin={"t": 62})  # the words about the rounds, and plotly's buttons above them
    figure.update_xaxes(title_text="time since the first of these rounds", ticksuffix=" ms", range=[0, edge])
    figure.update_xaxes(showgrid=False, nticks=6)
    order = list(names.values())[::-1]
    return figure.update_yaxes(categoryorder="array", categoryarray=order, showgrid=False)


def _percent(share: float) -> str:
    return "< 1%" if 0 < share < 0.01 else f"{share:.0%}"


def _style(arm: str) -> tuple[str, str, str]:
    return _STYLE.get(arm, (theme.GREY, "star", "solid"))


def _line(rows: theme.Rows, arm: str, axis: str) -> go.Scatter:
    color, symbol, dash = _style(arm)
    rows = sorted(rows, key=lambda row: row["value"])
    return scatter(
        *xy(rows, "value", "median"),
        sentences.GROWTH_OF_AN_ARM.format(arm, axis),
        error_y=theme.error_bars(rows, "median", color=color, thickness=1.2, width=3),
        name=arm,
        line={"color": color, "dash": dash, "width": 2},
        marker={"color": color, "symbol": symbol, "size": 8},
        customdata=[[row["low"], row["high"], row["ratio"], rows[0]["value"]] for row in rows],
    )


def _ranges(rows: theme.Rows, place: Any, is_log: bool) -> tuple[list[float], list[float]]:
    """Both axes, a little wider than the lines."""
    values = [place(row["value"]) for row in rows]
    width = max(values) - min(values) or 1.0
    lows, highs = [place(row["low"]) for row in rows], [place(row["high"]) for row in rows]
    height = max(highs) - (min(lows) if is_log else 0.0) or 1.0
    bottom = min(lows) - 0.06 * height if is_log else 0.0
    return [min(values) - 0.04 * width, max(values) + 0.02 * width], [bottom, max(highs) + 0.06 * height]


def _ticks(values: Sequence[int], is_log: bool) -> list[int]:
    """Every value where they double; else those that leave each other room."""
    kept: list[int] = []
    span = values[-1] - values[0] or 1
    for value in values:
        if not kept or (value >= 1.9 * kept[-1] if is_log else value - kept[-1] >= 0.09 * span):
            kept.append(value)
    return kept


def _pieces(rounds: Sequence[Any]) -> list[dict[str, Any]]:
    """One piece a round and phase: where it starts and how long it is, in milliseconds."""
    pieces, now = [], 0.0
    for number, round_ in enumerate(rounds, start=1):
        total = 1e3 * round_.seconds
        spent = {key: round_.phases_ms.get(key, 0.0) for key in theme.PHASE_STYLE if key != "other"}
        spent["other"] = max(0.0, total - math.fsum(spent.values()))
        told = {"round": number, "drafted": len(round_.draft_ids), "total": total}
        at = now
        for key, milliseconds in spent.items():
            pieces.append({"phase": key, "start": at, "ms": milliseconds, **told})
            at += milliseconds
        now += total
    return pieces


def _lane(rows: theme.Rows, name: str, label: str, color: str, pattern: str) -> go.Bar:
    return bars(
        [round(row["ms"], 4) for row in rows],
        [name] * len(rows),
        sentences.PHASE_OF_THAT_ROUND.format(label),
        base=[round(row["start"], 4) for row in rows],
        orientation="h",
        name=label,
        marker=theme.hatched(color, pattern) | {"line": {"width": 1, "color": color}},
        customdata=[[row["round"], row["ms"] / (row["total"] or 1.0), row["drafted"]] for row in rows],
    )
