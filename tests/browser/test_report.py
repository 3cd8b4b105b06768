"""The page of a report in a browser: it asks for nothing, draws every figure, and fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_cells import made_cell, made_sweep
from reader import NARROW, WIDE

from specdec_lib.bench.tables.cells.tables import counted_cells, sweep_tables
from specdec_lib.viz.report.page import write_page

EVIL = "<script>document.title = 'taken'</script><b>name</b>"
DRAWN = "[...document.querySelectorAll('[data-figure]')].every((place) => place.dataset.drawn === 'done')"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    cells = [*made_sweep(ks=(2, 4)), made_cell(4, EVIL, pair=EVIL)]
    with path.open("wb") as file:
        write_page(file, sweep_tables(counted_cells(cells)), "Sweep")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_report_is_drawn_offline_and_fits(browser, page: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab, told, asked = context.new_page(), [], []
    tab.on("console", lambda message: told.append(message.text))
    tab.on("pageerror", lambda error: told.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    tab.wait_for_function(DRAWN)
    assert asked == [page.as_uri()] and told == []
    assert tab.locator("[data-figure] .main-svg").count() >= tab.locator("[data-figure]").count() > 10
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.title() == "Sweep"
    assert tab.locator("[data-figure] text", has_text="<script>document.title").count() > 0
    context.close()


def test_without_a_script_the_numbers_are_there(browser, page: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.as_uri())
    assert "Figures need a script" in tab.locator("noscript").inner_text()
    assert tab.locator("details table").count() > 10
    context.close()
