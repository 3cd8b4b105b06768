"""What every record is: objects by attribute, and by name what its line says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

from specdec_lib.bench.records import contents
from specdec_lib.bench.records.contents import Described
from specdec_lib.bench.records.kinds.counts import ArmCounts, CellBlocks
from specdec_lib.bench.records.parts import ForwardTimes, RecordedArm, raw_result
from specdec_lib.errors import RecordError, SpecDecError
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult

SCHEMA_VERSION = 1
Optional = Annotated[int | None, contents.count]
Name = Annotated[str | None, contents.name]
AnyRecord = TypeVar("AnyRecord", bound="Record")

_READERS = {
    "config": BenchmarkConfig.from_dict,
    "result": GenerationResult.from_dict,
    "costs": ForwardTimes.from_dict,
    "arm": RecordedArm.from_dict,
    "baseline": RecordedArm.from_dict,
    "blocks": CellBlocks.from_dict,
    "baseline_counts": ArmCounts.from_dict,
    "counts": ArmCounts.from_dict,
}
"""What makes an object of the field of that name in a line."""
_NULLS = frozenset({"first_difference"})
"""Fields that a line says also where there is nothing to say."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Record(Mapping[str, Any]):
    """What every record tells: when, by which session, on which machine, with which models.

    What measures makes a record without these, and its session stamps it. Two records are equal where their
    lines are; ``record | {"repeat": 1}`` is the record of a changed line.
    """

    NAMES_TARGET: ClassVar[bool] = False

    schema: int = SCHEMA_VERSION
    session: str = ""
    environment: Described = field(default_factory=dict[str, Any])
    models: Annotated[Described, contents.models] = field(default_factory=dict[str, Any])
    prompts: Annotated[Described | None, contents.described] = None
    drafter: Name = None
    time: str = ""
    kind: str = ""

    @classmethod
    def of(cls: type[AnyRecord], line: Described) -> AnyRecord:
        """The record of a line, which must be one of this kind; fields that nobody knows stay in the line.

        Raises:
            RecordError: its configuration or its result is none.
        """
        held: dict[str, Any] = {name: line[name] for name in _names_of(cls) if name in line}
        held |= {name: int(held[name]) for name in _wholes_of(cls) if contents.is_whole(held.get(name))}
        held |= {name: _read(name, held[name]) for name in _READERS if held.get(name) is not None}
        record = cls(**held)
        vars(record)["line"] = line
        return record

    @cached_property
    def line(self) -> Described:
        """The object of the record's line: the one that it was read from, or else its fields."""
        told = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        return {name: value for name, value in told.items() if value is not None or name in _NULLS}

    @property
    def target_dtype(self) -> str:
        """What the target computed in."""
        return self.models["target"]["dtype"]

    def stamped(self: AnyRecord, stamp: Record) -> AnyRecord:
        """The same record with the session, the time, the machine and the models of ``stamp``."""
        return replace(self, **{f.name: getattr(stamp, f.name) for f in fields(Record) if f.name != "kind"})

    def __getitem__(self, name: str) -> Any:
        return self.line[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.line)

    def __len__(self) -> int:
        return len(self.line)

    def __or__(self: AnyRecord, more: Described) -> AnyRecord:
        return self.of({**self.line, **more})


@cache
def _names_of(kind: type[Record]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


@cache
def _wholes_of(kind: type[Record]) -> tuple[str, ...]:
    """Fields that hold a whole number, which a line may write as 4.0."""
    return tuple(name for name, hint in get_type_hints(kind).items() if hint in (int, int | None))


def _read(name: str, told: Any) -> Any:
    """The object of a field."""
    try:
        return _READERS[name](told)
    except (SpecDecError, TypeError) as error:
        raise RecordError(f"field '{name}': {' '.join(str(error).split())}") from error


def _plain(value: Any) -> Any:
    """A field as JSON knows it."""
    if isinstance(value, GenerationResult):
        return raw_result(value)
    return value.to_dict() if hasattr(value, "to_dict") else value


def of_kind(records: Iterable[Record], kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """Those records that are of a kind, and of no other that is made of it."""
    return (record for record in records if type(record) is kind)
