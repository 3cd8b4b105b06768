"""``specdec report``: one page of a sweep, or of two beside each other, to be read offline; measures nothing.

Rows are made by :mod:`specdec_lib.bench.tables.cells`, the page by :mod:`specdec_lib.viz.report`; here they
meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import options
from specdec_lib.cli.terminal import Prose, console_for, print_json, print_warning, said_if_waiting
from specdec_lib.errors import InvalidArgument, RecordError, reason_of

if TYPE_CHECKING:
    from specdec_lib.bench.tables.cells.comparing import FileComparison
    from specdec_lib.bench.tables.cells.counting import Counted
    from specdec_lib.bench.tables.cells.reading import CellLines

NAME = "report"
EXAMPLE = "specdec report runs/sweep --output sweep.html"
_PAGE = "report.html"


def run(
    results: options.ReportResults,
    other: options.ReportOther = None,
    output: options.ReportOutput = None,
    as_json: options.Json = False,
) -> None:
    """Put a sweep on one page that needs no network: figures, what to see in them, numbers."""
    from specdec_lib.bench.tables.cells.tables import sweep_tables
    from specdec_lib.viz.report.findings import findings
    from specdec_lib.viz.report.sections import labelled

    path, counted, lines = _counted(results)
    page = output or path.parent / _PAGE
    files, comparison = [lines], None
    if other is not None:
        comparison, more = _compared(counted, other)
        files.append(more)
    if any(page.exists() and page.samefile(file.path) for file in files):
        raise InvalidArgument(f"--output {page} is the results file itself; give another name")
    tables = sweep_tables(counted)
    found = findings(tables, None if comparison is None else labelled(comparison.rows))
    title = _title(path, [row.sweeps for row in tables.setups], comparison is not None)
    _write(page, tables, title, found, files, comparison)
    problems = [problem for file in files for problem in file.problems]
    if as_json:
        compared = None if comparison is None else comparison.to_dict()
        told = {"results": str(path), "output": str(page), "findings": found, "problems": problems}
        print_json({**told, "tables": tables.to_dict(), "comparison": compared})
    else:
        console = console_for()
        console.print(Prose(str(page), "bold"))
        for sentence in found:
            console.print(Prose(f"• {sentence}"))
    print_warning(*problems)


def _counted(results: Path) -> tuple[Path, Counted, CellLines]:
    """The cells of a file or of a sweep's folder, counted.

    Raises:
        RecordError: nothing is there, or no cell; lines that are no records are named before.
    """
    from specdec_lib.bench.results.sources import results_file
    from specdec_lib.bench.tables.cells.reading import CellLines, counted_lines

    path = results_file(results)
    lines = CellLines(path)
    try:
        with said_if_waiting(path):
            return path, counted_lines(lines), lines
    except RecordError:
        print_warning(*lines.problems)
        if lines.num_problems or lines.others or lines.is_read:
            raise RecordError(_nothing(path, lines)) from None
        raise


def _nothing(path: Path, lines: CellLines) -> str:
    others = ", ".join(f"{number} of kind {kind}" for kind, number in lines.others.items())
    told = f"; its other records are {others}, which `specdec explain` and `specdec bench --show` read"
    return f"report: {path} holds no cell of a sweep; make some with `specdec sweep`{told * bool(others)}"


def _compared(counted: Counted, other: Path) -> tuple[FileComparison, CellLines]:
    from specdec_lib.bench.tables.cells.comparing import compared

    _, second, lines = _counted(other)
    return compared(counted, second), lines


def _title(path: Path, sweeps: Sequence[Sequence[str]], is_compared: bool) -> str:
    names = list(dict.fromkeys(name for own in sweeps for name in own)) or [path.parent.name or path.name]
    title = f"Sweep {', '.join(names[:3])}" + " and others" * (len(names) > 3)
    return f"{title}, compared with another" if is_compared else title


def _notes(files: Sequence[CellLines]) -> list[str]:
    """Which files there are, and what of them is not in the figures."""
    from specdec_lib.viz.report import sentences
    from specdec_lib.viz.report.words import number_of

    notes = [sentences.FILES.format(files[0].path, files[1].path)] if len(files) > 1 else []
    for file in files:
        told = (
            (sentences.TORN_LINES, file.num_problems, "line"),
            (sentences.REPEATED_CELLS, file.repeated, "cell"),
            (sentences.OTHER_RECORDS, sum(file.others.values()), "record"),
        )
        notes += [words.format(number_of(number, noun), file.path) for words, number, noun in told if number]
    return notes


def _settings(files: Sequence[CellLines]) -> dict[str, str]:
    """The settings of each file's sweep, where they lie beside it, by the name of its folder."""
    from specdec_lib.bench.sweep.folder import PLAN
    from specdec_lib.bench.sweep.yaml_file import settings_as_yaml

    told = {str(plan): settings_as_yaml(plan) for file in files for plan in [Path(file.path).parent / PLAN]}
    return {name: text for name, text in told.items() if text is not None}


def _write(
    page: Path,
    tables: Any,
    title: str,
    found: list[str],
    files: Sequence[CellLines],
    comparison: FileComparison | None,
) -> None:
    """Whole or not at all.

    Raises:
        RecordError: it cannot be written.
    """
    from specdec_lib.utils.files import whole_file
    from specdec_lib.viz.report.page import write_page

    try:
        with whole_file(page) as file:
            write_page(file, tables, title, found, _notes(files), comparison, _settings(files))
    except OSError as error:
        raise RecordError(
            f"write a report to {page}: {reason_of(error)}; nothing was changed there"
        ) from error
