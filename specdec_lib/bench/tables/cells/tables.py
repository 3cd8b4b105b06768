"""All tables of a sweep: what ran, how fast, what was accepted, where the time went, what was predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.tables.cells.counting import Counted
from specdec_lib.bench.tables.cells.forwards import forward_rows, prediction_rows
from specdec_lib.bench.tables.cells.gathering import gather
from specdec_lib.bench.tables.cells.rows import (
    ArmLatency,
    ArmPhases,
    CellStage,
    ForwardRow,
    GroupAcceptance,
    GroupPosition,
    GroupPrediction,
    GroupSpeedup,
    SetupRow,
    TextsRow,
    TimelineRow,
)
from specdec_lib.bench.tables.cells.setups import CellSetup, SetupFacts
from specdec_lib.bench.tables.cells.speedups import position_rows, speed_tables, text_rows
from specdec_lib.bench.tables.cells.times import latency_rows, phase_rows, stage_rows, timeline_rows
from specdec_lib.bench.tables.cells.within import UNLIKE
from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepTables(Row):
    """The tables of one file, each a list of rows in reading order."""

    setups: list[SetupRow]
    speedups: list[GroupSpeedup]
    acceptance: list[GroupAcceptance]
    positions: list[GroupPosition]
    texts: list[TextsRow]
    latencies: list[ArmLatency]
    phases: list[ArmPhases]
    timelines: list[TimelineRow]
    forwards: list[ForwardRow]
    predictions: list[GroupPrediction]
    stages: list[CellStage]


def counted_cells(cells: Iterable[CellRecord]) -> Counted:
    """The counts of cells, which are let go one by one.

    Raises:
        RecordError: there is none.
    """
    return Counted(gather(cells))


def sweep_tables(counted: Counted) -> SweepTables:
    """Every table of a sweep."""
    gathered = counted.gathered
    speedups, acceptance, decoded = speed_tables(counted)
    return SweepTables(
        setups=[_setup(counted, setup, facts) for setup, facts in gathered.setups.items()],
        speedups=speedups,
        acceptance=acceptance,
        positions=position_rows(gathered),
        texts=text_rows(counted),
        latencies=latency_rows(counted),
        phases=phase_rows(gathered),
        timelines=timeline_rows(gathered),
        forwards=forward_rows(gathered),
        predictions=prediction_rows(gathered, acceptance, decoded),
        stages=stage_rows(gathered),
    )


def _setup(counted: Counted, setup: CellSetup, facts: SetupFacts) -> SetupRow:
    gathered = counted.gathered
    numbers = gathered.of(setup)
    groups = [gathered.groups[number] for number in numbers]
    first = facts.first
    by_k = sorted({(not g.length.isdigit(), g.k, g.length) for g in groups})
    return SetupRow(
        setup=facts.name,
        pair=setup.pair,
        target=str(first.models["target"]["name"]),
        draft=setup.draft,
        verifier=setup.verifier,
        dtype=setup.dtype,
        compiled=setup.compiled,
        batch=setup.batch,
        engine=setup.engine,
        max_new_tokens=setup.max_new_tokens,
        device=setup.device,
        machine=machine_words(first.environment),
        environment=dict(first.environment),
        made_of=dict(first.made_of),
        sweeps=sorted(filter(None, facts.sweeps)),
        domains=sorted({group.domain for group in groups}),
        lengths=[length for _, _, length in by_k],
        temperatures=sorted({group.temperature for group in groups}),
        first_time=facts.times[0],
        last_time=facts.times[-1],
        num_cells=facts.num_cells,
        num_groups=len(groups),
        baseline_low=None if facts.steps is None else 1 / facts.steps[1],
        baseline_high=None if facts.steps is None else 1 / facts.steps[0],
        has_changed=facts.steps is not None and facts.steps[1] > UNLIKE * facts.steps[0],
        num_prompts=sorted({len(counted.totals[number].prompts) for number in numbers}),
        is_model="class" not in (first.models.get("draft") or {"class": ""}),
    )


def machine_words(environment: Mapping[str, Any]) -> str:
    """A machine in a few words: its GPU or processor, cores and threads, and torch.

    >>> machine_words({"cpu": "a processor", "cores": 2, "threads": 1, "torch": "2.13.0", "gpu": None})
    'a processor, 2 cores, 1 thread, torch 2.13.0'
    """
    words = [str(environment.get("gpu") or environment.get("cpu") or "unknown machine")]
    for name, one, many in (("cores", "core", "cores"), ("threads", "thread", "threads")):
        if environment.get(name):
            words.append(f"{environment[name]} {one if environment[name] == 1 else many}")
    if environment.get("torch"):
        words.append(f"torch {environment['torch']}")
    return ", ".join(words)
