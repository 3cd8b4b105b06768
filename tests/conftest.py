"""What every test stands on: shapes are checked at run time, and GPU tests run only where there is one.

The import hook has to be in place before the library is first imported, so it is installed while pytest
loads this file. It knows nothing of any single test.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small models; and the suite runs in two processes

import pytest
import typecheck
from jaxtyping import config as jaxtyping

typecheck.install("specdec_lib")


LONGEST = (
    "test_pocket",
    "test_compiled",
    "test_mutants",
    "test_speculative",
    "test_generate",
    "test_joint_law",
    "test_proof",
    "test_verify",
    "test_book_outputs",
    "test_bench",
    "test_book_build",
    "test_base",
    "test_every_drafter",
    "test_project",
)
"""Modules that take longest, from the longest on; they start first, so that no process is left with one."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Shapes are checked in every test but those marked ``unchecked``, their fixtures included."""
    jaxtyping.update("jaxtyping_disable", item.get_closest_marker("unchecked") is not None)
    return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long modules first; the tests marked ``gpu`` deselected, and counted, on a machine without CUDA."""
    places = {stem: place for place, stem in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu_items:
        return
    import torch

    if not torch.cuda.is_available():
        config.hook.pytest_deselected(items=gpu_items)
        items[:] = [item for item in items if item not in gpu_items]


@pytest.fixture
def by_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled models run graphs of torch.compile, as they do where no native forward can be had."""
    monkeypatch.setenv("SPECDEC_NATIVE", "0")
