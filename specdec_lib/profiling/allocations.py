"""What tensors asked for during a block, allocation by allocation, as torch counts them on the CPU.

The process's resident memory (:mod:`specdec_lib.profiling.memory`) says what the system gave, libraries and
pages of an earlier peak included. This says what was held and when, to the byte. It runs torch's profiler,
which slows what it watches: count and time in different runs. It knows nothing of what the tensors are for.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_MEBIBYTE = 2**20


@dataclass
class Allocations:
    """Allocations of a block, in order of time; filled when the block has ended.

    Attributes:
        seconds: when each happened, from the first on.
        num_bytes: its size; negative where memory was given back.
    """

    seconds: list[float] = field(default_factory=list)
    num_bytes: list[int] = field(default_factory=list)

    @property
    def held_mb(self) -> list[float]:
        """MiB held after each, beyond what was held before the block."""
        return [total / _MEBIBYTE for total in itertools.accumulate(self.num_bytes)]

    @property
    def peak_mb(self) -> float:
        """The most MiB held at once, beyond what was held before the block."""
        return max([0.0, *self.held_mb])

    def outline(self, windows: int = 300) -> list[tuple[float, float, float]]:
        """(seconds, least, most MiB held) of each of that many stretches of events, for a picture."""
        held, size = self.held_mb, max(1, -(-len(self.num_bytes) // windows))
        starts = range(0, len(held), size)
        parts = [held[start : start + size] for start in starts]
        return [(self.seconds[at], min(part), max(part)) for at, part in zip(starts, parts, strict=True)]

    @property
    def asked_mb(self) -> float:
        """MiB of all allocations together, whatever was given back."""
        return sum(size for size in self.num_bytes if size > 0) / _MEBIBYTE


@contextmanager
def count_allocations() -> Iterator[Allocations]:
    """Count the CPU allocations of a ``with`` block; read the result after it.

    What was allocated before and is given back in the block is not seen. Meanwhile nothing is written to the
    process's standard error, where the profiler would announce itself.

    >>> import torch
    >>> with count_allocations() as counted:
    ...     _ = torch.empty(2**20)
    >>> counted.peak_mb
    4.0
    """
    from torch.profiler import ProfilerActivity, profile

    counted = Allocations()
    with _no_standard_error(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        yield counted
    profiler: Any = profiled.profiler  # torch's stubs know nothing of an event's bytes
    events = [
        (event.start_ns(), event.nbytes())
        for event in profiler.kineto_results.events()
        if event.name() == "[memory]" and event.device_type().name == "CPU"
    ]
    events.sort(key=lambda event: event[0])
    counted.seconds = [(at - events[0][0]) / 1e9 for at, _ in events]
    counted.num_bytes = [size for _, size in events]


@contextmanager
def _no_standard_error() -> Iterator[None]:
    """The profiler's C++ writes to the file descriptor, where Python's own redirection does not reach."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
