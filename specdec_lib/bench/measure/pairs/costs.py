"""What single forwards of a pair cost, of one text or of as many as a batch has."""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.bench.measure.batches import measure_batches
from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.records.parts import ForwardTimes, TimedForward
from specdec_lib.decoding.drafters.draft_model import DraftSource
from specdec_lib.models.base import CausalModel, is_causal_model


def forward_times(
    target: CausalModel,
    draft: DraftSource,
    context_ids: Sequence[int],
    k_values: Sequence[int],
    repeats: int,
    batch: int = 1,
    seconds: float | None = None,
) -> ForwardTimes:
    """Seconds of single forwards behind ``context_ids``; with a ``batch``, of so many texts that hold it.

    Args:
        seconds: fewer repeats of one text once so much time has passed.

    Raises:
        InvalidArgument: as :func:`~specdec_lib.bench.measure.costs.measure_costs`.
    """
    if batch == 1 or not is_causal_model(draft):
        return measure_costs(target, draft, context_ids, k_values, repeats, seconds)
    times = measure_batches(target, draft, context_ids, k_values, [batch], repeats)
    return ForwardTimes(
        times.context_length, [TimedForward(one.model, one.width, one.seconds) for one in times.forwards]
    )
