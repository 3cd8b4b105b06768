"""Warm kernels: forked processes of their own, which see what a new Python would and leave nothing behind."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK, NotebookFailed, execute_notebook
from specdec_lib.bench.notebook.warm import WarmKernels, imports_of
from specdec_lib.errors import InvalidArgument

linux = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
VERSION = [sys.executable, "-m", "ipykernel_launcher", "--version"]


def write_notebook(path: Path, *sources: str) -> Path:
    first = nbformat.v4.new_code_cell("asked = 0", metadata={"tags": ["parameters"]})
    cells = [first, *map(nbformat.v4.new_code_cell, sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def children() -> set[int]:
    """Processes below this one, zombies included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict]:
    """What a cell sees of its process, by an expression a name."""
    folder = tmp_path_factory.mktemp("cells")

    def run(kernels: WarmKernels | None, **expressions: str) -> dict:
        seen = ", ".join(f"{name!r}: {expression}" for name, expression in expressions.items())
        source = f"import json, os, sys; print(json.dumps({{{seen}}}))"
        stream = io.StringIO()
        execute_notebook(
            write_notebook(folder / "n.ipynb", source), folder / "out.ipynb", {}, stream, kernels
        )
        return json.loads(stream.getvalue())

    return run


@pytest.fixture(scope="module")
def kernels() -> Iterator[WarmKernels]:
    before = dict(os.environ)
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # of another name in every test
    with WarmKernels(modules=["colorsys"]) as warm:
        yield warm
    os.environ.update(before)


@pytest.fixture(autouse=True)
def one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that pytest sets before every test is a change of the environment."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)


@linux
def test_a_cell_is_a_process_of_its_own_forked_from_the_one_server(kernels, seen) -> None:
    about = {
        "pid": "os.getpid()",
        "parent": "os.getppid()",
        "there": "'colorsys' in sys.modules",
        "group": "os.getpgid(0)",
    }
    first, second = (seen(kernels, **about) for _ in range(2))
    assert first["parent"] == second["parent"] not in (os.getpid(), 1)
    assert first["pid"] != second["pid"] and first["group"] == first["pid"]
    assert first["there"] and not seen(None, **about)["there"]


@linux
def test_a_cell_sees_what_it_would_see_in_a_new_python(kernels, seen) -> None:
    about = {
        "folder": "os.getcwd()",
        "path": "sys.path",
        "arguments": "[os.path.basename(sys.argv[0]), sys.argv[1], sys.argv[3]]",
        "main": "__name__ + str(sys.modules['__main__'].__dict__ is globals())",
        "environment": "sorted(set(os.environ) - {'PYDEVD_USE_FRAME_EVAL'})",
        "flags": "[str(sys.flags), sorted(sys._xoptions.items())]",
        "input": "sys.__stdin__ is not None and os.read(0, 1) == b''",
    }
    assert seen(kernels, **about) == seen(None, **about)


@linux
def test_no_two_cells_draw_the_same_numbers(seen) -> None:
    about = {"drawn": "[__import__('random').random(), __import__('numpy').random.rand()]"}
    with WarmKernels(modules=["numpy.random"]) as warm:
        first, second = (seen(warm, **about)["drawn"] for _ in range(2))
    assert not set(first) & set(second)


@linux
def test_the_environment_and_the_folder_are_those_of_the_call(seen, tmp_path, monkeypatch) -> None:
    about = {"wish": "os.environ.get('SPECDEC_WISH')", "folder": "os.getcwd()", "parent": "os.getppid()"}
    with WarmKernels(modules=["colorsys"]) as warm:
        before = seen(warm, **about)
        monkeypatch.setenv("SPECDEC_WISH", "x")
        monkeypatch.chdir(tmp_path)
        after = seen(warm, **about)
    assert before["wish"] is None and (after["wish"], after["folder"]) == ("x", str(tmp_path))
    assert before["parent"] != after["parent"] and not running(before["parent"])


