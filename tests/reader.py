"""A reader of the built book: opens a page as a browser does, and notes what it asks for and complains about.

It knows where the book lies and which pages it has, nothing of what a page must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "_build" / "html"
WIDE, NARROW = 1440, 390
THEMES = ("light", "dark")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf8")

LOOK = (ROOT / "tests" / "browser" / "look.js").read_text(encoding="utf8")


def pages() -> list[str]:
    """Every page of the book by its path without ``.html``, as far as it has been built.

    The theme's templates in ``_static`` are none, nor is the front door, which only leads on.
    """
    paths = sorted(path.relative_to(BOOK).with_suffix("") for path in BOOK.rglob("*.html"))
    return [path.as_posix() for path in paths if path.parts[0] != "_static" and path != Path("index")]


def holding(mark: str) -> list[str]:
    """The pages whose HTML holds ``mark``."""
    return [page for page in pages() if mark in (BOOK / f"{page}.html").read_text(encoding="utf8")]


class Notes:
    """What a page asked of others, and what it complained about."""

    def __init__(self, page: Page, home: str) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self._asked(request.url, home))
        page.on("console", lambda line: self._said(line.type, line.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("requestfailed", lambda request: self.complaints.append(f"not found: {request.url}"))

    def _asked(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:", "blob:", "about:")):
            self.requests.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")


@contextmanager
def opened(
    browser: Browser, url: str, home: str, theme: str = "light", width: int = WIDE, **options: Any
) -> Iterator[tuple[Page, Notes]]:
    """The page at ``url``, its formulas set and its figures drawn; ``home`` is the book's own address."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", **options
    )
    page = context.new_page()
    notes = Notes(page, home)
    try:
        page.goto(url, wait_until="load")
        page.evaluate(LOOK)
        page.evaluate("look.ready()")
        yield page, notes
    finally:
        context.close()


@contextmanager
def reading(browser: Browser, page: str, **options: Any) -> Iterator[tuple[Page, Notes]]:
    """The page of the book called ``page``, from its folder, without a server."""
    with opened(browser, f"{BOOK.as_uri()}/{page}.html", BOOK.as_uri(), **options) as both:
        yield both


def run_axe(page: Page, where: str, options: dict[str, Any]) -> list[str]:
    """What axe-core finds serious or critical in the elements ``where``."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("([where, options]) => look.axe(where, options)", [where, options])
    return [re.sub(r"\s+", " ", fault)[:400] for fault in found]


def contrast_faults(page: Page) -> list[str]:
    """Texts that axe-core finds too pale; of those that share colours and size, one is asked."""
    page.evaluate("look.chooseTexts()")
    return run_axe(page, "[data-contrast]", {"runOnly": ["color-contrast"]})


def structure_faults(page: Page) -> list[str]:
    """Everything else that axe-core finds serious or critical."""
    return run_axe(page, "html", {"rules": {"color-contrast": {"enabled": False}}})


def switch_theme(page: Page) -> str:
    """Press the button for the theme until the other one shows; says which that is."""
    before = page.evaluate("document.documentElement.dataset.theme")
    for _ in (*THEMES, "auto"):
        page.locator(".theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") != before:
            break
    page.mouse.move(1, 1)  # what is pointed at has a colour of its own
    page.wait_for_timeout(100)  # figures recolour
    return page.evaluate("document.documentElement.dataset.theme")
