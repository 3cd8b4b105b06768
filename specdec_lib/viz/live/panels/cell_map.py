"""The cells of a sweep as a map and a table, from plain rows, while there are few and when there are many."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences as figures
from specdec_lib.viz import theme, traces
from specdec_lib.viz.table import TableView, show_table

NAMING = ("pair", "draft", "verifier", "dtype", "engine", "machine", "domain")
"""What a line of the map may be named by; of these, what is not the same in all rows, and the domain."""
COLUMNS = {
    "T": "{temperature:g}",
    "K": "{k}",
    "speedup": "{speedup:.2f}×",
    "α": "{alpha:.2f}",
    "tok/s": "{tokens_per_second:.1f}",
    "without": "{baseline_tokens_per_second:.1f}",
}
_ALSO_CALLED = {
    "temperature": "T",
    "k": "K",
    "speedup": "speedup",
    "alpha": "alpha_hat",
    "tokens_per_second": "sd_tokens_per_second",
    "baseline_tokens_per_second": "ar_tokens_per_second",
}
"""What a table needs, and how the tables of runs call it."""
_SLOWER_TO_FASTER = [[0.0, "#ef9a63"], [0.5, "#f3f3f3"], [1.0, "#5ba6e0"]]


def plot_cells(rows: theme.Rows) -> go.Figure:
    """Speedup by line (down) and K (across), a panel a temperature; seeds and repeats of a place are one.

    Args:
        rows: temperature, domain, k, speedup (None where nothing was timed), and what else names a line.
    """
    named = [{**row, "line": name} for row, name in zip(rows, line_names(rows), strict=True)]
    placed = _by_place([row for row in named if row["speedup"]])
    lines = traces.distinct(placed, "line")
    figure, parts = traces.temperature_panels(placed, 40 + 40 * len(lines))
    reach = max((abs(math.log2(row["speedup"])) for row in placed), default=1.0) or 1.0
    for panel, own in parts:
        figure.add_trace(_map(own, lines, reach), row=panel, col=1)
    figure.update_xaxes(showgrid=False, showline=False, ticks="", showticklabels=True)
    return figure.update_yaxes(showgrid=False, showline=False, ticks="", autorange="reversed")


def cell_table(rows: theme.Rows, most: int = 100) -> TableView:
    """The rows that came last, the newest first."""
    named = [{**_known(row), "line": name} for row, name in zip(rows, line_names(rows), strict=True)]
    return show_table(named[::-1][:most], {"cell": "{line}", **COLUMNS})


def line_names(rows: theme.Rows) -> list[str]:
    """What tells each row from the others, apart from its place on the map."""
    differing = [name for name in NAMING if len({row.get(name) for row in rows}) > 1]
    names = differing if "domain" in differing or not rows else [*differing, "domain"]
    return [", ".join(str(row[name]) for name in names if row.get(name) is not None) for row in rows]


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row.get(name, row.get(also)) for name, also in _ALSO_CALLED.items()}


def _by_place(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a place: the geometric mean of the speedups that were measured there, and how many they are."""
    found: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in rows:
        found[row["temperature"], row["line"], row["k"]].append(math.log(row["speedup"]))
    return [
        {"temperature": t, "line": line, "k": k, "speedup": math.exp(sum(v) / len(v)), "cells": len(v)}
        for (t, line, k), v in found.items()
    ]


def _map(rows: Sequence[Mapping[str, Any]], lines: Sequence[str], reach: float) -> go.Heatmap:
    ks = sorted({row["k"] for row in rows})
    cells = {(row["line"], row["k"]): row for row in rows}
    best = {line: max(traces.column(own, "speedup")) for line, own in traces.series(rows, "line")}
    table = [[cells.get((line, k)) for k in ks] for line in lines]
    return traces.heatmap(
        [[math.log2(cell["speedup"]) if cell else None for cell in told] for told in table],
        [[_words(cell, best) for cell in told] for told in table],
        figures.CELLS_SO_FAR,
        span=(-reach, reach),
        x=[f"K = {k}" for k in ks],
        y=list(lines),
        customdata=[
            [[cell["speedup"], cell["cells"]] if cell else [None, 0] for cell in told] for told in table
        ],
        colorscale=_SLOWER_TO_FASTER,
    )


def _words(cell: Mapping[str, Any] | None, best: Mapping[str, float]) -> str:
    if cell is None:
        return "–"
    star = "★ " if cell["speedup"] == best[cell["line"]] else ""
    return f"<b>{star}{cell['speedup']:.2f}×</b>"
