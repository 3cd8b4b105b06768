"""What ``specdec explain`` shows of a session: its cells, where the best one's speed goes, and sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from specdec_lib.cli import sentences
from specdec_lib.cli.terminal import Prose, safe_table, text
from specdec_lib.cli.views.summary import ratio_cell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from specdec_lib.bench.explain.cell import Advice, Cell, Term
    from specdec_lib.bench.explain.report import Group, Report

_CELLS = ("K", "α", "c", "v", "o", "predicted", "measured", "unexplained")
_TERMS = ("term", "forwards", "change", "speedup", "because")


def show_report(console: Console, report: Report, path: Path) -> None:
    """Of each group a table of cells, one of the best cell's terms, and a sentence a finding."""
    for group in report.groups:
        domain = "all domains" if group.domain == "all" else group.domain
        title = f"{report.pair} at temperature {group.temperature:g}, {domain}"
        console.print(safe_table(title, _CELLS, "rrrrrrlr", (_cell_row(cell, group) for cell in group.cells)))
        best = group.best
        terms = map(_term_row, best.terms)
        console.print(safe_table(f"Where it goes at K = {best.k}", _TERMS, "lrrrl", terms))
        for advice in _sentences(group):
            style = "bold" if advice.key in ("unexplained", "no_k_pays") else ""
            console.print(bulleted(advice.sentence, style))
        console.print()
    for note in report.notes:
        console.print(Prose(note, "dim"))
    legend = f"{sentences.ALPHA_IN_WORDS}.\n{sentences.explained_by(report.session, path)}"
    console.print(Prose(legend, "dim"))


def _sentences(group: Group) -> list[Advice]:
    """The verdict on the fastest cell and its checks, which K to take, then the cell's levers."""
    advice = group.best.advice
    verdicts = [a for a in advice if _is_verdict(a)]
    outlook = [] if group.best.said("check_first") else group.outlook.advice
    return [*verdicts, *outlook, *(a for a in advice if not _is_verdict(a))]


def _is_verdict(advice: Advice) -> bool:
    return advice.key.endswith("explained") or advice.key.startswith("check") or advice.key == "inseparable"


def bulleted(sentence: str, style: str) -> Table:
    """A sentence behind a bullet, its further lines indented."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    grid.add_row("•", Prose(sentence, style))
    return grid


def _cell_row(cell: Cell, group: Group) -> list[str | Text]:
    return [
        str(cell.k),
        f"{cell.alpha:.2f}",
        f"{cell.c:.2f}",
        f"{cell.v:.2f}",
        "?" if cell.overhead is None else f"{cell.overhead:.2f}",
        "?" if cell.predicted is None else f"{cell.predicted:.2f}×",
        ratio_cell(vars(cell), "measured", cell.k == group.outlook.measured_best_k),
        _unexplained(cell),
    ]


def _unexplained(cell: Cell) -> str | Text:
    if cell.unexplained is None:
        return "?"
    share = f"{100.0 * cell.unexplained:+.0f} %"
    return text(f"{share} !", "bold red") if cell.said("unexplained") else share


def _term_row(term: Term) -> list[str | Text]:
    return [
        term.term,
        "" if term.cost is None else f"{term.cost:.2f}",
        "" if term.change is None else f"{term.change:+.2f}",
        f"{term.speedup:.2f}×",
        text(term.meaning, "dim"),
    ]
