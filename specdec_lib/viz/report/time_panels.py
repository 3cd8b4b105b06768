"""The panels of a setup that are about time and memory: tokens, rounds, forwards, stages."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from specdec_lib.viz.chapters.forward import plot_width_cost
from specdec_lib.viz.records.scaling import plot_timeline
from specdec_lib.viz.report import figures, time_words
from specdec_lib.viz.report.panel import ReportPanel, Tables, plotly_safe

MOST_ROUNDS = 5
"""Rounds of a timeline: more leave no room for their words on a phone."""

_ROOM = 0.17
"""Share of a phone's time axis that the words about a round take."""


def latency_panel(tables: Tables) -> ReportPanel | None:
    """Share of tokens within a time, and the time to the first."""
    rows = tables["latencies"]
    if not rows:
        return None
    columns = {
        "arm": "{decoder}",
        "T": "{temperature:g}",
        "p50, ms": "{p50_ms:.2f}",
        "p95, ms": "{p95_ms:.2f}",
    }
    columns |= {"p99, ms": "{p99_ms:.2f}", "mean, ms": "{tpot_ms:.2f}", "first token, ms": "{ttft_ms:.1f}"}
    columns |= {"tokens": "{num_tokens:,}"}
    figure = figures.plot_latencies(plotly_safe(rows))
    return ReportPanel("latency", "Latency of a token", figure, time_words.of_latencies(rows), rows, columns)


def phase_panel(tables: Tables) -> ReportPanel | None:
    """A round by its phases."""
    rows = tables["phases"]
    if not rows:
        return None
    columns = {"arm": "{decoder}", "T": "{temperature:g}", "round, ms": "{round_ms:.2f}"}
    columns |= {
        f"{name}, ms": f"{{{name}_ms:.2f}}" for name in ("draft", "verify", "sampling", "rollback", "other")
    }
    columns |= {"tokens a round": "{tokens_per_round:.2f}", "baseline step, ms": "{step_ms:.2f}"}
    figure = figures.plot_rounds_and_step(plotly_safe(rows))
    return ReportPanel(
        "phases", "Where the time of a round goes", figure, time_words.of_phases(rows), rows, columns
    )


def timeline_panel(tables: Tables) -> ReportPanel | None:
    """The first rounds of one profiled text, at the draft length that is fastest there."""
    rows = tables["timelines"]
    if not rows:
        return None
    speeds = {(row["temperature"], row["length"]): row["speedup"] for row in tables["speedups"]}
    row = max(
        rows, key=lambda row: (-row["temperature"], speeds.get((row["temperature"], row["length"]), 0.0))
    )
    shown = row["rounds"][:MOST_ROUNDS]
    figure = plot_timeline([_round(one) for one in shown], _ROOM)
    listed = [{"number": number, **one} for number, one in enumerate(shown, start=1)]
    columns = {"round": "{number}", "drafted": "{drafted:.0f}", "accepted": "{accepted:.0f}"}
    columns |= {
        f"{name}, ms": f"{{{name}_ms:.2f}}" for name in ("draft", "verify", "sampling", "rollback", "total")
    }
    return ReportPanel(
        "timeline", "Rounds of one text", figure, time_words.of_timeline(row, shown), listed, columns
    )


def _round(told: Mapping[str, float]) -> Any:
    """A round as a timeline takes it: its ids are not recorded, their numbers are."""
    spent = {name: told[f"{name}_ms"] for name in ("draft", "verify", "sampling", "rollback")}
    ids = {"token_ids": [0] * (int(told["accepted"]) + 1), "draft_ids": [0] * int(told["drafted"])}
    return SimpleNamespace(seconds=told["total_ms"] / 1e3, phases_ms=spent, **ids)


def forward_panel(tables: Tables) -> ReportPanel | None:
    """What width costs the target."""
    rows = tables["forwards"]
    target = [row for row in rows if row["model"] == "target"]
    if len(target) < 2 or target[0]["width"] != 1:
        return None
    figure = plot_width_cost(figures.forward_width_rows(target))
    columns = {"model": "{model}", "name": "{name}", "width": "{width}", "median, ms": "{ms:.3f}"}
    columns |= {
        "middle half, ms": "{low_ms:.3f}–{high_ms:.3f}",
        "over width 1": "{ratio:.2f}×",
        "cells": "{num_cells}",
    }
    return ReportPanel(
        "forwards",
        "Cost of a forward by its width",
        figure,
        time_words.of_forwards(rows, tables["setups"][0]["is_model"]),
        rows,
        columns,
    )


def roofline_panel(tables: Tables) -> ReportPanel | None:
    """Operations and bytes a second, where the models' sizes are recorded."""
    rows = tables["forwards"]
    if not rows:
        return None
    known = [row for row in rows if row["intensity"] is not None and row["gigabytes_per_second"]]
    has_line = any(row["width"] == 1 for row in known)
    figure = figures.plot_measured_roofline(plotly_safe(known)) if has_line else None
    columns = {"model": "{model}", "width": "{width}", "weights, MiB": "{weights_mb:,.1f}"}
    columns |= {
        "GB/s": "{gigabytes_per_second:.2f}",
        "GFLOP/s": "{gigaflops:.2f}",
        "FLOP/byte": "{intensity:.2f}",
    }
    return ReportPanel(
        "roofline", "Roofline, as far as it is known", figure, time_words.of_roofline(known), rows, columns
    )


def stage_panel(tables: Tables) -> ReportPanel | None:
    """Memory of a cell by stage."""
    rows = [row for row in tables["stages"] if row["memory_mb"] is not None]
    if not rows:
        return None
    columns = {
        "stage": "{stage}",
        "memory, MiB (median)": "{memory_mb:,.1f}",
        "most, MiB": "{most_memory_mb:,.1f}",
    }
    columns |= {"seconds (median)": "{seconds:.2f}", "cells": "{num_cells}"}
    figure = figures.plot_stages(plotly_safe(rows))
    return ReportPanel(
        "memory", "Memory by stage of a cell", figure, time_words.of_stages(rows), tables["stages"], columns
    )