@linux
def test_what_a_preloaded_module_logs_reaches_the_stream(tmp_path, monkeypatch) -> None:
    """A handler made at the import holds the stream of that time."""
    (tmp_path / "logs_early.py").write_text(
        "import logging\nlog = logging.getLogger('early')\nlog.addHandler(logging.StreamHandler())\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    notebook = write_notebook(tmp_path / "n.ipynb", "import logs_early\nlogs_early.log.warning('heard')")
    stream = io.StringIO()
    with WarmKernels(modules=imports_of(notebook)) as warm:
        execute_notebook(notebook, tmp_path / "out.ipynb", {}, stream, warm)
    assert stream.getvalue() == "heard\n"


@linux
def test_a_kernel_that_dies_is_one_line_and_the_next_cell_runs(kernels, seen, tmp_path, capfd) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    parent = seen(kernels, parent="os.getppid()")
    with pytest.raises(NotebookFailed, match=r"its Python ended \(killed, or out of memory\); .*out\.ipynb"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {}, io.StringIO(), kernels)
    assert capfd.readouterr().err == ""
    assert seen(kernels, parent="os.getppid()") == parent


@linux
def test_a_cell_that_raises_is_one_line(kernels, tmp_path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", "raise ValueError('no such pair')")
    with pytest.raises(NotebookFailed, match="ValueError: no such pair"):
        execute_notebook(notebook, tmp_path / "out.ipynb", {}, io.StringIO(), kernels)


@linux
def test_a_server_that_was_killed_is_done_without(seen) -> None:
    with WarmKernels(modules=["colorsys"]) as warm:
        os.kill(seen(warm, parent="os.getppid()")["parent"], signal.SIGKILL)
        assert seen(warm, parent="os.getppid()")["parent"] == os.getpid()
        assert warm.launch(VERSION) is None


def test_the_environment_can_ask_for_new_pythons(monkeypatch) -> None:
    monkeypatch.setenv("SPECDEC_KERNELS", "fresh")
    with WarmKernels(modules=["colorsys"]) as warm:
        assert warm.launch(VERSION) is None
    monkeypatch.setenv("SPECDEC_KERNELS", "hot")
    with pytest.raises(InvalidArgument, match="SPECDEC_KERNELS is 'hot'; set it to fresh or to warm"):
        WarmKernels()


@linux
def test_an_import_that_starts_a_thread_makes_kernels_new_pythons(tmp_path, monkeypatch) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with WarmKernels(modules=["threaded"]) as warm:
        assert warm.launch(VERSION) is None


@linux
def test_cells_leave_no_process_and_no_open_file(kernels, seen) -> None:
    about = {"pid": "os.getpid()", "files": "len(os.listdir('/proc/self/fd'))"}
    cells = [seen(kernels, **about)]
    files, below = len(os.listdir("/proc/self/fd")), children()
    cells += [seen(kernels, **about) for _ in range(2)]
    assert len(os.listdir("/proc/self/fd")) == files and children() == below
    assert not any(running(cell["pid"]) for cell in cells)
    assert len({cell["files"] for cell in cells}) == 1


@linux
def test_a_fork_writes_where_its_caller_writes_and_ends_as_a_process_does(kernels, capfd) -> None:
    before = len(os.listdir("/proc/self/fd"))
    asked = [kernels.launch(VERSION), kernels.launch([*VERSION[:-1], "--no-such-option"])]
    ended = kernels.launch([*VERSION[:-1], "--log-level=CRITICAL"])
    ended.kill()
    assert [kernel.wait(20) for kernel in (*asked, ended)] == [0, 2, -signal.SIGKILL]
    assert capfd.readouterr().out.count(importlib.metadata.version("ipython")) == 1
    assert len(os.listdir("/proc/self/fd")) == before
    with contextlib.suppress(ProcessLookupError):
        ended.send_signal(signal.SIGKILL)


@linux
def test_what_the_imports_made_is_there_until_the_server_ends(tmp_path, monkeypatch) -> None:
    made = tmp_path / "made"
    (tmp_path / "makes_a_folder.py").write_text(
        "import atexit, pathlib, tempfile\n"
        f"folder = tempfile.TemporaryDirectory(dir={str(tmp_path)!r})\n"
        f"pathlib.Path({str(made)!r}).write_text(folder.name)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    with WarmKernels(modules=["makes_a_folder"]) as warm:
        assert warm.launch(VERSION).wait(20) == 0
        assert Path(made.read_text()).is_dir()
    assert not Path(made.read_text()).exists()


SWEEP = """
    import io, sys
    from specdec_lib.bench.notebook.execute import execute_notebook
    from specdec_lib.bench.notebook.warm import WarmKernels

    with WarmKernels(modules=["colorsys"]) as warm:
        try:
            execute_notebook(sys.argv[1], sys.argv[2], {}, io.StringIO(), warm)
        except BaseException as error:
            print(type(error).__name__, flush=True)
"""


def started(tmp_path: Path, cell: str) -> tuple[subprocess.Popen[str], int, int]:
    """A sweep's process in the middle of a cell, its kernel and its fork server."""
    place = tmp_path / "place"
    say = f"import os, pathlib\npathlib.Path({str(place)!r}).write_text(f'{{os.getpid()}} {{os.getppid()}} ')"
    notebook = write_notebook(tmp_path / "n.ipynb", f"{say}\n{cell}")
    command = [sys.executable, "-c", textwrap.dedent(SWEEP), str(notebook), str(tmp_path / "out.ipynb")]
    sweep = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert until(lambda: place.exists() and place.read_text().endswith(" "))
    kernel, server = map(int, place.read_text().split())
    return sweep, kernel, server


@linux
@pytest.mark.parametrize("cell", ["import time; time.sleep(60)", "while True: pass"])
def test_a_sweep_that_is_killed_leaves_neither_kernel_nor_server(tmp_path, cell: str) -> None:
    sweep, kernel, server = started(tmp_path, cell)
    assert running(kernel) and running(server)
    sweep.kill()
    sweep.communicate()
    assert until(lambda: not running(kernel) and not running(server))


@linux
def test_an_interrupt_of_the_kernel_ends_its_cell(tmp_path) -> None:
    sweep, kernel, server = started(tmp_path, "import time; time.sleep(60)")
    os.kill(kernel, signal.SIGINT)
    assert sweep.communicate(timeout=30)[0] == "NotebookFailed\n"
    assert "KeyboardInterrupt" in (tmp_path / "out.ipynb").read_text()
    assert not running(kernel) and not running(server)


@linux
def test_a_sweep_that_is_interrupted_ends_with_its_kernel_and_its_server(tmp_path) -> None:
    sweep, kernel, server = started(tmp_path, "import time; time.sleep(60)")
    for _ in range(12):  # one may come while a library holds it back
        sweep.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            sweep.wait(5)
            break
    assert sweep.communicate(timeout=30)[0] == "KeyboardInterrupt\n"
    assert until(lambda: not running(kernel) and not running(server))


def test_what_a_notebook_imports_is_read_from_its_cells(tmp_path) -> None:
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        "import a.b, c as d\nfrom e.f import g",
        "%magic\nimport h",
        "from . import i\nimport c",
    )
    assert imports_of(notebook) == ["a.b", "c", "e.f"]
    assert "specdec_lib.bench.measure.benchmark" in imports_of(BENCHMARK_NOTEBOOK)
    with pytest.raises(InvalidArgument, match="cannot read the notebook"):
        imports_of(tmp_path / "none.ipynb")
