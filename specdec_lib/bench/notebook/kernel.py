"""A Jupyter kernel that is this very Python, reached through sockets in a folder of its own.

Jupyter would look a kernel up by name, and find whichever Python registered that name last;
and it would listen on TCP ports, for which kernels started at the same time race. Importing
this module needs jupyter_client; :mod:`specdec_lib.bench.notebook.execute` does so only to run.
"""

from __future__ import annotations

import os
import sys

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config


class ThisPythonKernelManager(AsyncKernelManager):
    """Starts ``sys.executable -m ipykernel_launcher``, whatever kernels are registered."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The one kernel that this manager knows. It is silent when it is interrupted."""
        python = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher"]
        argv = [*python, "-f", "{connection_file}", "--log-level=CRITICAL"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def kernel_config(folder: str) -> Config:
    """Configuration of a kernel manager whose connection lives in ``folder``.

    ``folder`` should be short: the path of a Unix socket holds about 100 characters. On Windows,
    which has no such sockets, the kernel keeps to TCP.
    """
    manager = {"connection_file": os.path.join(folder, "kernel.json")}
    if os.name == "posix":
        manager |= {"transport": "ipc", "ip": os.path.join(folder, "kernel")}
    return Config({"ThisPythonKernelManager": manager})
