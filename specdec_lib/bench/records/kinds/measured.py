"""Kinds of what was measured one by one: a run, single forwards, an arm, a value of growth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from specdec_lib.bench.records import contents
from specdec_lib.bench.records.kinds.base import Name, Optional, Record
from specdec_lib.bench.records.parts import ForwardTimes, RecordedArm
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRecord(Record):
    """One timed generation: its setting, its prompt and repeat, the raw result.

    ``first_difference`` is where its ids part from the baseline's: -1 nowhere, None where nobody compared.
    ``turn`` is its place among the arms of its block.
    """

    NAMES_TARGET = True

    kind: Literal["run", "profile", "peer"] = "run"
    config: BenchmarkConfig
    config_hash: str
    decoder: str
    prompt_id: str
    prompt_tokens: Annotated[int, contents.count]
    repeat: Annotated[int, contents.count]
    seed: int
    first_difference: Annotated[int | None, contents.token_index] = None
    result: GenerationResult
    turn: Optional = None

    @property
    def was_compared(self) -> bool:
        """Whether its ids were held against the baseline's."""
        return self.first_difference is not None

    @property
    def is_identical(self) -> bool:
        """Whether they were, and none is another."""
        return self.first_difference == -1


@dataclass(frozen=True, kw_only=True, eq=False)
class ProfileRecord(RunRecord):
    """One generation measured phase by phase; ``phases`` are totals over the rounds after the first."""

    kind: Literal["profile"] = "profile"
    phases: Annotated[Mapping[str, float], contents.phases]


@dataclass(frozen=True, kw_only=True, eq=False)
class PeerRecord(RunRecord):
    """One timed run of an arm of a comparison: how many graphs were compiled meanwhile, what it was compared
    with, by how much the logits of the two tokens differ where they part, and whether that is a tie.

    ``engine`` is whose engine it was, if neither Transformers' nor this library; ``prompt_seconds`` and
    ``decode_seconds`` are what that engine's own clock says. Such a text may be shorter than asked.
    """

    kind: Literal["peer"] = "peer"
    new_graphs: Optional = None
    reference: Name = None
    logit_gap: Annotated[float | None, contents.number] = None
    tied: Annotated[bool | None, contents.truth] = None
    engine: Name = None
    prompt_seconds: Annotated[float | None, contents.number] = None
    decode_seconds: Annotated[float | None, contents.number] = None

    @property
    def was_cut(self) -> bool:
        """Whether an engine ended the text before it had all tokens asked for: its time then says nothing."""
        return self.engine is not None and self.result.num_tokens < self.config.max_new_tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class CostsRecord(Record):
    """Raw seconds of single forwards, by model and width."""

    NAMES_TARGET = True

    kind: Literal["costs", "shape"] = "costs"
    pair: str
    costs: Annotated[ForwardTimes, contents.costs]


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmRecord(Record):
    """An arm of a comparison after its warm-up, or why it was refused."""

    NAMES_TARGET = True

    kind: Literal["arm"] = "arm"
    pair: str
    decoder: str
    arm: Annotated[RecordedArm, contents.arm]


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapeRecord(CostsRecord):
    """Single forwards of random models of a known shape, and the bandwidth of the machine."""

    NAMES_TARGET = False

    kind: Literal["shape"] = "shape"
    weight_bytes: Annotated[float, contents.above_zero]
    copy_bytes_per_second: Annotated[float, contents.above_zero]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScalingRecord(Record):
    """The raw seconds of all arms at one value of one axis, and the settings of the others."""

    kind: Literal["scaling"] = "scaling"
    pair: str
    vary: str
    value: int
    repeat: Annotated[int, contents.count]
    k: Optional = None
    context: Optional = None
    depth: Optional = None
    new_tokens: Optional = None
    beyond_training: Annotated[bool | None, contents.truth] = None
    seconds: Annotated[Mapping[str, list[float]], contents.seconds]


@dataclass(frozen=True, kw_only=True, eq=False)
class StagesRecord(Record):
    """What a session ran, and what its stages took.

    ``arms`` are the facts of each arm by its name; ``seconds`` and ``memory_mb``, the most MiB held, are of
    each stage; ``rounds`` are those of the first profiled text.
    """

    kind: Literal["stages"] = "stages"
    pair: str
    arms: Annotated[Mapping[str, Any], contents.arms]
    seconds: Annotated[Mapping[str, float], contents.amounts]
    memory_mb: Annotated[Mapping[str, float] | None, contents.amounts] = None
    rounds: Annotated[list[list[float]] | None, contents.rows_of_numbers] = None
