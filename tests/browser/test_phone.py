"""What cells have printed, on a phone: sentences are broken into lines, columns scroll inside their box."""

from __future__ import annotations

import pytest
from reader import BOOK, NARROW, WIDE, holding, reading

SENTENCES, COLUMNS = ".output:not(.columns) pre", ".output.columns pre"
LINES = "(all) => all.flatMap((one) => one.textContent.split('\\n')).map((line) => line.length)"
WIDER = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).length"
WRAPS = "(all) => all.map((one) => getComputedStyle(one).whiteSpace)"
MORE_THAN_FITS = 60  # characters, whatever the font


@pytest.fixture(scope="module")
def chapter() -> str:
    """The chapter that prints most columns."""
    mark = "output stream columns"
    return max(holding(mark), key=lambda page: (BOOK / f"{page}.html").read_text("utf8").count(mark))


def test_long_sentences_are_broken_and_columns_are_not(browser, chapter):
    with reading(browser, chapter, width=NARROW) as (tab, _):
        assert max(tab.locator(SENTENCES).evaluate_all(LINES)) > MORE_THAN_FITS
        assert tab.locator(SENTENCES).evaluate_all(WIDER) == 0
        assert tab.locator(COLUMNS).evaluate_all(WIDER) > 0
        assert set(tab.locator(COLUMNS).evaluate_all(WRAPS)) == {"pre"}
        assert tab.evaluate("look.cut()") == [] and tab.evaluate("look.overflow()") <= 0
        tab.set_viewport_size({"width": WIDE, "height": 900})  # with room, lines stay as they were printed
        assert set(tab.locator(SENTENCES).evaluate_all(WRAPS)) == {"pre"}
