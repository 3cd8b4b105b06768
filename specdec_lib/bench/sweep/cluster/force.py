"""Who works: the workers of a cluster, and those of them that can run a sweep's cells."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import dask.config
from dask.utils import parse_timedelta

from specdec_lib.bench.sweep.cluster import sentences
from specdec_lib.errors import SpecDecError
from specdec_lib.utils.numbers import counted

_LOOK = 1.0
"""Seconds between two looks."""
_PATIENCE = "60 s"
"""Without a worker, where Dask's own setting names no time."""


class ClusterFailed(SpecDecError):
    """The cluster cannot be reached, or is gone, or nobody of it can run the sweep's cells."""


@runtime_checkable
class SchedulerClient(Protocol):
    """A scheduler as Dask's client asks it."""

    status: str
    """``running`` as long as it is connected."""

    def nthreads(self) -> Any:
        """Threads of each worker, by address."""

    def scheduler_info(self, n_workers: int) -> Any:
        """``workers``: what is known of each, by address."""


class Force:
    """The workers of a cluster.

    Args:
        where: the scheduler's address. say: takes a line that is to be seen.
        device: of the cells. Those of a GPU want a worker that declares one; where the best device is to be
            chosen, and some workers declare a GPU, so do these.
    """

    def __init__(
        self, client: SchedulerClient, where: str, say: Callable[[str], Any], device: str | None
    ) -> None:
        self._client, self._where, self._say, self._device = client, where, say, device
        self._there = dict[str, dict[str, Any]]()
        self.left_out = dict[str, str]()
        """Workers that get no cells, and why."""
        timeout = dask.config.get("distributed.scheduler.no-workers-timeout", None)
        self._patience = float(parse_timedelta(timeout or _PATIENCE))
        self._alive, self._looked, self._told = time.monotonic(), 0.0, 0

    @property
    def resources(self) -> dict[str, float]:
        """What a cell asks of its worker."""
        return {"GPU": 1} if self._wants_gpu() else {}

    @property
    def able(self) -> list[str]:
        """The addresses of those that can run the sweep's cells."""
        there = [address for address in self._there if address not in self.left_out]
        return [address for address in there if self._gpus(address)] if self._wants_gpu() else there

    @property
    def allowed(self) -> list[str] | None:
        """To whom cells may be given; None for everybody."""
        return self.able if self.left_out else None

    def leave_out(self, address: str, why: str) -> None:
        """Give a worker no more cells."""
        if address not in self.left_out:
            self._say(sentences.LEFT_OUT.format(address, why))
        self.left_out[address] = why

    def look(self) -> None:
        """See who is there, once a second.

        Raises:
            ClusterFailed: the scheduler is gone; nobody came for too long, or nobody who is there can.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        self._meet(self._ask())
        if self.able:
            self._alive = now
            return
        self._require_hope()
        if now - self._alive > self._patience:
            where = self._where
            raise ClusterFailed(sentences.NO_WORKERS.format(where, self._patience, where))
        if not self._told:
            self._say(sentences.WAITS.format(self._where, self._patience))
            self._told = -1

    def require_scheduler(self) -> None:
        """See that the scheduler is there.

        Raises:
            ClusterFailed: it is not.
        """
        if self._client.status != "running":
            raise ClusterFailed(sentences.SCHEDULER_LOST.format(self._where))

    def _ask(self) -> set[str]:
        """The addresses of those that are there now; what the scheduler knows of them, where one is new."""
        self.require_scheduler()
        try:
            there = set(self._client.nthreads())
            if there - self._there.keys():
                self._there = dict(self._client.scheduler_info(n_workers=-1)["workers"])
        except Exception as error:  # Dask's, tornado's and asyncio's, of a connection that ends
            raise ClusterFailed(sentences.SCHEDULER_LOST.format(self._where)) from error
        return there

    def _meet(self, there: set[str]) -> None:
        self._there = {address: told for address, told in self._there.items() if address in there}
        for address, told in self._there.items():
            at_once = told["nthreads"]
            if self._wants_gpu() and self._gpus(address):
                at_once = min(at_once, int(self._gpus(address)))
            if at_once > 1:
                self.leave_out(address, sentences.MANY_AT_ONCE.format(at_once))
        if len(self.able) > max(0, self._told):
            self._told = len(self.able)
            self._say(sentences.RUNS_ON.format(self._where, counted(self._told, "worker")))

    def _require_hope(self) -> None:
        there = [address for address in self._there if address not in self.left_out]
        if there:  # and none declares a GPU
            where = self._where
            raise ClusterFailed(sentences.NO_GPU_WORKERS.format(where, self._device, where))
        if self._there:
            address = next(iter(self._there))
            raise ClusterFailed(sentences.ALL_LEFT_OUT.format(self._where, address, self.left_out[address]))

    def _gpus(self, address: str) -> float:
        return self._there[address].get("resources", {}).get("GPU", 0.0)

    def _wants_gpu(self) -> bool:
        if self._device in (None, "auto"):
            return any(self._gpus(address) for address in self._there)
        return str(self._device).startswith("cuda")
