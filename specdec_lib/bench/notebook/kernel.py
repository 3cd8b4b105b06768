"""A Jupyter kernel that is this very Python, reached through sockets in a folder of its own.

Jupyter would look a kernel up by name, and find whichever Python registered that name last;
and it would listen on TCP ports, for which kernels started at the same time race. Importing
this module needs jupyter_client; :mod:`specdec_lib.bench.notebook.execute` does so only to run.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets.config import Config

from specdec_lib.bench.notebook.forking import LAUNCHER
from specdec_lib.bench.notebook.warm import WarmKernels


class ThisPythonKernelManager(AsyncKernelManager):
    """Starts ``sys.executable -m ipykernel_launcher``, whatever kernels are registered."""

    kernels: WarmKernels | None = None
    """Where kernels are forked in place of new Pythons."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The one kernel that this manager knows. It is silent when it is interrupted."""
        python = [sys.executable, "-Xfrozen_modules=off", "-m", LAUNCHER]
        argv = [*python, "-f", "{connection_file}", "--log-level=CRITICAL"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        """jupyter_client's own hook, for a kernel that is no command."""
        provisioner = self.provisioner
        if self.kernels is not None and type(provisioner) is LocalProvisioner and kw.keys() <= {"cwd", "env"}:
            kernel = self.kernels.launch(kernel_cmd, **kw)
            if kernel is not None:
                provisioner.process = kernel  # type: ignore[assignment]
                provisioner.pid = provisioner.pgid = kernel.pid
                self._reconcile_connection_info(provisioner.connection_info)
                return
        await super()._async_launch_kernel(kernel_cmd, **kw)


def kernel_manager(kernels: WarmKernels | None) -> type[ThisPythonKernelManager]:
    """The manager's class, whose kernels come from ``kernels``."""
    return type("ThisPythonKernelManager", (ThisPythonKernelManager,), {"kernels": kernels})


def kernel_config(folder: str) -> Config:
    """Configuration of a kernel manager whose connection lives in ``folder``.

    ``folder`` should be short: the path of a Unix socket holds about 100 characters. On Windows,
    which has no such sockets, the kernel keeps to TCP.
    """
    manager = {"connection_file": os.path.join(folder, "kernel.json")}
    if os.name == "posix":
        manager |= {"transport": "ipc", "ip": os.path.join(folder, "kernel")}
    return Config({"ThisPythonKernelManager": manager})
