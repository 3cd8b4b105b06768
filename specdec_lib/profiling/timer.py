"""Time on the device: synchronised wall clock, and CUDA events that cost nothing until they are read.

A GPU runs behind the Python that feeds it, so a clock read without waiting measures the feeding.
On CUDA a timer records two events and waits only when its time is asked for; elsewhere it reads
``time.perf_counter()``. Timers accumulate: every start and stop adds to the same total.

Nothing here imports torch unless it is already loaded: without it there is no device to wait for.
It knows no phases and no decoder; what a name stands for is the caller's to say.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from specdec_lib.errors import TimerMisuse


def loaded_cuda(device: Any = None) -> Any | None:
    """``torch.cuda`` where torch is loaded, a CUDA device exists, and ``device`` is one (or None: any)."""
    if device is not None and not str(device).startswith("cuda"):
        return None
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def cuda_sync_time(device: Any = None) -> float:
    """Seconds of a monotonic clock, read after all work queued on ``device`` is done.

    Args:
        device: a torch device or its name; None is the current CUDA device where there is one. On any
            other device there is nothing to wait for.
    """
    cuda = loaded_cuda(device)
    if cuda is not None:
        cuda.synchronize(device)
    return time.perf_counter()


class CUDATimer:
    """Accumulates the time between start and stop; a context manager.

    Args:
        name: what errors call it.
        device: where the timed work runs; None is CUDA where there is one. Give "cpu" for a model on the
            CPU of a machine with a GPU, whose idle stream would time nothing.

    Misuse raises :class:`~specdec_lib.errors.TimerMisuse`, which is a ``RuntimeError``.

    >>> with CUDATimer("verify") as timer:
    ...     total = sum(range(1000))
    >>> timer.elapsed_ms > 0
    True
    """

    def __init__(self, name: str = "timer", device: Any = None) -> None:
        self.name = name
        self._cuda, self._device = loaded_cuda(device), device
        self._begun: Any = None
        self._spans: list[tuple[Any, Any]] = []
        self._total_ms = 0.0
        self._has_run = False

    @property
    def is_running(self) -> bool:
        """Between a start and its stop."""
        return self._begun is not None

    def start(self) -> CUDATimer:
        """Begin a span. Raises TimerMisuse when one is already running."""
        if self.is_running:
            raise TimerMisuse(f"start of timer {self.name!r}: it is running; stop it first")
        self._begun = self._mark()
        return self

    def stop(self) -> None:
        """End the span. Raises TimerMisuse when none is running."""
        if not self.is_running:
            raise TimerMisuse(f"stop of timer {self.name!r}: it is not running; start it first")
        self._spans.append((self._begun, self._mark()))
        self._begun, self._has_run = None, True

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds over all finished spans; waits for the device on CUDA.

        Raises TimerMisuse while a span is running, or before the first one has ended.
        """
        if self.is_running or not self._has_run:
            raise TimerMisuse(f"elapsed_ms of timer {self.name!r}: no finished span; stop it before reading")
        self._total_ms += sum(self._span_ms(begun, ended) for begun, ended in self._spans)
        self._spans.clear()
        return self._total_ms

    def _mark(self) -> Any:
        if self._cuda is None:
            return time.perf_counter()
        event = self._cuda.Event(enable_timing=True)
        event.record(self._cuda.current_stream(self._device))  # bare, it marks the *current* device
        return event

    def _span_ms(self, begun: Any, ended: Any) -> float:
        if self._cuda is None:
            return (ended - begun) * 1000
        ended.synchronize()  # each span may lie on a stream of its own
        return begun.elapsed_time(ended)

    def __enter__(self) -> CUDATimer:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()


class CUDATimerCollection:
    """Named timers that accumulate, in the order of their first start; ``device`` as in :class:`CUDATimer`.

    >>> timers = CUDATimerCollection()
    >>> with timers.time("draft"):
    ...     total = sum(range(1000))
    >>> list(timers.elapsed_ms())
    ['draft']
    """

    def __init__(self, device: Any = None) -> None:
        self._device = device
        self._timers: dict[str, CUDATimer] = {}

    def start(self, name: str) -> None:
        """Begin a span of timer ``name``. Raises TimerMisuse, naming it, when it is running."""
        if name not in self._timers:
            self._timers[name] = CUDATimer(name, self._device)
        self._timers[name].start()

    def stop(self, name: str) -> None:
        """End the span of timer ``name``. Raises TimerMisuse, naming it, when it never started."""
        if name not in self._timers:
            raise TimerMisuse(f"stop of timer {name!r}: it was never started; start it first")
        self._timers[name].stop()

    @contextmanager
    def time(self, name: str) -> Iterator[CUDATimer]:
        """Time a ``with`` block under ``name``."""
        self.start(name)
        try:
            yield self._timers[name]
        finally:
            self.stop(name)

    def elapsed_ms(self) -> dict[str, float]:
        """Milliseconds of every timer; on CUDA this waits for the device."""
        return {name: timer.elapsed_ms for name, timer in self._timers.items()}

    def summary(self) -> dict[str, float]:
        """Milliseconds, to the microsecond, of every timer that has ended: ``{'draft': 1.243}``."""
        return {name: round(timer.elapsed_ms, 3) for name, timer in self._finished().items()}

    def _finished(self) -> dict[str, CUDATimer]:
        return {name: timer for name, timer in self._timers.items() if not timer.is_running}

    def reset(self) -> None:
        """Forget every timer."""
        self._timers.clear()

    def __repr__(self) -> str:
        finished = self._finished()
        width = max((len(name) for name in finished), default=0)
        rows = [f"  {name:<{width}} : {timer.elapsed_ms:8.3f} ms" for name, timer in finished.items()]
        return "\n".join(["CUDATimerCollection:", *rows])
