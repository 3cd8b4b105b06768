"""Figures of how a sweep is laid out: the order of its runs, and what more prompts would buy.

Rows are plain values, made by whoever planned or measured. In the order of runs every arm carries its name in
its cell, so that its tint is a help and no signal. Nothing here knows a grid.
"""

from __future__ import annotations

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import PALETTE, SYMBOLS, Rows, line_style, marker_style, new_figure
from specdec_lib.viz.traces import column, curve, distinct, heatmap, scatter, series, significant

_TINTS = ("#d9dde2", "#a9d0ec", "#f3b58a", "#9fdcc6", "#dcb8d0", "#e6cf9c")


def plot_order(rows: Rows) -> go.Figure:
    """In which order runs are made: a line a block, from top to bottom, its arms from left to right.

    Args:
        rows: block (a name for the line, in order), arm (its name), turn (place in the block, from 0).
    """
    blocks, arms = distinct(rows, "block"), distinct(rows, "arm")
    turns = range(max((row["turn"] for row in rows), default=-1) + 1)
    names = {(row["block"], row["turn"]): row["arm"] for row in rows}
    table = [[names.get((block, turn)) for turn in turns] for block in blocks]
    figure = new_figure(78 + 27 * len(blocks), showlegend=False)
    cells = heatmap(
        [[None if name is None else arms.index(name) for name in line] for line in table],
        [[name or "" for name in line] for line in table],
        sentences.WHEN_AN_ARM_RAN,
        span=(-0.5, max(len(arms), 1) - 0.5),
        x=[f"{turn + 1}." for turn in turns],
        y=blocks,
        colorscale=_steps(len(arms)),
    )
    figure.add_trace(cells)
    figure.update_xaxes(
        type="category", side="top", showgrid=False, showline=False, ticks="", title_text="turn in the block"
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False, showline=False, ticks="")


def _steps(count: int) -> list[list[float | str]]:
    """A colour scale of ``count`` equal steps, each of one tint."""
    count = max(count, 1)
    return [[edge / count, _TINTS[i % len(_TINTS)]] for i in range(count) for edge in (i, i + 1)]


def plot_width(rows: Rows) -> go.Figure:
    """How wide the interval of a speedup is by the number of prompts, both logarithmic, a line a name.

    Args:
        rows: name, num_prompts (ascending within a name), width (a share of the speedup).
    """
    figure = new_figure(360)
    for index, (name, line) in enumerate(series(rows, "name")):
        marker = marker_style(index, 8, color=PALETTE[index % len(PALETTE)])
        hover, widths = sentences.WIDTH_OF_AN_INTERVAL.format(name), _heights(line, "width")
        figure.add_trace(curve(column(line, "num_prompts"), widths, hover, index, name=name, marker=marker))
    ticks = sorted({row["num_prompts"] for row in rows})
    figure.update_xaxes(type="log", title_text="prompts a domain (log scale)", tickvals=ticks)
    return figure.update_yaxes(
        type="log",
        title_text="width (log scale)",
        tickvals=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
        tickformat=".0%",
    )


def plot_choices(rows: Rows) -> go.Figure:
    """What the best K was measured to give where it was chosen, and what on other prompts, by their number.

    Args:
        rows: name (a pair of lines), num_prompts, claimed, delivered (mean speedups).
    """
    figure = new_figure(340)
    for index, (name, line) in enumerate(series(rows, "name")):
        for kind, dash, empty in (("claimed", "dash", "-open"), ("delivered", "solid", "")):
            marker = {"symbol": SYMBOLS[index % len(SYMBOLS)] + empty, "size": 10}
            look = {"line": line_style(index, 2) | {"dash": dash}, "marker": marker}
            hover = sentences.WORTH_OF_A_CHOICE.format(name, kind)
            xy = column(line, "num_prompts"), _heights(line, kind)
            figure.add_trace(scatter(*xy, hover, name=f"{name}, {kind}", **look))
    ticks = sorted({row["num_prompts"] for row in rows})
    figure.update_xaxes(title_text="prompts a domain to choose by", tickvals=ticks)
    return figure.update_yaxes(title_text="mean speedup of the chosen K", ticksuffix="×")


def _heights(rows: Rows, name: str) -> list[float]:
    return [significant(row[name]) for row in rows]
