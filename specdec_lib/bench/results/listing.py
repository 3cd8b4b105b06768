"""A list of cells: a part of them as rows, and of all of them how many there are and what they share."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from specdec_lib.bench.results.columns import COLUMNS, FlatCell, Plain
from specdec_lib.bench.results.conditions import value_of
from specdec_lib.bench.results.pooling import short_machine
from specdec_lib.bench.results.scanning import Scan
from specdec_lib.utils import machine
from specdec_lib.utils.row import Row

PLACE = ("pair", "draft", "k", "domain", "temperature")
"""Columns that are always shown: which cell it is."""
OUTCOME = ("speedup", "alpha", "baseline_tokens_per_second", "tokens_per_second", "time")
"""Columns that are always shown: what came of it."""
COUNTED = ("pair", "draft", "k", "domain", "temperature", "machine")
"""Columns of which it is told how many cells have each value."""
_DETAILS = (
    "policy", "verifier", "dtype", "engine", "batch", "compiled", "machine", "sweep", "max_new_tokens",
    "seed", "repeat", "target", "device", "notebook", "library", "weights", "prompts",
)  # fmt: skip
"""Columns that are shown where the cells differ in them."""


@dataclass(frozen=True, eq=False)
class MachineRow(Row):
    """A machine: its letter, what it is, how many cells it has, and what sets it apart from the first."""

    machine: str
    description: str
    cells: int
    apart: str | None


@dataclass(frozen=True, eq=False)
class CellList:
    """A list of cells.

    Attributes:
        rows: those that are shown. num_cells: of all that meet the conditions.
        columns: to show, by name. shared: what all cells have in common, by column.
        counts: how many cells have each value, by column, the most frequent first.
        machines: where they come from.
    """

    rows: list[FlatCell]
    num_cells: int
    columns: list[str]
    shared: dict[str, Plain]
    counts: dict[str, dict[str, int]]
    machines: list[MachineRow]


def list_cells(scan: Scan, sort: str | None = None, descending: bool = False, limit: int = 50) -> CellList:
    """The first ``limit`` cells of a scan, in the order of ``sort`` or as they stand in their files.

    All are counted, and no more than ``limit`` of them are held. What has nothing in the column comes last.
    """
    tally = _Tally()
    cells = tally.passing(scan)
    if sort is None:
        rows = list(islice(cells, limit))
        for _ in cells:
            pass
    elif descending:
        rows = heapq.nlargest(limit, cells, key=lambda row: _place(value_of(row, sort), last=False))
    else:
        rows = heapq.nsmallest(limit, cells, key=lambda row: _place(value_of(row, sort), last=True))
    shared = tally.shared()
    details = [name for name in _DETAILS if name not in shared and name != "policy"]
    before = [
        name for name in details if name in ("verifier", "dtype", "engine", "batch", "compiled", "machine")
    ]
    columns = [*PLACE, *before, *(name for name in details if name not in before), *OUTCOME]
    machines = [
        MachineRow(letter, short_machine(found), tally.counts["machine"][letter], _apart(scan, letter))
        for letter, found in scan.machines.environments.items()
        if tally.counts["machine"][letter]
    ]
    counts = {name: {str(value): n for value, n in told.most_common()} for name, told in tally.counts.items()}
    return CellList(rows, tally.num_cells, columns, shared, counts, machines)


def _place(value: Any, last: bool) -> tuple[bool, bool, Any]:
    """Where a value stands: nothing last, numbers before texts."""
    return (value is None) is last, isinstance(value, str), 0 if value is None else value


def _apart(scan: Scan, letter: str) -> str | None:
    first, *_ = environments = list(scan.machines.environments.values())
    here = scan.machines.environments[letter]
    return machine.difference(first, here) if len(environments) > 1 else None


class _Tally:
    """What is known of all cells that have passed."""

    def __init__(self) -> None:
        self._groups: Counter[tuple[Any, ...]] = Counter()
        self._first: FlatCell | None = None
        self._same: list[int] = []
        self.num_cells = 0
        self.counts: dict[str, Counter[Any]] = {name: Counter() for name in COUNTED}

    def passing(self, cells: Iterable[FlatCell]) -> Iterator[FlatCell]:
        """The same cells, each counted as it passes."""
        for row in cells:
            if self._first is None:
                self._first = row
                self._same = [
                    place for place, column in enumerate(COLUMNS) if column.name in (*PLACE, *_DETAILS)
                ]
            elif any(row[place] != self._first[place] for place in self._same):
                self._same = [place for place in self._same if row[place] == self._first[place]]
            self.num_cells += 1
            self._groups[
                row.pair, row.draft, row.policy or row.k, row.domain, row.temperature, row.machine
            ] += 1
            yield row
        for group, number in self._groups.items():
            for name, value in zip(COUNTED, group, strict=True):
                self.counts[name][value] += number

    def shared(self) -> dict[str, Plain]:
        """What all cells have in common, by column."""
        if self._first is None:
            return {}
        shared = {COLUMNS[place].name: self._first[place] for place in self._same}
        return {name: value_of(self._first, name) for name in shared if name != "policy"}
