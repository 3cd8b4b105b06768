"""Run a parameterised notebook with papermill: parameters checked first, the kernel this Python.

``run_benchmark`` is what ``specdec bench`` calls, and through it ``make book``. Papermill only
warns about a parameter that the notebook does not have and goes on with the default; here that
is an error before anything runs. This module knows no model and no measurement, only notebooks.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import io
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from specdec_lib.errors import InvalidArgument, SpecDecError

_NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks" / "bench"
BENCHMARK_NOTEBOOK = _NOTEBOOKS / "benchmark_pair.ipynb"
PEERS_NOTEBOOK = _NOTEBOOKS / "peers.ipynb"


class NotebookFailed(SpecDecError):
    """A cell raised, or the disk is full; the message names the error and the executed notebook."""


def run_benchmark(
    output_path: str | Path = "runs/pocket.jsonl",
    *,
    notebook: str | Path = BENCHMARK_NOTEBOOK,
    runs_folder: str | Path | None = None,
    stream: io.TextIOBase | None = None,
    **parameters: Any,
) -> Path:
    """Execute the benchmark notebook; its records are appended to ``output_path``.

    Args:
        output_path: results file, one JSON record a line; made if need be, never cut.
        notebook: the notebook to execute.
        runs_folder: where the executed notebook is saved; by default beside the results.
        stream: where the notebook's progress goes as it runs; standard error by default.
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
    output_path = Path(output_path).resolve()
    folder = Path(runs_folder) if runs_folder is not None else output_path.parent
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
    executed = folder / f"{Path(notebook).stem}-{output_path.stem}-{stamp}.ipynb"
    return execute_notebook(notebook, executed, parameters | {"output_path": str(output_path)}, stream)


def execute_notebook(
    notebook: str | Path,
    executed: str | Path,
    parameters: Mapping[str, Any],
    stream: io.TextIOBase | None = None,
) -> Path:
    """Run ``notebook`` with ``parameters``, save it as ``executed`` while it runs, and return that path.

    Raises:
        As :func:`run_benchmark`.
    """
    check_parameters(notebook, parameters)
    papermill = _import_papermill()
    from nbclient.exceptions import DeadKernelError

    from specdec_lib.bench.kernel import ThisPythonKernelManager, kernel_config

    executed, stream = Path(executed), stream or sys.stderr
    executed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sd-") as folder, _quiet():
        try:
            papermill.execute_notebook(
                str(notebook),
                str(executed),
                parameters=dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                stdout_file=stream,
                stderr_file=stream,
                kernel_manager_class=ThisPythonKernelManager,
                config=kernel_config(folder),
            )
        except papermill.PapermillExecutionError as error:
            raise NotebookFailed(
                f"{Path(notebook).name}: {error.ename}: {first_line(error.evalue)} (cell {error.exec_count}; "
                f"the notebook as it stopped is {executed})"
            ) from error
        except DeadKernelError as error:
            raise NotebookFailed(
                f"{Path(notebook).name}: its Python ended (killed, or out of memory); "
                f"the notebook as it stopped is {executed}"
            ) from error
        except OSError as error:
            raise NotebookFailed(
                f"the notebook cannot be saved as {executed}: {error.strerror or error}; "
                "make room or choose another output path, then run again"
            ) from error
    return executed


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
    """Refuse parameters that the notebook's ``parameters`` cell does not assign, or assigns another type.

    Raises:
        InvalidArgument: naming the parameter, and what the notebook has instead.
    """
    known = notebook_parameters(notebook)
    for name, value in parameters.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(sorted(known))}"
            raise InvalidArgument(f"{Path(notebook).name} has no parameter '{name}'; {hint}")
        default = known[name]
        if default is not None and value is not None and not _same_kind(value, default):
            raise InvalidArgument(
                f"{Path(notebook).name}: parameter '{name}' is {value!r}; "
                f"the notebook's default is {default!r}, give a {type(default).__name__} too"
            )


def notebook_parameters(notebook: str | Path) -> dict[str, Any]:
    """Names and default values that the cell tagged ``parameters`` assigns, in order.

    Raises:
        InvalidArgument: no such file, not a notebook, no tagged cell, or a default that is no literal.
    """
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"cannot read the notebook {notebook}: {first_line(str(error))}") from error
    if not tagged:
        raise InvalidArgument(
            f"{notebook} has no cell tagged 'parameters'; tag the one that holds the defaults"
        )
    try:
        return _assignments("".join(tagged[0]["source"]))
    except (ValueError, SyntaxError) as error:
        raise InvalidArgument(
            f"{notebook}: its parameters cell is no list of plain defaults: {error}"
        ) from error


def _assignments(source: str) -> dict[str, Any]:
    """``name = literal`` and ``name: type = literal`` statements of a cell as a dict."""
    values = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and all(isinstance(t, ast.Name) for t in statement.targets):
            values |= {target.id: ast.literal_eval(statement.value) for target in statement.targets}
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            values[statement.target.id] = ast.literal_eval(statement.value)
    return values


def _same_kind(value: Any, default: Any) -> bool:
    """Whether a value can stand where the default stands: lists and tuples alike, ints where floats are."""
    if isinstance(default, (list, tuple)):
        return isinstance(value, (list, tuple))
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))


def first_line(text: str) -> str:
    """The first line of a message that may have many."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no message")


def _import_papermill() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import papermill
    except ImportError as error:
        raise SpecDecError(
            f"the benchmark runs through papermill, which cannot be imported ({error}); "
            "install it with `pip install 'specdec-lib[dev]'`"
        ) from error
    return papermill
