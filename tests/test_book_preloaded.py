"""Kernels that are forks: of a process that has imported what they need, and otherwise as any kernel is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from book_modules import load
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from jupyter_client.manager import KernelManager
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

MODULES = "ipykernel.kernelapp", "colorsys"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forks on Linux alone")


@pytest.fixture(scope="module")
def forks():
    before = os.environ.get("JUPYTER_PATH")
    with load("_ext/preloaded.py").kernels(MODULES):
        yield
    assert os.environ.get("JUPYTER_PATH") == before


def executed(folder, source: str, timeout: int = 60) -> ExecutionResult:
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = new_notebook(cells=[new_code_cell(source)], metadata=kernel)
    return single_nb_execution(notebook, cwd=str(folder), timeout=timeout, allow_errors=False)


def printed(result: ExecutionResult) -> str:
    assert result.err is None, result.exc_string
    return "".join(output.text for output in result.nb.cells[0].outputs)


def test_a_kernel_has_the_modules_and_a_folder_and_an_environment_of_its_own(forks, tmp_path, monkeypatch):
    monkeypatch.setenv("SAID_TO_KERNELS", "yes")
    code = "import os, sys\nprint('colorsys' in sys.modules, os.getcwd(), os.environ['SAID_TO_KERNELS'])"
    assert printed(executed(tmp_path, code)) == f"True {tmp_path} yes\n"
    assert printed(executed(tmp_path, "import sys\nprint('x' in globals(), sys.argv[0])\nx = 1")).startswith(
        "False"
    )


def test_what_a_kernel_says_is_encrypted_where_that_is_asked_for(forks, tmp_path, monkeypatch):
    monkeypatch.setattr(KernelManager.transport_encryption, "default_value", "auto")
    code = "from ipykernel.kernelapp import IPKernelApp as App\nprint(App.instance().curve_publickey != None)"
    assert printed(executed(tmp_path, code)) == "True\n"


def test_nothing_of_the_book_s_own_modules_can_be_imported(forks, tmp_path):
    found = "import importlib.util as i\nprint(i.find_spec('execution'), i.find_spec('preloaded'))"
    assert printed(executed(tmp_path, found)) == "None None\n"


def test_an_error_is_the_chapters(forks, tmp_path):
    assert "ZeroDivisionError" in executed(tmp_path, "1 / 0").exc_string


def test_a_kernel_that_dies_is_said_to_be_dead(forks, tmp_path):
    with pytest.raises(DeadKernelError):
        executed(tmp_path, "import os\nos.kill(os.getpid(), 9)")


def test_a_kernel_that_is_given_up_ends(forks, tmp_path):
    pid = tmp_path / "pid"
    code = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    assert "CellTimeoutError" in repr(executed(tmp_path, code, timeout=2).err)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(int(pid.read_text()))


def test_nothing_is_left_of_a_build_that_is_killed():
    code = (
        "import os, preloaded\n"
        "from jupyter_client.manager import start_new_kernel\n"
        "with preloaded.kernels(['ipykernel.kernelapp', 'calendar']):\n"
        "    start_new_kernel(kernel_name='python3')\n"
        "    os.kill(os.getpid(), 9)"
    )
    build = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1] / "book" / "_ext")
    assert build.returncode == -9
    deadline = time.monotonic() + 20
    while servers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert servers() == []


def servers() -> list[int]:
    """Processes that hold the one module of the test above: what forks kernels, and the kernels."""
    told = [(process.pid, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [pid for pid, command in told if "serve" in command and command[-1] == "calendar"]


def test_where_a_module_is_missing_it_is_said(tmp_path):
    kernels = load("_ext/preloaded.py").kernels(["no_such_module"])
    with pytest.raises(RuntimeError, match="cannot be imported"), kernels:
        pass


def test_what_is_imported_ahead_starts_no_thread():
    code = "import importlib, os, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    code += "\nprint(len(os.listdir('/proc/self/task')))"
    modules = load("_ext/preloaded.py").MODULES
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr
