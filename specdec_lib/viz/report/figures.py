"""Figures that only a report has: texts and temperatures at once, marked quantiles, forwards, stages.

Each takes rows of :mod:`specdec_lib.bench.tables.cells.rows` and returns a figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import theme
from specdec_lib.viz.records.latency import plot_latency_ecdf, plot_round_time
from specdec_lib.viz.report import sentences
from specdec_lib.viz.theme import Rows
from specdec_lib.viz.traces import (
    bars,
    column,
    columns,
    curve,
    distinct,
    interval,
    named,
    scatter,
    series,
    significant,
    temperature_panels,
    xy,
)

_ALIKE = 1.1
"""Slowest over fastest step of the baseline up to which one bar stands for all."""

_LEGEND = 26
"""Pixels above the rounds for the third line that their legend has on a phone."""


def plot_texts(rows: Rows) -> go.Figure:
    """α̂ of every text by domain, a box and a point a text; a panel a temperature.

    Args:
        rows: of ``text_rows``: temperature, domain, alphas.
    """
    domains = distinct(rows, "domain")
    figure, parts = temperature_panels(rows, 52 * len(domains))
    for panel, own in parts:
        for row in own:
            color, symbol = theme.domain_style(row["domain"])
            box = go.Box(
                x=row["alphas"],
                y=[row["domain"]] * len(row["alphas"]),
                orientation="h",
                name=row["domain"],
                boxpoints="all" if len(row["alphas"]) <= 200 else "outliers",
                pointpos=0,
                jitter=0.5,
                marker={"color": color, "symbol": symbol, "size": 7, "opacity": 0.7},
                line={"width": 1.5},
                fillcolor=theme.TRANSPARENT,
                showlegend=False,
                hovertemplate=sentences.ALPHA_OF_A_TEXT,
            )
            figure.add_trace(box, row=panel, col=1)
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", showticklabels=True)
    figure.update_xaxes(title_text="α̂ of a text", row=len(parts))
    return figure.update_yaxes(autorange="reversed", type="category")


def plot_alpha_over_temperature(rows: Rows) -> go.Figure:
    """α̂ over temperature with its interval, a line a domain.

    Args:
        rows: of ``text_rows``: temperature, domain, alpha_hat, alpha_low, alpha_high.
    """
    figure = theme.new_figure(330)
    for domain, own in series(rows, "domain"):
        color, symbol = theme.domain_style(domain)
        line = sorted(own, key=lambda row: row["temperature"])
        trace = scatter(
            *xy(line, "temperature", "alpha_hat"),
            sentences.ALPHA_AT_A_TEMPERATURE.format(domain, interval(0)),
            error_y=theme.error_bars(line, "alpha_hat", "alpha_low", "alpha_high", color=color, width=3),
            line={"color": color, "width": 2},
            marker={"color": color, "symbol": symbol, "size": 9},
            customdata=columns(line, "alpha_low", "alpha_high", "num_prompts"),
            name=domain,
        )
        figure.add_trace(trace)
    figure.update_xaxes(title_text="temperature", tickvals=sorted({row["temperature"] for row in rows}))
    return figure.update_yaxes(title_text="α̂", tickformat=".0%")


def plot_rounds_and_step(rows: Rows) -> go.Figure:
    """Where the time of a round goes by draft length, and below it a step of the baseline.

    Args:
        rows: of ``phase_rows``, with ``step_ms``.
    """
    by_temperature = [_step_rows(rows, one) for one in sorted({row["temperature"] for row in rows})]
    figure = plot_round_time([*rows, *(step for steps in by_temperature for step in steps)])
    for panel, steps in enumerate(by_temperature, start=1):
        if steps:
            trace = bars(
                [round(step["round_ms"], 4) for step in steps],
                column(steps, "decoder"),
                sentences.STEP_OF_THE_BASELINE,
                orientation="h",
                marker=theme.hatched(theme.VERMILLION, ""),
                **named("AR step", panel == 1),
            )
            figure.add_trace(trace, row=panel, col=1)
    figure.update_traces({"name": "other"}, {"name": "everything else"})
    layout: Any = figure.layout
    return figure.update_layout(margin={"t": layout.margin.t + _LEGEND}, height=layout.height + _LEGEND)


def _step_rows(rows: Rows, temperature: float) -> list[dict[str, Any]]:
    """Rows whose phases are nothing, so that their places are kept: one where the steps beside all draft
    lengths are alike, else one for each."""
    own = [row for row in rows if row["temperature"] == temperature and row["step_ms"]]
    if not own:
        return []
    phases = dict.fromkeys((f"{phase}_ms" for phase in theme.PHASE_STYLE), 0.0)
    told = {**phases, "temperature": temperature, "tokens_per_round": 1.0}
    steps = {f"AR beside {row['decoder']}": row["step_ms"] for row in own}
    if max(steps.values()) <= _ALIKE * min(steps.values()):
        steps = {"AR, a step": median(steps.values())}
    return [{**told, "decoder": name, "round_ms": step} for name, step in steps.items()]


def plot_latencies(rows: Rows) -> go.Figure:
    """Share of tokens within a time, by arm, with marks at half, 95 and 99 of a hundred.

    Args:
        rows: of ``latency_rows``: as ``plot_latency_ecdf`` takes them, with p99_ms.
    """
    figure = plot_latency_ecdf(rows)
    at = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
    temperatures = sorted({row["temperature"] for row in rows})
    for panel, temperature in enumerate(temperatures, start=1):
        own = [row for row in rows if row["temperature"] == temperature]
        trace = scatter(
            [row[name] for row in own for name in at],
            [share for _ in own for share in at.values()],
            sentences.QUANTILE_OF_AN_ARM,
            marker={"color": theme.GREY, "symbol": ["circle-open", "diamond-open", "square-open"] * len(own)},
            customdata=[[row["decoder"], name[:3]] for row in own for name in at],
            **named("p50 ○, p95 ◇, p99 □", panel == 1),
        )
        figure.add_trace(trace, row=panel, col=1)
    return figure


def plot_measured_roofline(rows: Rows) -> go.Figure:
    """Arithmetic done a second over operations a byte of weights; the slope is what memory gave at least.

    Args:
        rows: of ``forward_rows`` where bytes and parameters are known: model, width, intensity, gigaflops,
            gigabytes_per_second, ms.
    """
    figure = theme.new_figure(380)
    slope = max(row["gigabytes_per_second"] for row in rows if row["width"] == 1)
    ends = [0.7 * min(column(rows, "intensity")), 1.4 * max(column(rows, "intensity"))]
    roof = [significant(slope * end) for end in ends]
    line = {"color": theme.GREY, "dash": "dash", "width": 2}
    figure.add_trace(scatter(ends, roof, "", line=line, name=f"weights read at {slope:.3g} GB/s"))
    for index, (model, own) in enumerate(series(rows, "model")):
        trace = curve(
            *xy(own, "intensity", "gigaflops"),
            sentences.FORWARD_ON_THE_ROOFLINE.format(model),
            index,
            customdata=columns(own, "width", "ms", "gigabytes_per_second"),
            text=[f" {row['width']}" for row in own],
            textposition="bottom right",
            name=f"{model} (width beside the mark)",
        )
        figure.add_trace(trace)
    ticks = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 5)]
    figure.update_xaxes(type="log", tickvals=ticks, title_text="FLOP per byte of weights (log scale)")
    return figure.update_yaxes(type="log", tickvals=ticks, title_text="GFLOP/s (log scale)")


def plot_stages(rows: Rows) -> go.Figure:
    """Most memory of each stage of a cell, the median of the cells beside the most of any.

    Args:
        rows: of ``stage_rows`` with memory: stage, memory_mb, most_memory_mb, seconds.
    """
    figure = theme.new_figure(96 + 52 * len(rows), barmode="group", bargap=0.3)
    for name, label, color, pattern in (
        ("memory_mb", "median of the cells", theme.BLUE, ""),
        ("most_memory_mb", "most of any cell", theme.AMBER, "/"),
    ):
        trace = bars(
            column(rows, name, 2),
            column(rows, "stage"),
            sentences.MEMORY_OF_A_STAGE.format(label),
            orientation="h",
            name=label,
            marker=theme.hatched(color, pattern),
        )
        figure.add_trace(trace)
    figure.update_xaxes(title_text="MiB", rangemode="tozero")
    figure.update_layout(legend={"traceorder": "normal"})
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def forward_width_rows(rows: Rows) -> list[Mapping[str, float]]:
    """Rows of ``forward_rows`` as :func:`specdec_lib.viz.chapters.forward.plot_width_cost` takes them."""
    told = {"seconds": "ms", "low": "low_ms", "high": "high_ms"}
    return [{"width": row["width"], **{to: row[of] / 1e3 for to, of in told.items()}} for row in rows]
