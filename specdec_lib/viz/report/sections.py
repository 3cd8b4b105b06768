"""What stands on the page in which order: what was run, two files compared, all setups, then each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.viz.report import findings, sentences
from specdec_lib.viz.report.many import plot_best_speedups, plot_comparison
from specdec_lib.viz.report.panel import ReportPanel, Tables, interval_cell, plotly_safe
from specdec_lib.viz.report.panels import panels_of
from specdec_lib.viz.report.words import best_of, k_words
from specdec_lib.viz.theme import Rows

MOST_SETUPS = 3
MOST_BESTS = 24
MOST_TEMPERATURES = 2
"""The lowest and the highest; α̂ over temperature shows all."""
MOST_COMPARED = 24
"""Rows of the figure of two files: those whose speedup changed most."""


@dataclass(frozen=True)
class Section:
    """A part of the page with its anchor, its panels, and what is said before them."""

    key: str
    title: str
    panels: Sequence[ReportPanel]
    notes: Sequence[str] = ()


def sections_of(tables: Tables, comparison: Mapping[str, Any] | None = None) -> list[Section]:
    """All sections.

    Args:
        tables: those of one file. comparison: B over A, where there is a second.
    """
    found = [] if comparison is None else [_comparison(comparison)]
    setups = sorted(tables["setups"], key=lambda row: -row["num_cells"])
    if len(setups) > 1:
        found.append(_overview(tables, setups))
    for number, setup in enumerate(setups[:MOST_SETUPS], start=1):
        found.append(_of_setup(tables, setup, f"setup-{number}"))
    return found


def run_rows(tables: Tables) -> list[dict[str, Any]]:
    """What was run, a row a setup, for the table at the top."""
    rows = []
    for row in sorted(tables["setups"], key=lambda row: -row["num_cells"]):
        made_of = ", ".join(
            f"{name} {value[:12]}" for name, value in row["made_of"].items() if name != "prompts"
        )
        lengths = ", ".join(row["lengths"])
        told = {"lengths": lengths, "domains": ", ".join(row["domains"]), "made_of": made_of}
        told |= {"temperatures": ", ".join(f"{t:g}" for t in row["temperatures"])}
        told |= {"verifier": row["verifier"] or "default", "compiled": "yes" if row["compiled"] else "no"}
        told |= {"prompts": "–".join(str(one) for one in dict.fromkeys(_ends(row["num_prompts"])))}
        told |= {"times": f"{row['first_time'][:16]} – {row['last_time'][:16]}"}
        rows.append({**row, **told})
    return rows


def _ends(numbers: Sequence[int]) -> Sequence[int]:
    return [min(numbers), max(numbers)] if numbers else []


RUN_COLUMNS = {
    "setup": "{setup}", "target": "{target}", "draft": "{draft}", "machine": "{machine}",
    "device": "{device}",
    "dtype": "{dtype}", "engine": "{engine}", "verifier": "{verifier}", "compiled": "{compiled}",
    "batch": "{batch}", "tokens a text": "{max_new_tokens}", "draft lengths": "{lengths}",
    "domains": "{domains}", "prompts a group": "{prompts}", "temperatures": "{temperatures}",
    "cells": "{num_cells:,}",
    "measured": "{times}", "made of": "{made_of}",
}  # fmt: skip


def left_out(tables: Tables) -> list[str]:
    """Which setups have no section of their own."""
    setups = sorted(tables["setups"], key=lambda row: -row["num_cells"])
    if len(setups) <= MOST_SETUPS:
        return []
    others = _some([row["setup"] for row in setups[MOST_SETUPS:]])
    return [sentences.LEFT_OUT_SETUPS.format(MOST_SETUPS, len(setups), others)]


def _overview(tables: Tables, setups: Rows) -> Section:
    best = []
    for setup in setups:
        own = [row for row in tables["speedups"] if row["setup"] == setup["setup"]]
        if own:
            row = best_of(own)
            best.append({**row, "k_words": k_words(row), "around": interval_cell(row)})
    best.sort(key=lambda row: -row["speedup"])
    columns = {"setup": "{setup}", "best": "{speedup:.2f}×", "95 % interval": "{around}", "at": "{k_words}"}
    columns |= {"domain": "{domain}", "T": "{temperature:g}", "draft, tokens/s": "{sd_tokens_per_second:.1f}"}
    told = findings.findings({**tables, "predictions": []})
    figure = plot_best_speedups(plotly_safe(best[:MOST_BESTS])) if best else None
    panel = ReportPanel("best", "The fastest group of each setup", figure, told, best, columns)
    return Section("setups", "All setups", [panel])


def _of_setup(tables: Tables, setup: Mapping[str, Any], key: str) -> Section:
    own = {name: [row for row in rows if row["setup"] == setup["setup"]] for name, rows in tables.items()}
    temperatures, notes = setup["temperatures"], []
    if len(temperatures) > MOST_TEMPERATURES:
        kept, others = [temperatures[0], temperatures[-1]], temperatures[1:-1]
        drawn, between = (", ".join(f"{one:g}" for one in some) for some in (kept, others))
        notes.append(sentences.LEFT_OUT_TEMPERATURES.format(drawn, between))
        own = {
            name: [row for row in rows if row.get("temperature", kept[0]) in kept]
            for name, rows in own.items()
        } | {"every_text": own["texts"]}
    return Section(key, setup["setup"], panels_of(own), notes)


def _comparison(comparison: Mapping[str, Any]) -> Section:
    rows = labelled(comparison["rows"])
    notes = list(comparison["differs"]) or [sentences.NOTHING_DIFFERS]
    for name, told in (("A", comparison["only_a"]), ("B", comparison["only_b"])):
        if told:
            notes.append(sentences.ONLY_IN.format(name, _some(told)))
    if comparison["ambiguous"]:
        notes.append(sentences.AMBIGUOUS.format(_some(comparison["ambiguous"])))
    most = sorted(rows, key=lambda row: -max(row["speedup"], 1 / row["speedup"]))[:MOST_COMPARED]
    drawn = [row for row in rows if row in most]
    figure = plot_comparison(plotly_safe(drawn)) if drawn else None
    shown = [_with_intervals(row) for row in rows]
    columns = {"group": "{label}", "speedup A": "{speedup_a:.2f}×", "speedup B": "{speedup_b:.2f}×"}
    columns |= {"draft, B ÷ A": "{draft_told}", "baseline, B ÷ A": "{baseline_told}"}
    columns |= {"speedup, B ÷ A": "{speedup_told}", "α̂, B ÷ A": "{alpha_told}", "prompts": "{num_prompts}"}
    panel = ReportPanel("compared", "B over A", figure, findings.of_comparison(rows), shown, columns)
    return Section("comparison", "Two files compared", [panel], notes)


def labelled(rows: Rows) -> list[dict[str, Any]]:
    """Rows of a comparison with the name of their group; that of the setup only where there are several."""
    many = len({row["name"] for row in rows}) > 1
    told = []
    for row in rows:
        place = f"{row['domain']} · T = {row['temperature']:g} · {k_words(row)}"
        told.append({**row, "label": f"{row['name']} · {place}" if many else place})
    return told


def _with_intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(row)
    for name in ("draft", "baseline", "speedup", "alpha"):
        value = row[name]
        interval = "" if value is None else f" ({row[f'{name}_low']:.3f}–{row[f'{name}_high']:.3f})"
        told[f"{name}_told"] = None if value is None else f"{value:.3f}" + interval * row["has_interval"]
    return told


def _some(names: Sequence[str], most: int = 8) -> str:
    told = "; ".join(names[:most])
    return told if len(names) <= most else sentences.AND_MORE.format(told, len(names) - most)
