"""Every page of the built book: nothing from outside, nothing broken, everything drawn, in both themes and widths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pytest
from playwright.sync_api import Browser
from reader import (
    BOOK,
    NARROW,
    THEMES,
    THIN_OUT,
    WIDE,
    contrast_faults,
    holding,
    pages,
    reading,
    structure_faults,
    switch_theme,
)

PAGES = pages()
LOOK = """() => {
  const figures = [...document.querySelectorAll(".plotly-graph-div")];
  const flat = (one) => { const box = one.querySelector(".main-svg")?.getBoundingClientRect(); return !box || box.width * box.height === 0; };
  const named = (one) => document.getElementById(one.getAttribute("aria-labelledby"))?.textContent.trim();
  const math = [...document.querySelectorAll("span.math, div.math")];
  return {
    undrawn: figures.filter(flat).map((one) => one.id),
    nameless: figures.filter((one) => !named(one)).map((one) => one.id),
    unset: math.filter((one) => !one.querySelector("mjx-container") || one.querySelector("mjx-merror")).map((one) => one.textContent),
    missing: [...document.images].filter((one) => one.complete && !one.naturalWidth).map((one) => one.src),
    unmounted: [...document.querySelectorAll(".specdec-figure")].filter((one) => !one.querySelector("[role=group]")).map((one) => one.id),
  };
}"""
COLOURS = """() => {
  const text = getComputedStyle(document.documentElement).getPropertyValue("--pst-color-text-base").trim();
  return [text, ...[...document.querySelectorAll(".js-plotly-plot")].map((one) => one.layout.font.color)];
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Seen:
    """What one visit to a page found."""

    requests: list[str]
    complaints: list[str]
    looks: dict[str, list[str]]
    too_wide: dict[int, int]
    themes: list[str]
    colours: list[list[str]]
    inaccessible: list[str]


@cache
def visit(browser: Browser, page: str) -> Seen:
    """Open a page once: wide in one theme, then narrow in the other; which goes with which alternates."""
    first = THEMES[PAGES.index(page) % 2]
    with reading(browser, page, theme=first) as (tab, notes):
        looks = tab.evaluate(LOOK)
        too_wide = {WIDE: tab.evaluate(OVERFLOW)}
        themes, colours = [tab.evaluate("document.documentElement.dataset.theme")], [tab.evaluate(COLOURS)]
        themes.append(switch_theme(tab))
        colours.append(tab.evaluate(COLOURS))
        tab.set_viewport_size({"width": NARROW, "height": 844})
        tab.wait_for_timeout(250)  # figures follow
        too_wide[NARROW] = tab.evaluate(OVERFLOW)
        tab.evaluate(THIN_OUT)
        inaccessible = contrast_faults(tab) + structure_faults(tab)
        tab.set_viewport_size({"width": WIDE, "height": 900})
        tab.evaluate("theme => (document.documentElement.dataset.theme = theme)", first)
        inaccessible += contrast_faults(tab)
    return Seen(notes.requests, notes.complaints, looks, too_wide, themes, colours, inaccessible)


def chapters() -> list[str]:
    return [page for page in PAGES if page.startswith("notebooks/")]


def test_there_are_pages():
    assert {"book/intro", "book/notation", "search", "genindex"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_page(browser, page):
    """One test a page, so that a failure tells everything that is wrong with it."""
    seen = visit(browser, page)
    faults = [f"asks {url}" for url in seen.requests] + seen.complaints
    faults += [f"{what}: {one[:80]!r}" for what, some in seen.looks.items() for one in some]
    faults += [
        f"scrolls sideways at {width} pixels, by {by}" for width, by in seen.too_wide.items() if by > 0
    ]
    faults += seen.inaccessible
    if sorted(seen.themes) != sorted(THEMES):
        faults.append(f"the theme does not switch: {seen.themes}")
    for text, *figures in seen.colours:
        faults += [f"a figure's text is {one}, the page's {text}" for one in figures if one != text]
    assert not faults, "\n".join(faults)


def test_the_front_door_leads_to_the_first_page(browser):
    with browser.new_page() as tab:
        tab.goto(f"{BOOK.as_uri()}/index.html", wait_until="commit")
        tab.wait_for_url("**/book/intro.html")
        assert tab.locator("h1").count() == 1


def test_the_first_picture_is_above_the_fold(browser):
    with reading(browser, chapters()[0]) as (tab, _):
        assert tab.locator(".plotly-graph-div").first.bounding_box()["y"] < 900


@pytest.mark.parametrize("theme", THEMES)
def test_colours_of_code(browser, theme):
    """Every kind of token that the book's code has, on the paper of a code block."""
    kinds = sorted({kind for page in PAGES for kind in code_kinds(page)})
    assert len(kinds) > 10
    with reading(browser, chapters()[0], theme=theme) as (tab, _):
        tab.evaluate(
            """(kinds) => document.querySelector("div.highlight pre").replaceChildren(...kinds.map((kind) => (
              Object.assign(document.createElement("span"), { className: kind, textContent: `${kind} ` }))))""",
            kinds,
        )
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
        box = solution.locator(".admonition-title").bounding_box()
        tab.mouse.click(box["x"] + 30, box["y"] + box["height"] / 2)  # on its words
        assert "toggle-hidden" not in solution.get_attribute("class")
        solution.locator("button.toggle-button").press("Enter")
        assert "toggle-hidden" in solution.get_attribute("class")
        assert notes.complaints == []
