"""Two engines that are asked for the same one after the other, and work at the same time.

An audit asks the control and then the engine. Where each is a server of its own, the second need not wait: on
two cores twice as many answers come in.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from specdec_lib.lossless.audit.engines import Answer, Engine, Request


@dataclass
class _Pending:
    """What the second was asked for already."""

    request: Request | None = None
    answer: Future[Answer] | None = None


@dataclass
class _First:
    engine: Engine
    second: Engine
    pool: ThreadPoolExecutor
    pending: _Pending

    @property
    def name(self) -> str:
        return self.engine.name

    def answer(self, request: Request) -> Answer:
        self.pending.request = request
        self.pending.answer = self.pool.submit(self.second.answer, request)
        return self.engine.answer(request)


@dataclass
class _Second:
    engine: Engine
    pending: _Pending = field(default_factory=_Pending)

    @property
    def name(self) -> str:
        return self.engine.name

    def answer(self, request: Request) -> Answer:
        asked, self.pending.answer = self.pending.answer, None
        if asked is not None and self.pending.request == request:
            return asked.result()
        return self.engine.answer(request)


@contextmanager
def asked_together(first: Engine, second: Engine) -> Iterator[tuple[Engine, Engine]]:
    """Both engines: whatever ``first`` is asked for, ``second`` begins with too, and is asked for next.

    What ``second`` raises is raised where it is asked. Asked for something else, it answers that.
    """
    follower = _Second(second)
    pool = ThreadPoolExecutor(1, thread_name_prefix="asked-together")
    try:
        yield _First(first, second, pool, follower.pending), follower
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
