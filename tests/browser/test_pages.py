"""Every page of the built book: nothing from outside, everything drawn, in both themes and at both widths."""

from __future__ import annotations

import re
from functools import cache

import pytest
from playwright.sync_api import Browser, Page
from reader import (
    BOOK,
    NARROW,
    THEMES,
    WIDE,
    contrast_faults,
    holding,
    pages,
    reading,
    structure_faults,
    switch_theme,
)

PAGES = pages()


def faults_of(browser: Browser, page: str) -> list[str]:
    """Everything that one visit finds wrong: wide in one theme, then narrow in the other; they take turns."""
    themes = THEMES[:: 1 if PAGES.index(page) % 2 else -1]
    with reading(browser, page, theme=themes[0]) as (tab, notes):
        faults = [
            f"{what}: {one[:80]!r}" for what, some in tab.evaluate("look.pieces()").items() for one in some
        ]
        faults += sideways(tab) + pale_figures(tab)
        if switch_theme(tab) != themes[1]:
            faults.append(f"the button does not lead from the {themes[0]} theme to the other")
        tab.set_viewport_size({"width": NARROW, "height": 844})
        tab.wait_for_timeout(250)  # figures follow
        faults += sideways(tab) + pale_figures(tab)
        tab.evaluate("look.thinOut()")
        faults += contrast_faults(tab) + structure_faults(tab)
        tab.set_viewport_size({"width": WIDE, "height": 900})
        tab.wait_for_timeout(250)
        tab.evaluate("theme => (document.documentElement.dataset.theme = theme)", themes[0])
        faults += contrast_faults(tab) + structure_faults(tab)
    return [*faults, *notes.complaints, *(f"asks {url}" for url in notes.requests)]


def sideways(tab: Page) -> list[str]:
    by = tab.evaluate("look.overflow()")
    return [f"scrolls sideways at {tab.viewport_size['width']} pixels, by {by}"] if by > 0 else []


def pale_figures(tab: Page) -> list[str]:
    text, *figures = tab.evaluate("look.colours()")
    return [f"a figure's text is {one}, the page's {text}" for one in figures if one != text]


def chapters() -> list[str]:
    return [page for page in PAGES if page.startswith("notebooks/")]


def test_there_are_pages():
    assert {"book/intro", "book/notation", "search", "genindex"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_page(browser, page):
    """One test a page, so that a failure tells everything that is wrong with it."""
    faults = faults_of(browser, page)
    assert not faults, "\n".join(faults)


def test_the_front_door_leads_to_the_first_page(browser):
    with browser.new_page() as tab:
        tab.goto(f"{BOOK.as_uri()}/index.html", wait_until="commit")
        tab.wait_for_url("**/book/intro.html")
        assert tab.locator("article h1").count() == 1


def test_the_first_picture_is_above_the_fold(browser):
    with reading(browser, chapters()[0]) as (tab, _):
        assert tab.locator(".plotly-graph-div").first.bounding_box()["y"] < 900


@pytest.mark.parametrize("theme", THEMES)
def test_colours_of_code(browser, theme):
    """Every kind of token that the book's code has, on the paper of a code block."""
    kinds = sorted({kind for page in PAGES for kind in code_kinds(page)})
    assert len(kinds) > 10
    with reading(browser, chapters()[0], theme=theme) as (tab, _):
        tab.evaluate("(kinds) => look.colourCode(kinds)", kinds)
        assert contrast_faults(tab) == []


@cache
def code_kinds(page: str) -> set[str]:
    """The classes of highlighted tokens on a page."""
    html = (BOOK / f"{page}.html").read_text(encoding="utf8")
    blocks = re.findall(r'<div class="highlight"><pre>(.*?)</pre>', html, re.DOTALL)
    return {kind for block in blocks for kind in re.findall(r'<span class="([\w ]+)">', block)}


def test_solutions_open_wherever_their_title_is_clicked_and_their_figures_fit(browser):
    page = next(iter(holding("solution dropdown")))
    with reading(browser, page) as (tab, notes):
        solution = tab.locator("div.solution.dropdown").first
        assert "toggle-hidden" in solution.get_attribute("class")
        solution.locator(".admonition-title").click(position={"x": 40, "y": 15})  # on its words
        assert "toggle-hidden" not in solution.get_attribute("class")
        solution.locator("button.toggle-button").press("Enter")
        assert "toggle-hidden" in solution.get_attribute("class")
        solution.locator(".admonition-title a").click()  # leads to the exercise, and is no button
        assert "toggle-hidden" in solution.get_attribute("class")
        assert notes.complaints == []


def test_on_paper_everything_is_unfolded_and_dark_on_white(browser):
    with reading(browser, holding("solution dropdown")[0], theme="dark") as (tab, _):
        folded = tab.locator(".toggle-hidden")
        before = folded.count()
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert before > 0 and folded.count() == 0
        assert tab.evaluate("document.documentElement.dataset.theme") == "light"
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert folded.count() == before
        assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
