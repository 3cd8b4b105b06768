"""One browser for all of these tests, and one visit to each page.

Every test here is marked ``browser``: it needs the built book (`make book`) and a Chromium.
"""

from __future__ import annotations

import pytest
from book_modules import load
from reader import BOOK


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder."""
    for item in items:
        if item.path.parent == BOOK.parents[1] / "tests" / "browser":
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that reaches no other host."""
    assert (BOOK / "index.html").is_file(), "the book has not been built: run `make book` first"
    with load("_ext/chromium.py").browser() as opened:
        yield opened
