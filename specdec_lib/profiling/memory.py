"""Peak memory by phase: allocated device memory on CUDA, the process's own memory elsewhere.

The two are different things and each measurement names its ``source``. "cuda" is the most bytes that
tensors held at once (torch's allocator, not the driver's view). "process" is the resident high-water
mark, interpreter and libraries included. Linux can reset that mark, so a phase's peak is exact there;
macOS and Windows keep one mark for the process's whole life, so a phase that stays below an earlier peak
is known only to lie between its resident memory and that mark: it reports the former, as inexact.

Phases may nest: resetting a counter for the inner phase does not lose the outer one's peak. Peaks are
counters of the whole process, so measurements in concurrent threads see each other's memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specdec_lib.profiling.timer import loaded_cuda
from specdec_lib.utils.machine import free_bytes

_MEBIBYTE = 2**20
_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class PeakMemory:
    """What one phase needed at its highest.

    Attributes:
        phase: its name.
        source: "cuda" (allocated by tensors) or "process" (resident).
        peak_mb: MiB; 0.0 until the phase has ended.
        exact: False where the system could give only a lower bound.
        finished: whether the phase has ended.
    """

    phase: str
    source: str
    peak_mb: float = 0.0
    exact: bool = True
    finished: bool = False


def resident_mb() -> float:
    """Resident memory of this process now, MiB."""
    import psutil

    return psutil.Process().memory_info().rss / _MEBIBYTE


def process_peak_mb() -> float:
    """High-water mark of this process's resident memory, MiB, since its start or (Linux) a reset."""
    if _STATUS.is_file():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / _MEBIBYTE
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MEBIBYTE if sys.platform == "darwin" else peak / 1024


def _reset_process_peak() -> bool:
    """Lower the high-water mark to what is resident now; False where the system cannot."""
    try:
        _CLEAR_REFS.write_text("5")  # the kernel's request to reset VmHWM, see proc(5)
    except OSError:  # not Linux, or a sandbox without it: the mark of the whole life remains
        return False
    return True


def free_on(device: Any) -> tuple[float, float]:
    """Bytes that are free on a device, and how many it has; on the CPU those that this process may take.

    Args:
        device: a ``torch.device``.
    """
    if device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info(device)
    return free_bytes()


def free_everywhere() -> tuple[float, float]:
    """Bytes that are free on all GPUs and in the main memory together, and how many these have."""
    import torch

    places = [free_bytes(), *map(torch.cuda.mem_get_info, range(torch.cuda.device_count()))]
    return sum(free for free, _ in places), sum(total for _, total in places)


class _CUDACounter:
    """The allocator's peak of one device."""

    source = "cuda"

    def __init__(self, cuda: Any, device: Any) -> None:
        self._cuda, self._device = cuda, device

    def restart(self) -> None:
        self._cuda.reset_peak_memory_stats(self._device)

    def read(self) -> tuple[float, bool]:
        """(MiB, exact) since the restart."""
        return self._cuda.max_memory_allocated(self._device) / _MEBIBYTE, True


class _ProcessCounter:
    """The process's high-water mark."""

    source = "process"
    _resettable = False
    _mark = 0.0

    def restart(self) -> None:
        self._resettable = _reset_process_peak()
        self._mark = process_peak_mb()

    def read(self) -> tuple[float, bool]:
        """(MiB, exact) since the restart."""
        peak = process_peak_mb()
        return (peak, True) if self._resettable or peak > self._mark else (resident_mb(), False)


class _Watch:
    """A phase under way: its counter, and the peaks read so far as (MiB, exact)."""

    def __init__(self, counter: _CUDACounter | _ProcessCounter) -> None:
        self.counter = counter
        self.readings: list[tuple[float, bool]] = []

    def note(self) -> None:
        self.readings.append(self.counter.read())


_under_way: list[_Watch] = []  # before an inner phase resets a counter, these note the peak so far


@contextmanager
def peak_memory(phase: str = "run", device: Any = None) -> Iterator[PeakMemory]:
    """Measure the peak memory of a ``with`` block; read ``peak_mb`` after it.

    Args:
        phase: the name of the block.
        device: where the work runs; None is the current CUDA device where there is one. Any other device
            is measured by the memory of the process.
    """
    cuda = loaded_cuda(device)
    counter = _ProcessCounter() if cuda is None else _CUDACounter(cuda, device)
    result, watch = PeakMemory(phase, counter.source), _Watch(counter)
    _note_all()
    counter.restart()
    _under_way.append(watch)
    try:
        yield result
    finally:
        _note_all()
        _under_way.remove(watch)
        result.peak_mb, result.exact = max(watch.readings)
        result.finished = True


def _note_all() -> None:
    for watch in _under_way:
        watch.note()


class PhaseMemory:
    """Peak memory of named phases; a phase that runs again keeps its highest peak.

    >>> memory = PhaseMemory()
    >>> with memory.phase("load"):
    ...     buffer = bytearray(1000)
    >>> list(memory.peaks_mb)
    ['load']
    """

    def __init__(self, device: Any = None) -> None:
        self._device = device
        self.peaks_mb: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[PeakMemory]:
        """Measure a ``with`` block as phase ``name``, also where it ends in an exception."""
        watch = None
        try:
            with peak_memory(name, self._device) as watch:
                yield watch
        finally:
            if watch is not None:
                self.peaks_mb[name] = max(watch.peak_mb, self.peaks_mb.get(name, 0.0))

    def __repr__(self) -> str:
        width = max((len(name) for name in self.peaks_mb), default=0)
        rows = [f"  {name:<{width}} : {peak:10.1f} MiB" for name, peak in self.peaks_mb.items()]
        return "\n".join(["PhaseMemory:", *rows])
