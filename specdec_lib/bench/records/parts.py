"""Parts of a record that are more than a number: what an arm is, and the seconds of single forwards.

Each is made by what measures, read from a line by its ``from_dict``, and written by its ``to_dict``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from statistics import median
from typing import Annotated, Any

from specdec_lib.bench.records import contents
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.row import Row


@dataclass(frozen=True)
class Facts:
    """What an arm is, in plain data.

    Attributes:
        library: whose decoder it is. method: "autoregressive", "assisted", "lookup" or "speculative".
        k: draft tokens a round where the arm is told how many, at most where a policy decides (which
            ``options`` name ``draft_length``); else 0.
        compiled: whether it claims to run compiled code.
        drafter: the name of what drafts. verifier: how drafts are verified. None where nothing is drafted.
        batch: texts at a time. dtype: what the target computes in.
        options: what else sets the arm apart; JSON must have a word for it.
    """

    library: str
    method: str
    k: Annotated[int, contents.count] = 0
    compiled: bool = False
    drafter: str | None = None
    verifier: str | None = None
    batch: Annotated[int, contents.count] = 1
    dtype: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def draft_length(self) -> int | str:
        """``k``, or the policy that decides instead."""
        return self.options.get("draft_length", self.k)

    @cached_property
    def hash(self) -> str:
        """First 12 hexadecimal digits of SHA-256 over the sorted JSON of the facts."""
        told = {f.name: getattr(self, f.name) for f in fields(Facts)}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class RecordedArm(Facts):
    """What a record says of an arm: its facts, and what its warm-up took, or why it was refused."""

    facts_hash: str | None = None
    warm_up_seconds: Annotated[float | None, contents.number] = None
    compile_seconds: Annotated[float | None, contents.number] = None
    refused: str | None = None

    @classmethod
    def of(cls, facts: Facts) -> RecordedArm:
        """The arm of these facts, of which nothing else is known yet."""
        return cls(**{f.name: getattr(facts, f.name) for f in fields(facts)}, facts_hash=facts.hash)

    @classmethod
    def from_dict(cls, arm: Mapping[str, Any]) -> RecordedArm:
        """What :meth:`to_dict` wrote, also of a version that knew fewer facts."""
        told: dict[str, Any] = {name: arm[name] for name in cls.__dataclass_fields__ if name in arm}
        told |= {name: int(told[name]) for name in ("k", "batch") if name in told}
        return cls(**told)

    def to_dict(self) -> dict[str, Any]:
        """All facts, and what else is known."""
        facts = {f.name for f in fields(Facts)}
        return {name: value for name, value in asdict(self).items() if value is not None or name in facts}

    def behind(self, before: RecordedArm) -> RecordedArm:
        """The same arm recorded once more: what is said here counts, and what only ``before`` says stays."""
        known = {f.name: getattr(before, f.name) for f in fields(self) if getattr(self, f.name) is None}
        return replace(self, **known)


@dataclass(frozen=True, eq=False)
class TimedForward(Row):
    """The seconds of each forward of one model ("target" or "draft") at one width."""

    model: str
    width: Annotated[int, contents.count]
    seconds: Annotated[list[float], contents.times]


@dataclass(frozen=True, eq=False)
class ForwardTimes(Row):
    """What a record of costs holds: forwards behind ``context_length`` tokens, where that was recorded."""

    context_length: Annotated[int | None, contents.count]
    forwards: list[TimedForward]

    @classmethod
    def from_dict(cls, costs: Mapping[str, Any]) -> ForwardTimes:
        """What ``to_dict`` wrote."""
        told = costs["forwards"]
        forwards = [TimedForward(one["model"], int(one["width"]), one["seconds"]) for one in told]
        context = costs.get("context_length")
        return cls(None if context is None else int(context), forwards)

    @property
    def medians(self) -> dict[tuple[str, int], float]:
        """The median seconds of each model's forwards, by model and width."""
        return {(timed.model, timed.width): median(timed.seconds) for timed in self.forwards}


def raw_result(result: GenerationResult) -> dict[str, Any]:
    """What a record says of a result: its fields, nothing derived and no trace."""
    return {f.name: getattr(result, f.name) for f in fields(result) if f.name != "trace"}
