"""A Sphinx extension: the kernels that execute the chapters encrypt what they say, where they can.

They listen on the loopback address; anybody on a shared machine could read along, and ipykernel warns of it.
"""

from __future__ import annotations

from jupyter_client.manager import KernelManager
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Make encryption the default of every kernel that this build starts."""
    KernelManager.transport_encryption.default_value = "auto"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
