"""What ``specdec doctor`` shows: a line a finding, and the registry's pairs against the memory there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import safe_table, text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from specdec_lib.cli.checks import Finding
    from specdec_lib.cli.checks.machine import MachineReport
    from specdec_lib.cli.checks.memory import PairFit

_SIGNS = {"ok": ("✓", "green"), "note": ("·", "dim"), "bad": ("✗", "bold red")}
_DTYPES = ("as listed", "float32", "16 bit", "int4")
_COLUMNS = [("pair", "left"), *((name, "right") for name in _DTYPES), ("", "left")]


def findings_grid(findings: Iterable[Finding]) -> Table:
    """A sign, a name and what was found, a line each."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for finding in findings:
        sign, style = _SIGNS[finding.status]
        detail = text(finding.detail, "dim" * (finding.status == "note"))
        grid.add_row(text(sign, style), text(finding.name, "bold"), detail)
    return grid


def pairs_table(report: MachineReport) -> Table:
    """What each pair needs of the memory, a column a choice of dtypes."""
    memory = report.memory
    title = sentences.pairs_title(memory.free_gib, memory.total_gib, memory.device)
    return safe_table(title, _COLUMNS, (_row(pair, memory.free_gib) for pair in report.pairs))


def _row(pair: PairFit, free_gib: float) -> list[Text]:
    cells = [_cell(gib, gib <= free_gib) for gib in pair.needs.values()]
    cells += [text("?")] * (len(_DTYPES) - len(cells))
    return [text(pair.pair_name, "bold"), *cells, text(pair.state)]


def _cell(gib: float, fits: bool) -> Text:
    sign, style = _SIGNS["ok" if fits else "bad"]
    return text(f"{gib:.2f} {sign}" if gib < 1 else f"{gib:.1f} {sign}", style if not fits else "green")
