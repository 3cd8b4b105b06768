"""``specdec results``: the cells of sweeps, listed, filtered, merged and exported; nothing is measured.

Files are read line by line, so that they may be larger than the memory. What is said of them is made by
:mod:`specdec_lib.bench.results`; here it is asked for and put on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from specdec_lib.cli import options
from specdec_lib.cli.terminal import console_for, print_json, print_warning, said_if_waiting
from specdec_lib.cli.views.results import (
    document_of_list,
    document_of_merge,
    show_export,
    show_list,
    show_merge,
)
from specdec_lib.errors import InvalidArgument, RecordError

NAME = "results"
EXAMPLE = "specdec results runs/sweep --where k=4 --where 'temperature<=0.5' --sort -speedup"


def run(
    sources: options.Sources,
    where: options.Where = None,
    sort: options.Sort = None,
    limit: options.Limit = 50,
    merge: options.Merge = None,
    export: options.Export = None,
    as_json: options.Json = False,
) -> None:
    """List the cells of sweeps, also a million of them; filter, merge or export them."""
    if merge is not None:
        refused = {"--where": where, "--sort": sort, "--export": export}
        if given := next((name for name, value in refused.items() if value), None):
            raise InvalidArgument(f"--merge keeps every cell in the order of time; give it without {given}")
        _merge(sources, merge, as_json)
    elif export is not None:
        _export(sources, where or (), export, as_json)
    else:
        _list(sources, where or (), sort, limit, as_json)


def _list(sources: Sequence[Path], where: Sequence[str], sort: str | None, limit: int, as_json: bool) -> None:
    from specdec_lib.bench.results.conditions import column_named, read_conditions
    from specdec_lib.bench.results.listing import list_cells
    from specdec_lib.bench.results.scanning import Scan

    column = None if sort is None else column_named(sort.removeprefix("-"), "--sort")
    scan = Scan(sources, read_conditions(where))
    with said_if_waiting(scan.paths[0]):
        cells = list_cells(scan, column, (sort or "").startswith("-"), limit)
    if as_json:
        print_json(document_of_list(cells, scan))
    else:
        show_list(console_for(), cells, scan)
    _tell_of_problems(scan.problems, scan.num_problems, "listed")


def _export(sources: Sequence[Path], where: Sequence[str], output: Path, as_json: bool) -> None:
    from specdec_lib.bench.results.conditions import read_conditions
    from specdec_lib.bench.results.exporting import export_cells
    from specdec_lib.bench.results.scanning import Scan

    scan = Scan(sources, read_conditions(where))
    with said_if_waiting(scan.paths[0]):
        number = export_cells(scan, output)
    if as_json:
        print_json({"export": str(output), "num_cells": number, "problems": scan.problems})
    else:
        show_export(console_for(), number, output, scan)
    _tell_of_problems(scan.problems, scan.num_problems, "exported")


def _merge(sources: Sequence[Path], output: Path, as_json: bool) -> None:
    from specdec_lib.bench.results.merging import merge_results

    merged = merge_results(sources, output)
    if as_json:
        print_json(document_of_merge(merged, output))
    else:
        show_merge(console_for(), merged, output)
    _tell_of_problems(merged.problems, merged.num_problems, "merged")


def _tell_of_problems(problems: Sequence[str], number: int, done: str) -> None:
    """Raises RecordError: there are lines that are no records; each of the first is named."""
    from specdec_lib.bench.results import sentences

    if number:
        print_warning(*problems, *[sentences.more_lines(number - len(problems))] * (number > len(problems)))
        raise RecordError(sentences.lines_are_none(number, done))
