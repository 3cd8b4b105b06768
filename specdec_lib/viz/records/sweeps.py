"""Figures of how a sweep is laid out: the order of its runs, and what more prompts would buy.

Rows are plain values, made by whoever planned or measured. In the order of runs every arm carries its name in
its cell, so that its tint is a help and no signal. Nothing here knows a grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import DASHES, PALETTE, SYMBOLS, new_figure

Rows = Sequence[Mapping[str, Any]]

_TINTS = ("#d9dde2", "#a9d0ec", "#f3b58a", "#9fdcc6", "#dcb8d0", "#e6cf9c")
_TEXT = "#111111"


def plot_order(rows: Rows) -> go.Figure:
    """In which order runs are made: a line a block, from top to bottom, its arms from left to right.

    Args:
        rows: block (a name for the line, in order), arm (its name), turn (place in the block, from 0).
    """
    blocks = list(dict.fromkeys(row["block"] for row in rows))
    arms = sorted({row["arm"] for row in rows}, key=[row["arm"] for row in rows].index)
    turns = range(max((row["turn"] for row in rows), default=-1) + 1)
    names = {(row["block"], row["turn"]): row["arm"] for row in rows}
    table = [[names.get((block, turn)) for turn in turns] for block in blocks]
    figure = new_figure(78 + 27 * len(blocks), showlegend=False)
    figure.add_trace(
        go.Heatmap(
            x=[f"{turn + 1}." for turn in turns],
            y=blocks,
            z=[[None if name is None else arms.index(name) for name in line] for line in table],
            text=[[name or "" for name in line] for line in table],
            texttemplate="%{text}",
            textfont={"size": 12, "color": _TEXT},
            colorscale=_steps(len(arms)),
            zmin=-0.5,
            zmax=max(len(arms), 1) - 0.5,
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="<b>%{y}</b>: %{text} runs %{x}<extra></extra>",
        )
    )
    figure.update_xaxes(
        type="category", side="top", showgrid=False, showline=False, ticks="", title_text="turn in the block"
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, showline=False, ticks="")
    return figure


def _steps(count: int) -> list[list[float | str]]:
    """A colour scale of ``count`` equal steps, each of one tint."""
    edges = [index / max(count, 1) for index in range(max(count, 1) + 1)]
    tints = [_TINTS[index % len(_TINTS)] for index in range(max(count, 1))]
    return [
        [edge, tint] for tint, low, high in zip(tints, edges, edges[1:], strict=False) for edge in (low, high)
    ]


def plot_width(rows: Rows) -> go.Figure:
    """How wide the interval of a speedup is by the number of prompts, both logarithmic, a line a name.

    Args:
        rows: name, num_prompts (ascending within a name), width (a share of the speedup).
    """
    figure = new_figure(360)
    for index, name in enumerate(dict.fromkeys(row["name"] for row in rows)):
        line = [row for row in rows if row["name"] == name]
        color, symbol = PALETTE[index % len(PALETTE)], SYMBOLS[index % len(SYMBOLS)]
        figure.add_trace(
            go.Scatter(
                x=[row["num_prompts"] for row in line],
                y=[_digits(row["width"]) for row in line],
                mode="lines+markers",
                name=name,
                line={"color": color, "dash": DASHES[index % len(DASHES)], "width": 2},
                marker={"color": color, "symbol": symbol, "size": 8},
                hovertemplate=f"<b>{name}</b><br>%{{x}} prompts a domain: %{{y:.1%}} wide<extra></extra>",
            )
        )
    ticks = sorted({row["num_prompts"] for row in rows})
    figure.update_xaxes(type="log", title_text="prompts a domain (log scale)", tickvals=ticks)
    figure.update_yaxes(
        type="log",
        title_text="width (log scale)",
        tickvals=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
        tickformat=".0%",
    )
    return figure


def plot_choices(rows: Rows) -> go.Figure:
    """What the best K was measured to give where it was chosen, and what on other prompts, by their number.

    Args:
        rows: name (a pair of lines), num_prompts, claimed, delivered (mean speedups).
    """
    figure = new_figure(340)
    for index, name in enumerate(dict.fromkeys(row["name"] for row in rows)):
        line = [row for row in rows if row["name"] == name]
        for column, dash, empty in (("claimed", "dash", "-open"), ("delivered", "solid", "")):
            symbol = SYMBOLS[index % len(SYMBOLS)] + empty
            figure.add_trace(
                go.Scatter(
                    x=[row["num_prompts"] for row in line],
                    y=[_digits(row[column]) for row in line],
                    mode="lines+markers",
                    name=f"{name}, {column}",
                    line={"color": PALETTE[index % len(PALETTE)], "dash": dash, "width": 2},
                    marker={"symbol": symbol, "size": 10},
                    hovertemplate=(
                        f"<b>{name}</b><br>chosen by %{{x}} prompts, {column} %{{y:.2f}}×<extra></extra>"
                    ),
                )
            )
    ticks = sorted({row["num_prompts"] for row in rows})
    figure.update_xaxes(title_text="prompts a domain to choose by", tickvals=ticks)
    figure.update_yaxes(title_text="mean speedup of the chosen K", ticksuffix="×")
    return figure


def _digits(value: float) -> float:
    """Six digits: what another library's rounding changes is behind them."""
    return float(f"{value:.6g}")
