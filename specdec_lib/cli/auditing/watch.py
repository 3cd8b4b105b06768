"""A deadline for functions in this process that do not return: the call in progress ends as by Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest

_GRACE = 1.0
"""Seconds past the deadline: who looks at the clock between two calls ends by itself."""


@dataclass
class CallWatch:
    """Interrupts the main thread where an engine is still being called once ``seconds`` are over.

    A context: nothing is interrupted outside of it, outside of a call, or in another thread than the main.
    A handler of SIGINT other than Python's own is left alone.
    """

    seconds: float
    ended: bool = False
    """Whether it ended a call."""
    _calling: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> CallWatch:
        is_main = threading.current_thread() is threading.main_thread()
        ends = self.seconds + _GRACE
        if is_main and ends < threading.TIMEOUT_MAX and _is_interruptible():
            self._thread = threading.Thread(target=self._wait, args=(ends,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def watched(self, engine: AskedEngine) -> AskedEngine:
        """``engine``, whose calls are ended."""
        return _Watched(engine, self)

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self._done.wait(max(_GRACE / 10, ends - time.monotonic())):
            with self._lock:
                if self._calling and not self._done.is_set():
                    self.ended, self._calling = True, False
                    _interrupt()


@dataclass
class _Watched:
    """An engine whose calls are known to the watch."""

    engine: AskedEngine
    watch: CallWatch

    @property
    def name(self) -> str:
        return self.engine.name

    def answer(self, request: EngineRequest) -> Answer:
        self.watch._calling = True
        try:
            return self.engine.answer(request)
        finally:
            with self.watch._lock:
                self.watch._calling = False


def _is_interruptible() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _interrupt() -> None:
    """SIGINT to the main thread, so that a call of the system wakes up too."""
    if hasattr(signal, "pthread_kill"):
        with suppress(ProcessLookupError):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
