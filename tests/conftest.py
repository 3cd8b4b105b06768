"""What every test stands on: shapes are checked at run time, and GPU tests run only where there is one.

The import hook has to be in place before the library is first imported, so it is installed while pytest
loads this file. It knows nothing of any single test.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small models; and the suite runs in two processes

import pytest
from jaxtyping import install_import_hook

install_import_hook("specdec_lib", "typecheck.check")  # tests/typecheck.py


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests marked ``gpu`` on a machine without CUDA, and say how many."""
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu_items:
        return
    import torch

    if not torch.cuda.is_available():
        config.hook.pytest_deselected(items=gpu_items)
        items[:] = [item for item in items if item not in gpu_items]
