"""The chapters are executed before Sphinx reads them, into the cache in which MyST-NB then finds them."""

from __future__ import annotations

from types import SimpleNamespace

import nbformat
import pytest
from book_modules import load
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

CONFIG = {"execution_timeout": 60, "execution_allow_errors": False, "execution_mode": "cache"}

SOUND = """import os, time
print("in  ", end="", flush=True)
time.sleep(0.5)
print(os.getcwd())"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A folder with two chapters, one of which raises, after both were executed; and what was raised."""
    folder = tmp_path_factory.mktemp("book")
    for name, source in {"sound": SOUND, "broken": "1 / 0"}.items():
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(new_notebook(cells=[new_code_cell(source)], metadata=kernel), folder / f"{name}.ipynb")
    (folder / "prose.md").write_text("# Prose", encoding="utf8")
    env = SimpleNamespace(
        mystnb_config=SimpleNamespace(**CONFIG, execution_cache_path=str(folder / "cache")),
        doc2path={
            "sound": folder / "sound.ipynb",
            "broken": folder / "broken.ipynb",
            "prose": folder / "prose.md",
        }.get,
    )
    execution = load("_ext/execution.py")
    with pytest.raises(execution.ExtensionError) as raised:
        execution.execute_ahead(None, env, ["sound", "broken", "prose"])
    return execution, folder, raised.value


def test_a_chapter_that_ran_is_in_the_cache_with_what_it_showed(book):
    execution, folder, _ = book
    cache = get_cache(folder / "cache")
    _, found = cache.merge_match_into_notebook(nbformat.read(folder / "sound.ipynb", as_version=4))
    (printed,) = found.cells[0].outputs  # in one piece, though it was sent in two
    assert printed.text == f"in  {folder}\n"
    paths = [folder / "sound.ipynb", folder / "broken.ipynb"]
    assert execution.unknown(paths, cache) == [folder / "broken.ipynb"]


def test_a_chapter_that_raised_is_named_with_its_traceback(book):
    told = str(book[2])
    assert told.startswith("broken.ipynb") and "ZeroDivisionError" in told and "sound" not in told
