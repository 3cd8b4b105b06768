"""Result records: one JSON object a line, appended whole or not at all, read line by line.

A results file is only ever appended to (:mod:`specdec_lib.bench.records.appending`); what an earlier crash
left torn costs its line and nothing else. Records keep raw counts and times: rates are derived in
:class:`specdec_lib.profiling.metrics.GenerationResult`, tables in :mod:`specdec_lib.bench.tables.summary`.
What each kind holds says :mod:`specdec_lib.bench.records.kinds`. It knows no decoder and no model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, cast

from specdec_lib.bench.records.appending import append_lines, open_for_appending
from specdec_lib.bench.records.kinds import KINDS, RunRecord, problem_of_contents, problem_of_types
from specdec_lib.errors import RecordError, SpecDecError
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult
from specdec_lib.utils.paths import FilePath

SCHEMA_VERSION = 1
HUGGING_FACE, OURS = "transformers", "specdec_lib"
REFERENCE = "hf-generate"
"""The arm that all others are compared with: Hugging Face's ``generate`` as it is."""
PHASES = ("draft", "verify", "sampling", "rollback")

Record = dict[str, Any]

_BOM = b"\xef\xbb\xbf"


def problem_of(candidate: object) -> str | None:
    """Why this is not a record of schema ``SCHEMA_VERSION``, in a few words; None if it is one."""
    if not isinstance(candidate, dict):
        return f"expected a JSON object, got {type(candidate).__name__}"
    record = cast(Record, candidate)
    if record.get("schema") != SCHEMA_VERSION:
        return f"schema {record.get('schema')!r} is not {SCHEMA_VERSION}, the one this version reads"
    if record.get("kind") not in KINDS:
        return f"kind {record.get('kind')!r} is none of {', '.join(KINDS)}"
    return problem_of_types(record) or _problem_of_generation(record) or problem_of_contents(record)


def _problem_of_generation(record: Record) -> str | None:
    """Why the configuration or the result of a record cannot be read back; None where it has neither."""
    if not issubclass(KINDS[record["kind"]], RunRecord):
        return None
    try:
        config = BenchmarkConfig.from_dict(record["config"])
        GenerationResult.from_dict(record["result"])
    except (SpecDecError, TypeError) as error:
        return " ".join(str(error).split())
    if config.config_hash() != record["config_hash"]:
        return f"config_hash {record['config_hash']!r} is not {config.config_hash()!r}, its configuration's"
    return None


def append_record(path: FilePath, record: Record) -> None:
    """Append one record: :func:`append_records` of it alone."""
    append_records(path, [record])


def append_records(path: FilePath, records: Iterable[Record]) -> None:
    """Append ``records`` to the file at ``path``, a line each, all or none, flushed to the disk.

    Raises:
        RecordError: one of them is not a record, holds something JSON has no word for (NaN
            included), or cannot be written; the message says which, in one line.
    """
    lines = b"".join(_line(path, record) for record in records)
    try:
        append_lines(path, lines)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RecordError(
            f"append to {path}: {reason}; the record was not written, the lines before it are kept. "
            "Make room or choose another output path, then run again."
        ) from error


def require_writable(path: FilePath) -> None:
    """Find out before measuring, not after, whether records can be appended to ``path``; makes the file.

    Raises:
        RecordError: it is a folder, a pipe or a device, or cannot be written.
    """
    try:
        with open_for_appending(path):
            pass
    except OSError as error:
        is_below_a_file = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "its folder is a file" if is_below_a_file else error.strerror
        raise RecordError(f"cannot write results to {path}: {why}; choose another --output") from error


def require_results(path: FilePath) -> None:
    """Refuse to append to a file of something else: a folder's config.json, somebody's prompts.

    What is not there, or empty, or begins with a record of any schema, or one cut off, may be appended to.

    Raises:
        RecordError: no line of the file is, or was to be, a record.
    """
    if not os.path.isfile(path):  # opening a pipe would wait for somebody to write into it
        return
    with suppress(OSError), open(path, "rb") as file:
        lines = [line for line in file if line.strip()]
        begun = (line.removeprefix(_BOM).startswith(b'{"schema":') for line in lines)
        if lines and not (any(begun) or any(_parse(line)[1] is None for line in lines)):
            raise RecordError(
                f"{path} holds no record but something else, and is left as it is; choose another --output"
            )


def _line(path: FilePath, record: Record) -> bytes:
    problem = problem_of(record)
    if problem:
        raise RecordError(f"append to {path}: not a record ({problem})")
    try:
        return json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise RecordError(f"append to {path}: the record is not JSON ({error})") from error


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
    for number, line in enumerate(content.removeprefix(_BOM).split(b"\n"), start=1):
        if not line.strip():
            continue
        record, problem = _parse(line)
        if problem:
            problems.append(f"{path}:{number}: {problem}")
            continue
        identity = json.dumps(record, sort_keys=True)
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


def _parse(line: bytes) -> tuple[Any, str | None]:
    """A line as ``(record, None)``, or as ``(anything, why it is none)``."""
    try:
        record = json.loads(line.decode(), parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        return None, f"not JSON ({error.msg.lower()} at column {error.colno})"
    except RecursionError:
        return None, "not a record (nested too deeply)"
    except ValueError as error:  # a number that is none, or too long to be one
        return None, f"not a record ({' '.join(str(error).split())[:100]})"
    return record, problem_of(record)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"it holds {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"it holds {digits[:20]}, beyond every number")
    return number
