"""The panels of one setup, in their order; here those of speed, acceptance and prediction."""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.viz.records.acceptance import plot_acceptance_by_position
from specdec_lib.viz.records.speedup import plot_prediction, plot_speedup_heatmap
from specdec_lib.viz.report import figures, words
from specdec_lib.viz.report import time_panels as times
from specdec_lib.viz.report.panel import ReportPanel, Tables, interval_cell, plotly_safe
from specdec_lib.viz.report.words import ALL, k_words

_PLACE = {"domain": "{domain}", "T": "{temperature:g}", "draft length": "{length}"}


def panels_of(tables: Tables) -> list[ReportPanel]:
    """Every panel for which the tables of one setup hold something."""
    makers = (
        speedup_panel, acceptance_panel, texts_panel, temperature_panel, times.latency_panel,
        times.phase_panel, times.timeline_panel, times.forward_panel, times.roofline_panel,
        prediction_panel, times.stage_panel,
    )  # fmt: skip
    return [panel for maker in makers if (panel := maker(tables)) is not None]


def speedup_panel(tables: Tables) -> ReportPanel | None:
    """Domain × draft length."""
    rows = tables["speedups"]
    if not rows:
        return None
    shown = [{**row, "around": interval_cell(row)} for row in rows]
    columns = _PLACE | {"speedup": "{speedup:.2f}×", "95 % interval": "{around}"}
    columns |= {
        "baseline, tokens/s": "{ar_tokens_per_second:.1f}",
        "draft, tokens/s": "{sd_tokens_per_second:.1f}",
    }
    columns |= {"prompts": "{num_prompts}", "pairs of runs": "{num_pairs}", "cells": "{num_cells}"}
    figure = plot_speedup_heatmap(plotly_safe(rows))
    return ReportPanel(
        "speedup", "Speedup by domain and draft length", figure, words.of_speedups(rows), shown, columns
    )


def acceptance_panel(tables: Tables) -> ReportPanel | None:
    """By position of the draft token, at the longest fixed draft."""
    rows = tables["acceptance"]
    own = [row for row in rows if row["domain"] != ALL]
    if not own or not tables["texts"]:
        return None
    longest = max(own, key=lambda row: (row["length"].isdigit(), row["k"]))["length"]
    line = [row for row in tables["positions"] if row["length"] == longest]
    figure = plot_acceptance_by_position(plotly_safe(line), max(row["k"] for row in line)) if line else None
    shown = [{**row, "around": interval_cell(row, "alpha_low", "alpha_high", 3)} for row in rows]
    columns = _PLACE | {"α̂": "{alpha_hat:.3f}", "95 % interval": "{around}"}
    columns |= {
        "accepted ÷ drafted": "{acceptance_rate:.3f}",
        "tokens a round": "{mean_acceptance_length:.2f}",
    }
    columns |= {"drafted": "{num_draft_tokens:,}", "accepted": "{num_accepted_draft_tokens:,}"}
    title = f"Acceptance by position, {k_words({'length': longest})}"
    return ReportPanel(
        "acceptance", title, figure, words.of_acceptance(tables["texts"], line), shown, columns
    )


def texts_panel(tables: Tables) -> ReportPanel | None:
    """α̂ of every text."""
    rows = tables["texts"]
    if not rows:
        return None
    shown = [
        {**row, **_spread(row["alphas"]), "around": interval_cell(row, "alpha_low", "alpha_high", 3)}
        for row in rows
    ]
    columns = {
        "domain": "{domain}",
        "T": "{temperature:g}",
        "α̂ of all": "{alpha_hat:.3f}",
        "95 % interval": "{around}",
    }
    columns |= {
        "least": "{least:.3f}",
        "median": "{middle:.3f}",
        "most": "{most:.3f}",
        "texts": "{num_prompts}",
    }
    return ReportPanel(
        "texts",
        "Acceptance over texts",
        figures.plot_texts(plotly_safe(rows)),
        words.of_texts(rows),
        shown,
        columns,
    )


def _spread(alphas: Sequence[float]) -> dict[str, float]:
    return {"least": alphas[0], "middle": alphas[len(alphas) // 2], "most": alphas[-1]}


def temperature_panel(tables: Tables) -> ReportPanel | None:
    """α̂ over temperature, where there are several."""
    rows = tables.get("every_text", tables["texts"])
    if len({row["temperature"] for row in rows}) < 2:
        return None
    shown = [{**row, "around": interval_cell(row, "alpha_low", "alpha_high", 3)} for row in rows]
    columns = {
        "domain": "{domain}",
        "T": "{temperature:g}",
        "α̂": "{alpha_hat:.3f}",
        "95 % interval": "{around}",
        "texts": "{num_prompts}",
    }
    figure = figures.plot_alpha_over_temperature(plotly_safe(rows))
    return ReportPanel(
        "temperature", "Acceptance over temperature", figure, words.of_temperatures(rows), shown, columns
    )


def prediction_panel(tables: Tables) -> ReportPanel | None:
    """E / (K c + v + o) beside the clock."""
    rows = tables["predictions"]
    if not rows:
        return None
    shown = [{**row, "around": interval_cell(row), "off": words.signed(row["difference"])} for row in rows]
    columns = _PLACE | {"α̂": "{alpha_hat:.3f}", "c": "{c:.3f}", "v": "{v:.2f}", "o": "{overhead:.2f}"}
    columns |= {
        "predicted": "{predicted:.2f}×",
        "measured": "{measured:.2f}×",
        "95 % interval": "{around}",
        "difference": "{off}",
    }
    own = [row for row in rows if row["domain"] != ALL] or rows
    figure = plot_prediction(plotly_safe(own))
    return ReportPanel(
        "prediction", "Predicted against measured", figure, words.of_predictions(rows), shown, columns
    )
