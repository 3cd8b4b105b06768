"""Where results lie: files, folders of sweeps, pipes; each read in pieces of whole lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from specdec_lib.bench.results import sentences
from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

RESULTS = "results.jsonl"
"""The file of a sweep's records, in its folder."""
PLAN, FAILED = "sweep.json", "failed"
"""What else is in it: what the sweep is, and notebooks of cells that failed."""
STANDARD_INPUT = "-"
_PIECE = 2**21


class Piece(NamedTuple):
    """Whole lines of a file, ``offset`` bytes behind its begin and ``length`` bytes long; of a stream the
    bytes are held."""

    path: str
    offset: int
    length: int
    held: bytes | None = None

    def lines(self) -> list[bytes]:
        """The lines, each without its end; the last is empty where the piece ends with an end of line.

        Raises:
            RecordError: the file cannot be read.
        """
        content = self.held
        if content is None:
            with _readable(self.path), open(self.path, "rb", buffering=0) as file:
                file.seek(self.offset)
                content = file.read(self.length)
        return content.split(b"\n")


def results_file(path: FilePath) -> Path:
    """The file that is meant: a folder is that of a sweep.

    Raises:
        RecordError: nothing is there, or a folder without results: that of a sweep of which no cell is
            done, or another one.
    """
    meant = Path(path)
    if str(path) == STANDARD_INPUT:
        return meant
    if meant.is_dir():
        if not (meant / RESULTS).exists():
            raise RecordError(_nothing_in(meant))
        return meant / RESULTS
    if not meant.exists():
        raise RecordError(f"{meant} is not there; name a results file, or the folder of a sweep")
    return meant


def _nothing_in(folder: Path) -> str:
    failed = folder / FAILED
    number = sum(1 for _ in failed.glob("*.ipynb"))
    if number:
        return sentences.none_done(folder, number, failed)
    if (folder / PLAN).exists():
        return sentences.none_done(folder)
    return f"{folder} holds no {RESULTS}; name a results file, or the folder of a sweep"


def is_stream(path: Path) -> bool:
    """Whether it can be read only once, as a pipe and standard input can."""
    return str(path) == STANDARD_INPUT or not path.is_file()


def total_bytes(paths: list[Path]) -> int | None:
    """Bytes of the files together; None where one of them is a stream, of which nobody knows."""
    if any(map(is_stream, paths)):
        return None
    return sum(path.stat().st_size for path in paths)


def pieces_of(path: Path) -> Iterator[Piece]:
    """The file in pieces, cut behind ends of lines; what is appended meanwhile is in none.

    Raises:
        RecordError: it cannot be read.
    """
    with _readable(path):
        if is_stream(path):
            yield from _held_pieces(path)
            return
        offset, length = 0, path.stat().st_size
        with path.open("rb") as file:
            while offset < length:
                file.seek(min(offset + _PIECE, length) - 1)
                file.readline()
                end = min(file.tell(), length)
                yield Piece(str(path), offset, end - offset)
                offset = end


def _held_pieces(path: Path) -> Iterator[Piece]:
    offset = 0
    with nullcontext(sys.stdin.buffer) if str(path) == STANDARD_INPUT else path.open("rb") as file:
        while lines := file.read(_PIECE):
            lines += file.readline()
            yield Piece(str(path), offset, len(lines), lines)
            offset += len(lines)


@contextmanager
def _readable(path: FilePath) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        raise RecordError(f"read results from {path}: {error.strerror or error}") from error


def same_file(one: FilePath, other: FilePath) -> bool:
    """Whether both names are of one file that is there."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
