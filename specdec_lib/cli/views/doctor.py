"""What ``specdec doctor`` shows: a line a finding, and the registry's pairs against the memory there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_table, text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from specdec_lib.cli.checks import Finding
    from specdec_lib.cli.checks.machine import MachineReport
    from specdec_lib.cli.checks.memory import PairFit
    from specdec_lib.cli.checks.pair import PairReport

_SIGNS = {"ok": ("✓", "green"), "note": ("·", "dim"), "bad": ("✗", "bold red")}
_DTYPES = ("as listed", "float32", "16 bit", "int4")


def pair_page(report: PairReport) -> list[Any]:
    """A pair by its name, and what was found."""
    return [text(report.pair.pair_name, "bold"), _findings_grid(report.findings)]


def machine_page(report: MachineReport) -> list[Any]:
    """What was found, and what each pair needs of the memory, a column a choice of dtypes."""
    memory, free = report.memory, report.memory.free_gib
    title = sentences.pairs_title(free, memory.total_gib, memory.device)
    rows = [_row(pair, free) for pair in report.pairs]
    table = safe_table(title, ("pair", *_DTYPES, ""), "lrrrrl", rows)
    return [_findings_grid(report.findings), "", table, Prose(sentences.MEMORY_LEGEND, "dim")]


def _findings_grid(findings: Iterable[Finding]) -> Table:
    """A sign, a name and what was found, a line each."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for finding in findings:
        sign, style = _SIGNS[finding.status]
        detail = Prose(finding.detail, "dim" * (finding.status == "note"))
        grid.add_row(text(sign, style), text(finding.name, "bold"), detail)
    return grid


def _row(pair: PairFit, free_gib: float) -> list[Text]:
    cells = [text("?")] * len(_DTYPES)
    for column, gib in enumerate(pair.needs.values()):
        sign, style = _SIGNS["ok" if gib <= free_gib else "bad"]
        cells[column] = text(f"{gib:.2f} {sign}" if gib < 1 else f"{gib:.1f} {sign}", style)
    return [text(pair.pair_name, "bold"), *cells, text(pair.state)]
