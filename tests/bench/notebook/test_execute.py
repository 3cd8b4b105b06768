"""Notebooks run with checked parameters, in this Python, without TCP ports, visibly."""

from __future__ import annotations

import enum
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import papermill
import pytest
import torch
import zmq

from specdec_lib.bench.notebook import execute
from specdec_lib.bench.notebook.execute import NotebookFailed, check_parameters, execute_notebook
from specdec_lib.bench.notebook.parameters import notebook_parameters, refuse_unknown
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


@pytest.mark.parametrize(
    ("injected", "said"),
    [
        ("# Parameters\nk_valuse = 3", "this notebook has no parameter 'k_valuse'; did you mean 'k_values'?"),
        ("# Parameters\nk_values = 'four'", "parameter 'k_values' is 'four'"),
        ("# Parameters\nk_values = [2]", None),
        ("anything = 1", None),
    ],
)
def test_a_notebook_refuses_by_itself_what_was_injected(injected: str, said: str | None) -> None:
    ran = ["", "k_values = [1, 2]\nseed = 0", injected]
    if said is None:
        refuse_unknown(ran)
        return
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        refuse_unknown(ran)


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
    with pytest.raises(SpecDecError, match="pip install"):
        execute.run_benchmark(tmp_path / "runs" / "mine.jsonl", runs_folder=tmp_path / "executed")
    assert os.listdir(tmp_path) == ["n.ipynb"], "no folder is left behind"


def test_the_benchmark_writes_beside_its_results(tmp_path: Path, monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(
        execute, "execute_notebook", lambda *arguments: calls.append(arguments) or arguments[1]
    )
    executed = execute.run_benchmark(tmp_path / "runs" / "mine.jsonl", pair="pocket", repeats=1)
    assert executed.parent == tmp_path / "runs" and executed.name.startswith("benchmark_pair-mine-")
    notebook, _, parameters, *_ = calls[0]
    assert notebook == execute.BENCHMARK_NOTEBOOK
    assert parameters == {
        "pair": "pocket",
        "repeats": 1,
        "output_path": str(tmp_path / "runs" / "mine.jsonl"),
    }


# -- values through papermill ----------------------------------------------------------------------

TYPED = (
    "k_values: list[int] = [1, 2]\ntemperatures = [0.0, 0.8]\nthreads: int | None = None\n"
    'domains: list[str] | None = None\npair: str | None = None\nname = "x"\nlimit = None'
)


def test_values_of_numpy_and_torch_arrive_as_plain_ones(tmp_path: Path) -> None:
    """One notebook shows what its cells see: no list of texts, and no exception of papermill's."""
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        "print([k_values, temperatures, threads, domains, pair, name, limit])",
        parameters=TYPED,
    )
    given = {
        "k_values": np.arange(1, 4),
        "temperatures": (np.float32(0.5), torch.tensor(1.0), 2),
        "threads": np.int64(3),
        "domains": np.array(["code", 'näht "quoted"']),
        "pair": tmp_path,
        "name": np.str_("a"),
        "limit": range(2),
    }
    stream = io.StringIO()
    execute_notebook(notebook, tmp_path / "out.ipynb", given, stream)
    expected = [[1, 2, 3], [0.5, 1.0, 2], 3, ["code", 'näht "quoted"'], str(tmp_path), "a", [0, 1]]
    assert stream.getvalue().strip() == str(expected)


@pytest.mark.parametrize(
    "given, why",
    [
        ({"threads": "four"}, "'threads' is 'four'; .* give a whole number or None"),
        ({"threads": 1.5}, "'threads' is 1.5"),
        ({"threads": True}, "'threads' is True"),
        ({"k_values": [1, "two"]}, "'k_values' holds 'two'; .* give a list, each a whole number"),
        ({"k_values": [1, None]}, "'k_values' holds None"),
        ({"k_values": np.array([1.5])}, "'k_values' holds 1.5"),
        ({"k_values": [[1]]}, r"'k_values' holds \[1\]"),
        ({"temperatures": [0.0, "0.8"]}, "'temperatures' holds '0.8'"),
        ({"temperatures": [True]}, "'temperatures' holds True"),
        ({"temperatures": [float("nan")]}, "'temperatures' holds nan; give finite numbers"),
        ({"temperatures": [np.inf]}, "'temperatures' holds inf"),
        ({"domains": "code"}, "'domains' is 'code'; .* give a list, each a text or None"),
        ({"domains": [3]}, "'domains' holds 3"),
        ({"pair": 3}, "'pair' is 3"),
        ({"limit": object()}, "'limit' is a object; give numbers, texts or lists"),
        ({"limit": {1, 2}}, "'limit' is a set"),
        ({"limit": {1: 2}}, "'limit' is a dict"),
        ({"limit": 1j}, "'limit' is a complex"),
        ({"limit": [b"x"]}, "'limit' is a bytes"),
    ],
)
def test_values_of_another_kind_are_refused_before_anything_runs(
    tmp_path: Path, given: dict, why: str
) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", parameters=TYPED)
    with pytest.raises(InvalidArgument, match=why) as caught:
        execute_notebook(notebook, tmp_path / "out.ipynb", given)
    assert "\n" not in str(caught.value) and not (tmp_path / "out.ipynb").exists()


def test_the_benchmarks_notebooks_say_what_every_parameter_may_be() -> None:
    for notebook in (execute.BENCHMARK_NOTEBOOK, execute.PEERS_NOTEBOOK):
        for name in notebook_parameters(notebook):
            with pytest.raises(InvalidArgument, match=f"'{name}' is|'{name}' holds"):
                check_parameters(notebook, {name: {"an": "object"}})


