"""The panels of one setup: a figure, what to see in it, and a table of its numbers.

Names are untrusted. A figure is handed rows in which plotly finds no markup; tables and sentences are escaped
where they become HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.chapters.forward import plot_width_cost
from specdec_lib.viz.records.acceptance import plot_acceptance_by_position
from specdec_lib.viz.records.scaling import plot_timeline
from specdec_lib.viz.records.speedup import plot_prediction, plot_speedup_heatmap
from specdec_lib.viz.report import figures, words
from specdec_lib.viz.report.words import ALL, k_words
from specdec_lib.viz.theme import Rows

MOST_ROUNDS = 5
"""Rounds of a timeline: more leave no room for their words on a phone."""
Tables = Mapping[str, Rows]


@dataclass(frozen=True)
class Panel:
    """A figure with its words; ``rows`` and ``columns`` are those of its table."""

    key: str
    title: str
    figure: go.Figure | None
    told: Sequence[str]
    rows: Rows
    columns: Mapping[str, str] = field(default_factory=dict[str, str])


def plotly_safe(rows: Rows) -> list[dict[str, Any]]:
    """The rows with texts in which plotly reads no markup."""
    return [{name: _safe(value) for name, value in row.items()} for row in rows]


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value


def around(row: Mapping[str, Any], low: str = "low", high: str = "high", digits: int = 2) -> str:
    """The interval of a row for a table; a dash where one text gives none."""
    return f"{row[low]:.{digits}f}–{row[high]:.{digits}f}" if row["has_interval"] else "–"


_PLACE = {"domain": "{domain}", "T": "{temperature:g}", "draft length": "{length}"}


def panels_of(tables: Tables) -> list[Panel]:
    """Every panel for which the tables of one setup hold something."""
    makers = (
        speedups, acceptance, texts, temperatures, latencies, phases, timeline, forwards, roofline,
        predictions, stages,
    )  # fmt: skip
    return [panel for maker in makers if (panel := maker(tables)) is not None]


def speedups(tables: Tables) -> Panel | None:
    """Domain × draft length."""
    rows = tables["speedups"]
    if not rows:
        return None
    shown = [row | {"around": around(row)} for row in rows]
    columns = _PLACE | {"speedup": "{speedup:.2f}×", "95 % interval": "{around}"}
    columns |= {"baseline, tokens/s": "{ar_tokens_per_second:.1f}", "draft, tokens/s": "{sd_tokens_per_second:.1f}"}
    columns |= {"prompts": "{num_prompts}", "pairs of runs": "{num_pairs}", "cells": "{num_cells}"}
    figure = plot_speedup_heatmap(plotly_safe(rows))
    return Panel("speedup", "Speedup by domain and draft length", figure, words.of_speedups(rows), shown, columns)


def acceptance(tables: Tables) -> Panel | None:
    """By position of the draft token, at the longest fixed draft."""
    rows = tables["acceptance"]
    own = [row for row in rows if row["domain"] != ALL]
    if not own or not tables["texts"]:
        return None
    longest = max(own, key=lambda row: (row["length"].isdigit(), row["k"]))["length"]
    line = [row for row in tables["positions"] if row["length"] == longest]
    figure = plot_acceptance_by_position(plotly_safe(line), max(row["k"] for row in line)) if line else None
    shown = [row | {"around": around(row, "alpha_low", "alpha_high", 3)} for row in rows]
    columns = _PLACE | {"α̂": "{alpha_hat:.3f}", "95 % interval": "{around}"}
    columns |= {"accepted ÷ drafted": "{acceptance_rate:.3f}", "tokens a round": "{mean_acceptance_length:.2f}"}
    columns |= {"drafted": "{num_draft_tokens:,}", "accepted": "{num_accepted_draft_tokens:,}"}
    title = f"Acceptance by position, {k_words({'length': longest})}"
    return Panel("acceptance", title, figure, words.of_acceptance(tables["texts"], line), shown, columns)


def texts(tables: Tables) -> Panel | None:
    """α̂ of every text."""
    rows = tables["texts"]
    if not rows:
        return None
    shown = [row | {"least": row["alphas"][0], "middle": row["alphas"][len(row["alphas"]) // 2],
                    "most": row["alphas"][-1], "around": around(row, "alpha_low", "alpha_high", 3)}
             for row in rows]  # fmt: skip
    columns = {"domain": "{domain}", "T": "{temperature:g}", "α̂ of all": "{alpha_hat:.3f}", "95 % interval": "{around}"}
    columns |= {"least": "{least:.3f}", "median": "{middle:.3f}", "most": "{most:.3f}", "texts": "{num_prompts}"}
    return Panel("texts", "Acceptance over texts", figures.plot_texts(plotly_safe(rows)), words.of_texts(rows), shown, columns)


def temperatures(tables: Tables) -> Panel | None:
    """α̂ over temperature, where there are several."""
    rows = tables.get("every_text", tables["texts"])
    if len({row["temperature"] for row in rows}) < 2:
        return None
    shown = [row | {"around": around(row, "alpha_low", "alpha_high", 3)} for row in rows]
    columns = {"domain": "{domain}", "T": "{temperature:g}", "α̂": "{alpha_hat:.3f}", "95 % interval": "{around}", "texts": "{num_prompts}"}
    figure = figures.plot_alpha_over_temperature(plotly_safe(rows))
    return Panel("temperature", "Acceptance over temperature", figure, words.of_temperatures(rows), shown, columns)


def latencies(tables: Tables) -> Panel | None:
    """Share of tokens within a time, and the time to the first."""
    rows = tables["latencies"]
    if not rows:
        return None
    columns = {"arm": "{decoder}", "T": "{temperature:g}", "p50, ms": "{p50_ms:.2f}", "p95, ms": "{p95_ms:.2f}"}
    columns |= {"p99, ms": "{p99_ms:.2f}", "mean, ms": "{tpot_ms:.2f}", "first token, ms": "{ttft_ms:.1f}"}
    columns |= {"tokens": "{num_tokens:,}"}
    figure = figures.plot_latencies(plotly_safe(rows))
    return Panel("latency", "Latency of a token", figure, words.of_latencies(rows), rows, columns)


def phases(tables: Tables) -> Panel | None:
    """A round by its phases."""
    rows = tables["phases"]
    if not rows:
        return None
    columns = {"arm": "{decoder}", "T": "{temperature:g}", "round, ms": "{round_ms:.2f}"}
    columns |= {f"{name}, ms": f"{{{name}_ms:.2f}}" for name in ("draft", "verify", "sampling", "rollback", "other")}
    columns |= {"tokens a round": "{tokens_per_round:.2f}", "baseline step, ms": "{step_ms:.2f}"}
    figure = figures.plot_rounds_and_step(plotly_safe(rows))
    return Panel("phases", "Where the time of a round goes", figure, words.of_phases(rows), rows, columns)


def timeline(tables: Tables) -> Panel | None:
    """The first rounds of one profiled text, at the draft length that is fastest there."""
    rows = tables["timelines"]
    if not rows:
        return None
    speeds = {(row["temperature"], row["length"]): row["speedup"] for row in tables["speedups"]}
    row = max(rows, key=lambda row: (-row["temperature"], speeds.get((row["temperature"], row["length"]), 0.0)))
    shown = row["rounds"][:MOST_ROUNDS]
    figure = plot_timeline([_round(one) for one in shown])
    listed = [{"number": number, **one} for number, one in enumerate(shown, start=1)]
    columns = {"round": "{number}", "drafted": "{drafted:.0f}", "accepted": "{accepted:.0f}"}
    columns |= {f"{name}, ms": f"{{{name}_ms:.2f}}" for name in ("draft", "verify", "sampling", "rollback", "total")}
    return Panel("timeline", "Rounds of one text", figure, words.of_timeline(row, shown), listed, columns)


def _round(told: Mapping[str, float]) -> Any:
    """A round as a timeline takes it: its ids are not recorded, their numbers are."""
    spent = {name: told[f"{name}_ms"] for name in ("draft", "verify", "sampling", "rollback")}
    ids = {"token_ids": [0] * (int(told["accepted"]) + 1), "draft_ids": [0] * int(told["drafted"])}
    return SimpleNamespace(seconds=told["total_ms"] / 1e3, phases_ms=spent, **ids)


def forwards(tables: Tables) -> Panel | None:
    """What width costs the target."""
    rows = tables["forwards"]
    target = [row for row in rows if row["model"] == "target"]
    if len(target) < 2 or target[0]["width"] != 1:
        return None
    figure = plot_width_cost(figures.forward_width_rows(target))
    columns = {"model": "{model}", "name": "{name}", "width": "{width}", "median, ms": "{ms:.3f}"}
    columns |= {"middle half, ms": "{low_ms:.3f}–{high_ms:.3f}", "over width 1": "{ratio:.2f}×", "cells": "{num_cells}"}
    return Panel("forwards", "Cost of a forward by its width", figure, words.of_forwards(rows), rows, columns)


def roofline(tables: Tables) -> Panel | None:
    """Operations and bytes a second, where the models' sizes are recorded."""
    rows = tables["forwards"]
    if not rows:
        return None
    known = [row for row in rows if row["intensity"] is not None and row["gigabytes_per_second"]]
    has_line = any(row["width"] == 1 for row in known)
    figure = figures.plot_measured_roofline(plotly_safe(known)) if has_line else None
    columns = {"model": "{model}", "width": "{width}", "weights, MiB": "{weights_mb:,.1f}"}
    columns |= {"GB/s": "{gigabytes_per_second:.2f}", "GFLOP/s": "{gigaflops:.2f}", "FLOP/byte": "{intensity:.2f}"}
    return Panel("roofline", "Roofline, as far as it is known", figure, words.of_roofline(known), rows, columns)


