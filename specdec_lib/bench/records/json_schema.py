"""The JSON Schema of a record, read off the dataclasses of its kinds: what any other program may rely on.

It is published as ``data/results/records.schema.json``, which is what ``python -m
specdec_lib.bench.records.json_schema`` prints. A schema cannot say all that a reader asks for: that a hash
is its configuration's, or that the counts of a result agree, is looked at when a line is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from specdec_lib.bench.records import contents
from specdec_lib.bench.records.contents import Described, FieldCheck
from specdec_lib.bench.records.kinds import KINDS, SCHEMA_VERSION, Record
from specdec_lib.bench.records.kinds.counts import ArmCounts, CellBlocks
from specdec_lib.bench.records.parts import ForwardTimes, RecordedArm, TimedForward
from specdec_lib.profiling import config, metrics
from specdec_lib.profiling.config import BenchmarkConfig
from specdec_lib.profiling.metrics import FINISH_REASONS, GenerationResult

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PARTS = (
    BenchmarkConfig, GenerationResult, ForwardTimes, TimedForward, RecordedArm, CellBlocks, ArmCounts
)  # fmt: skip
_TYPES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
_SECONDS = {"type": "array", "items": {"type": "number", "minimum": 0}}
_NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_TARGET = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in contents.MODEL},
    "required": list(contents.MODEL),
}
_AT_LEAST_0: Described = {"minimum": 0}
_NULL: Described = {"type": "null"}
_NUMBER: Described = {"type": "number", **_AT_LEAST_0}
_ARM: Described = {"required": ["library", "method", "compiled"]}
_ASKED: dict[FieldCheck, Described] = {
    contents.count: _AT_LEAST_0,
    contents.number: _AT_LEAST_0,
    contents.above_zero: {"exclusiveMinimum": 0},
    contents.token_index: {"minimum": -1},
    contents.phases: {
        "additionalProperties": _NUMBER,
        "required": list(contents.PHASE_TOTALS),
    },
    contents.times: {**_SECONDS, "minItems": 1},
    contents.seconds: {
        "additionalProperties": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}}
    },
    contents.arm: _ARM,
    contents.arms: {"additionalProperties": {"$ref": "#/$defs/RecordedArm", **_ARM}},
    contents.amounts: {"additionalProperties": _NUMBER},
    contents.texts: {"additionalProperties": {"type": "string"}},
    contents.rows_of_numbers: {"items": {"type": "array", "items": _NUMBER}},
    contents.models: {
        "properties": {"target": {"anyOf": [_TARGET, {"type": "null"}]}},
        "additionalProperties": {"anyOf": [_NAMED, {"type": "null"}]},
    },
}
"""What a check asks for beyond the type of its field."""
_COUNTS: Described = {"items": {"type": "integer", **_AT_LEAST_0}}
_WHOLE: Described = {"type": "integer", "minimum": -1, "maximum": contents.MOST}


def _column(name: str, hint: str) -> Described:
    """What the columns of a cell ask for."""
    if length := contents.ROWS.get(name):
        first = {"type": "integer", **_AT_LEAST_0, "exclusiveMaximum": contents.FIRST}
        sizes = {"minItems": length, "maxItems": length}
        return {"items": {"type": "array", "prefixItems": [first], "items": _WHOLE, **sizes}}
    entry = {"list[int]": _WHOLE, "list[float]": {**_NUMBER, "maximum": contents.MOST}}.get(
        hint, {"type": "string"}
    )
    return {"items": entry} if name == "first_difference" else {"items": entry, "minItems": 1}


_ASKED_OF: dict[type, dict[str, Described]] = {
    BenchmarkConfig: {
        **{name: {"minLength": 1} for name in ("model_pair_name", "prompt_domain")},
        **{name: _AT_LEAST_0 for name in ("K", "temperature", "max_new_tokens")},
    },
    GenerationResult: {
        **{f.name: _AT_LEAST_0 for f in fields(GenerationResult)},  # but for what follows
        **{name: _COUNTS for name in ("generated_ids", "accepted_per_round", "drafted_per_round")},
        "per_token_latencies": _SECONDS,
        "acceptance_rate": {**_AT_LEAST_0, "maximum": 1},
        "finish_reason": {"enum": [*FINISH_REASONS]},
    },
    ArmCounts: {f.name: _column(f.name, str(f.type)) for f in fields(ArmCounts)},
    CellBlocks: {f.name: _column(f.name, str(f.type)) for f in fields(CellBlocks)},
}
"""What the two objects that are not of this room ask for, field by field, when they are made."""
_COMPUTED = {BenchmarkConfig: config.COMPUTED, GenerationResult: metrics.COMPUTED}
"""Keys that a reader passes over there; any other is refused."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a line of a results file: an object of one of ``KINDS``, by its ``kind``."""
    return {
        "$schema": DIALECT,
        "title": f"A record of specdec_lib, schema {SCHEMA_VERSION}",
        "type": "object",
        "properties": {"schema": {"const": SCHEMA_VERSION}, "kind": {"enum": [*KINDS]}},
        "required": ["schema", "kind"],
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}}, "then": _reference(name)} for name in KINDS
        ],
        "$defs": {name: _kind(kind) for name, kind in KINDS.items()}
        | {part.__name__: _object(part) for part in _PARTS},
    }


def _kind(kind: type[Record]) -> dict[str, Any]:
    schema = _object(kind)
    if kind.NAMES_TARGET:
        schema["properties"]["models"] |= {"properties": {"target": _TARGET}, "required": ["target"]}
    return {"description": " ".join((kind.__doc__ or "").split("\n\n")[0].split()), **schema}


def _object(made_of: type) -> dict[str, Any]:
    """The object that a dataclass is in a line; of a record's own fields only those may be left out that may
    be null, of a part's also those that have a default."""
    hints = get_type_hints(made_of, include_extras=True)
    told = {f.name: _value(hints[f.name]) for f in fields(made_of) if f.name != "trace"}
    told = {name: {**value, **_ASKED_OF.get(made_of, {}).get(name, {})} for name, value in told.items()}
    is_record = issubclass(made_of, Record)
    needed = [f.name for f in fields(made_of) if is_record or f.default is f.default_factory is MISSING]
    needed = [name for name in needed if not _may_be_null(told[name])]
    schema: dict[str, Any] = {"type": "object", "properties": told, "required": needed}
    if made_of in _COMPUTED:  # whose other keys a reader refuses
        schema["properties"] |= {name: {} for name in _COMPUTED[made_of]}
        schema["additionalProperties"] = False
    return schema


def _value(hint: Any) -> dict[str, Any]:
    """What JSON has for a value of that type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**_value(inner[0]), **_ASKED.get(inner[1], {})}
    if origin is UnionType:  # a type, or nothing
        told = _value(inner[0])
        return {**told, "type": [told["type"], "null"]} if "type" in told else {"anyOf": [told, _NULL]}
    if origin is list:
        return {"type": "array", "items": _value(inner[0])}
    if origin is Mapping:
        return {"type": "object"}
    if isinstance(hint, type) and is_dataclass(hint):
        return _reference(hint.__name__)
    return {"type": _TYPES.get(hint, "string")}  # one of several texts is a text


def _may_be_null(told: Described) -> bool:
    return "null" in told.get("type", ()) or _NULL in told.get("anyOf", ())


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
