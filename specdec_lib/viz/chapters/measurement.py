"""Figures about measuring: a machine that drifts, a queue, speedups that are none, and memory as it is held.

Rows are plain values, computed elsewhere. Every series has a symbol, a dash or a pattern beside its colour.
Nothing here knows how anything was measured.
"""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go

from specdec_lib.viz import sentences, theme
from specdec_lib.viz.traces import bars, column, distinct, named, panels_by, scatter, series, xy

_LANES = {  # lane -> colour, pattern
    "Python": (theme.BLUE, ""),
    "waiting": (theme.GREY, "\\"),
    "device": (theme.AMBER, "/"),
}


def plot_schedules(rows: theme.Rows) -> go.Figure:
    """Runs of two decoders as a clock saw them, a panel a schedule, a marker a run.

    Args:
        rows: schedule (the panel's title), decoder, at (when it began), ms (how long it took).
    """
    figure, parts = panels_by(rows, "schedule", 150, legend_height=26)
    for number, own in parts:
        for index, name in enumerate(distinct(rows, "decoder")):
            chosen = [row for row in own if row["decoder"] == name]
            hover = sentences.LATENCY_AT.format(name)
            marker = theme.marker_style(index, 7, color=theme.PALETTE[index])
            trace = scatter(*xy(chosen, "at", "ms", 3), hover, marker=marker, **named(name, number == 1))
            figure.add_trace(trace, row=number, col=1)
    figure.update_yaxes(title_text="ms a token", rangemode="tozero", nticks=5)
    return figure.update_xaxes(title_text="seconds since the benchmark began", row=len(parts), col=1)


def plot_queue(rows: theme.Rows) -> go.Figure:
    """What Python and a device do at the same time: a panel a way of measuring, a bar a piece of work.

    Args:
        rows: way (the panel's title), lane ("Python", "waiting" or "device"), start, ms.
    """
    figure, parts = panels_by(rows, "way", 84, legend_height=26)
    for number, own in parts:
        for lane, (color, pattern) in _LANES.items():
            chosen = [row for row in own if row["lane"] == lane]
            trace = bars(
                column(chosen, "ms", 4),
                ["device" if lane == "device" else "Python"] * len(chosen),
                sentences.SPAN_OF_TIME.format(lane),
                base=column(chosen, "start", 4),
                orientation="h",
                marker=theme.hatched(color, pattern) | {"line": {"width": 1, "color": color}},
                **named(lane, number == 1),
            )
            figure.add_trace(trace, row=number, col=1)
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_yaxes(categoryorder="array", categoryarray=["device", "Python"], showgrid=False)
    return figure.update_xaxes(title_text="milliseconds", row=len(parts), col=1)


def plot_gains(rows: theme.Rows) -> go.Figure:
    """Speedups that one and the same benchmark can be made to report; the honest one is the dashed line.

    Args:
        rows: way, speedup; the first row is the honest one.
    """
    honest = float(rows[0]["speedup"])
    figure = theme.new_figure(96 + 40 * len(rows), showlegend=False)
    ways = ["<br>".join(wrap(row["way"], 19)) for row in rows]
    speedups = column(rows, "speedup", 4)
    changes = [speedup / honest - 1 for speedup in speedups]
    flatters = [change > 0 for change in changes[1:]]
    trace = scatter(
        speedups,
        ways,
        "<b>%{y}</b><br>%{x:.2f}×",
        text=[f"{speedups[0]:.2f}×", *(f"{change:+.0%}" for change in changes[1:])],
        textposition=["middle right" if change >= 0 else "middle left" for change in changes],
        marker={
            "color": [theme.GREEN, *(theme.VERMILLION if up else theme.BLUE for up in flatters)],
            "symbol": ["diamond", *("circle" if up else "square" for up in flatters)],
            "size": 11,
        },
        cliponaxis=False,
    )
    figure.add_trace(trace)
    figure.add_vline(x=honest, line={"color": theme.GREY, "dash": "dash", "width": 1.5})
    low, high = min(speedups), max(speedups)
    room = high - low or 1.0  # the numbers beside the outermost markers need some of it
    figure.update_xaxes(title_text="reported speedup", range=[low - 0.36 * room, high + 0.26 * room])
    figure.update_xaxes(ticksuffix="×", nticks=5, tickangle=0)
    return figure.update_yaxes(autorange="reversed", type="category")


def plot_held(rows: theme.Rows, levels: theme.Rows = ()) -> go.Figure:
    """Memory held over time, a band from the least to the most a series, and levels to compare it with.

    Args:
        rows: series, seconds (ascending within a series), low_mb, high_mb.
        levels: name, mb.
    """
    figure = theme.new_figure(360)
    for index, (name, chosen) in enumerate(series(rows, "series")):
        for bound, width, fill in (("low_mb", 0.8, None), ("high_mb", 1.8, "tonexty")):
            hover = sentences.MEMORY_AFTER.format(name)
            look = {"line": theme.line_style(index, width), "fill": fill, **named(name, bound == "high_mb")}
            figure.add_trace(scatter(*xy(chosen, "seconds", bound, 4), hover, **look))
    end = max((float(row["seconds"]) for row in rows), default=1.0)
    for index, level in enumerate(levels):
        line = {"color": theme.GREY, "dash": ("dot", "dashdot")[index % 2], "width": 1.5}
        name, height = level["name"], round(float(level["mb"]), 4)
        figure.add_trace(scatter([0, end], [height] * 2, sentences.MEMORY.format(name), name=name, line=line))
    figure.update_xaxes(title_text="seconds of a run that is watched")
    return figure.update_yaxes(title_text="MiB beyond the weights", rangemode="tozero")
