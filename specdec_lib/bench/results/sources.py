"""Where results lie: files, folders of sweeps, pipes; each read in pieces of whole lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple

from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

RESULTS = "results.jsonl"
"""The file of a sweep's records, in its folder."""
STANDARD_INPUT = "-"
_PIECE = 2**21


class Piece(NamedTuple):
    """Whole lines of a file, of which the first is line ``first_line``, ``offset`` bytes behind its begin."""

    path: str
    first_line: int
    offset: int
    lines: bytes


def results_file(path: FilePath) -> Path:
    """The file that is meant: a folder is that of a sweep.

    Raises:
        RecordError: nothing is there, or a folder without results.
    """
    meant = Path(path)
    if str(path) == STANDARD_INPUT:
        return meant
    if meant.is_dir():
        if not (meant / RESULTS).exists():
            raise RecordError(f"{meant} holds no {RESULTS}; name a results file, or the folder of a sweep")
        return meant / RESULTS
    if not meant.exists():
        raise RecordError(f"{meant} is not there; name a results file, or the folder of a sweep")
    return meant


def is_stream(path: Path) -> bool:
    """Whether it can be read only once, as a pipe and standard input can."""
    return str(path) == STANDARD_INPUT or not path.is_file()


def size_of(paths: list[Path]) -> int | None:
    """Bytes of the files together; None where one of them is a stream, of which nobody knows."""
    if any(map(is_stream, paths)):
        return None
    return sum(path.stat().st_size for path in paths)


def pieces_of(path: Path, size: int = _PIECE) -> Iterator[Piece]:
    """The file, some ``size`` bytes at a time, cut behind ends of lines.

    Raises:
        RecordError: it cannot be read.
    """
    number, offset = 1, 0
    try:
        with _opened(path) as file:
            while lines := file.read(size):
                lines += file.readline()
                yield Piece(str(path), number, offset, lines)
                number += lines.count(b"\n")
                offset += len(lines)
    except OSError as error:
        raise RecordError(f"read results from {path}: {error.strerror or error}") from error


def _opened(path: Path) -> BinaryIO | nullcontext[BinaryIO]:
    if str(path) == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    return open(path, "rb", buffering=2**20)


def same_file(one: FilePath, other: FilePath) -> bool:
    """Whether both names are of one file that is there."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
