"""One cell run: its notebook executed in a folder of its own, and what came of it as bytes.

It knows no sweep, and no other cell, so that it can run in another process or on another machine: what it
takes and what it gives can be sent there and back.
"""

from __future__ import annotations

import io
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK, NotebookFailed, execute_notebook
from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.records.runs import newest_session
from specdec_lib.bench.sweep.condensing import cell_record
from specdec_lib.errors import RecordError, SpecDecError


@dataclass(frozen=True)
class CellOrder:
    """A cell to be run: its key, and all that its notebook and its record need."""

    key: str
    sweep: str
    parameters: Mapping[str, Any]
    made_of: Mapping[str, str]
    gib: float | None = None
    """Memory that it needs; None where its models' sizes are not known."""
    notebook: Path | None = None
    """Another notebook than the benchmark's, of the same parameters."""


@dataclass(frozen=True)
class Done:
    """A cell that was run: its record, the executed notebook, and the records of its runs one by one."""

    key: str
    record: CellRecord
    notebook: bytes
    runs: bytes


class CellFailed(SpecDecError):
    """A cell whose notebook raised, or recorded nothing that makes a cell; ``notebook`` is as it stopped."""

    notebook: bytes | None = None


def run_cell(
    order: CellOrder,
    folder: str | Path,
    stream: TextIO | io.TextIOBase | None = None,
    kernels: Any = None,
) -> Done:
    """Execute the notebook of a cell in a folder of its own below ``folder``.

    Args:
        stream: where the notebook's progress goes; None for nowhere.
        kernels: where its kernel comes from; None starts a new Python.

    Raises:
        CellFailed: one line that says why.
        OSError: the folder cannot be written to.
    """
    place, begun = Path(folder) / order.key, time.perf_counter()
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    notebook, runs = place / "notebook.ipynb", place / "runs.jsonl"
    parameters = {**order.parameters, "resume": False, "output_path": str(runs.absolute())}
    try:
        more = {} if kernels is None else {"kernels": kernels}
        asked = order.notebook or BENCHMARK_NOTEBOOK
        execute_notebook(asked, notebook, parameters, stream or io.StringIO(), **more)
        return _done(order, notebook, runs, time.perf_counter() - begun)
    except (NotebookFailed, RecordError) as error:
        why, *_ = re.split(r" \(cell |; the notebook as it stopped", str(error))
        failed = CellFailed(why)
        with suppress(OSError):
            failed.notebook = notebook.read_bytes()
        raise failed from error


def _done(order: CellOrder, notebook: Path, runs: Path, seconds: float) -> Done:
    records, problems = read_records(runs)
    if problems:
        raise RecordError(problems[0])
    record = cell_record(
        newest_session(records),
        key=order.key,
        sweep=order.sweep,
        parameters=order.parameters,
        made_of=order.made_of,
        engine=order.parameters["engine"],
        stages={"whole": round(seconds, 6)},
    )
    return Done(order.key, record, notebook.read_bytes(), runs.read_bytes())
