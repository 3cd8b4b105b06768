"""Workers on this machine: a process each, of one cell at a time. Importing this module needs Dask."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

import dask.config
from distributed import LocalCluster

from specdec_lib.bench.sweep.cluster import sentences
from specdec_lib.bench.sweep.cluster.force import ClusterFailed
from specdec_lib.errors import first_line
from specdec_lib.utils.machine import output
from specdec_lib.utils.numbers import counted

_DEATHS = 3
"""Workers that a cell may end before it is given up."""
_SETTINGS = {
    "distributed.scheduler.allowed-failures": _DEATHS - 1,
    "distributed.nanny.pre-spawn-environ": {},
    "distributed.worker.profile.enabled": False,
}


class _Workers(LocalCluster):
    """A local cluster whose workers take the machine's GPUs in turn."""

    gpus: tuple[str, ...] = ()

    def new_worker_spec(self) -> dict[Any, Any]:
        """The next worker: its GPU is the next of them."""
        told: dict[Any, Any] = super().new_worker_spec()
        ((name, spec),) = told.items()
        options = spec["options"] | {"resources": {"GPU": 1}}
        if self.gpus:
            options["env"] = {"CUDA_VISIBLE_DEVICES": self.gpus[len(self.worker_spec) % len(self.gpus)]}
        return {name: spec | {"options": options}}


@contextmanager
def local_workers(number: int, say: Callable[[str], Any]) -> Iterator[LocalCluster]:
    """A cluster of ``number`` worker processes here, which ends with the block.

    Raises:
        ClusterFailed: they cannot be started.
    """
    gpus = visible_gpus()
    if number > max(1, len(gpus)):
        shared = counted(len(gpus), "GPU") if gpus else counted(os.cpu_count() or 1, "core")
        say(sentences.SIDE_BY_SIDE.format(number, shared))
    place = tempfile.mkdtemp(prefix="specdec-workers-")
    try:
        with dask.config.set(_SETTINGS), _started(number, gpus, place) as cluster:
            yield cluster
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _started(number: int, gpus: tuple[str, ...], place: str) -> Iterator[LocalCluster]:
    try:
        cluster = _Workers(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,  # type: ignore[arg-type]  # there is to be none
            worker_dashboard_address=None,
            memory_limit=0,
            local_directory=place,
            silence_logs=logging.CRITICAL,
        )
    except Exception as error:  # no port, no process
        raise ClusterFailed(sentences.NO_LOCAL_WORKERS.format(number, first_line(str(error)))) from error
    try:
        cluster.gpus = gpus
        cluster.sync(_keep_interrupts_out)
        cluster.scale(number)
        yield cluster
    finally:
        cluster.close(timeout=10)


async def _keep_interrupts_out() -> None:
    """Have processes that this thread starts not hear a terminal's interrupt: they are told by the sweep."""
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # which would undo it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def visible_gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    listed = output("nvidia-smi", "-L")
    there = [line for line in (listed or "").splitlines() if line.startswith("GPU ")]
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not there or chosen is None:
        return tuple(str(number) for number in range(len(there)))
    return tuple(name.strip() for name in chosen.split(",") if name.strip())
