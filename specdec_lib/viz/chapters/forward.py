"""Figures of a single forward: the roofline, what width costs, what a cache saves.

Rows are plain dicts, made by whoever measured or computed them; times come in seconds and are
drawn in milliseconds. A bound is dashed and a measurement has markers, so that the two stay
apart without their colours. Nothing here knows a model or a device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import AMBER, BLUE, GREEN, GREY, INK, VERMILLION, Rows, marker_style, new_figure
from specdec_lib.viz.traces import column, heatmap, scatter, series, significant

_METHOD_STYLE = ((VERMILLION, "square", "dash"), (BLUE, "circle", "solid"), (GREEN, "diamond", "dot"))


def plot_forward_time(rows: Rows, marks: Mapping[int, str] | None = None) -> go.Figure:
    """Time of one forward over the number of tokens that it scores: two bounds and the larger of them.

    Args:
        rows: tokens (ascending), memory_time, compute_time (seconds).
        marks: label by number of tokens, for points of the bound worth naming; each must be in a row.
    """
    tokens = column(rows, "tokens")
    bounds = {
        "memory_time": ("reading the weights", BLUE, "dash"),
        "compute_time": ("arithmetic", AMBER, "dot"),
    }
    figure = new_figure(360)
    for bound, (name, color, dash) in bounds.items():
        times = [_ms(row[bound]) for row in rows]
        figure.add_trace(_line(tokens, times, name, color, dash, width=2))
    slower = {row["tokens"]: _ms(max(row["memory_time"], row["compute_time"])) for row in rows}
    figure.add_trace(_line(tokens, list(slower.values()), "the slower of both", GREY, "solid", 4))
    marker = {"color": VERMILLION, "size": 11, "symbol": "diamond"}
    for index, (count, label) in enumerate((marks or {}).items()):
        side, hover = ("bottom right", "top center")[index % 2], sentences.TIME_OF_A_FORWARD
        trace = _labelled(count, slower[count], label, side, hover, marker=marker, showlegend=False)
        figure.add_trace(trace)
    figure.update_xaxes(type="log", title_text="tokens that one forward scores", dtick=1)
    return figure.update_yaxes(type="log", title_text="time", ticksuffix=" ms", dtick=1)


def plot_roofline(points: Rows, peak_flops: float, bandwidth: float) -> go.Figure:
    """Attainable FLOP/s over arithmetic intensity, with the ridge and some workloads on the roof.

    Args:
        points: name, intensity (FLOP/byte).
        peak_flops: FLOP/s of the flat part.
        bandwidth: bytes/s, the slope of the inclined part.
    """
    ridge = peak_flops / bandwidth
    ends = [min([ridge / 10, *(point["intensity"] for point in points)]) / 3, ridge * 30]
    figure = new_figure(340, showlegend=False)
    corners = [ends[0], ridge, ends[1]]
    roof = [significant(min(peak_flops, x * bandwidth) / 1e12) for x in corners]
    figure.add_trace(_line(corners, roof, "the roof", GREY, "solid", width=3))
    for index, point in enumerate(points):
        name, at = point["name"], point["intensity"]
        height = significant(min(peak_flops, at * bandwidth) / 1e12)
        side = "middle right" if at < ridge else "top left"  # it covers no line and fits a narrow page
        hover = sentences.POINT_OF_THE_ROOFLINE
        look = {"name": name, "marker": marker_style(index, 12, color=VERMILLION)}
        figure.add_trace(_labelled(significant(at), height, name, side, hover, **look))
    figure.update_xaxes(type="log", title_text="arithmetic intensity, FLOP per byte", dtick=1)
    return figure.update_yaxes(type="log", title_text="attainable", ticksuffix=" TFLOP/s", dtick=1)


def plot_width_cost(rows: Rows) -> go.Figure:
    """Measured time of a forward by its width, against a forward that costs its width times the first.

    Args:
        rows: width (ascending, from 1), seconds (median), low, high (spread, seconds).
    """
    widths = column(rows, "width")
    single = rows[0]["seconds"]
    proportional = [_ms(single * width / widths[0]) for width in widths]
    figure = new_figure(340)
    figure.add_trace(_line(widths, proportional, "as many forwards of width 1", GREY, "dash", width=2))
    figure.add_trace(_measured(rows, "width", "one forward", BLUE, "circle", "solid"))
    figure.update_xaxes(title_text="tokens in the forward (its width)")
    return figure.update_yaxes(title_text="time", ticksuffix=" ms", rangemode="tozero")


def plot_step_time(rows: Rows) -> go.Figure:
    """Measured time of one more token over the length of the text, a line a method.

    Args:
        rows: method, length, seconds (median), low, high.
    """
    figure = new_figure(340)
    for index, (method, chosen) in enumerate(series(rows, "method")):
        color, symbol, dash = _METHOD_STYLE[index % len(_METHOD_STYLE)]
        figure.add_trace(_measured(chosen, "length", method, color, symbol, dash))
    figure.update_xaxes(title_text="tokens of text so far")
    return figure.update_yaxes(title_text="time of the next token", ticksuffix=" ms", rangemode="tozero")


def plot_attention_cells(length: int, num_cached: int) -> go.Figure:
    """Who looks at whom in a text of ``length`` tokens, and what a cache of ``num_cached`` spares.

    Rows look, columns are looked at. A row below ``num_cached`` was computed by an earlier forward.
    """
    kinds = [[_cell_kind(row, column, num_cached) for column in range(length)] for row in range(length)]
    signs, places = {0: "", 1: "·", 2: "●"}, list(range(1, length + 1))
    figure = new_figure(360)
    cells = heatmap(
        kinds,
        [[signs[kind] for kind in line] for line in kinds],
        sentences.LOOKS_AT,
        span=(0, 2),
        gap=2,
        x=places,
        y=places,
        textfont={"size": 15, "color": INK},
        colorscale=[[0, "rgba(0,0,0,0)"], [0.5, "#c9d3dc"], [1, "#5ba6e0"]],
    )
    figure.add_trace(cells)
    figure.update_xaxes(title_text="token looked at (its key and value)", dtick=1, showgrid=False, ticks="")
    return figure.update_yaxes(
        title_text="token that looks", dtick=1, showgrid=False, ticks="", autorange="reversed"
    )


def _cell_kind(row: int, column: int, num_cached: int) -> int:
    """0: the future, never looked at. 1: computed by an earlier forward. 2: computed now."""
    if column > row:
        return 0
    return 1 if row < num_cached else 2


def _ms(seconds: float) -> float:
    return significant(1e3 * seconds)


def _line(
    x: Sequence[float], y: Sequence[float], name: str, color: str, dash: str, width: float
) -> go.Scatter:
    return scatter(x, y, name=name, line={"color": color, "dash": dash, "width": width})


def _labelled(x: float, y: float, label: str, side: str, hover: str, **style: Any) -> go.Scatter:
    words = {"text": [label], "textposition": side, "cliponaxis": False}
    return scatter([x], [y], f"<b>{label}</b>: {hover}", **words, **style)


def _measured(rows: Rows, x: str, name: str, color: str, symbol: str, dash: str) -> go.Scatter:
    above = [_ms(row["high"] - row["seconds"]) for row in rows]
    below = [_ms(row["seconds"] - row["low"]) for row in rows]
    return scatter(
        column(rows, x),
        [_ms(row["seconds"]) for row in rows],
        sentences.MEDIAN_TIME.format(name, x),
        error_y={"array": above, "arrayminus": below, "color": color, "thickness": 1.2, "width": 3},
        name=name,
        line={"color": color, "dash": dash, "width": 2},
        marker={"color": color, "symbol": symbol, "size": 8},
    )
