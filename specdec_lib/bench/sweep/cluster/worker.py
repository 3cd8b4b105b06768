"""What a worker does with a cell: sees whether it may run it here, runs it, and sends back what came of it.

The notebook's Python is a child of the worker's process. It ends with the worker, and when the cell is no
longer wanted: the sweep was interrupted, or lost its connection. Importing this module needs Dask.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dask.config
from distributed import Worker, WorkerPlugin, get_worker

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK
from specdec_lib.bench.notebook.warm import WarmKernels
from specdec_lib.bench.sweep.cells import SweepCell
from specdec_lib.bench.sweep.cluster import sentences
from specdec_lib.bench.sweep.identity import library_hash, notebook_hash, weights_hash
from specdec_lib.bench.sweep.memory import lacks_memory
from specdec_lib.bench.sweep.running import CellFailed, CellOrder, Done, run_cell
from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.files.sizes import GIB
from specdec_lib.utils.machine import free_bytes

Environment = tuple[tuple[str, str], ...]
"""Variables and their values."""
_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Of which one is there where a GPU is."""


@dataclass(frozen=True)
class Stopped:
    """A cell whose notebook raised, or recorded nothing that makes a cell."""

    why: str
    notebook: bytes | None


@dataclass(frozen=True)
class Refused:
    """A cell that was not run: not by this worker, or by no worker that is like it."""

    worker: str
    why: str
    is_any_cell: bool
    """Whether this worker would refuse every cell."""


def work(order: CellOrder, environment: Environment) -> Done | Stopped | Refused:
    """Run a cell in a folder of this worker's own disk.

    Args:
        environment: of the sweep's process, in place of what Dask sets for its workers.
    """
    worker = get_worker()
    _CELL.begins(worker, str(worker.get_current_task()))
    _undo_defaults(environment)
    if another := _differs(order):
        return Refused(worker.address, another, True)
    if lacks := _lacks(order):
        return Refused(worker.address, lacks, False)
    place = worker.local_directory
    try:
        with tempfile.TemporaryDirectory(prefix="cell-", dir=place, ignore_cleanup_errors=True) as folder:
            return run_cell(order, folder, kernels=_CELL.of(order.notebook or BENCHMARK_NOTEBOOK))
    except CellFailed as error:
        return Stopped(str(error), error.notebook)
    except OSError as error:
        why = sentences.NOT_WRITTEN.format(place, error.strerror or type(error).__name__)
        return Refused(worker.address, why, True)


# -- may it run here ---------------------------------------------------------------------------------


def _differs(order: CellOrder) -> str:
    """What of this worker's code is another than that of the sweep."""
    mine = {"library": library_hash(), "notebook": notebook_hash(order.notebook or BENCHMARK_NOTEBOOK)}
    for name, is_ in mine.items():
        if order.made_of[name] != is_:
            return sentences.ANOTHER.format(name, is_, order.made_of[name])
    return ""


def _lacks(order: CellOrder) -> str:
    """Why this worker's machine cannot run a cell: no memory for it, no such models or others."""
    asked = SweepCell(0, {}, order.parameters).asked
    try:
        weights = weights_hash(asked, fetch=True)
    except ModelUnavailable as error:
        return str(error)
    except OSError as error:
        return f"{error.filename}: {error.strerror or error}"
    if weights != order.made_of["weights"]:
        return sentences.OTHER_WEIGHTS.format(asked.pair.pair_name, weights, order.made_of["weights"])
    return "" if order.gib is None else lacks_memory(order.gib, _memory(order.parameters["device"]))


def _memory(device: str | None) -> tuple[float, float] | None:
    """GiB that are free on a device, and that it has; of a GPU as they were before the first cell.

    A GPU is asked by another process: asking it takes some of its memory for as long as the asker lives, and
    may keep all others off it.
    """
    if device not in (None, "auto") and not str(device).startswith("cuda"):
        return _main_memory()
    return _main_memory() if not any(map(os.path.exists, _DEVICES)) else _device_memory(device)


def _main_memory() -> tuple[float, float]:
    free, total = free_bytes()
    return free / GIB, total / GIB


@cache
def _device_memory(device: str | None) -> tuple[float, float] | None:
    code = f"from specdec_lib.bench.sweep.memory import memory_of; print(*memory_of({device!r}))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if asked.returncode:  # no such device: the notebook says so
        return None
    free, total = map(float, asked.stdout.split())
    return free, total


# -- the cell that runs here -------------------------------------------------------------------------


@cache
def _undo_defaults(environment: Environment) -> None:
    """Take back the variables that Dask sets for its workers: what a cell measures depends on them."""
    theirs = dask.config.get("distributed.nanny.pre-spawn-environ", {}) | {"PYTHONHASHSEED": 6640}
    given = dict(environment)
    for name, value in theirs.items():
        if os.environ.get(name) == str(value):
            os.environ.pop(name)
            os.environ.update({name: given[name]} if name in given else {})


class RunningCell:
    """The cell that a worker runs, and the Python of its notebook: :meth:`launch` is what starts that.

    Kernels are forked where they can be; in any case they end when nobody wants the cell any more.
    """

    def __init__(self) -> None:
        self._key, self._unwanted = "", False
        self._kernel: Any = None
        self._warm: WarmKernels | None = None
        self._notebook: Path | None = None
        self._lock = threading.Lock()

    def begins(self, worker: Worker, key: str) -> None:
        """A cell begins, of a task of that key."""
        with self._lock:
            self._key, self._unwanted, self._kernel = key, False, None
        if _EndsUnwanted.name not in worker.plugins:
            added = worker.plugin_add(plugin=_EndsUnwanted(), name=_EndsUnwanted.name)
            loop = worker.loop.asyncio_loop  # type: ignore[attr-defined]  # tornado's, over asyncio's
            asyncio.run_coroutine_threadsafe(added, loop).result()

    def of(self, notebook: Path) -> RunningCell:
        """Itself, with kernels for that notebook."""
        if self._warm is None or self._notebook != notebook:
            if self._warm is not None:
                self._warm.close()
            self._warm, self._notebook = WarmKernels(notebook), notebook
        return self

    def launch(self, command: Sequence[str], *, cwd: Any = None, env: Any = None) -> Any:
        """The process of a kernel, as ``WarmKernels.launch`` starts it."""
        assert self._warm is not None
        kernel = self._warm.launch(command, cwd=cwd, env=env)
        if kernel is None:
            ours = {**(os.environ if env is None else env), "JPY_PARENT_PID": str(os.getpid())}
            kernel = subprocess.Popen(
                list(command), cwd=cwd, env=ours, stdin=subprocess.DEVNULL, start_new_session=True
            )
        with self._lock:
            self._kernel = kernel
            if self._unwanted:
                kernel.kill()
        return kernel

    def end(self, key: str | None = None) -> None:
        """The cell of that task is not wanted, or the worker closes."""
        with self._lock:
            if key in (None, self._key):
                self._unwanted = True
                if self._kernel is not None:
                    self._kernel.kill()


_CELL = RunningCell()


class _EndsUnwanted(WorkerPlugin):
    """Ends the notebook of a cell whose task is cancelled, which Dask would let run to its end."""

    name = "specdec-cell"

    def transition(self, key: Any, start: Any, finish: Any, **_: Any) -> None:
        if start == "executing" and finish in ("released", "cancelled"):
            _CELL.end(str(key))

    def teardown(self, worker: Worker) -> None:
        _CELL.end()
