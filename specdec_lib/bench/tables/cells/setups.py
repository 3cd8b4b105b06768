"""What tells cells apart: their setup, which is never pooled with another, and their group within it.

Cells of another machine, library, notebook or weights are of another setup, however alike their names are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.schema import OURS
from specdec_lib.bench.tables.cells.within import ForwardOfCell
from specdec_lib.utils.machine import UNRELATED


class CellSetup(NamedTuple):
    """All that cells have in common whose counts may be added; the last five are hashes or the like."""

    pair: str
    draft: str
    verifier: str | None
    dtype: str
    compiled: bool
    batch: int
    engine: str
    max_new_tokens: int
    device: str
    machine: str
    library: str
    weights: str
    notebook: str
    rest: str


class CellGroup(NamedTuple):
    """The cells of a setup that differ by their seeds alone; ``prompts`` is the hash of what was asked."""

    setup: CellSetup
    temperature: float
    domain: str
    k: int
    length: str
    prompts: str


@dataclass
class SetupFacts:
    """What is known of a setup beside its counts: models and machine of its first cell, what was timed."""

    first: CellRecord
    name: str = ""
    num_cells: int = 0
    times: list[str] = field(default_factory=list[str])
    sweeps: set[str] = field(default_factory=set[str])
    medians: dict[tuple[str, int], list[ForwardOfCell]] = field(default_factory=dict[Any, Any])
    steps: tuple[float, float] | None = None
    stages: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict[str, Any])
    rounds: dict[tuple[float, str], CellRecord] = field(default_factory=dict[Any, Any])

    def with_more(self, other: SetupFacts) -> SetupFacts:
        """These facts and those of further cells of the setup."""
        self.num_cells += other.num_cells
        self.times = [min(self.times[0], other.times[0]), max(self.times[-1], other.times[-1])]
        self.sweeps |= other.sweeps
        self.note_steps(other.steps)
        for place, seconds in other.medians.items():
            self.medians.setdefault(place, []).extend(seconds)
        for stage, (memory, spent) in other.stages.items():
            own = self.stages.setdefault(stage, ([], []))
            own[0].extend(memory)
            own[1].extend(spent)
        self.rounds = self.rounds | other.rounds | self.rounds  # in their order, and the first of each
        return self

    def note_steps(self, more: tuple[float, float] | None) -> None:
        """Widen ``steps``, the least and the most seconds that a baseline's token took in a cell."""
        if more is not None:
            own = self.steps or more
            self.steps = min(own[0], more[0]), max(own[1], more[1])


_READABLE = ("verifier", "dtype", "compiled", "batch", "engine", "max_new_tokens", "device")
_HASHES = ("machine", "library", "weights", "notebook", "rest")


def group_of(cell: CellRecord) -> CellGroup:
    """The group of a cell."""
    config, arm, made_of = cell.config, cell.arm, cell.made_of
    length = config.policy or str(arm.options.get("draft_length", config.K))
    setup = CellSetup(
        pair=cell.pair,
        draft=drafter_name(cell),
        verifier=arm.verifier,
        dtype=arm.dtype or str(cell.target_dtype),
        compiled=arm.compiled,
        batch=arm.batch,
        engine=cell.engine,
        max_new_tokens=config.max_new_tokens,
        device=str(cell.models["target"]["device"]),
        machine=machine_of(cell.environment),
        library=made_of.get("library", "") or str(cell.environment.get("commit") or ""),
        weights=made_of.get("weights", ""),
        notebook=made_of.get("notebook", ""),
        rest=_rest(cell),
    )
    prompts = made_of.get("prompts", "")
    return CellGroup(setup, config.temperature, config.prompt_domain, config.K, length, prompts)


def drafter_name(cell: CellRecord) -> str:
    """The name of what drafted."""
    told = cell.arm.drafter or cell.drafter or (cell.models.get("draft") or {}).get("name")
    return str(told or "unnamed draft")


def machine_of(environment: Mapping[str, Any]) -> str:
    """The hash of a machine; of one without, all that is said of it, the code aside."""
    known = environment.get("hash")
    if isinstance(known, str):
        return known
    return json.dumps({name: environment[name] for name in sorted(environment) if name not in UNRELATED})


def _rest(cell: CellRecord) -> str:
    """Options of the arm but its draft length, and the baseline's facts."""
    options = {name: value for name, value in cell.arm.options.items() if name != "draft_length"}
    told = json.dumps(options, sort_keys=True) if options else ""
    return f"{told}{cell.baseline.facts_hash or cell.baseline.hash}"


def setup_names(setups: Iterable[CellSetup]) -> dict[CellSetup, str]:
    """A short name for each: pair and draft, what else differs among them, and hashes where only they do.

    >>> one = CellSetup("p", "d", None, "float32", False, 1, "e", 8, "cpu", "m", "l", "w", "n", "")
    >>> list(setup_names([one, one._replace(dtype="bfloat16")]).values())
    ['p · d · float32', 'p · d · bfloat16']
    """
    every = list(dict.fromkeys(setups))
    varies = [name for name in _READABLE if len({getattr(setup, name) for setup in every}) > 1]
    names = {setup: " · ".join([setup.pair, setup.draft, *_words(setup, varies)]) for setup in every}
    for told_by in _HASHES:
        shared = {name for name, number in Counter(names.values()).items() if number > 1}
        for name in shared:
            alike = [setup for setup in every if names[setup] == name]
            told = list(dict.fromkeys(getattr(setup, told_by) for setup in alike))
            if len(told) > 1:
                for setup in alike:
                    names[setup] = f"{name} · {_hash_word(told_by, told, getattr(setup, told_by))}"
    return names


def _words(setup: CellSetup, fields: Iterable[str]) -> list[str]:
    words = []
    for name in fields:
        value = getattr(setup, name)
        if name == "compiled":
            words.append("compiled" if value else "eager")
        elif name == "batch":
            words.append(f"batch {value}")
        elif name == "max_new_tokens":
            words.append(f"{value} tokens")
        elif name == "engine":
            words.append("ours" if value == OURS else str(value))
        else:
            words.append(str(value or "default"))
    return words


def _hash_word(field: str, told: list[str], value: str) -> str:
    """Numbers where a hash would say no more: machines and what is left are counted."""
    if field in ("machine", "rest"):
        return f"{'machine' if field == 'machine' else 'variant'} {told.index(value) + 1}"
    return f"{field} {value[:8] or 'unknown'}"
