"""What the stages of a session take: seconds, and the most memory that is held in each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from specdec_lib.profiling.memory import PhaseMemory


class Stages:
    """A clock and a watch for stages that follow each other; one that comes again adds to its seconds.

    Args:
        device: whose memory is watched; None is the current CUDA device where there is one.
    """

    def __init__(self, device: Any = None) -> None:
        self._memory = PhaseMemory(device)
        self.seconds: dict[str, float] = {}

    @property
    def memory_mb(self) -> dict[str, float]:
        """The most MiB of each stage."""
        return {name: round(peak, 1) for name, peak in self._memory.peaks_mb.items()}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a ``with`` block as stage ``name``, also where it ends in an exception."""
        start = time.perf_counter()
        try:
            with self._memory.phase(name):
                yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 6)
