"""The totals of one cell: what a line about it says."""

from __future__ import annotations

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.kinds.counts import ArmCounts


def tokens_per_second(counts: ArmCounts) -> float | None:
    """Total tokens over total seconds; None where nothing was timed."""
    seconds = sum(counts.seconds)
    return sum(counts.num_tokens) / seconds if seconds > 0 else None


def speedup_of(cell: CellRecord) -> float | None:
    """The draft's tokens a second over the baseline's, both measured in the cell."""
    ours, plain = tokens_per_second(cell.counts), tokens_per_second(cell.baseline_counts)
    return None if ours is None or not plain else ours / plain
