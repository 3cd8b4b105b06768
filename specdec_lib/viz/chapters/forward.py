"""Figures of a single forward: the roofline, what width costs, what a cache saves.

Rows are plain dicts, made by whoever measured or computed them; times come in seconds and are
drawn in milliseconds. A bound is dashed and a measurement has markers, so that the two stay
apart without their colours. Nothing here knows a model or a device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from specdec_lib.viz.theme import AMBER, BLUE, GREEN, GREY, SYMBOLS, VERMILLION, Rows, new_figure

_METHOD_STYLE = ((VERMILLION, "square", "dash"), (BLUE, "circle", "solid"), (GREEN, "diamond", "dot"))


def plot_forward_time(rows: Rows, marks: Mapping[int, str] | None = None) -> go.Figure:
    """Time of one forward over the number of tokens that it scores: two bounds and the larger of them.

    Args:
        rows: tokens (ascending), memory_time, compute_time (seconds).
        marks: label by number of tokens, for points of the bound worth naming; each must be in a row.
    """
    tokens = [row["tokens"] for row in rows]
    bounds = {
        "memory_time": ("reading the weights", BLUE, "dash"),
        "compute_time": ("arithmetic", AMBER, "dot"),
    }
    figure = new_figure(360)
    for column, (name, color, dash) in bounds.items():
        times = [_ms(row[column]) for row in rows]
        figure.add_trace(_line(tokens, times, name, color, dash, width=2))
    slower = {row["tokens"]: _ms(max(row["memory_time"], row["compute_time"])) for row in rows}
    figure.add_trace(_line(tokens, list(slower.values()), "the slower of both", GREY, "solid", 4))
    for index, (count, label) in enumerate((marks or {}).items()):
        figure.add_trace(_mark(count, slower[count], label, ("bottom right", "top center")[index % 2]))
    figure.update_xaxes(type="log", title_text="tokens that one forward scores", dtick=1)
    figure.update_yaxes(type="log", title_text="time", ticksuffix=" ms", dtick=1)
    return figure


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
    roof = [_tera(min(peak_flops, x * bandwidth)) for x in corners]
    figure.add_trace(_line(corners, roof, "the roof", GREY, "solid", width=3))
    for index, point in enumerate(points):
        height = _tera(min(peak_flops, point["intensity"] * bandwidth))
        marker = _workload(point["name"], point["intensity"], height, SYMBOLS[index % len(SYMBOLS)])
        figure.add_trace(marker.update(textposition=_beside(point["intensity"], ridge)))
    figure.update_xaxes(type="log", title_text="arithmetic intensity, FLOP per byte", dtick=1)
    figure.update_yaxes(type="log", title_text="attainable", ticksuffix=" TFLOP/s", dtick=1)
    return figure


def plot_width_cost(rows: Rows) -> go.Figure:
    """Measured time of a forward by its width, against a forward that costs its width times the first.

    Args:
        rows: width (ascending, from 1), seconds (median), low, high (spread, seconds).
    """
    widths = [row["width"] for row in rows]
    single = rows[0]["seconds"]
    proportional = [_ms(single * width / widths[0]) for width in widths]
    figure = new_figure(340)
    figure.add_trace(_line(widths, proportional, "as many forwards of width 1", GREY, "dash", width=2))
    figure.add_trace(_measured(rows, "width", "one forward", BLUE, "circle", "solid"))
    figure.update_xaxes(title_text="tokens in the forward (its width)")
    figure.update_yaxes(title_text="time", ticksuffix=" ms", rangemode="tozero")
    return figure


def plot_step_time(rows: Rows) -> go.Figure:
    """Measured time of one more token over the length of the text, a line a method.

    Args:
        rows: method, length, seconds (median), low, high.
    """
    figure = new_figure(340)
    for index, method in enumerate(dict.fromkeys(row["method"] for row in rows)):
        chosen = [row for row in rows if row["method"] == method]
        color, symbol, dash = _METHOD_STYLE[index % len(_METHOD_STYLE)]
        figure.add_trace(_measured(chosen, "length", method, color, symbol, dash))
    figure.update_xaxes(title_text="tokens of text so far")
    figure.update_yaxes(title_text="time of the next token", ticksuffix=" ms", rangemode="tozero")
    return figure


def plot_attention_cells(length: int, num_cached: int) -> go.Figure:
    """Who looks at whom in a text of ``length`` tokens, and what a cache of ``num_cached`` spares.

    Rows look, columns are looked at. A row below ``num_cached`` was computed by an earlier forward.
    """
    kinds = [[_cell_kind(row, column, num_cached) for column in range(length)] for row in range(length)]
    signs = {0: "", 1: "·", 2: "●"}
    figure = new_figure(360)
    figure.add_trace(
        go.Heatmap(
            z=kinds,
            x=list(range(1, length + 1)),
            y=list(range(1, length + 1)),
            text=[[signs[kind] for kind in line] for line in kinds],
            texttemplate="%{text}",
            textfont={"size": 15, "color": "#111111"},
            colorscale=[[0, "rgba(0,0,0,0)"], [0.5, "#c9d3dc"], [1, "#5ba6e0"]],
            zmin=0,
            zmax=2,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="token %{y} looks at token %{x}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="token looked at (its key and value)", dtick=1, showgrid=False, ticks="")
    figure.update_yaxes(
        title_text="token that looks", dtick=1, showgrid=False, ticks="", autorange="reversed"
    )
    return figure


def _cell_kind(row: int, column: int, num_cached: int) -> int:
    """0: the future, never looked at. 1: computed by an earlier forward. 2: computed now."""
    if column > row:
        return 0
    return 1 if row < num_cached else 2


def _ms(seconds: float) -> float:
    return float(f"{1e3 * seconds:.6g}")


def _tera(flops: float) -> float:
    return float(f"{flops / 1e12:.6g}")


def _line(
    x: Sequence[float], y: Sequence[float], name: str, color: str, dash: str, width: float
) -> go.Scatter:
    style = {"color": color, "dash": dash, "width": width}
    return go.Scatter(x=list(x), y=list(y), mode="lines", name=name, line=style)


def _mark(tokens: int, milliseconds: float, label: str, position: str) -> go.Scatter:
    return go.Scatter(
        x=[tokens],
        y=[milliseconds],
        mode="markers+text",
        text=[label],
        textposition=position,
        marker={"color": VERMILLION, "size": 11, "symbol": "diamond"},
        showlegend=False,
        cliponaxis=False,
        hovertemplate=f"<b>{label}</b>: %{{x}} tokens, %{{y:.3g}} ms<extra></extra>",
    )


def _beside(intensity: float, ridge: float) -> str:
    """Where a label covers no line and fits a narrow page: right of the slope, left above the flat part."""
    return "middle right" if intensity < ridge else "top left"


def _workload(name: str, intensity: float, teraflops: float, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[float(f"{intensity:.6g}")],
        y=[teraflops],
        mode="markers+text",
        text=[name],
        marker={"color": VERMILLION, "size": 12, "symbol": symbol},
        name=name,
        cliponaxis=False,
        hovertemplate=f"<b>{name}</b>: %{{x:.3g}} FLOP/byte, %{{y:.3g}} TFLOP/s<extra></extra>",
    )


def _measured(rows: Rows, x: str, name: str, color: str, symbol: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=[row[x] for row in rows],
        y=[_ms(row["seconds"]) for row in rows],
        error_y={
            "array": [_ms(row["high"] - row["seconds"]) for row in rows],
            "arrayminus": [_ms(row["seconds"] - row["low"]) for row in rows],
            "color": color,
            "thickness": 1.2,
            "width": 3,
        },
        mode="lines+markers",
        name=name,
        line={"color": color, "dash": dash, "width": 2},
        marker={"color": color, "symbol": symbol, "size": 8},
        hovertemplate=f"<b>{name}</b>, {x} %{{x}}: %{{y:.2f}} ms<extra></extra>",
    )
