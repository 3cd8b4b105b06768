"""The schema of result records, and why something is none.

A record is one JSON object. Records keep raw counts and times: rates are derived in
:class:`specdec_lib.profiling.metrics.GenerationResult`, tables in :mod:`specdec_lib.bench.tables.summary`.
What each kind holds says :mod:`specdec_lib.bench.records.kinds`; lines of a file are read by
:mod:`specdec_lib.bench.records.reading` and appended by :mod:`specdec_lib.bench.records.appending`.
It knows no file, no decoder and no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

from specdec_lib.bench.records.contents import Described, FieldCheck, is_whole
from specdec_lib.bench.records.kinds import KINDS, SCHEMA_VERSION, CellRecord, Record, RunRecord
from specdec_lib.errors import RecordError

HUGGING_FACE, OURS = "transformers", "specdec_lib"
REFERENCE = "hf-generate"
"""The arm that all others are compared with: Hugging Face's ``generate`` as it is."""
PHASES = ("draft", "verify", "sampling", "rollback")

_MOVED = {"read_records": "reading", "append_record": "appending", "append_records": "appending"}
"""What was here in version 0.1 and can be imported from here still, and the file in which it is."""


class Field(NamedTuple):
    """What a kind says of one field; what may be missing may be null too."""

    name: str
    type: type
    is_needed: bool
    check: FieldCheck | None


@cache
def fields_of(kind: str) -> tuple[Field, ...]:
    """The fields of a kind, as its dataclass declares them; one that may be None need not be there."""
    hints = get_type_hints(KINDS[kind], include_extras=True)
    found: list[Field] = []
    for declared in fields(KINDS[kind]):
        hint, check = hints[declared.name], None
        if get_origin(hint) is Annotated:
            hint, check = hint.__origin__, hint.__metadata__[0]
        is_needed = NoneType not in get_args(hint)
        found.append(Field(declared.name, _type_in_line(hint), is_needed, check))
    return tuple(found)


def _type_in_line(hint: Any) -> type:
    """What JSON makes of a field: of any object but a text or a number, an object."""
    if get_origin(hint) is Literal:
        return str
    return hint if hint in (int, float, str) else dict


def record_of(candidate: object) -> Record:
    """The record that an object of JSON is.

    Raises:
        RecordError: it is none of schema ``SCHEMA_VERSION``; the message says why, in a few words.
    """
    if not isinstance(candidate, Mapping):
        raise RecordError(f"expected a JSON object, got {type(candidate).__name__}")
    line = dict(cast(Described, candidate))
    version, kind = line.get("schema"), line.get("kind")
    if version != SCHEMA_VERSION:
        raise RecordError(f"schema {version!r} is not {SCHEMA_VERSION}, the one this version reads")
    if kind not in [*KINDS]:  # it may be no text at all
        raise RecordError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if problem := _problem_of_types(line) or _problem_of_contents(line):
        raise RecordError(problem)
    record = KINDS[kind].of(line)
    if isinstance(record, (RunRecord, CellRecord)) and record.config_hash != record.config.config_hash():
        own = record.config.config_hash()
        raise RecordError(f"config_hash {record.config_hash!r} is not {own!r}, its configuration's")
    return record


def problem_of(candidate: object) -> str | None:
    """Why this is not a record, in a few words; None if it is one."""
    try:
        record_of(candidate)
    except RecordError as error:
        return str(error)
    return None


def _problem_of_types(line: Described) -> str | None:
    """Which field that its kind needs is missing, or of another type; None if none is."""
    for name, kind, is_needed, _ in fields_of(line["kind"]):
        if not is_needed:
            continue
        if name not in line:
            return f"field '{name}' is missing"
        value = line[name]
        if not _is_of(value, kind):
            return f"field '{name}' is {type(value).__name__}, not {kind.__name__}"
    return None


def _is_of(value: object, kind: type) -> bool:
    """Whether JSON would call it that: 4.0 is a whole number, 4 is any number, true is none."""
    if kind is int:
        return is_whole(value)
    return isinstance(value, (float, int) if kind is float else kind) and not isinstance(value, bool)


def _problem_of_contents(line: Described) -> str | None:
    """What is wrong inside the first field that is not as it should be, in a few words; None if none is."""
    for name, _, _, check in fields_of(line["kind"]):
        value = line.get(name)
        if check is not None and value is not None and (problem := check(value)):
            return f"field '{name}' {problem}"
    if KINDS[line["kind"]].NAMES_TARGET and not line["models"].get("target"):
        return "field 'models' names no target"
    return None


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return getattr(import_module(f"specdec_lib.bench.records.{_MOVED[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
