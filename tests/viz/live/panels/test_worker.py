"""A worker: one job at a time, stopped between two steps, and never a traceback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.viz.live.panels.worker import Ended, Interrupted, Worker


def run(steps: Any) -> list[Any]:
    heard: list[Any] = []
    worker = Worker(heard.append)
    assert worker.start(steps) and worker.wait(10)
    return heard


def test_what_happens_is_heard_in_order_and_then_the_end():
    assert run(lambda stopped: iter_of(1, 2, 3)) == [1, 2, 3, Ended("done")]


def iter_of(*events: Any) -> Iterator[Any]:
    yield from events


def test_a_job_that_is_stopped_lets_go_of_what_it_holds_and_leaves_no_thread():
    begun, closed, heard = threading.Event(), [], []

    def endless(stopped: threading.Event) -> Iterator[int]:
        try:
            while True:
                begun.set()
                yield 1
        finally:
            closed.append(True)

    worker, before = Worker(heard.append), threading.active_count()
    assert worker.start(endless) and begun.wait(10) and worker.is_busy
    assert worker.start(endless) is False, "one at a time"
    worker.stop()
    assert worker.wait(10) and closed == [True] and heard[-1] == Ended("stopped")
    assert threading.active_count() == before
    assert worker.start(lambda stopped: iter_of(5)) and worker.wait(10) and heard[-2:] == [5, Ended("done")]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InvalidArgument("there is no such pair; name another"), "there is no such pair; name another"),
        (ZeroDivisionError("division by zero"), "could not: ZeroDivisionError: division by zero"),
        (RuntimeError("first\nsecond"), "could not: RuntimeError: first second"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str):
    def failing(stopped: threading.Event) -> Iterator[int]:
        yield 1
        raise error

    assert run(failing) == [1, Ended("failed", line)]


def test_what_interrupts_itself_was_stopped():
    def interrupted(stopped: threading.Event) -> Iterator[int]:
        yield 1
        raise Interrupted

    assert run(interrupted) == [1, Ended("stopped")]
