"""``specdec explain``: why is it slower, or faster, than it should be? Predicted against measured.

It reads a results file and measures nothing. What is said, and every number in it, is
:mod:`specdec_lib.bench.explain.report`'s; here it is put on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import options, sentences
from specdec_lib.cli.selection import named_pair
from specdec_lib.cli.terminal import (
    Prose,
    console_for,
    print_json,
    print_warning,
    safe_table,
    said_if_waiting,
    text,
)
from specdec_lib.cli.views.summary import ratio_cell
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.models.registry import DEFAULT_PAIR, get_pair, is_own_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from specdec_lib.bench.explain.cell import Advice, Cell, Term
    from specdec_lib.bench.explain.report import Group, Report

NAME = "explain"
EXAMPLE = "specdec explain runs/pocket.jsonl --temperature 0 --k 4 --reach 2.5"
_CELLS = ("K", "α", "c", "v", "o", "predicted", "measured", "unexplained")
_TERMS = ("term", "forwards", "change", "speedup", "because")


def run(
    result: options.Result = None,
    pair: options.ResultPair = None,
    target: options.ResultTarget = None,
    draft: options.ResultDraft = None,
    drafter: options.ResultDrafter = None,
    domain: options.CellDomain = None,
    temperature: options.CellTemperature = None,
    k: options.CellK = None,
    reach: options.Reach = None,
    as_json: options.Json = False,
) -> None:
    """Say why a benchmark is slower or faster than it should be, and what would help."""
    chosen = options.ModelOptions(pair, target, draft, drafter=drafter)
    given = [name for name, value in vars(chosen).items() if value]
    if result is not None and given:
        raise InvalidArgument(f"--{given[0]} chooses a results file, and RESULT is one; give one of the two")
    paths = [result] if result is not None else _results_of(chosen)
    asked = {"temperature": temperature, "domain": domain, "k": k, "reach": reach}
    path, report, problems = _first_that_explains(paths, asked)
    if as_json:
        print_json({"results": str(path), "problems": problems, **_document(report)})
    else:
        _show(console_for(), report, path)
    if problems:
        print_warning(*problems)
        raise RecordError(sentences.lines_above(path, len(problems), "explained"))


def _results_of(chosen: options.ModelOptions) -> list[Path]:
    """What ``specdec bench`` wrote here, what the checkout measured and what it ships, if it is there.

    What was measured need not be here any more: results are kept by the name of a pair.

    Raises:
        UnknownPair: a pair that is not registered, and that nothing lies here of.
        InvalidArgument: options that contradict each other, or a target without a draft.
    """
    from specdec_lib.bench.records.runs import load_results, result_paths

    by_name = chosen == options.ModelOptions(chosen.pair)
    pair = chosen.pair or DEFAULT_PAIR if by_name else named_pair(chosen).pair.pair_name
    found = [path for path in result_paths(pair) if path.is_file() and path.stat().st_size]
    if not found and not is_own_name(pair):
        get_pair(pair)
    here = Path("runs", f"{pair}.jsonl")
    return [here if path == here.resolve() else path for path in found] or [load_results(pair)[1]]


def _first_that_explains(paths: Sequence[Path], asked: dict[str, Any]) -> tuple[Path, Report, list[str]]:
    """The report of the first file that holds enough; of each before it, one line says what it lacks.

    Raises:
        RecordError: none does; the line names the last file.
    """
    for path, following in pairwise(paths):
        try:
            return path, *_explained(path, asked)
        except RecordError as error:
            print_warning(f"{error}; reading {following} instead")
    return paths[-1], *_explained(paths[-1], asked)


def _explained(path: Path, asked: dict[str, Any]) -> tuple[Report, list[str]]:
    """What its newest session tells, and its lines that are no records: told at once where there is none."""
    from specdec_lib.bench.explain.report import explain_session
    from specdec_lib.bench.records.reading import read_records
    from specdec_lib.bench.records.runs import newest_session

    if path.is_dir():
        _refuse_folder(path)
    with said_if_waiting(path):
        records, problems = read_records(path)
    try:
        session = newest_session(records)
    except RecordError as error:
        print_warning(*problems)
        if any(record.kind == "run" for record in records):  # of several machines
            raise RecordError(f"{path}: {error}") from error
        if any(record.kind == "cell" for record in records):
            raise RecordError(_of_a_sweep(path, path.parent)) from None
        raise RecordError(f"{path} holds no timed run; measure with `specdec bench`") from None
    try:
        return explain_session(session, **asked), problems
    except RecordError as error:
        raise RecordError(f"{path}: {str(error).removeprefix('explain: ')}") from error


def _refuse_folder(path: Path) -> None:
    """Raises RecordError: it is that of a sweep; another folder is left to whoever reads it."""
    from specdec_lib.bench.results.sources import PLAN, RESULTS, results_file

    if any((path / name).exists() for name in (PLAN, RESULTS)):
        results_file(path)
        raise RecordError(_of_a_sweep(path, path))


def _of_a_sweep(path: Path, folder: Path) -> str:
    """What is said of a sweep, which is not explained as a whole."""
    cells = folder / "cells"
    one = f"; for one cell, name its {cells / 'KEY' / 'runs.jsonl'}" if cells.is_dir() else ""
    return f"{path} holds the cells of a sweep, which `specdec report {path}` puts on a page{one}"


_CELL = (
    "temperature", "domain", "k", "alpha", "c", "v", "overhead", "predicted", "accounted", "measured", "low",
    "high", "has_interval", "unexplained", "step", "timed_step",
)  # fmt: skip
"""What the document tells of a cell, beside its terms and the advice."""


def _document(report: Report) -> dict[str, Any]:
    groups = [asdict(group) | {"cells": list(map(_cell_document, group.cells))} for group in report.groups]
    return asdict(report) | {"groups": groups}


def _cell_document(cell: Cell) -> dict[str, Any]:
    said = {"terms": list(map(dict, cell.terms)), "advice": list(map(asdict, cell.advice))}
    return {name: getattr(cell, name) for name in _CELL} | said


# -- on the screen ---------------------------------------------------------------------------------


def _show(console: Console, report: Report, path: Path) -> None:
    for group in report.groups:
        domain = "all domains" if group.domain == "all" else group.domain
        title = f"{report.pair} at temperature {group.temperature:g}, {domain}"
        console.print(safe_table(title, _CELLS, "rrrrrrlr", (_cell_row(cell, group) for cell in group.cells)))
        best = group.best
        terms = map(_term_row, best.terms)
        console.print(safe_table(f"Where it goes at K = {best.k}", _TERMS, "lrrrl", terms))
        for advice in _sentences(group):
            style = "bold" if advice.key in ("unexplained", "no_k_pays") else ""
            console.print(_point(advice.sentence, style))
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


def _point(sentence: str, style: str) -> Table:
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
