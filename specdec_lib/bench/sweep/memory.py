"""Whether a cell fits: what its models need, and what a device has left; here, or on a worker's machine."""

from __future__ import annotations

from functools import cache

from specdec_lib.bench.sweep import sentences
from specdec_lib.models.files.sizes import GIB, ROOM, bytes_of, size_of, stored_weights
from specdec_lib.profiling.memory import free_everywhere, free_on


def lacks_memory(gib: float | None, memory: tuple[float, float] | None) -> str:
    """Why a cell does not fit; nothing where it does, or where nobody knows.

    Args:
        gib: what it needs. memory: GiB that are free, and of how many.
    """
    if gib is None or memory is None or gib <= memory[0]:
        return ""
    free, total = memory
    return sentences.TOO_LARGE.format(gib, free, total)


def memory_of(device: str | None) -> tuple[float, float]:
    """GiB that are free on a device, and that it has; for "auto" on all that there are.

    Raises:
        InvalidArgument: this machine has no such device.
    """
    from specdec_lib.models.loader import SPREAD, choose_device

    free, total = free_everywhere() if device == SPREAD else free_on(choose_device(device))
    return free / GIB, total / GIB


@cache
def needed_gib(models: tuple[tuple[str, str], ...]) -> float | None:
    """GiB that these models need, each in its dtype; None where a size is not known."""
    held = 0.0
    for model_id, dtype in models:
        size = size_of(model_id)
        if size is None:
            return None
        stored = stored_weights(model_id)
        held += bytes_of(size, dtype if dtype != "auto" else "float32" if stored is None else stored.dtype)
    return ROOM * held / GIB
