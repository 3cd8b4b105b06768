"""What forwards of several texts cost: the v(K, B) and the c(B) of speculation in a batch.

Each forward extends rows that hold the same context, and is cut off them again. All batches and widths take
turns, so that drift slows all of them alike; raw seconds come back, and the tables take medians
(:mod:`specdec_lib.bench.tables.batches`). A model that runs its rows one by one is timed as it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from specdec_lib.bench.measure.grid import rotated
from specdec_lib.decoding.batches.rows import open_rows
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.base import CausalModel, require_model
from specdec_lib.profiling.timer import cuda_sync_time
from specdec_lib.utils.row import Row

_WARM_UP = 1


@dataclass(frozen=True, eq=False)
class BatchForward(Row):
    """The seconds of each forward of one model ("target" or "draft"): ``width`` tokens of ``batch`` texts."""

    model: str
    batch: int
    width: int
    seconds: list[float]


@dataclass(frozen=True, eq=False)
class BatchTimes(Row):
    """Forwards of several texts, behind ``context_length`` tokens of each."""

    context_length: int
    forwards: list[BatchForward]


def measure_batches(
    target: CausalModel,
    draft: CausalModel,
    context_ids: Sequence[int],
    k_values: Sequence[int],
    batches: Sequence[int],
    repeats: int = 10,
) -> BatchTimes:
    """Seconds of single forwards of several texts: the target's of width 1 and K + 1, the draft's of width 1.

    Args:
        context_ids: tokens that each row holds before a timed forward.
        k_values: draft lengths, each >= 1.
        batches: texts in a forward, each >= 1.
        repeats: forwards of each kind, after one that is not counted.

    Raises:
        InvalidArgument: no context, ``repeats`` below 1, or a draft length or a batch below 1.
    """
    if not context_ids or min((repeats, *k_values, *batches)) < 1:
        raise InvalidArgument(
            f"measure_batches: {len(context_ids)} context tokens, K of {list(k_values)}, batches of "
            f"{list(batches)}, {repeats} repeats; pass at least 1 of each"
        )
    arms = [
        _Arm(name, require_model(model, "measure_batches"), context_ids, batch, width)
        for batch in batches
        for name, model, widths in (
            ("target", target, (1, *(k + 1 for k in k_values))),
            ("draft", draft, (1,)),
        )
        for width in widths
    ]
    for turn in range(-_WARM_UP, repeats):
        for arm in rotated(arms, turn):
            seconds = arm.timed()
            if turn >= 0:
                arm.seconds.append(seconds)
    return BatchTimes(len(context_ids), [arm.forward for arm in arms])


class _Arm:
    """One model, one batch, one width, and rows that hold the context."""

    def __init__(
        self, name: str, model: CausalModel, context_ids: Sequence[int], batch: int, width: int
    ) -> None:
        self.name, self.batch, self.width, self.seconds = name, batch, width, list[float]()
        self._rows = open_rows(model, [len(context_ids) + width] * batch)
        context = torch.tensor(list(context_ids), device=model.device)
        self._rows.forward([context] * batch, [1] * batch)
        self._length = len(context_ids)
        self._feeds = [context.repeat(-(-width // len(context_ids)))[:width]] * batch

    @property
    def forward(self) -> BatchForward:
        """What was timed."""
        return BatchForward(self.name, self.batch, self.width, self.seconds)

    def timed(self) -> float:
        """Seconds of one forward; the rows are then as they were."""
        start = cuda_sync_time()
        self._rows.forward(self._feeds, [self.width] * self.batch)
        seconds = round(cuda_sync_time() - start, 9)
        self._rows.truncate([self._length] * self.batch)
        return seconds
