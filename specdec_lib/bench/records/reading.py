"""The records of a results file, read line by line: what is torn costs its line and nothing else.

Each line that is no record is named with its reason, and the others are kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.schema import record_of
from specdec_lib.errors import RecordError
from specdec_lib.utils.paths import FilePath

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_records(path: FilePath) -> tuple[list[Record], list[str]]:
    """The good records of a results file, and what is wrong with its other lines.

    Returns ``(records, problems)``: the records in file order, and one string
    ``"file:line: why"`` for each line that is not a record (torn, not JSON, another schema, a
    field missing). Empty lines are not problems. A record that stands there again, as in a file that
    was put together twice, counts once; all of those are one problem.

    Raises:
        RecordError: the file is not there or cannot be read at all.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise RecordError(
            f"read records from {path}: {error.strerror or error}; "
            "name an existing results file, or make one with `specdec bench`."
        ) from error
    records: list[Record] = []
    problems: list[str] = []
    seen: set[str] = set()
    again: list[int] = []
    for number, line in enumerate(content.removeprefix(BYTE_ORDER_MARK).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = from_line(line)
        except RecordError as error:
            problems.append(f"{path}:{number}: {error}")
            continue
        identity = json.dumps(record.line, sort_keys=True)
        if identity in seen:
            again.append(number)
        else:
            seen.add(identity)
            records.append(record)
    if again:
        one = len(again) == 1
        lines = "1 line repeats an earlier one" if one else f"{len(again)} lines repeat earlier ones"
        problems.append(f"{path}:{again[0]}: {lines}; each record counts once")
    return records, problems


def from_line(line: bytes) -> Record:
    """The record of a line.

    Raises:
        RecordError: it holds none; the message says why, in a few words.
    """
    try:
        told = json.loads(line.decode(), parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        why = f"not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        why = f"not JSON ({error.msg.lower()} at column {error.colno})"
    except RecursionError:
        why = "not a record (nested too deeply)"
    except ValueError as error:  # a number that is none, or too long to be one
        why = f"not a record ({' '.join(str(error).split())[:100]})"
    else:
        return record_of(told)
    raise RecordError(why)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"it holds {digits[:20]}, beyond every number")
    return number
