"""What figures that need no kernel are tested with: their modules under node, their pages in a browser."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specdec_lib.viz.standalone import source


def node() -> str:
    """Node of the path, or the one that the package ``playwright`` brings along."""
    package = importlib.util.find_spec("playwright")
    bundled = Path(package.origin).parent / "driver" / "node" if package else Path("node")
    found = shutil.which("node") or (str(bundled) if bundled.is_file() else None)
    if found is None:
        pytest.skip("neither node nor the package playwright, which brings one, is here")
    return found


def evaluate(module: str, expression: str, cases: list[Any]) -> list[Any]:
    """``expression`` over ``...x`` for each case, with the module's own functions."""
    script = source(module).replace("export default", "const exported =")
    script += f"\nconst cases = {json.dumps(cases)};"
    script += f"\nconsole.log(JSON.stringify(cases.map((x) => {expression})));"
    told = subprocess.run(
        [node(), "--input-type=module", "-"], input=script, capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@contextmanager
def opened_browser() -> Iterator[Any]:
    """A headless Chromium; whoever has none skips."""
    api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not here")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium on the path")
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@contextmanager
def opened_page(browser: Any, fragment: str, selector: str) -> Iterator[Any]:
    """A figure on an empty page; complaints of the page, and whatever it asks for, fail the test."""
    page = browser.new_page(viewport={"width": 900, "height": 900})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: faults.append(request.url))
    page.set_content(f'<!doctype html><html lang="en"><body>{fragment}</body></html>')
    page.wait_for_selector(selector)
    yield page
    page.close()
    assert faults == []


def assert_panels_stack_on_a_phone(page: Any) -> None:
    """At 390 px the second panel stands below the first, and the page scrolls sideways nowhere."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.querySelector('svg').getAttribute('width') < 370")
    boxes = [page.locator("svg").nth(index).bounding_box() for index in (0, 1)]
    assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
