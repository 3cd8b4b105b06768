"""One thing at a time, in a thread of its own: a panel works, and the kernel stays free.

What is done is a generator. Whatever it yields is heard, in the worker's thread; between two of its steps it
can be stopped, and what it holds is let go as in any generator that is closed. An error is heard as one line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from specdec_lib.errors import SpecDecError, in_one_line
from specdec_lib.viz.live.panels import sentences

JobSteps = Callable[[threading.Event], Iterator[Any]]
"""What is to be done: given the event that asks it to stop, what happens, one step after the other."""


@dataclass(frozen=True)
class Ended:
    """The last that is heard of a job."""

    how: Literal["done", "stopped", "failed"]
    line: str = ""
    """What went wrong."""


class Worker:
    """Runs one job at a time in the background.

    Args:
        hear: called with everything that a job yields, and with :class:`Ended` last; in the job's thread.
    """

    def __init__(self, hear: Callable[[Any], None]) -> None:
        self._hear = hear
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._starting = threading.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether a job is running."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, steps: JobSteps) -> bool:
        """Begin a job; False, and nothing is begun, where one is running."""
        with self._starting:
            if self.is_busy:
                return False
            self._stopped = threading.Event()
            run = threading.Thread(target=self._run, args=(steps, self._stopped), daemon=True)
            self._thread = run
            run.start()
        return True

    def stop(self) -> None:
        """Ask the job to end at its next step."""
        self._stopped.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the job's end; whether it came."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.is_busy

    def _run(self, steps: JobSteps, stopped: threading.Event) -> None:
        self._hear(self._ended(steps, stopped))

    def _ended(self, steps: JobSteps, stopped: threading.Event) -> Ended:
        try:
            with closing(steps(stopped)) as happening:  # type: ignore[type-var]  (a generator)
                for event in happening:
                    self._hear(event)
                    if stopped.is_set():
                        return Ended("stopped")
        except Interrupted:
            return Ended("stopped")
        except SpecDecError as error:
            return Ended("failed", in_one_line(error).removeprefix(f"{type(error).__name__}: "))
        except Exception as error:  # a panel says it, whatever it was
            return Ended("failed", sentences.WENT_WRONG.format(in_one_line(error)))
        return Ended("stopped" if stopped.is_set() else "done")


class Interrupted(Exception):
    """Raised inside of a job that was asked to stop, where it has no step to end at."""
