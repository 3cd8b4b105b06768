"""The cells of a results file, one at a time: each is counted and forgotten before the next is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import NoReturn

from specdec_lib.bench.records.kinds import CellRecord, Record
from specdec_lib.bench.records.reading import from_line, lines_of
from specdec_lib.bench.records.schema import record_of
from specdec_lib.bench.tables.cells.setups import machine_of
from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

NAMED = 100
"""Lines that are no records and are named one by one; more of them are counted."""


class CellLines:
    """The cells of a file, to be iterated once; what else is in it is known behind the last.

    Attributes:
        problems: what is wrong with lines that are no records, the first of them; num_problems: of all.
        repeated: cells that stood there before; they count once.
        others: records of other kinds, by kind. is_read: whether its end was reached.
    """

    def __init__(self, path: FilePath) -> None:
        self.path = path
        self.problems: list[str] = []
        self.num_problems = self.repeated = 0
        self.is_read = False
        self.others = Counter[str]()
        self._seen = set[int]()

    def __iter__(self) -> Iterator[CellRecord]:
        """Raises RecordError: the file cannot be read."""
        for number, line in lines_of(self.path):
            try:
                record = _record(line)
            except RecordError as error:
                self.num_problems += 1
                if self.num_problems <= NAMED:
                    self.problems.append(f"{self.path}:{number}: {error}")
                continue
            if not isinstance(record, CellRecord):
                self.others[record.kind] += 1
            elif self._is_new(record):
                yield record
        self.is_read = True

    def _is_new(self, cell: CellRecord) -> bool:
        identity = hash((cell.key, machine_of(cell.environment), cell.session))
        if identity in self._seen:
            self.repeated += 1
            return False
        self._seen.add(identity)
        return True


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
