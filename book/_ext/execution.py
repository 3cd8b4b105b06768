"""A Sphinx extension: several chapters are executed at once, before Sphinx reads one page after the other.

What they show goes into the cache in which MyST-NB then finds it, under the same keys. A kernel computes with
one thread: several stand side by side, and small models wait for their threads longer than they compute.
``NOTEBOOK_WORKERS`` in the environment says how many kernels run at once, and how many processes write pages.
Pages are read in one: the domains of ``sphinx_proof`` and ``sphinx_exercise`` cannot merge what several read.

The kernels encrypt what they say, where they can: they listen on the loopback address, where anybody on a
shared machine could read along, and ipykernel warns of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop
from myst_nb.core.config import NbParserConfig
from preloaded import kernels
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)

LONGEST = (
    "18_block_verification",
    "07_speculative_loop",
    "19_other_drafts",
    "11_mutants",
    "06_autoregressive_baseline",
    "12_floating_point",
    "05_kv_cache_and_wrapper",
    "08_sampling_and_stopping",
)
"""Chapters that take longest begin first, so that no kernel is left alone with one of them."""


def execute_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute what Sphinx is about to read and the cache does not hold.

    Raises:
        ExtensionError: a cell raised; with the traceback of each chapter that failed, after all others ran.
    """
    config = env.mystnb_config  # type: ignore[attr-defined]  (MyST-NB hangs it there)
    if config.execution_mode != "cache":
        return
    cache = get_cache(config.execution_cache_path)
    paths = [Path(env.doc2path(name)) for name in docnames]
    waiting = unknown([path for path in paths if path.suffix == ".ipynb"], cache)
    failed = execute(waiting, cache, config)
    if failed:
        raise ExtensionError("\n\n".join(failed))


def unknown(paths: Iterable[Path], cache: JupyterCacheAbstract) -> list[Path]:
    """The notebooks whose code the cache has not seen, the longest first."""
    found = []
    for path in paths:
        try:
            cache.match_cache_notebook(nbformat.read(path, as_version=4))
        except KeyError:
            found.append(path)
    return sorted(found, key=lambda path: (*LONGEST, path.stem).index(path.stem))


def execute(paths: list[Path], cache: JupyterCacheAbstract, config: NbParserConfig) -> list[str]:
    """Execute the notebooks into the cache, and return a traceback for each that failed."""
    failed = []
    several = len(paths) > workers()
    with kernels() if several else nullcontext(), ThreadPoolExecutor(workers()) as pool:
        running = {pool.submit(run, path, config): path for path in paths}
        for done in as_completed(running):
            path, result = running[done], done.result()
            logger.info("executed %s in %.1f s", path.name, result.time)
            if result.err is not None:
                failed.append(f"{path.name}: {result.exc_string}")
            else:
                bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return failed


def run(path: Path, config: NbParserConfig) -> ExecutionResult:
    """One notebook from top to bottom, in a kernel of its own."""
    try:
        return single_nb_execution(
            nbformat.read(path, as_version=4),
            cwd=str(path.parent),
            timeout=config.execution_timeout,
            allow_errors=config.execution_allow_errors,
            coalesce_streams=True,  # a line that was sent in pieces is one, with the spaces between them
        )
    finally:
        ensure_event_loop().close()  # this thread's, which nbclient leaves open


def workers() -> int:
    """How many work at once."""
    return int(os.environ.get("NOTEBOOK_WORKERS", "2"))


def share_writing(app: Sphinx, env: BuildEnvironment) -> None:
    """Ask for several processes, once all pages are read; those of an EPUB are drawn by one browser."""
    if app.builder.name == "html":
        app.parallel = workers()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moments at which it is known what will be read, and at which all is."""
    KernelManager.transport_encryption.default_value = "auto"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app.connect("env-before-read-docs", execute_ahead)
    app.connect("env-updated", share_writing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
