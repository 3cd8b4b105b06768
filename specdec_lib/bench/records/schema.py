"""The schema of result records, and why something is none.

A record is one JSON object. Records keep raw counts and times: rates are derived in
:class:`specdec_lib.profiling.metrics.GenerationResult`, tables in :mod:`specdec_lib.bench.tables.summary`.
What each kind holds says :mod:`specdec_lib.bench.records.kinds`; lines of a file are read by
:mod:`specdec_lib.bench.records.reading` and appended by :mod:`specdec_lib.bench.records.appending`.
It knows no file, no decoder and no model.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from specdec_lib.bench.records.kinds import KINDS, RunRecord, problem_of_contents, problem_of_types
from specdec_lib.errors import SpecDecError
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult

SCHEMA_VERSION = 1
HUGGING_FACE, OURS = "transformers", "specdec_lib"
REFERENCE = "hf-generate"
"""The arm that all others are compared with: Hugging Face's ``generate`` as it is."""
PHASES = ("draft", "verify", "sampling", "rollback")

Record = dict[str, Any]

_MOVED = {"read_records": "reading", "append_record": "appending", "append_records": "appending"}
"""What was here in version 0.1 and can be imported from here still, and the file in which it is."""


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


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return getattr(import_module(f"specdec_lib.bench.records.{_MOVED[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
