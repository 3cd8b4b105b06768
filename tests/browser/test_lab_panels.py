"""The workbench as `make lab` opens it: JupyterLab, a kernel, a browser, and somebody who presses buttons.

What a reader waits for is what happened (a token stands there), never a time.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from book_modules import load
from playwright.sync_api import TimeoutError

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")
PATIENCE = 90_000
"""Milliseconds until something that never happens is a failure."""
MARKED = ":is(.sp-accepted, .sp-corrected, .sp-bonus)"


def panel(name: str) -> str:
    """The controls of a panel; what the notebook was stored with is a page without any."""
    return f".widget-vbox.sp-{name}"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """JupyterLab on copies of the chapters, with nothing of the user's own."""
    place, token = tmp_path_factory.mktemp("lab"), secrets.token_hex(16)
    load("lab/copies.py").refresh(place)
    own = {f"JUPYTER_{name}_DIR": str(place / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(place / name) for name in ("SETTINGS", "WORKSPACES")}
    own |= {"JUPYTER_CONFIG_PATH": str(ROOT / "book" / "lab"), "JUPYTER_PREFER_ENV_PATH": "1"}
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--ServerApp.ip=127.0.0.1"]
    options += [f"--ServerApp.root_dir={place}", f"--IdentityProvider.token={token}"]
    environment = {**os.environ, **own, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with (place / "log").open("w") as log:
        command = [sys.executable, "-m", "jupyter", "lab", *options]
        server = subprocess.Popen(command, cwd=place, env=environment, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port_in(place / 'log', server)}/?token={token}"
    finally:
        server.terminate()
        server.wait(30)


def port_in(log: Path, server: subprocess.Popen[bytes]) -> str:
    """The port that the server says it has."""
    for _ in range(PATIENCE // 200):
        said = ADDRESS.search(log.read_text(encoding="utf8"))
        if said:
            return said[1]
        assert server.poll() is None, log.read_text(encoding="utf8")
        time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def page(browser, address) -> Iterator[Any]:
    """The notebook that JupyterLab opens first, all of its cells run."""
    context = browser.new_context(viewport={"width": 1440, "height": 1600})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    tab.wait_for_selector(".jp-Notebook .jp-CodeCell")
    assert "00_workbench" in tab.title()
    tab.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")
    tab.locator(".jp-StatusBar-Widget, .jp-StatusBar", has_text="Idle").first.wait_for()
    tab.locator(".jp-Notebook .jp-MarkdownCell").first.click()
    run_all(tab)
    for name in ("try", "predict", "sweep", "audit"):
        tab.wait_for_selector(f"{panel(name)} button", state="attached")
    yield tab
    context.close()


def run_all(tab: Any) -> None:
    """Run all cells; once more where the notebook was not ready to."""
    for left in (2, 1, 0):
        tab.keyboard.press("Escape")
        tab.locator(".lm-MenuBar-itemLabel", has_text="Run").click()
        tab.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        try:
            tab.wait_for_selector(f"{panel('try')} button", timeout=PATIENCE / 3)
            return
        except TimeoutError:
            if not left:
                raise


def press(tab: Any, name: str, label: str) -> None:
    tab.locator(f"{panel(name)} button", has_text=label).click()


def wait_for_words(tab: Any, name: str, words: str) -> None:
    tab.locator(panel(name), has_text=words).first.wait_for()


def test_run_writes_tokens_that_are_marked_then_counts_speeds_and_steps(page):
    assert page.locator(f"{panel('try')} {MARKED}").count() == 3, "the legend alone"
    press(page, "try", "Run")
    page.wait_for_selector(f"{panel('try')} .sp-text {MARKED}")
    page.wait_for_selector(f"{panel('try')} .specdec-steps")
    wait_for_words(page, "try", "with speculation")
    marks = page.evaluate(
        """([one, kinds]) => kinds.map((kind) => {
          const style = getComputedStyle(document.querySelector(`${one} .sp-${kind}`));
          return [style.borderBottomStyle, style.borderTopStyle, style.fontStyle].join(" ");
        })""",
        [panel("try"), ["accepted", "corrected", "bonus"]],
    )
    assert len(set(marks)) == 3, "kinds differ by more than colour"


def test_stop_ends_a_text_and_the_next_run_begins(page):
    tokens = page.get_by_label("max tokens").first
    tokens.fill("900")
    tokens.press("Tab")
    press(page, "try", "Run")
    page.wait_for_selector(f"{panel('try')} .sp-text {MARKED}")
    press(page, "try", "Stop")
    wait_for_words(page, "try", "stopped after")
    assert page.locator(f"{panel('try')} button", has_text="Run").is_enabled()


def test_what_is_wrong_is_a_line_in_the_panel(page):
    draft = page.locator(f"{panel('try')} input[placeholder^=the]")
    draft.fill("lokup")
    draft.press("Tab")
    press(page, "try", "Run")
    wait_for_words(page, "try", "did you mean lookup?")
    assert "Traceback" not in page.locator(panel("try")).inner_text()
    draft.fill("")
    draft.press("Tab")


def test_measuring_moves_the_sliders_and_so_does_the_reader(page):
    playground = page.locator(f"{panel('predict')} .specdec-playground")
    before = playground.get_attribute("data-speedup")
    press(page, "predict", "Measure here")
    wait_for_words(page, "predict", "the best K is")
    measured = playground.get_attribute("data-speedup")
    assert measured != before
    table = page.locator(f"{panel('predict')} .sp-verdict")
    told, slider = table.inner_text(), playground.locator("input[type=range]").first
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert playground.get_attribute("data-speedup") != measured
    page.wait_for_function(
        "([where, told]) => document.querySelector(where).innerText !== told",
        arg=[f"{panel('predict')} .sp-verdict", told],
    )
    curve = playground.locator("path.pg-curve").first
    assert curve.evaluate("(one) => getComputedStyle(one).fill") == "none", "its style is there"


def test_the_sweeps_map_is_drawn_and_watching_can_be_stopped(page):
    page.wait_for_selector(f"{panel('sweep')} .js-plotly-plot .hm, {panel('sweep')} .js-plotly-plot image")
    press(page, "sweep", "Stop watching")
    wait_for_words(page, "sweep", "not watching")


def test_an_audit_shows_checks_as_they_are_done_and_can_be_stopped(page):
    press(page, "audit", "Audit")
    wait_for_words(page, "audit", "✓ pass")
    press(page, "audit", "Stop")
    wait_for_words(page, "audit", "stopped after")


@pytest.mark.parametrize("width", [1440, 900])
def test_no_panel_is_wider_than_its_place(page, width):
    page.set_viewport_size({"width": width, "height": 1600})
    page.wait_for_timeout(500)
    for name in ("try", "predict", "sweep", "audit"):
        wide = page.locator(panel(name)).evaluate("(one) => one.scrollWidth - one.clientWidth")
        assert wide <= 1, name


def test_the_prompt_has_the_width_of_its_row(page):
    prompt = page.locator(f"{panel('try')} textarea")
    share = "(one) => one.clientWidth / one.closest('.sp-row').clientWidth"
    assert prompt.evaluate(share) > 0.7
