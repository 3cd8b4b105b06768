"""Run a parameterised notebook with papermill: parameters checked first, the kernel this Python.

``run_benchmark`` is what ``specdec bench`` calls, and through it ``make book``. Papermill only
warns about a parameter that the notebook does not have and goes on with the default; here that
is an error before anything runs. This module knows no model and no measurement, only notebooks.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import io
import itertools
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from specdec_lib.bench.notebook.parameters import checked_parameters, plain
from specdec_lib.bench.notebook.warm import WarmKernels
from specdec_lib.errors import SpecDecError, first_line
from specdec_lib.utils.paths import notebook_path

BENCHMARK_NOTEBOOK = notebook_path("benchmark_pair.ipynb")
PEERS_NOTEBOOK = notebook_path("peers.ipynb")
_LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes (Linux 107, macOS 103)."""
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
_LONGEST_STEM = 80


class NotebookFailed(SpecDecError):
    """A cell raised, no kernel runs, or the disk is full; one line that names error and notebook."""

    executed: Path | None = None
    """The notebook as it stopped, where a cell raised."""


def run_benchmark(
    output_path: str | Path = "runs/pocket.jsonl",
    *,
    notebook: str | Path = BENCHMARK_NOTEBOOK,
    runs_folder: str | Path | None = None,
    stream: TextIO | io.TextIOBase | None = None,
    kernels: WarmKernels | None = None,
    **parameters: Any,
) -> Path:
    """Execute the benchmark notebook; its records are appended to ``output_path``.

    Args:
        output_path: results file, one JSON record a line; made if need be, never cut.
        notebook: the notebook to execute.
        runs_folder: where the executed notebook is saved; by default beside the results.
        stream: where the notebook's progress goes as it runs; standard error by default.
        kernels: where the notebook's Python is forked; a new one by default.
        **parameters: any of the notebook's parameters, such as ``pair="pocket"``,
            ``k_values=[1, 2, 4, 8]``, ``domains``, ``temperatures``, ``max_new_tokens``,
            ``num_prompts``, ``repeats``, ``seed``; the rest keep the notebook's defaults.

    Returns:
        The executed notebook's path.

    Raises:
        InvalidArgument: a parameter that the notebook does not have, or of another type.
        NotebookFailed: a cell raised, or the executed notebook cannot be saved; what was measured
            before is in the results file.
        SpecDecError: papermill is not installed.
    """
    places = {"output_path": output_path, "runs_folder": runs_folder}
    checked = {name: plain(f"run_benchmark: {name}", place) for name, place in places.items()}
    output_path = Path(checked["output_path"]).resolve()
    folder = output_path.parent if runs_folder is None else Path(checked["runs_folder"])
    parameters = checked_parameters(notebook, parameters | {"output_path": str(output_path)})
    _import_papermill()  # before anything is made that would be left behind
    executed = _fresh_notebook(folder, f"{Path(notebook).stem}-{output_path.stem[:_LONGEST_STEM]}")
    try:
        return execute_notebook(notebook, executed, parameters, stream, kernels)
    finally:
        with contextlib.suppress(OSError):
            if executed.stat().st_size == 0:  # reserved, and never written
                executed.unlink()


def _fresh_notebook(folder: Path, name: str) -> Path:
    """A path of a notebook that nobody else has, reserved by an empty file: two runs in a second are two."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    endings = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    for ending in endings:
        path = folder / f"{name}-{stamp}{ending}.ipynb"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
            return path
        except FileExistsError:
            if not path.exists():  # the folder is a file
                raise _not_saved(path, NotADirectoryError(errno.ENOTDIR, "Not a directory")) from None
        except OSError as error:
            raise _not_saved(path, error) from error
    raise AssertionError("endings do not end")


def execute_notebook(
    notebook: str | Path,
    executed: str | Path,
    parameters: Mapping[str, Any],
    stream: TextIO | io.TextIOBase | None = None,
    kernels: WarmKernels | None = None,
) -> Path:
    """Run ``notebook`` with ``parameters``, save it as ``executed`` while it runs, and return that path.

    The Python that it runs in is a new one, or a fork of ``kernels``.

    Raises:
        As :func:`run_benchmark`.
    """
    values = checked_parameters(notebook, parameters)
    papermill = _import_papermill()
    from nbclient.exceptions import DeadKernelError

    from specdec_lib.bench.notebook.kernel import kernel_config, kernel_manager

    notebook, executed = Path(notebook).absolute(), Path(executed).absolute()
    stream = sys.stderr if stream is None else stream
    try:
        executed.parent.mkdir(parents=True, exist_ok=True)
        with _socket_folder() as folder, _quiet():
            papermill.execute_notebook(
                _as_written(notebook),
                _as_written(executed),
                parameters=values,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                stdout_file=stream,
                stderr_file=stream,
                kernel_manager_class=kernel_manager(kernels),
                config=kernel_config(folder),
            )
    except papermill.PapermillExecutionError as error:
        failed = NotebookFailed(
            f"{notebook.name}: {error.ename}: {first_line(error.evalue)} (cell {error.exec_count}; "
            f"the notebook as it stopped is {executed})"
        )
        failed.executed = executed
        raise failed from error
    except DeadKernelError as error:
        raise NotebookFailed(
            f"{notebook.name}: its Python ended (killed, or out of memory); "
            f"the notebook as it stopped is {executed}"
        ) from error
    except SpecDecError:
        raise
    except Exception as error:  # papermill, nbclient, jupyter_client and zmq raise a dozen unrelated types
        if isinstance(error, OSError) and error.errno is not None:  # not a time that ran out
            raise _not_saved(executed, error) from error
        raise NotebookFailed(
            f"{notebook.name} cannot be run: {type(error).__name__}: {first_line(str(error))}"
        ) from error
    return executed


def _as_written(path: Path) -> str:
    """A path that papermill, which fills in ``{names}``, leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _not_saved(executed: Path, error: OSError) -> NotebookFailed:
    return NotebookFailed(
        f"the notebook cannot be saved as {executed}: {error.strerror or error}; "
        "make room or choose another output path, then run again"
    )


@contextmanager
def _socket_folder() -> Iterator[str]:
    """A folder for the kernel's sockets: in the usual place or, where its path is too long, in a short one.

    Raises:
        NotebookFailed: every such place is too long or cannot be written to.
    """
    for place in (None, *_SHORT_FOLDERS):
        try:
            folder = tempfile.TemporaryDirectory(prefix="sd-", dir=place, ignore_cleanup_errors=True)
        except OSError:  # not there, or not for us
            continue
        with folder as name:
            if os.name != "posix" or len(os.fsencode(os.path.join(name, "kernel-00"))) <= _LONGEST_SOCKET:
                yield name
                return
    raise NotebookFailed(
        f"no folder for the kernel's sockets: TMPDIR is {tempfile.gettempdir()}, and a socket's path holds "
        f"about {_LONGEST_SOCKET} characters; set TMPDIR to a shorter path"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back papermill's warnings, and what it logs of a kernel that is gone: the error says it."""
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def check_parameters(notebook: str | Path, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that the notebook's ``parameters`` cell does not assign, or assigns another kind.

    Raises:
        InvalidArgument: naming the parameter, and what the notebook has instead.
    """
    checked_parameters(notebook, parameters)


def _import_papermill() -> Any:
    try:
        with _quiet():
            import papermill
    except ImportError as error:
        raise SpecDecError(
            f"the benchmark runs through papermill, which cannot be imported ({error}); "
            "install it with `pip install 'specdec-lib[sweep]'`"
        ) from error
    return papermill
