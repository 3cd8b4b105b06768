"""Figures of trials: how p-values fall while evidence grows, how much each mutant needed, what replays leave.

Rows are plain values. A wrong decoder is a coloured line with a symbol and a dash of its own, one with
nothing wrong is grey and open; a trial has a symbol as well as a colour.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import DASHES, GREY, PALETTE, SYMBOLS, Rows, marker_style, new_figure
from specdec_lib.viz.traces import column, distinct, scatter, series, significant

_COLORS = tuple(color for color in PALETTE if color != GREY)
_OPEN = ("circle-open", "square-open", "diamond-open", "x-open")
_NONE = 0.15  # where a logarithmic axis shows a trial that sampled nothing


def plot_falling_p_values(rows: Rows, level: float = 1e-6, least: float = 1e-18) -> go.Figure:
    """p-value over the number of generations, both logarithmic, a line a decoder.

    Args:
        rows: name, is_control, num_samples (ascending within a name), p_value.
        level: p-values below it reject; a dashed line.
        least: smaller p-values are drawn here, with an arrow's head in the place of their symbol.
    """
    figure = new_figure(420)
    seen = {False: 0, True: 0}
    for name, line in series(rows, "name"):
        control = bool(line[0]["is_control"])
        figure.add_trace(_fall(line, name, control, seen[control], least))
        seen[control] += 1
    figure.add_hline(y=level, line={"color": GREY, "dash": "dash", "width": 1.5})
    place = {"x": 0.01, "xref": "paper", "xanchor": "left", "yanchor": "bottom", "font": {"size": 12}}
    words, at = f"rejected below {_power_of_ten(level)}", math.log10(level)  # as a logarithmic axis wants it
    figure.add_annotation(**place, y=at, text=words, showarrow=False)
    ticks = sorted({row["num_samples"] for row in rows})
    figure.update_xaxes(
        type="log", title_text="generations, N", tickvals=ticks, ticktext=[f"{n}" for n in ticks]
    )
    powers = range(math.floor(math.log10(least)), 1, 3)
    return figure.update_yaxes(
        type="log",
        title_text="p-value",
        tickvals=[10.0**power for power in powers],
        ticktext=[_power_of_ten(10.0**power) for power in powers],
        range=[math.log10(least) - 0.7, 0.7],
    )


def _power_of_ten(value: float) -> str:
    power = round(math.log10(value))
    return f"10<sup>{power}</sup>".replace("-", "−") if power else "1"


def _fall(line: Rows, name: str, control: bool, index: int, least: float) -> go.Scatter:
    symbol = _OPEN[index % len(_OPEN)] if control else SYMBOLS[index % len(SYMBOLS)]
    color = GREY if control else _COLORS[index % len(_COLORS)]
    symbols = ["triangle-down" if row["p_value"] < least else symbol for row in line]
    return scatter(
        column(line, "num_samples"),
        [max(least, significant(row["p_value"], 3)) for row in line],
        sentences.P_VALUE_SO_FAR.format(name),
        name=f"{name} (control)" if control else name,
        line={"color": color, "dash": "dot" if control else DASHES[index % len(DASHES)], "width": 2},
        marker={"color": color, "symbol": symbols, "size": 9},
        customdata=[f"{row['p_value']:.1e}" for row in line],
    )


def plot_replays(rows: Rows, sampled: Rows = (), least: float = 1e-6) -> go.Figure:
    """The distance from a law that is proved, and the largest still possible, over replays; both logarithmic.

    Args:
        rows: name, num_replays (ascending within a name), least, largest: total variation that is proved, and
            that is not excluded.
        sampled: num_samples, deviation: what so many answers would catch; a grey dashed line, if any.
        least: smaller distances are drawn here, with an arrow's head in the place of their symbol: what
            float32 forwards leave, whose digits are the processor's.
    """
    figure = new_figure(440)
    for index, (name, line) in enumerate(series(rows, "name")):
        for kind, dash in (("largest", "solid"), ("least", "dot")):
            figure.add_trace(_distances(line, name, kind, dash, index, least))
    if sampled:
        figure.add_trace(_seen_by_sampling(sampled))
    log: dict[str, Any] = {"type": "log", "dtick": 1, "exponentformat": "power"}
    title, step = ("replays, or sampled answers", 2) if sampled else ("replays", 1)
    figure.update_xaxes(title_text=title, **{**log, "dtick": step})
    floor = math.log10(least) - 0.4
    return figure.update_yaxes(title_text="total variation distance", range=[floor, 0.3], **log)


def _seen_by_sampling(rows: Rows) -> go.Scatter:
    deviations = column(rows, "deviation")
    return scatter(
        column(rows, "num_samples"),
        [significant(deviation, 3) for deviation in deviations],
        sentences.CAUGHT_BY_SAMPLES.format("sampling"),
        name="what sampling sees",
        line={"color": GREY, "dash": "dash", "width": 2},
        customdata=[f"{deviation:.2g}" for deviation in deviations],
    )


def _distances(line: Rows, name: str, kind: str, dash: str, index: int, least: float) -> go.Scatter:
    values, symbol = column(line, kind), SYMBOLS[index % len(SYMBOLS)]
    says = {"largest": "off at most", "least": "off at least"}[kind]
    symbols = [symbol if value >= least else "triangle-down" for value in values]
    if kind == "least":
        symbols = [f"{one}-open" for one in symbols]
    return scatter(
        column(line, "num_replays"),
        [max(least, significant(value, 3)) for value in values],
        sentences.DISTANCE_LEFT.format(name, says),
        name=f"{name}, {kind}",
        line={"color": _COLORS[index % len(_COLORS)], "dash": dash, "width": 2},
        marker={"color": _COLORS[index % len(_COLORS)], "symbol": symbols, "size": 4},
        customdata=[f"{value:.1e}" if value >= least else f"below {least:.0e}" for value in values],
    )


def plot_smallest_n(rows: Rows) -> go.Figure:
    """The number of generations at which each mutant was rejected, a dot a seed, grouped by trial.

    Dots of several seeds at one number become one, larger, dot. A trial that enumerates samples nothing;
    its dots stand apart at the left.

    Args:
        rows: name, trial, seed, killed_at (None where the mutant survived, which is not drawn).
    """
    trials = distinct(rows, "trial")
    names = sorted(distinct(rows, "name"), key=lambda name: _rank(rows, trials, name))
    figure = new_figure(150 + 19 * len(names))
    for index, (trial, own) in enumerate(series(rows, "trial")):
        figure.add_trace(_dots(own, trial, index))
    ticks = [_NONE, 1, 50, 400, 3200]
    largest = max([row["killed_at"] or 1 for row in rows], default=1)
    figure.update_xaxes(
        type="log",
        title_text="generations until rejected",
        tickvals=ticks,
        ticktext=["none", *(str(tick) for tick in ticks[1:])],
        range=[math.log10(_NONE) - 0.2, math.log10(max(largest, 50)) + 0.25],
        tickangle=0,
    )
    return figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=names[::-1],
        range=[-0.8, len(names) - 0.2],
        tickfont={"size": 10},
    )


def _rank(rows: Rows, trials: Sequence[str], name: str) -> tuple[int, float, str]:
    own = [row for row in rows if row["name"] == name]
    killed = [row["killed_at"] for row in own if row["killed_at"] is not None]
    return trials.index(own[0]["trial"]), median(killed) if killed else math.inf, name


def _dots(rows: Rows, trial: str, index: int) -> go.Scatter:
    counts = Counter((row["name"], row["killed_at"]) for row in rows if row["killed_at"] is not None)
    seeds = Counter(row["name"] for row in rows)
    sizes = [round(6 + 8 * math.sqrt(n / seeds[name]), 1) for (name, _), n in counts.items()]
    return scatter(
        [killed_at or _NONE for _, killed_at in counts],
        [name for name, _ in counts],
        sentences.REJECTED_AFTER.format(trial),
        name=trial,
        marker=marker_style(index, sizes, color=PALETTE[index % len(PALETTE)], opacity=0.85),
        customdata=[[n, seeds[name], killed_at] for (name, killed_at), n in counts.items()],
    )
