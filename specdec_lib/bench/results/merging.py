"""Results of several machines in one file: each measurement once, in an order of their own.

Lines are taken over as they stand. Of each only a few words are held, and where it lies. What is no record
stays behind, and so do records of other kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from specdec_lib.bench.records.contents import Described
from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.reading import BYTE_ORDER_MARK, digest_of, from_line
from specdec_lib.bench.results.pooling import Machines, measurement_of
from specdec_lib.bench.results.scanning import NAMED
from specdec_lib.bench.results.sources import is_stream, pieces_of, results_file, same_file
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.utils.files import whole_file
from specdec_lib.utils.paths import FilePath


@dataclass
class Merged:
    """What became of a merge.

    Attributes:
        cells: in the file. repeated: lines that say again what another says, which were left out.
        several: cells of one key and one machine that were measured more than once, all of which are kept.
        others: records of other kinds, left out, by kind. problems: what is wrong with lines that are no
            records, the first of them; num_problems: how many there are.
        machines: cells of each machine, by its letter; environments: what they are.
    """

    cells: int = 0
    repeated: int = 0
    several: int = 0
    others: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])
    num_problems: int = 0
    machines: Counter[str] = field(default_factory=Counter[str])
    environments: dict[str, Described] = field(default_factory=dict[str, Described])


class _Place(NamedTuple):
    """Where a line lies, behind what puts it in its order."""

    time: str
    key: str
    session: str
    digest: bytes
    machine: str
    file: int
    offset: int
    length: int


def merge_results(paths: Sequence[FilePath], output: FilePath) -> Merged:
    """Put the cells of all files, and those that are in ``output`` already, into ``output``, by time.

    Raises:
        InvalidArgument: one of them is a pipe, or the output is there and no regular file.
        RecordError: a file cannot be read, the output cannot be written or holds something else than cells;
            it is left as it was.
    """
    files = [results_file(path) for path in paths]
    if stream := next(filter(is_stream, files), None):
        raise InvalidArgument(
            f"--merge reads its files twice, and {stream} is a pipe; write it to a file first"
        )
    out = Path(output)
    is_there = out.exists()
    if is_there and not out.is_file():
        kind = "a folder; name a file in it" if out.is_dir() else "none; name a regular file"
        raise InvalidArgument(f"--merge writes one file, and {out} is {kind}")
    if is_there and not any(same_file(out, path) for path in files):
        files.append(out)
    sizes = [path.stat().st_size for path in files]
    merged = Merged()
    places = _told_once(_places(files, merged, out), merged)
    merged.cells, merged.several = len(places), _several(places)
    merged.machines = Counter(place.machine for place in places)
    try:
        with whole_file(out) as file:
            for line in _lines(files, sorted(places)):
                file.write(line)
            _require_unchanged(files, sizes, out if is_there else None)
    except OSError as error:
        raise RecordError(
            f"merge into {out}: {error.strerror or error}; nothing was changed there"
        ) from error
    return merged


def _places(files: Sequence[Path], merged: Merged, out: Path) -> Iterator[_Place]:
    """Where each cell lies; what is none is told of, and may not be in the file that is written anew."""
    machines = Machines()
    merged.environments = machines.environments
    for file, path in enumerate(files):
        is_kept = same_file(path, out)
        for number, offset, line in _numbered(path):
            try:
                record = from_line(line)
            except RecordError as error:
                if is_kept:
                    raise RecordError(_would_be_lost(out, number, str(error))) from error
                merged.num_problems += 1
                if merged.num_problems <= NAMED:
                    merged.problems.append(f"{path}:{number}: {error}")
                continue
            if isinstance(record, CellRecord):
                what = record.time, record.key, record.session, digest_of(record.line)
                yield _Place(*what, machines.letter(record.environment), file, offset, len(line))
            elif is_kept:
                raise RecordError(_would_be_lost(out, number, f"a record of kind '{record.kind}'"))
            else:
                merged.others[record.kind] += 1


def _would_be_lost(out: Path, number: int, what: str) -> str:
    return f"merge into {out}: its line {number} is no cell ({what}) and would be lost; choose another file"


def _numbered(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line that is not empty."""
    before = 0
    for piece in pieces_of(path):
        offset, lines = piece.offset, piece.lines()
        for number, line in enumerate(lines, start=before + 1):
            bare = line if offset else line.removeprefix(BYTE_ORDER_MARK)
            if bare.strip():
                yield number, offset + len(line) - len(bare), bare
            offset += len(line) + 1
        before += len(lines) - 1


def _told_once(places: Iterator[_Place], merged: Merged) -> list[_Place]:
    """Of places that hold the same measurement, in the same words or in others, the first."""
    kept: dict[tuple[tuple[str, str, str], bytes], _Place] = {}
    for place in places:
        identity = measurement_of(place.key, place.machine, place.session), place.digest
        if identity in kept:
            merged.repeated += 1
        else:
            kept[identity] = place
    return list(kept.values())


def _several(places: Sequence[_Place]) -> int:
    measured = Counter((place.key, place.machine) for place in places)
    return sum(number > 1 for number in measured.values())


def _lines(files: Sequence[Path], places: Sequence[_Place]) -> Iterator[bytes]:
    opened = [path.open("rb") for path in files]
    try:
        for place in places:
            opened[place.file].seek(place.offset)
            yield opened[place.file].read(place.length) + b"\n"
    finally:
        for file in opened:
            file.close()


def _require_unchanged(files: Sequence[Path], sizes: Sequence[int], out: Path | None) -> None:
    """What is put in the place of a file must hold all of it, also what was appended meanwhile."""
    for path, size in zip(files, sizes, strict=True):
        if out is not None and same_file(path, out) and path.stat().st_size != size:
            raise RecordError(
                f"merge into {out}: it grew meanwhile; wait for its sweep to end, and run again"
            )
