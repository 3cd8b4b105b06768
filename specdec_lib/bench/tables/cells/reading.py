"""The cells of a results file, one at a time: each is counted and forgotten before the next is read.

A large file is counted by several processes, each a part of it, and comes out as if one had counted it.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import NoReturn

from specdec_lib.bench.records.kinds import CellRecord, Record
from specdec_lib.bench.records.reading import BYTE_ORDER_MARK, from_line, lines_of
from specdec_lib.bench.records.schema import record_of
from specdec_lib.bench.tables.cells.counting import Counted
from specdec_lib.bench.tables.cells.gathering import Gathering
from specdec_lib.bench.tables.cells.setups import machine_of
from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

NAMED = 100
"""Lines that are no records and are named one by one; more of them are counted."""


class CellLines:
    """The cells of a file, or of a part of it, to be iterated once; what else is in it is known at its end.

    Attributes:
        torn: lines that are no records, and what is wrong with them, the first of them; num_problems: of all.
        num_lines: that were read. seen: an identity of 64 bits of each cell.
        repeated: cells that stood there before; they count once.
        others: records of other kinds, by kind. is_read: whether its end was reached.
    """

    def __init__(self, path: FilePath, begin: int = 0, end: int | None = None) -> None:
        """``begin``, ``end``: bytes between which lines begin; all of the file where ``end`` is None."""
        self.path, self._begin, self._end = path, begin, end
        self.torn: list[tuple[int, str]] = []
        self.num_problems = self.repeated = self.num_lines = 0
        self.is_read = False
        self.others = Counter[str]()
        self.seen = set[int]()

    @property
    def problems(self) -> list[str]:
        """A line for each of the first lines that are no records: ``"file:line: why"``."""
        return [f"{self.path}:{number}: {why}" for number, why in self.torn]

    def __iter__(self) -> Iterator[CellRecord]:
        """Raises RecordError: the file cannot be read."""
        for number, line in lines_of(self.path) if self._end is None else self._lines_of_part(self._end):
            self.num_lines = number
            try:
                record = _record(line)
            except RecordError as error:
                self.num_problems += 1
                if self.num_problems <= NAMED:
                    self.torn.append((number, str(error)))
                continue
            if not isinstance(record, CellRecord):
                self.others[record.kind] += 1
            elif self._is_new(record):
                yield record
        self.is_read = True

    def _lines_of_part(self, end: int) -> Iterator[tuple[int, bytes]]:
        with open(self.path, "rb") as file:
            file.seek(self._begin)
            at = self._begin
            for number, line in enumerate(file, start=1):
                bare = line.removeprefix(BYTE_ORDER_MARK) if at == 0 else line
                at += len(line)
                if bare.strip():
                    yield number, bare.removesuffix(b"\n")
                if at >= end:
                    self.num_lines = number
                    return

    def _is_new(self, cell: CellRecord) -> bool:
        told = f"{cell.key} {machine_of(cell.environment)} {cell.session}".encode("utf-8", "replace")
        identity = int.from_bytes(blake2b(told, digest_size=8).digest(), "big")
        if identity in self.seen:
            self.repeated += 1
            return False
        self.seen.add(identity)
        return True

    def absorb(self, following: CellLines) -> None:
        """Add what the part of the file that follows has told."""
        self.torn += [(self.num_lines + number, why) for number, why in following.torn]
        del self.torn[NAMED:]
        self.num_problems += following.num_problems
        self.repeated += following.repeated
        self.num_lines += following.num_lines
        self.others += following.others
        self.seen |= following.seen
        self.is_read = self.is_read and following.is_read


def _record(line: bytes) -> Record:
    """The record of a line, without what is done for records that are held.

    Raises:
        RecordError: as :func:`specdec_lib.bench.records.reading.from_line`, which finds the words.
    """
    try:
        told = _decode(line.decode())
    except (ValueError, RecursionError):
        return from_line(line)
    return record_of(told)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_decode = json.JSONDecoder(parse_constant=_refuse).decode


# -- several processes -----------------------------------------------------------------------

WORTH_WORKERS = 2**23
"""Bytes from which it pays to start another process, which takes a third of a second."""
MOST_WORKERS = 4
_HEAD_START = 0.56
"""Share of the file that the process which is there already reads beside one other."""

_Part = tuple[Gathering, CellLines]


def counted_file(path: Path, workers: int | None = None) -> tuple[Counted, CellLines]:
    """The counts of a file's cells, and what else is in it.

    Args:
        workers: processes that read, this one included; None: as many as there are cores, of a large file.

    Raises:
        RecordError: it cannot be read, or holds no cell.
    """
    lines = CellLines(path)
    return counted_lines(lines, workers), lines


def counted_lines(lines: CellLines, workers: int | None = None) -> Counted:
    """The counts of all cells of ``lines``, which is told what all parts of its file have told."""
    path = Path(lines.path)
    number = (workers or _workers_for(path)) if path.is_file() else 1
    if number > 1 and (gathered := _by_parts(path, lines, number)) is not None:
        return Counted(gathered.gathered())
    return Counted(Gathering().filled(lines).gathered())


def _workers_for(path: Path) -> int:
    if path.stat().st_size < WORTH_WORKERS:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def _by_parts(path: Path, lines: CellLines, workers: int) -> Gathering | None:
    """What all parts hold; None where a cell is in two of them, so that they have to be read in one go."""
    edges = _edges(path, workers)
    with get_context("spawn").Pool(workers - 1, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        others = [pool.apply_async(part_of_file, (path, begin, end)) for begin, end in pairwise(edges[1:])]
        gathered, told = part_of_file(path, 0, edges[1])
        for other in others:
            more, following = other.get()
            if told.seen & following.seen:
                return None
            gathered.absorb(more)
            told.absorb(following)
    lines.absorb(told)
    lines.is_read = told.is_read
    return gathered


def part_of_file(path: Path, begin: int, end: int) -> _Part:
    """What the lines that begin between two bytes hold."""
    lines = CellLines(path, begin, end)
    return Gathering().filled(lines if begin < end else ()), lines


def _edges(path: Path, workers: int) -> list[int]:
    """Where parts begin, at the beginnings of lines; the first is the largest."""
    size = path.stat().st_size
    first = _HEAD_START * 2 / workers
    shares = [0.0, *(first + (1 - first) * part / (workers - 1) for part in range(workers))]
    edges = [0]
    with path.open("rb") as file:
        for share in shares[1:-1]:
            file.seek(max(edges[-1], int(share * size)))
            file.readline()
            edges.append(min(size, file.tell()))
    return [*edges, size]
