"""v(K, B) and c(B) from timed forwards, beside the roofline, and the batch at which speculation stops paying.

The closed form has one number to fit, B*: how many tokens a forward can score before its time grows with
them (Williams et al. 2009; :mod:`specdec_lib.theory.roofline`). A forward of B texts and w tokens is taken to
last T(1) max(1, B w / B*), and B* is the one whose times are, in proportion, nearest to those measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from specdec_lib.errors import RecordError
from specdec_lib.theory.checks import positive, whole
from specdec_lib.theory.roofline import batch_verify_cost
from specdec_lib.theory.speedup import speedup
from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False)
class BatchRow(Row):
    """What a round costs a batch: ``v`` = T(B, K + 1) / T(B, 1) of the target, ``c`` = the draft's T(B, 1)
    over the target's, ``roofline`` = v by the closed form, ``step_ms`` = the target's T(B, 1)."""

    batch: int
    k: int
    v: float
    c: float
    roofline: float
    step_ms: float

    def speedup(self, alpha: float, overhead: float = 0.0) -> float:
        """S = E / (K c + v + o) of this batch, for an acceptance and for the rest of a round."""
        return speedup(alpha, self.k, self.c, self.v, overhead)


def batch_table(times: Mapping[str, Any]) -> list[BatchRow]:
    """A row for each batch and draft length of what was timed (a ``BatchTimes``, or its plain data).

    Raises:
        RecordError: forwards that are not complete.
    """
    seconds = _medians(times)
    critical = critical_of(times)
    rows = []
    try:
        for (model, batch, width), wide in sorted(seconds.items()):
            if model == "target" and width > 1:
                one, k = seconds["target", batch, 1], width - 1
                line = batch_verify_cost(k, batch, critical)
                rows.append(BatchRow(batch, k, wide / one, seconds["draft", batch, 1] / one, line, 1e3 * one))
    except KeyError as error:
        raise RecordError(f"batches: no forward of {error} was timed; measure again") from error
    return rows


def critical_of(times: Mapping[str, Any]) -> float:
    """B*: the number of tokens from which on the target's forwards last longer, as the times fit it best.

    Least squares of the logarithms over B* and T(1), so that each forward counts alike, long or short.
    """
    target = [(batch * width, t) for (model, batch, width), t in _medians(times).items() if model == "target"]
    tokens, measured = (np.array(part, float) for part in zip(*target, strict=True))
    offered = np.geomspace(0.5, 2 * tokens.max(), 400)
    grown = np.log(np.maximum(1.0, tokens / offered[:, None]))
    apart = np.log(measured) - grown
    return float(offered[(apart - apart.mean(axis=1, keepdims=True)).var(axis=1).argmin()])


def last_paying_batch(rows: Sequence[BatchRow], alpha: float, overhead: float = 0.0) -> int:
    """The largest measured batch up to which, without a gap, some draft length is faster than plain decoding.

    0 where none is even at the smallest batch.
    """
    last = 0
    for batch in sorted({row.batch for row in rows}):
        if max(row.speedup(alpha, overhead) for row in rows if row.batch == batch) <= 1:
            break
        last = batch
    return last


def _medians(times: Mapping[str, Any]) -> dict[tuple[str, int, int], float]:
    try:
        return {
            (str(f["model"]), whole(f["batch"], "batch", 1), whole(f["width"], "width", 1)): positive(
                median(f["seconds"]), "a median"
            )
            for f in times["forwards"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"batches: the forwards that were timed are not complete ({error}); measure again"
        ) from error
