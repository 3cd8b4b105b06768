"""A benchmark session as plain data, and as a table for the terminal.

Rates are those of :mod:`specdec_lib.bench.tables.summary`; here they are put side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_table, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from specdec_lib.bench.records.schema import Record

_COLUMNS = ("domain", "K", "AR tok/s", "SD tok/s", "speedup", "α", "tokens")


def summary_of(path: Path, records: Sequence[Record], problems: Sequence[str]) -> dict[str, Any]:
    """The newest session: where it lies, what ran, and one row by temperature, domain and K.

    Raises:
        RecordError: there is none, or it was measured on several machines.
    """
    from specdec_lib.bench.records.runs import newest_session, runs_of
    from specdec_lib.bench.tables.summary import acceptance_table, latency_table, speedup_table

    session = newest_session(records)
    runs = runs_of(session)
    acceptance = {(row.temperature, row.domain, row.k): row for row in acceptance_table(runs)}
    rows = [
        {**acceptance.get((row.temperature, row.domain, row.k), {}), **row} for row in speedup_table(runs)
    ]
    latency = [{k: v for k, v in row.items() if k != "quantiles_ms"} for row in latency_table(runs)]
    timed = [record for record in session if record["kind"] == "run"]
    compared = [r["first_difference"] for r in timed if r.get("first_difference") is not None]
    return {
        "results": str(path),
        "session": session[0]["session"],
        "pair": runs[0].config.model_pair_name,
        "models": session[0]["models"],
        "runs": len(runs),
        "compared": len(compared),
        "identical": sum(difference < 0 for difference in compared),
        "cells": rows,
        "latency": latency,
        "problems": list(problems),
    }


def show_session(console: Console, summary: dict[str, Any]) -> None:
    """The session as one table a temperature."""
    for temperature in sorted({row["temperature"] for row in summary["cells"]}):
        rows = [row for row in summary["cells"] if row["temperature"] == temperature]
        title = f"{summary['pair']} at temperature {temperature:g}"
        console.print(safe_table(title, _COLUMNS, "lrrrlrr", (_row(row, rows) for row in rows)))
    if not summary["cells"]:
        console.print(Prose(sentences.NO_SPEEDUP))
    console.print(Prose(_footnote(summary), "dim"))


def ratio_cell(row: Mapping[str, Any], name: str = "ratio", is_best: bool = False) -> Text:
    """A ratio of speeds, the column ``name`` of a row, with its interval; the best of a table is starred."""
    ratio = "–" if row[name] is None else f"{row[name]:.2f}×"
    interval = f" ({row['low']:.2f}–{row['high']:.2f})" if row["has_interval"] else ""
    return text(f"{ratio}{interval}{' ★' if is_best else ''}", "bold" if is_best else "")


def _row(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str | Text]:
    best = max(other["speedup"] for other in rows if other["domain"] == row["domain"])
    return [
        row["domain"],
        str(row["k"]),
        f"{row['ar_tokens_per_second']:.1f}",
        f"{row['sd_tokens_per_second']:.1f}",
        ratio_cell(row, "speedup", row["speedup"] == best),
        f"{row['alpha_hat']:.2f}" if "alpha_hat" in row else "–",
        f"{row['mean_acceptance_length']:.2f}" if "mean_acceptance_length" in row else "–",
    ]


def _footnote(summary: dict[str, Any]) -> str:
    ran = sentences.runs_line(summary["results"], summary["runs"], summary["models"]["target"])
    lines = [sentences.SPEEDUP_LEGEND, sentences.ALPHA_IN_WORDS, ran]
    if summary["compared"]:
        lines.append(sentences.tokens_that_agree(summary["identical"], summary["compared"]))
    return "\n".join(lines)
