"""The kinds of records: a frozen dataclass each, that says which fields a line holds and what they must hold.

A record itself stays the plain object of its line, to which anybody may add fields and which is written
as it was read; a dataclass is a view of what this version knows of it. Knows records and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, get_origin, get_type_hints

from specdec_lib.bench.records import contents
from specdec_lib.bench.records.contents import Described, FieldCheck

Object = dict[str, Any]
FromZero = Annotated[int, contents.count]
Positive = Annotated[float, contents.above_zero]
AnyRecord = TypeVar("AnyRecord", bound="Recorded")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What every record tells: when, by which session, on which machine, with which models."""

    KIND: ClassVar[str]
    NAMES_TARGET: ClassVar[bool] = False

    schema: int
    kind: str
    session: str
    time: str
    environment: Object
    models: Annotated[Object, contents.models]
    prompts: Annotated[Object | None, contents.described] = None
    drafter: Annotated[str | None, contents.name] = None

    @classmethod
    def of(cls: type[AnyRecord], record: Described) -> AnyRecord:
        """The view of a record, which must be one."""
        return cls(**{f.name: record[f.name] for f in fields(cls) if f.name in record})


@dataclass(frozen=True, kw_only=True)
class RunRecord(Recorded):
    """One timed generation: its setting, its prompt and repeat, the raw result.

    ``first_difference`` is where its ids part from the baseline's: -1 nowhere, None where nobody compared.
    """

    KIND = "run"
    NAMES_TARGET = True

    config: Object
    config_hash: str
    decoder: str
    prompt_id: str
    prompt_tokens: FromZero
    repeat: FromZero
    seed: int
    result: Object
    first_difference: Annotated[int | None, contents.token_index] = None
    turn: Annotated[int | None, contents.count] = None


@dataclass(frozen=True, kw_only=True)
class ProfileRecord(RunRecord):
    """One generation measured phase by phase; ``phases`` are totals over the rounds after the first."""

    KIND = "profile"

    phases: Annotated[Object, contents.phases]


@dataclass(frozen=True, kw_only=True)
class PeerRecord(RunRecord):
    """One timed run of an arm of a comparison: what it was compared with, by how much the logits of the two
    tokens differ where they part, whether that is a tie, and how many graphs were compiled meanwhile."""

    KIND = "peer"

    reference: Annotated[str | None, contents.name] = None
    logit_gap: Annotated[float | None, contents.number] = None
    tied: bool | None = None
    new_graphs: Annotated[int | None, contents.count] = None


@dataclass(frozen=True, kw_only=True)
class CostsRecord(Recorded):
    """Raw seconds of single forwards, by model and width."""

    KIND = "costs"
    NAMES_TARGET = True

    pair: str
    costs: Annotated[Object, contents.costs]


@dataclass(frozen=True, kw_only=True)
class ArmRecord(Recorded):
    """An arm of a comparison after its warm-up, or why it was refused."""

    KIND = "arm"
    NAMES_TARGET = True

    pair: str
    decoder: str
    arm: Annotated[Object, contents.arm]


@dataclass(frozen=True, kw_only=True)
class ShapeRecord(CostsRecord):
    """Single forwards of random models of a known shape, and the bandwidth of the machine."""

    KIND = "shape"
    NAMES_TARGET = False

    weight_bytes: Positive
    copy_bytes_per_second: Positive


@dataclass(frozen=True, kw_only=True)
class ScalingRecord(Recorded):
    """The raw seconds of all arms at one value of one axis."""

    KIND = "scaling"

    pair: str
    vary: str
    value: int
    repeat: FromZero
    seconds: Annotated[Object, contents.seconds]
    beyond_training: bool | None = None


KINDS: dict[str, type[Recorded]] = {
    kind.KIND: kind
    for kind in (
        RunRecord, ProfileRecord, CostsRecord, ArmRecord, PeerRecord, ScalingRecord, ShapeRecord,
    )
}  # fmt: skip
"""By its name in a line."""


def of_kind(records: Iterable[Described], kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """The views of those records that are of a kind."""
    return (kind.of(record) for record in records if record["kind"] == kind.KIND)


# -- whether a record is one -----------------------------------------------------------------------


class Field(NamedTuple):
    """What a kind says of one field; what may be missing may be null too."""

    name: str
    type: type
    is_needed: bool
    check: FieldCheck | None


@cache
def fields_of(kind: str) -> tuple[Field, ...]:
    """The fields of a kind, as its dataclass declares them."""
    hints = get_type_hints(KINDS[kind], include_extras=True)
    found: list[Field] = []
    for declared in fields(KINDS[kind]):
        hint, check = hints[declared.name], None
        if get_origin(hint) is Annotated:
            hint, check = hint.__origin__, hint.__metadata__[0]
        found.append(Field(declared.name, get_origin(hint) or hint, declared.default is MISSING, check))
    return tuple(found)


def problem_of_types(record: Described) -> str | None:
    """Which field that its kind needs is missing, or of another type; None if none is."""
    for name, kind, is_needed, _ in fields_of(record["kind"]):
        if not is_needed:
            continue
        if name not in record:
            return f"field '{name}' is missing"
        value = record[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return f"field '{name}' is {type(value).__name__}, not {kind.__name__}"
    return None


def problem_of_contents(record: Described) -> str | None:
    """What is wrong inside the first field that is not as it should be, in a few words; None if none is."""
    for name, _, _, check in fields_of(record["kind"]):
        value = record.get(name)
        if check is not None and value is not None and (problem := check(value)):
            return f"field '{name}' {problem}"
    if KINDS[record["kind"]].NAMES_TARGET and not record["models"].get("target"):
        return "field 'models' names no target"
    return None
