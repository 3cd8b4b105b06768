"""The records of a results file, read line by line: what is torn costs its line and nothing else.

Each line that is no record is named with its reason, and the others are kept.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from sys import intern
from typing import Any, NoReturn, cast

from specdec_lib.bench.records.contents import Described
from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.schema import record_of
from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHARED = ("environment", "models", "prompts", "made_of", "parameters", "baseline", "arm")
"""Fields that say the same in many records."""
_KEPT = 16
"""Different values of such a field that are remembered, the newest."""


def read_records(path: FilePath) -> tuple[list[Record], list[str]]:
    """The good records of a results file, and what is wrong with its other lines.

    Returns ``(records, problems)``: the records in file order, and one string
    ``"file:line: why"`` for each line that is not a record (torn, not JSON, another schema, a
    field missing). Empty lines are not problems. A record that stands there again, as in a file that
    was put together twice, counts once; all of those are one problem.

    Raises:
        RecordError: the file is not there or cannot be read at all.
    """
    records: list[Record] = []
    problems: list[str] = []
    seen, shared = _Seen(), _Shared()
    again: list[int] = []
    with _no_collecting():
        for number, line in lines_of(path):
            try:
                record = record_of(shared.in_place_of(parsed(line)))
            except RecordError as error:
                problems.append(f"{path}:{number}: {error}")
                continue
            if seen.before(record.line):
                again.append(number)
            else:
                records.append(record)
    if again:
        one = len(again) == 1
        lines = "1 line repeats an earlier one" if one else f"{len(again)} lines repeat earlier ones"
        problems.append(f"{path}:{again[0]}: {lines}; each record counts once")
    return records, problems


def lines_of(path: FilePath) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not empty, each with its number, one at a time.

    Raises:
        RecordError: the file is not there or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                bare = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
                if bare.strip():
                    yield number, bare.removesuffix(b"\n")
    except OSError as error:
        raise RecordError(
            f"read records from {path}: {error.strerror or error}; "
            "name an existing results file, or make one with `specdec bench`."
        ) from error


def from_line(line: bytes) -> Record:
    """The record of a line.

    Raises:
        RecordError: it holds none; the message says why, in a few words.
    """
    return record_of(parsed(line))


def parsed(line: bytes) -> Any:
    """What a line holds, whatever it is.

    Raises:
        RecordError: it is no JSON, or holds a number that is none.
    """
    try:
        return _decode(line.decode())
    except UnicodeDecodeError as error:
        why = f"not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        why = f"not JSON ({error.msg.lower()} at column {error.colno})"
    except RecursionError:
        why = "not a record (nested too deeply)"
    except ValueError as error:  # a number that is none, or too long to be one
        why = f"not a record ({' '.join(str(error).split())[:100]})"
    raise RecordError(why)


class _Seen:
    """Which lines were there before, by numbers and digests: the lines themselves are not held."""

    def __init__(self) -> None:
        self._lines: dict[int, Described] = {}
        self._digests: dict[int, set[bytes]] = {}

    def before(self, line: Described) -> bool:
        """Whether an equal line was asked about before, its fields in any order.

        What is to be told apart nearly always is by its plain fields; only where they agree are all compared.
        """
        plain = hash(frozenset((k, v) for k, v in line.items() if isinstance(v, (str, int, float))))
        first = self._lines.setdefault(plain, line)
        if first is line:
            return False
        digests = self._digests.setdefault(plain, {digest_of(first)})
        digest = digest_of(line)
        if digest in digests:
            return True
        digests.add(digest)
        return False


def digest_of(line: Described) -> bytes:
    return hashlib.blake2b(json.dumps(line, sort_keys=True).encode(), digest_size=16).digest()


class _Shared:
    """What many records say alike, held once."""

    def __init__(self) -> None:
        self._known: dict[str, list[Any]] = {name: [] for name in _SHARED}

    def in_place_of(self, told: Any) -> Any:
        """``told``, in which what was said before is that very object."""
        if not isinstance(told, dict):
            return told
        line = cast(dict[str, Any], told)
        for name, known in self._known.items():
            if isinstance(value := line.get(name), dict):
                line[name] = self._one(known, value)
        return line

    def _one(self, known: list[Any], value: Any) -> Any:
        for other in reversed(known):
            if other == value:
                return other
        known.append(value)
        del known[:-_KEPT]
        return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"it holds {digits[:20]}, beyond every number")
    return number


def _with_one_of_each_name(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are those of all objects before it, and not strings of its own."""
    return {intern(name): value for name, value in pairs}


@contextmanager
def _no_collecting() -> Generator[None, None, None]:
    """Objects that are made by the million and hold no cycles are not searched for cycles meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_decode = json.JSONDecoder(
    parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_with_one_of_each_name
).decode
