"""Cells of sweeps for the terminal, and as one document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli.terminal import Prose, safe_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from specdec_lib.bench.results.columns import FlatCell
    from specdec_lib.bench.results.listing import CellList, MachineRow
    from specdec_lib.bench.results.merging import Merged
    from specdec_lib.bench.results.scanning import Scan

_NOTHING = "–"
_WIDE = 100
"""Columns of a terminal from which on the time of a cell has room."""
_MINUTES = len("2026-01-01T00:00")
_NAMES = ("pair", "draft", "target", "domain")
_LENGTHS = (18, 14, 12, 10, 8)
"""Letters of a name in the table, the most that there is room for; ``--json`` has all."""
_DIGITS = 6
"""Of a hash, which only tells whether two are one."""
_SHOWN: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("notebook", "library", "weights", "prompts"), lambda digits: digits[:_DIGITS]),
    "temperature": "{:g}".format,
    "speedup": "{:.2f}×".format,
    "alpha": "{:.2f}".format,
    **dict.fromkeys(("tokens_per_second", "baseline_tokens_per_second"), "{:.1f}".format),
    "time": lambda time: time[:_MINUTES].replace("T", " "),
    "compiled": lambda truth: "yes" if truth else "no",
}
"""How a column is written, where it is not as it is."""


def show_list(console: Console, cells: CellList, scan: Scan) -> None:
    """What all cells share, a table of those that are shown, and what there is beside them."""
    from specdec_lib.bench.results import sentences

    title = sentences.found(cells.num_cells, scan.cells, scan.paths)
    table, length = _table(console, cells)
    if shared := _shared(cells, length):
        console.print(Prose(f"{title}\n{sentences.all_share(shared)}"))
    else:
        console.print(Prose(title))
    if cells.rows:
        console.print(table)
    notes = list(_notes(cells, scan))
    if cells.rows:
        notes.append(sentences.LEGEND)
    console.print(Prose("\n".join(notes), "dim"))


def _table(console: Console, cells: CellList) -> tuple[Table, int]:
    """The rows that are shown, and how long their names may be for it to have room."""
    from specdec_lib.bench.results.columns import BY_NAME

    is_wide = console.width >= _WIDE
    left_out = ["time"] * (not is_wide) + ["weights"] * _tell_weights(cells.rows)
    columns = [BY_NAME[name] for name in cells.columns if name not in left_out]
    headings = [column.heading for column in columns]
    sides = "".join("r" if column.kind in ("whole", "number") else "l" for column in columns)
    table, length = safe_table("", headings, sides, ()), _LENGTHS[0]
    unbounded = console.options.update(width=10 * _WIDE)
    for length in _LENGTHS:
        rows = [[_shortened(row, column.name, length) for column in columns] for row in cells.rows]
        table = safe_table("", headings, sides, rows)
        if not is_wide:
            table.padding = (0, 1, 0, 0)
            place = headings.index(BY_NAME["baseline_tokens_per_second"].heading)
            table.columns[place].max_width = max(len("tok/s"), *(len(row[place]) for row in rows), 0)
        if console.measure(table, options=unbounded).maximum <= console.width:
            break
    return table, length


def _tell_weights(rows: list[FlatCell]) -> bool:
    """Whether the names of the models, in other columns, tell their weights apart."""
    named = {(row.pair, row.draft, row.target, row.dtype) for row in rows}
    return len(named) == len({(row.pair, row.draft, row.target, row.dtype, row.weights) for row in rows})


def _shared(cells: CellList, length: int) -> str:
    """What all cells have in common, but for what stands in the table in full."""
    from specdec_lib.bench.results.columns import BY_NAME
    from specdec_lib.bench.results.listing import PLACE

    told = {
        name: value
        for name, value in cells.shared.items()
        if value is not None and (name not in PLACE or (name in _NAMES and len(str(value)) > length))
    }
    if "machine" in told:
        told["machine"] = cells.machines[0].description
    return ", ".join(f"{BY_NAME[name].heading} {_written(name, value)}" for name, value in told.items())


def _notes(cells: CellList, scan: Scan) -> Iterable[str]:
    from specdec_lib.bench.results import sentences
    from specdec_lib.bench.results.columns import BY_NAME

    hidden = cells.num_cells - len(cells.rows)
    if hidden:
        yield sentences.more_cells(hidden)
        for name in ("pair", "draft", "k", "domain", "temperature"):
            if len(cells.counts[name]) > 1:
                yield sentences.by_value(BY_NAME[name].heading, cells.counts[name])
    yield from _machines(cells.machines)
    if scan.repeated:
        yield sentences.repeated(scan.repeated)
    if scan.others:
        yield sentences.other_kinds(scan.others)


def _machines(machines: list[MachineRow]) -> Iterable[str]:
    from specdec_lib.bench.results import sentences

    if len(machines) > 1:
        yield sentences.not_pooled(len(machines))
        for row in machines:
            yield sentences.one_machine(row.machine, row.description, row.cells, row.apart)


def _shown(row: FlatCell, name: str) -> str:
    from specdec_lib.bench.results.conditions import value_of

    return _written(name, value_of(row, name))


def _shortened(row: FlatCell, name: str, length: int) -> str:
    """As it is shown; a name that is longer has its middle left out."""
    shown = _shown(row, name)
    if name not in _NAMES or len(shown) <= length:
        return shown
    return f"{shown[: length // 2]}…{shown[len(shown) - (length - 1) // 2 :]}"


def _written(name: str, value: Any) -> str:
    return _NOTHING if value is None else _SHOWN.get(name, str)(value)


def show_export(console: Console, number: int, output: Path, scan: Scan) -> None:
    """What was written where, and what was not."""
    from specdec_lib.bench.results import sentences
    from specdec_lib.bench.results.columns import COLUMNS

    notes = [sentences.exported_to(output, number, len(COLUMNS))]
    notes += [sentences.repeated(scan.repeated)] * bool(scan.repeated)
    notes += [sentences.other_kinds(scan.others, left_out=True)] * bool(scan.others)
    console.print(Prose("\n".join(notes)))


def show_merge(console: Console, merged: Merged, output: Path) -> None:
    """What is in the file now, and what is not."""
    from specdec_lib.bench.results import sentences
    from specdec_lib.bench.results.pooling import short_machine

    notes = [sentences.merged_into(output, merged.cells)]
    notes += [sentences.repeated(merged.repeated)] * bool(merged.repeated)
    notes += [sentences.measured_again(merged.several)] * bool(merged.several)
    if len(merged.machines) > 1:
        notes.append(sentences.not_pooled(len(merged.machines)))
        for letter, number in sorted(merged.machines.items()):
            what = short_machine(merged.environments[letter])
            notes.append(sentences.one_machine(letter, what, number, None))
    notes += [sentences.other_kinds(merged.others, left_out=True)] * bool(merged.others)
    console.print(Prose("\n".join(notes)))


# -- as one document -------------------------------------------------------------------------------


def document_of_list(cells: CellList, scan: Scan) -> dict[str, Any]:
    """For ``--json``: all columns of the cells that are listed, and what is known of all."""
    return {
        "results": list(map(str, scan.paths)),
        "num_cells": cells.num_cells,
        "num_read": scan.cells,
        "num_repeated": scan.repeated,
        "other_kinds": dict(scan.others),
        "problems": scan.problems,
        "num_problems": scan.num_problems,
        "shared": cells.shared,
        "counts": cells.counts,
        "machines": [row.to_dict() for row in cells.machines],
        "cells": [row._asdict() for row in cells.rows],
    }


def document_of_merge(merged: Merged, output: Path) -> dict[str, Any]:
    """For ``--json``: what is in the file, and what was left out."""
    return {
        "merged": str(output),
        "num_cells": merged.cells,
        "num_repeated": merged.repeated,
        "num_measured_again": merged.several,
        "machines": dict(merged.machines),
        "other_kinds": dict(merged.others),
        "problems": merged.problems,
        "num_problems": merged.num_problems,
    }
