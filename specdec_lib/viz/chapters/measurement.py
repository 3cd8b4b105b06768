"""Figures about measuring: a machine that drifts, a queue, speedups that are none, and memory as it is held.

Rows are plain values, computed elsewhere. Every series has a symbol, a dash or a pattern beside its colour.
Nothing here knows how anything was measured.
"""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go

from specdec_lib.viz.theme import (
    AMBER,
    BLUE,
    DASHES,
    GREEN,
    GREY,
    PALETTE,
    SYMBOLS,
    VERMILLION,
    Rows,
    hatched,
    new_figure,
    panels,
)

_LANES = {  # lane -> colour, pattern
    "Python": (BLUE, ""),
    "waiting": (GREY, "\\"),
    "device": (AMBER, "/"),
}


def plot_schedules(rows: Rows) -> go.Figure:
    """Runs of two decoders as a clock saw them, a panel a schedule, a marker a run.

    Args:
        rows: schedule (the panel's title), decoder, at (when it began), ms (how long it took).
    """
    titles = list(dict.fromkeys(row["schedule"] for row in rows))
    names = list(dict.fromkeys(row["decoder"] for row in rows))
    figure = panels(titles, 150, legend_height=26)
    for number, title in enumerate(titles, start=1):
        for index, name in enumerate(names):
            chosen = [row for row in rows if (row["schedule"], row["decoder"]) == (title, name)]
            figure.add_trace(
                go.Scatter(
                    x=[round(float(row["at"]), 3) for row in chosen],
                    y=[round(float(row["ms"]), 3) for row in chosen],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=number == 1,
                    marker={"color": PALETTE[index], "symbol": SYMBOLS[index], "size": 7},
                    hovertemplate=f"<b>{name}</b>: %{{y:.1f}} ms at %{{x:.0f}} s<extra></extra>",
                ),
                row=number,
                col=1,
            )
    figure.update_yaxes(title_text="ms a token", rangemode="tozero", nticks=5)
    figure.update_xaxes(title_text="seconds since the benchmark began", row=len(titles), col=1)
    return figure


def plot_queue(rows: Rows) -> go.Figure:
    """What Python and a device do at the same time: a panel a way of measuring, a bar a piece of work.

    Args:
        rows: way (the panel's title), lane ("Python", "waiting" or "device"), start, ms.
    """
    ways = list(dict.fromkeys(row["way"] for row in rows))
    figure = panels(ways, 84, legend_height=26)
    for number, way in enumerate(ways, start=1):
        for lane, (color, pattern) in _LANES.items():
            chosen = [row for row in rows if (row["way"], row["lane"]) == (way, lane)]
            figure.add_trace(
                go.Bar(
                    x=[round(float(row["ms"]), 4) for row in chosen],
                    base=[round(float(row["start"]), 4) for row in chosen],
                    y=["device" if lane == "device" else "Python"] * len(chosen),
                    orientation="h",
                    name=lane,
                    legendgroup=lane,
                    showlegend=number == 1,
                    marker=hatched(color, pattern) | {"line": {"width": 1, "color": color}},
                    hovertemplate=f"<b>{lane}</b>: %{{x:.2f}} ms from %{{base:.2f}} on<extra></extra>",
                ),
                row=number,
                col=1,
            )
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_yaxes(categoryorder="array", categoryarray=["device", "Python"], showgrid=False)
    figure.update_xaxes(title_text="milliseconds", row=len(ways), col=1)
    return figure


def plot_gains(rows: Rows) -> go.Figure:
    """Speedups that one and the same benchmark can be made to report; the honest one is the dashed line.

    Args:
        rows: way, speedup; the first row is the honest one.
    """
    honest = float(rows[0]["speedup"])
    figure = new_figure(96 + 40 * len(rows), showlegend=False)
    ways = ["<br>".join(wrap(row["way"], 19)) for row in rows]
    speedups = [round(float(row["speedup"]), 4) for row in rows]
    changes = [speedup / honest - 1 for speedup in speedups]
    figure.add_trace(
        go.Scatter(
            x=speedups,
            y=ways,
            mode="markers+text",
            text=[f"{speedups[0]:.2f}×", *(f"{change:+.0%}" for change in changes[1:])],
            textposition=["middle right" if change >= 0 else "middle left" for change in changes],
            marker={
                "color": [GREEN, *(VERMILLION if change > 0 else BLUE for change in changes[1:])],
                "symbol": ["diamond", *("circle" if change > 0 else "square" for change in changes[1:])],
                "size": 11,
            },
            cliponaxis=False,
            hovertemplate="<b>%{y}</b><br>%{x:.2f}×<extra></extra>",
        )
    )
    figure.add_vline(x=honest, line={"color": GREY, "dash": "dash", "width": 1.5})
    low, high = min(speedups), max(speedups)
    room = high - low or 1.0  # the numbers beside the outermost markers need some of it
    figure.update_xaxes(title_text="reported speedup", range=[low - 0.36 * room, high + 0.26 * room])
    figure.update_xaxes(ticksuffix="×", nticks=5, tickangle=0)
    return figure.update_yaxes(autorange="reversed", type="category")


def plot_held(rows: Rows, levels: Rows = ()) -> go.Figure:
    """Memory held over time, a band from the least to the most a series, and levels to compare it with.

    Args:
        rows: series, seconds (ascending within a series), low_mb, high_mb.
        levels: name, mb.
    """
    figure = new_figure(360)
    for index, name in enumerate(dict.fromkeys(row["series"] for row in rows)):
        chosen = [row for row in rows if row["series"] == name]
        for bound, width in (("low_mb", 0.8), ("high_mb", 1.8)):
            is_top = bound == "high_mb"
            figure.add_trace(
                go.Scatter(
                    x=[round(float(row["seconds"]), 4) for row in chosen],
                    y=[round(float(row[bound]), 4) for row in chosen],
                    mode="lines",
                    name=name,
                    legendgroup=name,
                    showlegend=is_top,
                    fill="tonexty" if is_top else None,
                    line={"color": PALETTE[index], "dash": DASHES[index], "width": width},
                    hovertemplate=f"<b>{name}</b>: %{{y:.2f}} MiB after %{{x:.2f}} s<extra></extra>",
                )
            )
    end = max((float(row["seconds"]) for row in rows), default=1.0)
    for index, level in enumerate(levels):
        figure.add_trace(
            go.Scatter(
                x=[0, end],
                y=[round(float(level["mb"]), 4)] * 2,
                mode="lines",
                name=level["name"],
                line={"color": GREY, "dash": ("dot", "dashdot")[index % 2], "width": 1.5},
                hovertemplate=f"{level['name']}: %{{y:.2f}} MiB<extra></extra>",
            )
        )
    figure.update_xaxes(title_text="seconds of a run that is watched")
    return figure.update_yaxes(title_text="MiB beyond the weights", rangemode="tozero")
