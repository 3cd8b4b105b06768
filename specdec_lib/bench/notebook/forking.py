"""The fork server of warm kernels: a Python that imported what cells need, and is forked into their kernels.

It runs as a process of its own, told a SOCKET and MODULEs to import, below a
:class:`~specdec_lib.bench.notebook.warm.WarmKernels`, in its environment and working directory. It has run
no operation of torch, started no thread and opened no device, so that a fork of it is what a new Python
would be after the same imports; where that does not hold it refuses, and kernels are new Pythons. It ends
with the process that started it, however that ends, and takes its kernels along.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

LAUNCHER = "ipykernel_launcher"
"""The module that a new Python would run; what follows it in a command are a kernel's arguments."""
_KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "sqlite3",
)
"""What a kernel imports before its first cell."""
_REQUEST = 65536
_ORPHANED = 1.0
"""Seconds between two looks at whether the process that started the server still runs."""


class PresentStream:
    """``sys.stdout`` or ``sys.stderr``, whatever it is by then: loggers take hold of one at their import."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        stream = getattr(sys, self._name)
        return getattr(getattr(sys, f"__{self._name}__") if stream is self else stream, attribute)


class ForkServer:
    """Forks a kernel for each request that arrives on ``control``, and reports how each of them ends."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._kernels: dict[int, int] = {}
        """By a kernel's process the pipe that its end is written to."""
        self._ended, self._wake = socket.socketpair()
        for end in (self._ended, self._wake):
            end.setblocking(False)

    def serve(self) -> list[str] | None:
        """Serve until the process that started it is gone: None; in a fork, a kernel's arguments."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        owner = os.getppid()
        while os.getppid() == owner:
            ready, _, _ = select.select([self._control, self._ended], [], [], _ORPHANED)
            if self._ended in ready:
                self._ended.recv(_REQUEST)
                self._report_ended()
            if self._control in ready:
                request, pipes, *_ = socket.recv_fds(self._control, _REQUEST, 3)
                if not request:
                    break
                arguments = self._fork(json.loads(request), pipes)
                if arguments is not None:
                    return arguments
        for kernel in self._kernels:
            with contextlib.suppress(OSError):
                os.killpg(kernel, signal.SIGKILL)
        return None

    def _fork(self, arguments: list[str], pipes: list[int]) -> list[str] | None:
        """None, in the server; the arguments, in the kernel."""
        out, error, status = pipes
        kernel = -1
        with contextlib.suppress(OSError):  # no memory, or too many processes: the pipe closes unwritten
            kernel = os.fork()
        if kernel:
            os.close(out)
            os.close(error)
            if kernel > 0:
                self._kernels[kernel] = status
            else:
                os.close(status)
            return None
        try:
            self._become_a_kernel(out, error)
            os.write(status, b"%d\n" % os.getpid())
            os.close(status)
        except BaseException:  # whatever it is, the server's loop must not go on in here
            os._exit(1)
        return arguments

    def _become_a_kernel(self, out: int, error: int) -> None:
        """Let go of what is the server's, and take the streams and the state that a new Python would have."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._control, self._ended, self._wake):
            end.close()
        for status in self._kernels.values():
            os.close(status)
        for given, place in ((out, 1), (error, 2)):
            os.dup2(given, place)
            os.close(given)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
        if numbers := sys.modules.get("numpy.random"):
            numbers.seed()  # the server's state would be every kernel's
        for held in list(weakref.finalize._registry):  # type: ignore[attr-defined]
            held.atexit = False  # folders and the like that the imports made: the server's to remove

    def _report_ended(self) -> None:
        for kernel, status in list(self._kernels.items()):
            ended, code = os.waitpid(kernel, os.WNOHANG)
            if ended:
                with contextlib.suppress(OSError):  # nobody listens any more
                    os.write(status, b"%d\n" % os.waitstatus_to_exitcode(code))
                os.close(status)
                del self._kernels[kernel]


def preload(modules: Sequence[str]) -> None:
    """Import what every kernel does, then ``modules`` as a cell would find them; what fails, fails there."""
    sys.stdout, sys.stderr = PresentStream("stdout"), PresentStream("stderr")  # type: ignore[assignment]
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():  # as ipykernel_launcher does
        del sys.path[0]
    _import(_KERNEL)
    sys.path.insert(0, "")  # as IPython does
    _import(modules)
    sys.path.remove("")


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def is_safe() -> bool:
    """Whether a fork of this process can compute: it has one thread, and no CUDA that a fork could not use.

    A first fork ends the threads of OpenBLAS, which starts them again where they are wanted; what then
    is left is somebody else's.
    """
    fork = os.fork()
    if not fork:
        torch = sys.modules.get("torch")
        os._exit(torch is not None and getattr(torch._C, "_cuda_isInBadFork", bool)())
    _, status = os.waitpid(fork, 0)
    return status == 0 and len(os.listdir("/proc/self/task")) == 1


def run_kernel(arguments: Sequence[str]) -> NoReturn:
    """What ``python -m ipykernel_launcher`` would do, in this process, and end it."""
    spec = importlib.util.find_spec(LAUNCHER)
    sys.argv = [str(spec and spec.origin), *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    code = 1
    try:
        importlib.import_module("ipykernel.kernelapp").launch_new_instance()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    leave(code)


def leave(code: int) -> NoReturn:
    """End this process as the forks of ``multiprocessing`` do: what was registered for the end is done.

    The interpreter is not taken apart: with torch and Transformers imported that takes most of a second.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    os._exit(code)


def main() -> None:
    """Preload, serve, and be a kernel where one was forked."""
    control = socket.socket(fileno=int(sys.argv[1]))
    preload(sys.argv[2:])
    if is_safe() and (arguments := ForkServer(control).serve()) is not None:
        run_kernel(arguments)
    leave(0)
