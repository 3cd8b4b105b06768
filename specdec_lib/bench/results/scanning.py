"""The cells of results files, one after the other and never all at once; by several processes where it pays.

A file is read in pieces; of each line becomes a flat row, and the line is forgotten. What is no cell is
counted, what is no record is named. Rows come in the order of the files, whoever made them.
"""

from __future__ import annotations

import gc
import json
import os
import signal
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

from specdec_lib.bench.records.contents import Described
from specdec_lib.bench.records.kinds import KINDS, SCHEMA_VERSION
from specdec_lib.bench.records.reading import BYTE_ORDER_MARK, from_line
from specdec_lib.bench.results.columns import FlatCell, cell_row, on_machine
from specdec_lib.bench.results.conditions import Condition
from specdec_lib.bench.results.pooling import Machines, measurement_of
from specdec_lib.bench.results.sources import Piece, pieces_of, results_file, total_bytes
from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

CELL = "cell"
WORTH_WORKERS = 2**26
"""Bytes from which it pays to start other processes."""
MOST_WORKERS = 8
"""Processes beyond which rows come faster than they are taken."""
NAMED = 100
"""Lines that are no records and are named one by one; more of them are counted."""


@dataclass
class Contents:
    """What a piece holds: the cells that meet the conditions, and what else there is.

    The ``machine`` of a row is the number of its environment in ``environments``; the lines of problems are
    counted from the first of the piece, which is 0.
    """

    num_lines: int = 0
    cells: int = 0
    rows: list[FlatCell] = field(default_factory=list[FlatCell])
    environments: list[Described] = field(default_factory=list[Described])
    others: Counter[str] = field(default_factory=Counter[str])
    problems: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    num_problems: int = 0


def contents_of(piece: Piece, conditions: Sequence[Condition] = ()) -> Contents:
    """The rows of a piece."""
    found = Contents()
    lines = piece.lines()
    found.num_lines = len(lines) - 1
    if not piece.offset:
        lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
    for number, line in enumerate(lines):
        if not line or line.isspace():
            continue
        try:
            row = _row_of(line, found)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            found.num_problems += 1
            if found.num_problems <= NAMED:
                found.problems.append((number, _problem_of(line)))
            continue
        if row is not None:
            found.cells += 1
            if all(condition.holds(row) for condition in conditions):
                found.rows.append(row)
    return found


def _row_of(line: bytes, found: Contents) -> FlatCell | None:
    """The row of a line; None where it is a record of another kind, which is counted."""
    told = _decode(line.decode())
    kind = told["kind"]
    if told["schema"] != SCHEMA_VERSION or kind not in KINDS:
        raise ValueError
    if kind != CELL:
        found.others[kind] += 1
        return None
    return cell_row(told, _number_of(told["environment"], found.environments))


def _number_of(environment: Any, known: list[Described]) -> str:
    """Where an environment stands among those that are known."""
    if not isinstance(environment, dict):
        raise TypeError
    try:
        return str(known.index(environment))
    except ValueError:
        known.append(environment)
        return str(len(known) - 1)


def _problem_of(line: bytes) -> str:
    """Why a line is no record, or no cell of which a row can be made."""
    try:
        record = from_line(line)
    except RecordError as error:
        return str(error)
    return f"a {record.kind} of which no row can be made: it says too little of what ran"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_decode = json.JSONDecoder(parse_constant=_refuse).decode


# -- all files ---------------------------------------------------------------------------------------


class Scan:
    """The cells of results files, to be iterated once; what else is in them is known behind the last.

    Attributes:
        paths: of the files. cells: that were read, also those that do not meet the conditions.
        repeated: cells that stood there before, in this file or another; they count once.
        others: records of other kinds, by kind. problems: what is wrong with lines that are no records, the
            first of them; num_problems: how many there are.
        machines: where the cells come from.
    """

    def __init__(
        self, paths: Sequence[FilePath], conditions: Sequence[Condition] = (), workers: int | None = None
    ) -> None:
        """``workers``: processes that read; None: as many as there are cores, where there is much to read.

        Raises:
            RecordError: a file is not there.
        """
        self.paths = [results_file(path) for path in paths]
        self._by_machine = [condition for condition in conditions if condition.column == "machine"]
        self._others = [condition for condition in conditions if condition.column != "machine"]
        self._workers = workers
        self.cells = self.repeated = self.num_problems = 0
        self.others: Counter[str] = Counter()
        self.problems: list[str] = []
        self.machines = Machines()
        self._seen: set[int] = set()

    def __iter__(self) -> Iterator[FlatCell]:
        line = 1
        for piece, found in self._pieces():
            line = line if piece.offset else 1
            self._count(found, piece.path, line)
            line += found.num_lines
            letters = [self.machines.letter(environment) for environment in found.environments]
            for row in found.rows:
                row = on_machine(row, letters[int(row.machine)])
                if self._is_new(row) and all(condition.holds(row) for condition in self._by_machine):
                    yield row

    def _count(self, found: Contents, path: str, line: int) -> None:
        self.cells += found.cells
        self.others += found.others
        named = found.problems[: NAMED - len(self.problems)]
        self.problems += [f"{path}:{line + number}: {why}" for number, why in named]
        self.num_problems += found.num_problems

    def _is_new(self, row: FlatCell) -> bool:
        """Of what was there before 64 bits are kept: of a million cells, two that differ are taken for one
        once in thirty million files."""
        identity = hash(measurement_of(row.key, row.machine, row.session))
        if identity in self._seen:
            self.repeated += 1
            return False
        self._seen.add(identity)
        return True

    def _pieces(self) -> Iterator[tuple[Piece, Contents]]:
        pieces = (piece for path in self.paths for piece in pieces_of(path))
        workers = self._workers or _workers_for(self.paths)
        if workers > 1:
            yield from _by_workers(pieces, self._others, workers)
        else:
            yield from ((piece, contents_of(piece, self._others)) for piece in pieces)


def _workers_for(paths: list[Path]) -> int:
    if (total_bytes(paths) or 0) < WORTH_WORKERS:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def _by_workers(
    pieces: Iterator[Piece], conditions: Sequence[Condition], workers: int
) -> Iterator[tuple[Piece, Contents]]:
    """What each piece holds, in their order; no more pieces are under way than keep the workers busy.

    Raises:
        RecordError: a worker has ended, as it does where the system takes back its memory.
    """
    under_way: deque[tuple[Piece, Future[Contents]]] = deque()
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin_work)
    try:
        for piece in pieces:
            under_way.append((piece, pool.submit(contents_of, piece, conditions)))
            if len(under_way) > 2 * workers:
                first, found = under_way.popleft()
                yield first, found.result()
        for last, found in under_way:
            yield last, found.result()
    except BrokenProcessPool as error:
        raise RecordError(
            "results: a process that read them was ended from outside; make room in memory, and run again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_work() -> None:
    """An interrupt is the parent's to hear, and rows hold no cycles that anybody had to look for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
