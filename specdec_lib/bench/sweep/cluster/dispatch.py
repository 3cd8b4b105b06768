"""Cells handed to the workers of a Dask cluster, and what came of them taken back.

Each worker has one cell at a time and no cell waits in line, so that when a worker dies the blame falls on
the cell it ran, and what the scheduler holds does not grow with the sweep. Importing this module needs Dask.
"""

from __future__ import annotations

import os
import queue
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import dask.config
from distributed import Client, Future, KilledWorker
from distributed import TimeoutError as DaskTimeout

from specdec_lib.bench.sweep.cluster import sentences
from specdec_lib.bench.sweep.cluster.force import ClusterFailed, Force
from specdec_lib.bench.sweep.cluster.worker import Refused, Stopped, work
from specdec_lib.bench.sweep.running import CellFailed, CellOrder, Done
from specdec_lib.bench.sweep.sweeping import Outcomes
from specdec_lib.errors import first_line

_TURN = 1.0
"""Seconds until somebody looks whether workers and scheduler are there, while no cell ends."""
_GATHER = 60.0
"""Seconds for what came of a cell to arrive; a worker may die on the way, and the cell be run again."""


class Dispatch:
    """Hands cells to workers as they come free.

    Args:
        where: the scheduler's address, for people.
        begins: called with each cell that is handed out. say: takes a line that is to be seen.
        task: what a worker does with a cell.
    """

    def __init__(
        self,
        client: Client,
        where: str,
        begins: Callable[[CellOrder], Any] | None = None,
        say: Callable[[str], Any] | None = None,
        task: Callable[..., Any] = work,
    ) -> None:
        self._client, self._where, self._task = client, where, task
        self._begins, self._say = begins or (lambda order: None), say or (lambda line: None)
        names = (*dask.config.get("distributed.nanny.pre-spawn-environ", {}), "PYTHONHASHSEED")
        self._environment = tuple((name, os.environ[name]) for name in names if name in os.environ)
        self._left = deque[CellOrder]()
        self._running = dict[str, tuple[CellOrder, Future]]()
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._refused = dict[str, set[str]]()
        """By cell, the workers that cannot run it."""

    def run(self, orders: Sequence[CellOrder]) -> Outcomes:
        """Run cells; what came of each as it ends.

        Raises:
            ClusterFailed: the scheduler is gone; or there is no worker for too long, or none that can.
        """
        self._left = deque(orders)
        if not orders:
            return
        force = Force(self._client, self._where, self._say, orders[0].parameters.get("device"))
        while self._left or self._running:
            force.look()
            self._hand_out(force)
            try:
                key = self._ended.get(timeout=_TURN)
            except queue.Empty:
                continue
            order = self._running[key][0]
            came = self._came_of(key, force)
            self._hand_out(force)  # before the caller keeps it, so that nobody waits for a disk
            if came is not None:
                yield order, came

    def end(self) -> None:
        """Give up what still runs."""
        futures = [future for _, future in self._running.values()]
        self._running.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures)

    # -- one cell --------------------------------------------------------------------------

    def _hand_out(self, force: Force) -> None:
        while self._left and len(self._running) < len(force.able):
            order = self._left.popleft()
            key = f"cell-{order.key}-{uuid.uuid4().hex[:8]}"
            allowed = force.allowed
            if order.key in self._refused:
                allowed = [one for one in force.able if one not in self._refused[order.key]]
            future = self._client.submit(
                self._task,
                order,
                self._environment,
                key=key,
                pure=False,
                workers=allowed,
                resources=force.resources or None,
            )
            self._running[key] = order, future
            self._begins(order)
            self._watch(key, future)

    def _watch(self, key: str, future: Future) -> None:
        future.add_done_callback(lambda _: self._ended.put(key))

    def _came_of(self, key: str, force: Force) -> Done | CellFailed | None:
        """What came of a task that ended; None where its cell is to be run elsewhere."""
        order, future = self._running[key]
        if future.status == "cancelled":
            raise ClusterFailed(sentences.SCHEDULER_LOST.format(self._where))
        try:
            came = future.result(timeout=_GATHER) if future.status == "finished" else future.exception()
        except DaskTimeout:  # its worker died before it was sent, and it is run again
            force.require_scheduler()
            self._watch(key, future)
            return None
        except Exception as error:
            came = error
        del self._running[key]
        if isinstance(came, Done):
            return came
        if isinstance(came, Stopped):
            failed = CellFailed(came.why)
            failed.notebook = came.notebook
            return failed
        if isinstance(came, Refused):
            return self._elsewhere(order, came, force)
        if isinstance(came, KilledWorker):
            deaths, last = came.allowed_failures + 1, came.last_worker.address
            return CellFailed(sentences.KILLED.format(deaths, last))
        force.require_scheduler()
        raise ClusterFailed(sentences.NOT_SENT.format(f"{type(came).__name__}: {first_line(str(came))}"))

    def _elsewhere(self, order: CellOrder, refused: Refused, force: Force) -> CellFailed | None:
        """Run a cell elsewhere that a worker refused; where nobody is left for it, it failed."""
        if refused.is_any_cell:
            force.leave_out(refused.worker, refused.why)
        else:
            self._refused.setdefault(order.key, set()).add(refused.worker)
            if not set(force.able) - self._refused[order.key]:
                return CellFailed(refused.why)
        self._left.appendleft(order)
        return None
