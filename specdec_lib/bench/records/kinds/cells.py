"""The kind of a cell of a sweep: what was asked for, of what it was made, and the counts of its runs.

One line a cell, small enough that ten thousand are read in a moment. The runs one by one, with their ids, lie
beside it in the folder of the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from specdec_lib.bench.records import contents
from specdec_lib.bench.records.kinds.base import Name, Record
from specdec_lib.bench.records.kinds.counts import ArmCounts, CellBlocks
from specdec_lib.bench.records.parts import ForwardTimes, RecordedArm
from specdec_lib.profiling.metrics import BenchmarkConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class CellRecord(Record):
    """One executed notebook of a sweep: a draft beside its baseline, block by block.

    Attributes:
        key: what was asked: a hash of ``parameters`` and ``made_of``. Cells of one key and one machine are
            one cell.
        sweep: the name of the sweep. parameters: of the notebook, as it was executed.
        made_of: hashes of the "notebook", the "library", the "weights" and the "prompts".
        config: of the draft's runs. engine: whose decoder ran.
        baseline, arm: what the two arms are. blocks: what both were asked.
        baseline_counts, counts: what came of each, an entry a block.
        costs: of single forwards. phases: totals over the profiled rounds, in milliseconds.
        rounds: those of the first profiled text: drafted, accepted, then milliseconds of draft, verify,
            sampling, rollback, and of the whole round.
        seconds, memory_mb: of the stages of the session: load, warm_up, runs, costs, profile.
    """

    NAMES_TARGET = True

    kind: Literal["cell"] = "cell"
    key: str
    sweep: Name = None
    pair: str
    parameters: Annotated[Mapping[str, Any], contents.described]
    made_of: Annotated[Mapping[str, str], contents.texts]
    config: BenchmarkConfig
    config_hash: str
    engine: str
    baseline: Annotated[RecordedArm, contents.arm]
    arm: Annotated[RecordedArm, contents.arm]
    blocks: Annotated[CellBlocks, contents.part_of(CellBlocks)]
    baseline_counts: Annotated[ArmCounts, contents.part_of(ArmCounts)]
    counts: Annotated[ArmCounts, contents.part_of(ArmCounts)]
    costs: Annotated[ForwardTimes | None, contents.costs] = None
    phases: Annotated[Mapping[str, float] | None, contents.phases] = None
    rounds: Annotated[list[list[float]] | None, contents.rows_of_numbers] = None
    seconds: Annotated[Mapping[str, float], contents.amounts]
    memory_mb: Annotated[Mapping[str, float] | None, contents.amounts] = None
