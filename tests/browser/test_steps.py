"""What a reader can work with: the step-through, figures with sliders, and what hostile text does there."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from reader import NARROW, WIDE, holding, opened, reading

from specdec_lib.lossless.replays.annotated import (
    AnnotatedRound,
    AnnotatedTrace,
    DraftedToken,
    Following,
    Share,
)
from specdec_lib.viz.live.step_through import StepThrough

STEPS, PLAYGROUND = ".specdec-steps", ".specdec-playground"
LONGEST = f"{STEPS}[data-longest]"
HOSTILE = ["<img src=x onerror=window.struck=1>", "</script><script>window.struck=1</script>", "<b>bold</b>"]
FURTHEST = 600  # tab stops before it

MARK_LONGEST = """(selector) => {
  const all = [...document.querySelectorAll(selector)];
  const most = Math.max(...all.map((one) => Number(one.dataset.rounds)));
  all.find((one) => Number(one.dataset.rounds) === most).dataset.longest = "";
}"""


def page_with(mark: str) -> str:
    found = holding(mark)
    assert found, f"no page of the book holds {mark!r}"
    return found[0]


def tab_into(tab, selector: str) -> None:
    """Press Tab until the focus is on ``selector``, as a reader without a pointer does."""
    for _ in range(FURTHEST):
        tab.keyboard.press("Tab")
        if tab.evaluate("(one) => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def state(tab, selector: str = LONGEST) -> tuple[int, int]:
    """The round that is shown, and how many there are."""
    shown = tab.locator(selector).first
    return int(shown.get_attribute("data-round")), int(shown.get_attribute("data-rounds"))


@pytest.fixture(scope="module")
def steps(browser):
    """The page with a step-through, of which the longest is marked."""
    with reading(browser, page_with("sd-transcript")) as (tab, notes):
        tab.evaluate(MARK_LONGEST, STEPS)
        yield tab
        assert notes.complaints == [] and notes.requests == []


def test_the_keyboard_alone_reaches_the_last_round(steps):
    tab_into(steps, f"{LONGEST} button")
    first, rounds = state(steps)
    assert first == 1 and rounds > 3
    for shown in range(2, rounds + 1):
        steps.keyboard.press("PageDown")
        assert state(steps) == (shown, rounds)
    steps.keyboard.press("Home")
    assert state(steps) == (1, rounds)
    steps.keyboard.press("End")
    assert state(steps) == (rounds, rounds)


def test_a_book_page_keeps_its_focus_on_opening(browser):
    with reading(browser, page_with("sd-transcript")) as (tab, _):
        assert tab.evaluate("document.activeElement === document.body")


def test_on_a_page_of_its_own_the_arrow_keys_work_on_opening(browser, tmp_path):
    twice = replace(hostile_trace(), rounds=hostile_trace().rounds * 2)
    (tmp_path / "page.html").write_text(StepThrough(twice).to_page(), encoding="utf8")
    home = tmp_path.as_uri()
    with opened(browser, f"{home}/page.html", home) as (tab, notes):
        before = tab.locator(f"{STEPS} .sd-said").inner_text()
        tab.keyboard.press("ArrowRight")
        assert tab.locator(f"{STEPS} .sd-said").inner_text() != before
        tab.keyboard.press("Home")
        tab.mouse.click(2, 2)  # beside the figure
        tab.keyboard.press("End")
        assert state(tab, STEPS) == (2, 2)
        tab.keyboard.press("x")
        assert notes.complaints == [] and notes.requests == []


def test_every_step_forward_says_what_happens(steps):
    said, slider = steps.locator(f"{LONGEST} .sd-said"), steps.locator(f"{LONGEST} input[type=range]")
    slider.focus()
    steps.keyboard.press("Home")
    last, told = int(slider.get_attribute("max")), [said.inner_text()]
    for _ in range(last):
        steps.keyboard.press("ArrowRight")
        told.append(said.inner_text())
    assert slider.input_value() == str(last) and all(told)
    assert all(one != other for one, other in itertools.pairwise(told))


def test_play_moves_and_pause_stops(steps):
    play = steps.locator(f"{LONGEST} [data-act=play]")
    slider = steps.locator(f"{LONGEST} input[type=range]")
    play.focus()
    steps.keyboard.press("Home")
    steps.keyboard.press("Enter")
    assert play.get_attribute("aria-label") == "pause"
    steps.wait_for_function("(one) => one.value !== '0'", arg=slider.element_handle())
    steps.keyboard.press("Enter")
    assert play.get_attribute("aria-label") == "play"
    stopped = slider.input_value()
    steps.wait_for_timeout(1500)  # more than a step takes
    assert slider.input_value() == stopped


def test_another_trace_can_be_chosen(steps):
    transcript = steps.locator(f"{LONGEST} .sd-transcript")
    for chooser in steps.locator(f"{LONGEST} select").all():
        told = transcript.text_content()
        chooser.select_option(index=1)
        assert transcript.text_content() != told and state(steps)[0] == 1


def hostile_trace() -> AnnotatedTrace:
    shares = [Share(token, 0.4, 0.3) for token in HOSTILE]
    places = [DraftedToken(HOSTILE[0], 0.6, 0.5, 1.0, 0.4, 0.25, "accepted", shares)]
    places.append(DraftedToken(HOSTILE[1], 0.1, 0.5, 0.2, 0.4, 0.75, "rejected", shares))
    following = Following(HOSTILE[2], "corrected", 0.31, shares)
    one = AnnotatedRound(places, following, [4, 7, 6], [4, 6, 6], {"draft": 1.0, "verify": 2.5})
    return AnnotatedTrace(HOSTILE[0], [HOSTILE[1], "b"], [one], temperature=0.8)


def test_hostile_tokens_stay_text(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{StepThrough(hostile_trace()).to_html()}", "utf8")
    with opened(browser, page.as_uri(), page.as_uri()) as (tab, notes):
        shown = tab.locator(STEPS)
        for _ in range(8):
            text = shown.inner_text().replace("\u2423", " ")
            assert tab.evaluate("window.struck") is None
            assert shown.locator("img, script, b").count() == 0
            shown.locator("[data-act=forward]").click()
        assert all(token.replace(" ", "") in text.replace(" ", "") for token in HOSTILE)
        assert notes.complaints == [] and notes.requests == []


def test_the_playgrounds_sliders_change_the_curve(browser):
    with reading(browser, page_with("pg-curve")) as (tab, notes):
        playground = tab.locator(PLAYGROUND).first
        curve = playground.locator("path.pg-curve").first
        for slider in playground.locator("input[type=range]").all():
            before, speedup = curve.get_attribute("d"), playground.get_attribute("data-speedup")
            slider.focus()
            lowest = slider.input_value() == slider.get_attribute("min")
            for _ in range(3):
                tab.keyboard.press("ArrowRight" if lowest else "ArrowLeft")
            name = slider.get_attribute("data-name")
            assert playground.get_attribute("data-speedup") != speedup, name
            if name != "k":  # the curve is drawn over K; K itself moves along it
                assert curve.get_attribute("d") != before, name
        assert playground.locator(".pg-said").inner_text().strip()
        assert notes.complaints == [] and notes.requests == []


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", ["caches", "overlap", "spellings", "verifiers"])
def test_every_slider_changes_what_is_drawn_and_what_is_said(browser, name, width):
    with reading(browser, page_with(f'id="{name}-'), width=width) as (tab, notes):
        tab_into(tab, f".specdec-{name} input[type=range]")
        figure = tab.locator(f".specdec-{name}").first
        said, pictures = figure.locator(".lf-words"), figure.locator(".lf-panels")
        for slider in figure.locator("input[type=range]").all():
            told, drawn = said.inner_text(), pictures.inner_html()
            slider.focus()
            lowest = slider.input_value() == slider.get_attribute("min")
            for _ in range(3):
                tab.keyboard.press("ArrowRight" if lowest else "ArrowLeft")
            assert said.inner_text() != told and pictures.inner_html() != drawn, slider
        left, right = (figure.locator("svg").nth(index).bounding_box() for index in (0, 1))
        assert (left["y"] == right["y"]) == (width == WIDE)
        assert tab.evaluate("look.overflow()") <= 0
        assert notes.complaints == [] and notes.requests == []