def predictions(tables: Tables) -> Panel | None:
    """E / (K c + v + o) beside the clock."""
    rows = tables["predictions"]
    if not rows:
        return None
    shown = [row | {"around": around(row), "off": words.signed(row["difference"])} for row in rows]
    columns = _PLACE | {"α̂": "{alpha_hat:.3f}", "c": "{c:.3f}", "v": "{v:.2f}", "o": "{overhead:.2f}"}
    columns |= {"predicted": "{predicted:.2f}×", "measured": "{measured:.2f}×", "95 % interval": "{around}", "difference": "{off}"}
    own = [row for row in rows if row["domain"] != ALL] or rows
    figure = plot_prediction(plotly_safe(own))
    return Panel("prediction", "Predicted against measured", figure, words.of_predictions(rows), shown, columns)


def stages(tables: Tables) -> Panel | None:
    """Memory of a cell by stage."""
    rows = [row for row in tables["stages"] if row["memory_mb"] is not None]
    if not rows:
        return None
    columns = {"stage": "{stage}", "memory, MiB (median)": "{memory_mb:,.1f}", "most, MiB": "{most_memory_mb:,.1f}"}
    columns |= {"seconds (median)": "{seconds:.2f}", "cells": "{num_cells}"}
    figure = figures.plot_stages(plotly_safe(rows))
    return Panel("memory", "Memory by stage of a cell", figure, words.of_stages(rows), tables["stages"], columns)
