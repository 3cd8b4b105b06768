"""A benchmark session as plain data, and as a table for the terminal.

Rates are those of :mod:`specdec_lib.bench.tables.summary`; here they are put side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_table, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from specdec_lib.bench.records.kinds import Record
    from specdec_lib.bench.tables.lengths import LengthCell
    from specdec_lib.bench.tables.rows import LatencyRow

_COLUMNS = ("domain", "K", "AR tok/s", "SD tok/s", "speedup", "α", "tokens")


@dataclass(frozen=True)
class SessionSummary:
    """The newest session: where it lies, what ran, and one cell by temperature, domain and draft length."""

    results: str
    session: str
    pair: str
    models: dict[str, Any]
    runs: int
    compared: int
    identical: int
    cells: list[LengthCell]
    latency: list[LatencyRow]
    problems: list[str]

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``: a cell's columns in one row, latency without what only a figure shows."""
        latency = [{k: v for k, v in row.items() if k != "quantiles_ms"} for row in self.latency]
        cells = [
            {**(cell.acceptance or {}), **cell.speedup, **({"policy": cell.policy} if cell.policy else {})}
            for cell in self.cells
        ]
        return vars(self) | {"cells": cells, "latency": latency}


def summary_of(path: Path, records: Sequence[Record], problems: Sequence[str]) -> SessionSummary:
    """The newest session of a results file.

    Raises:
        RecordError: there is none, or it was measured on several machines.
    """
    from specdec_lib.bench.records.kinds import RunRecord, of_kind
    from specdec_lib.bench.records.runs import newest_session
    from specdec_lib.bench.tables.lengths import latencies, length_cells

    session = newest_session(records)
    timed = list(of_kind(session, RunRecord))
    compared = [record for record in timed if record.was_compared]
    return SessionSummary(
        results=str(path),
        session=session[0].session,
        pair=timed[0].config.model_pair_name,
        models=dict(session[0].models),
        runs=len(timed),
        compared=len(compared),
        identical=sum(record.is_identical for record in compared),
        cells=length_cells(session),
        latency=latencies(session),
        problems=list(problems),
    )


def show_session(console: Console, summary: SessionSummary) -> None:
    """The session as one table a temperature."""
    for temperature in sorted({cell.speedup.temperature for cell in summary.cells}):
        cells = [cell for cell in summary.cells if cell.speedup.temperature == temperature]
        title = f"{summary.pair} at temperature {temperature:g}"
        console.print(safe_table(title, _COLUMNS, "lrrrlrr", (_row(cell, cells) for cell in cells)))
    if not summary.cells:
        console.print(Prose(sentences.NO_SPEEDUP))
    console.print(Prose(_footnote(summary), "dim"))


def ratio_cell(row: Mapping[str, Any], name: str = "ratio", is_best: bool = False) -> Text:
    """A ratio of speeds, the column ``name`` of a row, with its interval; the best of a table is starred."""
    ratio = "–" if row[name] is None else f"{row[name]:.2f}×"
    interval = f" ({row['low']:.2f}–{row['high']:.2f})" if row["has_interval"] else ""
    return text(f"{ratio}{interval}{' ★' if is_best else ''}", "bold" if is_best else "")


def _row(cell: LengthCell, cells: Sequence[LengthCell]) -> list[str | Text]:
    row, acceptance = cell.speedup, cell.acceptance
    best = max(other.speedup.speedup for other in cells if other.speedup.domain == row.domain)
    return [
        row.domain,
        cell.length,
        f"{row.ar_tokens_per_second:.1f}",
        f"{row.sd_tokens_per_second:.1f}",
        ratio_cell(row, "speedup", row.speedup == best),
        f"{acceptance.alpha_hat:.2f}" if acceptance else "–",
        f"{acceptance.mean_acceptance_length:.2f}" if acceptance else "–",
    ]


def _footnote(summary: SessionSummary) -> str:
    ran = sentences.runs_line(summary.results, summary.runs, summary.models["target"])
    lines = [sentences.SPEEDUP_LEGEND, sentences.ALPHA_IN_WORDS, ran]
    if summary.compared:
        lines.append(sentences.tokens_that_agree(summary.identical, summary.compared))
    return "\n".join(lines)
