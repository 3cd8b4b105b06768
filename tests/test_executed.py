"""Stored outputs beside what the book's build has executed: nbval asks the cache, and no kernel runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[1]


def chapter(texts: dict[str, str], **tags: list[str]) -> nbformat.NotebookNode:
    """A notebook that has been run: sources, and what each printed."""
    cells = [
        new_code_cell(
            source,
            execution_count=count,
            outputs=[new_output("stream", name="stdout", text=text)],
            metadata={"tags": tags.get(source, [])},
        )
        for count, (source, text) in enumerate(texts.items(), 1)
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python"}})


@pytest.fixture
def nbval(tmp_path):
    """Runs nbval over a stored chapter and what the book's build executed; returns its summary."""
    shutil.copyfile(ROOT / "notebooks" / "conftest.py", tmp_path / "conftest.py")

    def compared(stored: nbformat.NotebookNode, executed: nbformat.NotebookNode) -> str:
        nbformat.write(stored, tmp_path / "chapter.ipynb")
        bundle = CacheBundleIn(executed, str(tmp_path / "chapter.ipynb"))
        get_cache(tmp_path / "cache").cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        options = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-p", "no:cacheprovider", "-q"]
        command = [*options, "--nbval", "--executed", tmp_path / "cache", tmp_path / "chapter.ipynb"]
        run = subprocess.run([sys.executable, "-m", "pytest", *command], capture_output=True, text=True)
        return run.stdout + run.stderr

    return compared


def test_what_the_build_has_shown_is_compared_with_what_is_stored(nbval):
    ignored = {"c": ["nbval-ignore-output"]}
    stored = chapter({"a": "1.2345\n", "b": "4\n", "c": "3 ms\n"}, **ignored)
    told = nbval(stored, chapter({"a": "1.2346\n", "b": "5\n", "c": "9 ms\n"}, **ignored))
    assert "1 failed, 2 passed" in told and "4 was stored, 5 is shown" in told


def test_code_that_the_build_has_not_executed_is_an_error(nbval):
    told = nbval(chapter({"a": "4\n"}), chapter({"other": "4\n"}))
    assert "1 error" in told and "run `make book`" in told