# -- paths -----------------------------------------------------------------------------------------


def played(monkeypatch, written: str = "{}") -> list:
    """Papermill's own treatment of paths, without a kernel: what it is given, and the file that it writes."""
    calls = []

    def execute(notebook: str, executed: str, **options) -> None:
        calls.append((notebook, options))
        Path(executed.format(pm={}, **options["parameters"])).write_text(written)

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    return calls


@pytest.mark.parametrize("name", ["{x}", "{", "}", "{0}", "{pair}", "a{{b}}"])
def test_braces_in_a_path_are_a_part_of_it(tmp_path: Path, monkeypatch, name: str) -> None:
    played(monkeypatch)
    output = tmp_path / f"runs-{name}" / f"{name}.jsonl"
    executed = execute.run_benchmark(output, pair="pocket")
    assert executed.parent == output.parent and executed.is_file() and name in executed.name
    assert os.listdir(tmp_path) == [f"runs-{name}"]


def test_braces_reach_papermill_itself_unharmed(tmp_path: Path) -> None:
    folder = tmp_path / "a {b} {}"
    folder.mkdir()
    notebook = write_notebook(folder / "n.ipynb", "print(pair)")
    executed = execute_notebook(notebook, folder / "{pair}.ipynb", {"pair": "{x}"}, io.StringIO())
    assert executed == folder / "{pair}.ipynb" and "{x}" in executed.read_text()


def test_two_runs_in_one_second_are_two_notebooks(tmp_path: Path, monkeypatch) -> None:
    played(monkeypatch)
    names = {execute.run_benchmark(tmp_path / "r.jsonl").name for _ in range(5)}
    assert len(names) == 5 and names == set(os.listdir(tmp_path))


def test_a_run_that_never_began_leaves_no_notebook(tmp_path: Path, monkeypatch) -> None:
    def refuse(*arguments, **options) -> None:
        raise RuntimeError("Kernel died before replying to kernel_info")

    monkeypatch.setattr(papermill, "execute_notebook", refuse)
    with pytest.raises(
        NotebookFailed, match=r"benchmark_pair\.ipynb cannot be run: RuntimeError: Kernel died"
    ):
        execute.run_benchmark(tmp_path / "r.jsonl")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        zmq.error.ZMQError(36),
        nbclient.exceptions.CellTimeoutError("too\nlong"),
        papermill.exceptions.PapermillException("?"),
        nbformat.ValidationError("no"),
        TimeoutError(),
        KeyError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_papermill_and_its_kind_raise_is_one_line(tmp_path: Path, monkeypatch, error) -> None:
    def fail(*arguments, **options) -> None:
        raise error

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    with pytest.raises(NotebookFailed) as caught:
        execute_notebook(write_notebook(tmp_path / "n.ipynb"), tmp_path / "out.ipynb", {}, io.StringIO())
    assert "\n" not in str(caught.value) and caught.value.__cause__ is error


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for output, runs in ((tmp_path / "file" / "r.jsonl", None), (tmp_path / "r.jsonl", tmp_path / "file")):
        with pytest.raises(NotebookFailed, match=r"cannot be saved as .*file/.*: Not a directory"):
            execute.run_benchmark(output, runs_folder=runs)


def long_folder(tmp_path: Path) -> Path:
    folder = tmp_path / ("t" * 60) / ("u" * 60)
    folder.mkdir(parents=True)
    return folder


def test_a_long_folder_for_temporary_files_is_gone_around(tmp_path: Path, monkeypatch) -> None:
    """A socket's path holds 107 characters: the kernel listens in a short folder, gone afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(long_folder(tmp_path)))
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        "from ipykernel.connect import get_connection_info\nprint(get_connection_info(unpack=True)['ip'])",
    )
    stream = io.StringIO()
    execute_notebook(notebook, tmp_path / "out.ipynb", {}, stream)
    socket = Path(stream.getvalue().strip())
    assert len(str(socket)) < 60 and not socket.parent.exists()


def test_where_there_is_no_short_folder_the_variable_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(long_folder(tmp_path)))
    monkeypatch.setattr(execute, "_SHORT_FOLDERS", (str(tmp_path / "none"),))
    with pytest.raises(NotebookFailed, match=r"TMPDIR is .* set TMPDIR to a shorter path"):
        execute_notebook(write_notebook(tmp_path / "n.ipynb"), tmp_path / "out.ipynb", {}, io.StringIO())


class Domain(str, enum.Enum):  # noqa: UP042
    """As people write them down."""

    CODE = "code"


def test_a_text_of_an_enumeration_is_its_value() -> None:
    values = execute.checked_parameters(execute.BENCHMARK_NOTEBOOK, {"domains": [Domain.CODE]})
    assert values == {"domains": ["code"]} and type(values["domains"][0]) is str


@pytest.mark.parametrize("text", ["half\udcff", "nul\0"])
def test_a_text_that_no_notebook_can_hold_is_named_before_anything_runs(tmp_path: Path, text: str) -> None:
    """A path of other bytes than UTF-8, or of none that the system takes."""
    for given in (
        {"output_path": tmp_path / text},
        {"runs_folder": text},
        {"target": text},
        {"domains": [text]},
    ):
        with pytest.raises(InvalidArgument, match=r"no UTF-8|a null character") as caught:
            execute.run_benchmark(**({"output_path": tmp_path / "r.jsonl"} | given))
        assert str(caught.value).isascii() and next(iter(given)) in str(caught.value)
    assert list(tmp_path.iterdir()) == []
