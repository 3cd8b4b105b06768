"""Kernels that need not import what another process has imported already: they are forks of it.

Torch, Transformers and plotly take a kernel several seconds, and a book has twenty kernels. ``serve`` imports
them once and forks a kernel for each that asks. What Jupyter starts, and signals or kills, is ``ask``: it
lives as long as the kernel and passes interrupts on, and the kernel does not outlive it. A fork has its own
memory from then on, so a chapter finds modules that are there already, and nothing else.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType

MODULES = (
    *("ipykernel.kernelapp", "IPython", "plotly.graph_objects", "plotly.io._renderers"),
    *("specdec_lib.bench.notebook.chapter", "specdec_lib.models.loader", "specdec_lib.viz.renderer"),
    *("transformers.models.auto.modeling_auto", "transformers.models.llama.modeling_llama"),
)
"""What the chapters import; none of it starts a thread, which a fork would not have."""
LONGEST_ADDRESS = 100
"""Characters; a socket's path may have 107 on Linux."""


@contextmanager
def kernels(modules: Iterable[str] = MODULES) -> Iterator[None]:
    """While it is open, kernels named ``python3`` that this process starts are forks.

    Only on Linux: elsewhere a process that has loaded what these load may not be forked.

    Raises:
        RuntimeError: a module cannot be imported.
    """
    with tempfile.TemporaryDirectory(prefix="kernels-") as folder:
        address = os.path.join(folder, "socket")
        if sys.platform != "linux" or len(address) > LONGEST_ADDRESS:
            yield
            return
        command = [sys.executable, "-P", __file__]
        argv = [*command, "ask", address, "-f", "{connection_file}"]
        spec = Path(folder, "kernels", "python3", "kernel.json")
        spec.parent.mkdir(parents=True)
        told = {"argv": argv, "display_name": "Python 3", "language": "python"}
        spec.write_text(json.dumps(told | {"metadata": {"supported_encryption": "curve"}}))  # ipykernel's
        server_command = [*command, "serve", address, *modules]
        with subprocess.Popen(server_command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            try:
                if not server.stdout or not server.stdout.readline():
                    raise RuntimeError("the modules of the chapters cannot be imported; see above")
                with searched_first(folder):
                    yield
            finally:
                server.terminate()


@contextmanager
def searched_first(folder: str) -> Iterator[None]:
    """Jupyter looks for kernels in ``folder`` before it looks anywhere else."""
    before = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
    try:
        yield
    finally:
        del os.environ["JUPYTER_PATH"]
        os.environ.update({} if before is None else {"JUPYTER_PATH": before})


def serve(address: str, *modules: str) -> None:
    """Import the modules, say so, and fork a kernel for each connection, until whoever started us is gone."""
    for name in modules:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the kernels here
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                become_kernel(connection)
            connection.close()


def become_kernel(connection: socket.socket) -> None:
    """Be what the connection asks for: a kernel with these arguments, in this folder and environment."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("rw") as talk:
        wanted = json.loads(talk.readline())
        talk.write(f"{os.getpid()}\n")
    os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = ["ipykernel_launcher", *wanted["arguments"]]
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    code = 1
    try:
        runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)


def end_with(connection: socket.socket) -> None:
    """End this process when whoever asked for it is gone."""
    connection.recv(1)
    os._exit(1)


def ask(address: str, *arguments: str) -> None:
    """Have a kernel forked, pass interrupts on to it, and end when it does, or whoever started us."""
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        wanted = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        connection.sendall(json.dumps(wanted).encode() + b"\n")
        kernel = int(connection.makefile().readline())

        def interrupt(number: int, frame: FrameType | None) -> None:
            os.kill(kernel, number)

        signal.signal(signal.SIGINT, interrupt)
        while os.getppid() == parent:
            if select.select([connection], [], [], 1)[0] and not connection.recv(1):
                break


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
