"""Warm kernels: a sweep's cells run in forks of one Python that has imported already what they need.

A new Python spends most of a short cell importing torch and Transformers. ``multiprocessing`` has a fork
server too, but one for the whole process, which outlives the sweep, imports the caller's ``__main__`` into
every fork and knows neither the caller's streams nor how a kernel is interrupted. This one belongs to a
``with`` block. The process that forks is :mod:`specdec_lib.bench.notebook.forking`.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from specdec_lib.bench.notebook.forking import LAUNCHER
from specdec_lib.errors import InvalidArgument

VARIABLE = "SPECDEC_KERNELS"
"""``fresh`` in the environment: every cell gets a new Python, as without warm kernels."""
_LATER = (
    "specdec_lib.models.loader",
    "transformers.generation.utils",
    "transformers.integrations.mistral",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.encoder_decoder.configuration_encoder_decoder",
    "transformers.models.llama.modeling_llama",
)
"""What loading a pair imports only then."""
_PATIENCE = 5.0
_SERVER = "from specdec_lib.bench.notebook.forking import main; main()"
"""The program of the server's process."""


class ForkedKernel:
    """A kernel's process as :class:`subprocess.Popen` would show it; the fork server is its parent."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, status: int, code: bytes = b"") -> None:
        self.pid, self.returncode = pid, None
        self._status = status
        os.set_blocking(status, False)
        if code:
            self._end(code)

    returncode: int | None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None as long as it runs. Without its server: ``-SIGKILL``."""
        if self.returncode is None:
            with contextlib.suppress(BlockingIOError):
                self._end(os.read(self._status, 64))
        return self.returncode

    def _end(self, code: bytes) -> None:
        self.returncode = int(code or -signal.SIGKILL)
        os.close(self._status)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, within ``timeout`` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(LAUNCHER, timeout or 0.0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


class WarmKernels:
    """Kernels forked from one Python, which ends with the ``with`` block, or with this process.

    Where that cannot be (not on Linux, CUDA was initialised by an import, ``SPECDEC_KERNELS=fresh``),
    :meth:`launch` gives None and the caller starts a new Python. Each kernel is a process of its own. A
    change of the environment or of the working directory starts the forking Python anew.

    Args:
        notebook: the cells' notebook: what it imports is imported before.
        modules: other modules to import in place of the notebook's.

    Raises:
        InvalidArgument: ``SPECDEC_KERNELS`` is neither ``fresh`` nor ``warm``; or no such notebook.
    """

    def __init__(self, notebook: str | Path | None = None, modules: Sequence[str] | None = None) -> None:
        wish = os.environ.get(VARIABLE) or "warm"
        if wish not in ("fresh", "warm"):
            raise InvalidArgument(f"{VARIABLE} is {wish!r:.60}; set it to fresh or to warm, or unset it")
        self._can_fork = sys.platform == "linux" and wish == "warm"
        if modules is None:
            modules = () if notebook is None else (*imports_of(notebook), *_LATER)
        self._modules = tuple(modules)
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._of: tuple[str, Mapping[str, str]] | None = None

    def __enter__(self) -> WarmKernels:
        self._renew(os.getcwd(), os.environ)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def launch(self, command: Sequence[str], *, cwd: Any = None, env: Any = None) -> ForkedKernel | None:
        """The kernel of a command that a new Python would get; None where there is to be a new Python."""
        cwd, env = os.path.abspath(cwd or os.getcwd()), os.environ if env is None else env
        if LAUNCHER not in command or not self._renew(cwd, env) or self._control is None:
            return None
        arguments = list(command)[list(command).index(LAUNCHER) + 1 :]
        status, theirs = os.pipe()
        try:
            socket.send_fds(self._control, [json.dumps(arguments).encode()], [1, 2, theirs])
            os.close(theirs)
            theirs = -1
            pid, _, code = os.read(status, 64).partition(b"\n")
            if pid:  # one that ends at once may have said its exit code by now
                return ForkedKernel(int(pid), status, code)
        except OSError:  # the server is gone, or this process has no standard streams
            pass
        os.close(status)
        if theirs >= 0:
            os.close(theirs)
        self._can_fork = False
        self.close()
        return None

    def close(self) -> None:
        """End the forking Python, and any kernel that still runs."""
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            try:
                self._server.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        self._server = self._control = self._of = None

    def _renew(self, cwd: str, env: Mapping[str, str]) -> bool:
        """Whether a server of that folder and environment runs, started now if need be."""
        if not self._can_fork:
            return False
        wanted = cwd, {name: value for name, value in env.items() if name != "JPY_PARENT_PID"}
        if wanted != self._of:
            self.close()
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            python = [sys.executable, "-Xfrozen_modules=off", "-c", _SERVER]
            with theirs:
                self._server = subprocess.Popen(
                    [*python, str(theirs.fileno()), *self._modules],
                    cwd=cwd,
                    env=wanted[1],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            self._of = wanted
        return True


def imports_of(notebook: str | Path) -> list[str]:
    """The modules that the cells of a notebook import, in order.

    Raises:
        InvalidArgument: the notebook cannot be read.
    """
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(f"cannot read the notebook {notebook}: {error}") from error
    modules: dict[str, None] = {}
    for source in sources:
        with contextlib.suppress(SyntaxError):  # a magic; what it imports is not known
            for statement in ast.parse(source).body:
                if isinstance(statement, ast.Import):
                    modules |= dict.fromkeys(alias.name for alias in statement.names)
                elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                    modules[statement.module] = None
    return list(modules)
