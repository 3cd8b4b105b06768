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
    pages,
    reading,
    structure_faults,
    switch_theme,
)

PAGES = pages()
VIEWS = ((WIDE, "light"), (NARROW, "dark"))


def faults_of(browser: Browser, page: str) -> list[str]:
    """Everything that one visit finds wrong, at one width in one theme and at the other in the other.

    Pages take turns in which comes first; where a visit ends, axe looks at the page's structure.
    """
    (first_width, first), (width, second) = VIEWS[:: 1 if PAGES.index(page) % 2 else -1]
    with reading(browser, page, theme=first, width=first_width) as (tab, notes):
        faults = [
            f"{what}: {one[:80]!r}" for what, all in tab.evaluate("look.pieces()").items() for one in all
        ]
        faults += sideways(tab) + pale_figures(tab)
        if switch_theme(tab) != second:
            faults.append(f"the button does not lead from the {first} theme to the {second} one")
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(250)  # figures follow
        faults += sideways(tab) + pale_figures(tab)
        tab.evaluate("look.thinOut()")
        faults += structure_faults(tab) + contrast_faults(tab)
        tab.evaluate("theme => (document.documentElement.dataset.theme = theme)", first)
        faults += contrast_faults(tab)
    return [*faults, *notes.complaints, *(f"asks {url}" for url in notes.requests)]


def sideways(tab: Page) -> list[str]:
    by, width = tab.evaluate("look.overflow()"), tab.viewport_size["width"]
    cut = tab.evaluate("look.cut()") if width == NARROW else []
    faults = [f"scrolls sideways at {width} pixels, by {by}"] * (by > 0)
    return faults + [f"what is printed cannot be read on a phone: {text!r}" for text in cut]


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


@pytest.mark.parametrize("theme", THEMES)
def test_colours_of_code(browser, theme):
    """Every kind of token that the book's code has, on the paper of a code block."""
    kinds = sorted({kind for page in PAGES for kind in code_kinds(page)})
    assert len(kinds) > 10
    with reading(browser, "book/command_line", theme=theme) as (
        tab,
        _,
    ):  # it has code, and no figures to wait for
        tab.evaluate("(kinds) => look.colourCode(kinds)", kinds)
        assert contrast_faults(tab) == []


@pytest.mark.parametrize("theme", THEMES)
def test_links_that_are_pointed_at_can_be_read(browser, theme):
    with reading(browser, "book/glossary", theme=theme) as (tab, _):
        for link in ("nav.bd-links a.internal", "article p a.internal", ".bd-sidebar-secondary a"):
            tab.locator(f"{link}:visible").first.hover()
            tab.wait_for_timeout(300)  # it takes its colour slowly
            assert contrast_faults(tab) == [], link


@cache
def code_kinds(page: str) -> set[str]:
    """The classes of highlighted tokens on a page."""
    html = (BOOK / f"{page}.html").read_text(encoding="utf8")
    blocks = re.findall(r'<div class="highlight"><pre>(.*?)</pre>', html, re.DOTALL)
    return {kind for block in blocks for kind in re.findall(r'<span class="([\w ]+)">', block)}


@pytest.fixture(scope="module")
def chapter(browser):
    """The first chapter, on a dark screen."""
    first = next(page for page in chapters() if page.startswith("notebooks/01_"))
    with reading(browser, first, theme="dark") as (tab, notes):
        yield tab
        assert notes.complaints == [] and notes.requests == []


def test_the_first_picture_is_above_the_fold(chapter):
    assert chapter.locator(".plotly-graph-div").first.bounding_box()["y"] < 900


def test_solutions_open_wherever_their_title_is_clicked(chapter):
    solution = chapter.locator("div.solution.dropdown").first
    assert "toggle-hidden" in solution.get_attribute("class")
    solution.locator(".admonition-title").click(position={"x": 40, "y": 15})  # on its words
    assert "toggle-hidden" not in solution.get_attribute("class")
    solution.locator("button.toggle-button").press("Enter")
    assert "toggle-hidden" in solution.get_attribute("class")
    solution.locator(".admonition-title a").click()  # leads to the exercise, and is no button
    assert "toggle-hidden" in solution.get_attribute("class")


def test_on_paper_everything_is_unfolded_and_dark_on_white(chapter):
    folded = chapter.locator(".toggle-hidden")
    before = folded.count()
    chapter.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert before > 0 and folded.count() == 0
    assert chapter.evaluate("document.documentElement.dataset.theme") == "light"
    chapter.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folded.count() == before
    assert chapter.evaluate("document.documentElement.dataset.theme") == "dark"
