"""The cells of a results file, one at a time: each is counted and forgotten before the next is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.reading import from_line, lines_of
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
        others: records of other kinds, by kind.
    """

    def __init__(self, path: FilePath) -> None:
        self.path = path
        self.problems: list[str] = []
        self.num_problems = self.repeated = 0
        self.others = Counter[str]()
        self._seen = set[int]()

    def __iter__(self) -> Iterator[CellRecord]:
        """Raises RecordError: the file cannot be read."""
        for number, line in lines_of(self.path):
            try:
                record = from_line(line)
            except RecordError as error:
                self.num_problems += 1
                if self.num_problems <= NAMED:
                    self.problems.append(f"{self.path}:{number}: {error}")
                continue
            if not isinstance(record, CellRecord):
                self.others[record.kind] += 1
            elif self._is_new(record):
                yield record

    def _is_new(self, cell: CellRecord) -> bool:
        identity = hash((cell.key, machine_of(cell.environment), cell.session))
        if identity in self._seen:
            self.repeated += 1
            return False
        self._seen.add(identity)
        return True
