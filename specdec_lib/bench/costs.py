"""What single forwards cost: the c and the v(K) of the prediction S = E / (K c + v + o).

Times one target forward of every width that the decoders use, and draft forwards of width 1 in
short bursts, behind a cache of the benchmark's typical length. Widths take turns, so that drift
slows all of them alike, and target and draft alternate as they do in a round, so that neither
has the processor's caches to itself. Raw seconds come back; medians are taken in the summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from specdec_lib.bench.grid import rotated
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.timer import cuda_sync_time

_WARM_UP = 3
_DRAFT_BURST = 4  # a round drafts several tokens in a row: only the first finds the caches cold


def measure_costs(
    target: ModelWrapper,
    draft: ModelWrapper,
    context_ids: Sequence[int],
    k_values: Sequence[int],
    repeats: int = 30,
) -> dict[str, Any]:
    """Seconds of single forwards behind ``context_ids``.

    Args:
        target, draft: the two models, sharing a vocabulary.
        context_ids: tokens that both caches hold before each timed forward.
        k_values: draft lengths; the target is timed at widths 1 and K + 1.
        repeats: timed forwards a width (of the draft, several times as many), after a few that are not.

    Returns:
        ``{"context_length": n, "forwards": [{"model": "target", "width": w, "seconds": [...]}, …]}``

    Raises:
        InvalidArgument: no context, or ``repeats`` below 1.
    """
    if not context_ids or repeats < 1:
        raise InvalidArgument(
            f"measure_costs: {len(context_ids)} context tokens, {repeats} repeats; pass at least 1 of each"
        )
    widths = [1, *(k + 1 for k in k_values)]
    probes = [(name, width) for width in widths for name in ("target", "draft")]
    models = {"target": target, "draft": draft}
    context = torch.tensor([list(context_ids)])
    inputs = context.repeat(1, -(-max(widths) // len(context_ids)))
    caches = {name: model.forward(context, logits_to_keep=1)[1] for name, model in models.items()}
    seconds: dict[tuple[str, int], list[float]] = {("draft", 1): []} | {
        ("target", width): [] for width in widths
    }
    for turn in range(-_WARM_UP, repeats):
        for index in rotated(range(len(probes)), 2 * turn):
            name, width = probes[index]
            probe = (name, width if name == "target" else 1)
            burst = _DRAFT_BURST if name == "draft" else 1
            elapsed = _timed_burst(models[name], caches[name], inputs[:, : probe[1]], len(context_ids), burst)
            if turn >= 0:
                seconds[probe] += elapsed
    forwards = [{"model": name, "width": width, "seconds": s} for (name, width), s in seconds.items()]
    return {"context_length": len(context_ids), "forwards": forwards}


def _timed_burst(
    model: ModelWrapper, cache: Any, input_ids: torch.Tensor, length: int, burst: int
) -> list[float]:
    """Seconds of each of ``burst`` forwards that extend a copy of ``cache``, which stays as it was."""
    extended, seconds = model.truncate_cache(cache, length), []
    for _ in range(burst):
        start = cuda_sync_time()
        _, extended = model.forward(input_ids, past_key_values=extended)
        seconds.append(round(cuda_sync_time() - start, 9))
    return seconds
