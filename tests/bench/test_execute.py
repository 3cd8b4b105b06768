"""Notebooks run with checked parameters, in this Python, without TCP ports, visibly."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

from specdec_lib.bench import execute
from specdec_lib.bench.execute import NotebookFailed, check_parameters, execute_notebook, notebook_parameters
from specdec_lib.errors import InvalidArgument, SpecDecError

PARAMETERS = (
    'pair = "pocket"\nk_values = [1, 2]\ntemperature: float = 0.8\nrepeats = 3\nprofile = True\nlimit = None'
)


def write_notebook(path: Path, *sources: str, parameters: str = PARAMETERS) -> Path:
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    cells = [first, *(nbformat.v4.new_code_cell(source) for source in sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_the_defaults_are_read_without_running_anything(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "raise SystemExit")
    assert notebook_parameters(notebook) == {
        "pair": "pocket",
        "k_values": [1, 2],
        "temperature": 0.8,
        "repeats": 3,
        "profile": True,
        "limit": None,
    }


@pytest.mark.parametrize(
    "given, why",
    [
        ({"k_value": [1]}, "no parameter 'k_value'; did you mean 'k_values'"),
        ({"zzz": 1}, "no parameter 'zzz'; it has k_values, limit, pair"),
        ({"k_values": 4}, "'k_values' is 4"),
        ({"repeats": 1.5}, "'repeats' is 1.5"),
        ({"repeats": True}, "'repeats' is True"),
        ({"profile": 1}, "'profile' is 1"),
        ({"pair": 3}, "'pair' is 3"),
        ({"temperature": "hot"}, "'temperature' is 'hot'"),
    ],
)
def test_a_parameter_that_papermill_would_only_warn_about_is_refused(tmp_path, given: dict, why: str) -> None:
    """Trap 39."""
    notebook = write_notebook(tmp_path / "n.ipynb", f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InvalidArgument, match=why) as caught:
        execute_notebook(notebook, tmp_path / "out.ipynb", given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out.ipynb").exists()


def test_what_fits_the_default_is_accepted(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb")
    check_parameters(notebook, {"k_values": (4,), "temperature": 1, "limit": 7, "profile": False})


@pytest.mark.parametrize(
    "content, why",
    [
        (None, "cannot read"),
        ("not json", "cannot read"),
        ("[]", "cannot read"),
        ('{"cells": [1]}', "cannot read"),
        (json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "no cell tagged"),
    ],
)
def test_what_is_no_parameterised_notebook_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "n.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidArgument, match=why):
        notebook_parameters(path)


def test_defaults_must_be_literals(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", parameters="seed = random()")
    with pytest.raises(InvalidArgument, match="no list of plain defaults"):
        notebook_parameters(notebook)


def test_a_notebook_runs_in_this_python_over_ipc_and_shows_its_progress(tmp_path: Path, monkeypatch) -> None:
    """Traps 39 and 40: injected parameters arrive; the kernel is this interpreter and has no TCP port."""
    decoy = tmp_path / "jupyter" / "kernels" / "python3"
    decoy.mkdir(parents=True)
    (decoy / "kernel.json").write_text(
        json.dumps(
            {"argv": ["/bin/false", "{connection_file}"], "display_name": "decoy", "language": "python"}
        )
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        "import json, sys\nfrom ipykernel.connect import get_connection_info\n"
        "print('progress', pair, k_values, repeats, flush=True)",
        "print(json.dumps([sys.executable, get_connection_info(unpack=True)['transport']]))",
    )
    stream = io.StringIO()
    executed = execute_notebook(
        notebook, tmp_path / "runs" / "out.ipynb", {"pair": "mine", "k_values": [4]}, stream
    )
    assert "progress mine [4] 3" in stream.getvalue()
    python, transport = json.loads(nbformat.read(executed, as_version=4).cells[-1].outputs[0].text)
    assert (python, transport) == (sys.executable, "ipc")


def test_a_failing_cell_is_one_line_and_the_notebook_is_kept(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "raise ValueError('no such pair\\nsecond line')")
    with pytest.raises(NotebookFailed, match="ValueError: no such pair") as caught:
        execute_notebook(notebook, tmp_path / "out.ipynb", {}, io.StringIO())
    assert "\n" not in str(caught.value)
    assert "no such pair" in (tmp_path / "out.ipynb").read_text()


def test_a_kernel_that_dies_is_one_line(tmp_path: Path, capfd) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(NotebookFailed, match=r"its Python ended .*out\.ipynb"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {}, io.StringIO())
    assert capfd.readouterr().err == ""


def test_a_full_disk_under_the_executed_notebook_is_one_line(tmp_path: Path, monkeypatch) -> None:
    def full(*arguments, **options) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(papermill, "execute_notebook", full)
    notebook = write_notebook(tmp_path / "n.ipynb")
    with pytest.raises(NotebookFailed, match=r"cannot be saved as .*out\.ipynb: No space left on device"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {}, io.StringIO())


def test_without_papermill_the_message_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "papermill", None)
    notebook = write_notebook(tmp_path / "n.ipynb")
    with pytest.raises(SpecDecError, match="pip install"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {})


def test_the_benchmark_writes_beside_its_results(tmp_path: Path, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(
        execute, "execute_notebook", lambda *arguments: calls.append(arguments) or arguments[1]
    )
    executed = execute.run_benchmark(tmp_path / "runs" / "mine.jsonl", pair="pocket", repeats=1)
    assert executed.parent == tmp_path / "runs" and executed.name.startswith("benchmark_pair-mine-")
    notebook, _, parameters, _ = calls[0]
    assert notebook == execute.BENCHMARK_NOTEBOOK
    assert parameters == {
        "pair": "pocket",
        "repeats": 1,
        "output_path": str(tmp_path / "runs" / "mine.jsonl"),
    }
