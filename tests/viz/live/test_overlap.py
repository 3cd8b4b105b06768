"""The overlap figure warps and adds up as the library does, and follows its reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from viz.live import modules

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import acceptance_rate
from specdec_lib.viz.live.overlap import OverlapFigure, Place

HOSTILE = "</script><img src=x onerror=alert(1)>"
PLACES = [
    Place("same first", ("on", "in", "at"), (3.0, 0.0, 0.0), (1.0, 0.9, 0.0)),
    Place("others first", ("on", "in", "at"), (2.0, 1.5, 0.0), (1.0, 2.0, 0.0)),
]
PLAIN = [vars(place) for place in PLACES]
TEMPERATURES = [(0.03, 0.03), (0.5, 0.5), (1.0, 1.0), (1.0, 0.3), (2.0, 30.0)]

evaluate = partial(modules.evaluate, "overlap.js")


def beta(place: Place, temperature: float, draft_temperature: float) -> float:
    """By the library's own warper, in float64."""
    sides = (place.target, temperature), (place.draft, draft_temperature)
    laws = [probs_from_logits(torch.tensor(z, dtype=torch.float64), SamplingParams(t)) for z, t in sides]
    return acceptance_rate(*(law.double().numpy() for law in laws))


def test_what_is_computed_in_the_browser_is_the_librarys():
    cases = [(place, *temperatures) for place in PLAIN for temperatures in TEMPERATURES]
    for (place, *temperatures), found in zip(cases, evaluate("overlap(...x)", cases), strict=True):
        assert found == pytest.approx(beta(Place(**place), *temperatures), abs=1e-6)
    means = evaluate("acceptance(...x)", [(PLAIN, *temperatures) for temperatures in TEMPERATURES])
    for temperatures, mean in zip(TEMPERATURES, means, strict=True):
        assert mean == pytest.approx(sum(beta(place, *temperatures) for place in PLACES) / 2, abs=1e-6)


def test_the_sliders_notches_are_temperatures_and_back():
    notches = evaluate("notchOf(temperatureAt(x))", list(range(121)))
    ends = evaluate("temperatureAt(x)", [0, 120])
    assert notches == list(range(121)) and ends == pytest.approx([0.03, 30])


def test_it_asks_nobody_and_is_the_same_each_time():
    figure = OverlapFigure(PLACES)
    html = figure.to_html()
    assert html == OverlapFigure(list(PLACES)).to_html() == figure._repr_html_()
    without_the_name_of_svg = html.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|import |fetch\(|url\((?!#)", without_the_name_of_svg)
    assert repr(figure) == "OverlapFigure(2 places)"


def test_without_scripts_a_table_says_what_is_kept():
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', OverlapFigure(PLACES).to_html())
    cells = {float(t): [float(cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for t, row in rows}
    for t, shown in cells.items():
        betas = [beta(place, t, t) for place in PLACES]
        assert shown == pytest.approx([*betas, sum(betas) / 2], abs=0.0051), t
    assert len(cells) == 6


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidArgument, match="pass at least one place"):
        OverlapFigure([])
    with pytest.raises(InvalidArgument, match="temperature is a divisor here: got 0"):
        OverlapFigure(PLACES, temperature=0)
    with pytest.raises(InvalidArgument, match="2 words, 3 and 2 logits"):
        Place("x", ("a", "b"), (1.0, 2.0, 3.0), (1.0, 2.0))
    with pytest.raises(InvalidArgument, match="finite"):
        Place("x", ("a", "b"), (1.0, float("inf")), (1.0, 2.0))


def test_hostile_names_leave_their_script_element_nowhere():
    html = OverlapFigure([Place(HOSTILE, (HOSTILE, "b"), (1.0, 0.0), (0.0, 1.0))], title=HOSTILE).to_html()
    assert HOSTILE not in html
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S).group(1)
    assert json.loads(data)["places"][0]["words"][0] == HOSTILE


# -- in a browser ----------------------------------------------------------------------------


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with modules.opened_page(browser, OverlapFigure(PLACES).to_html(), ".specdec-overlap") as opened:
        yield opened


def said(page: Any) -> str:
    return page.inner_text(".ov-said").strip()


def test_it_says_what_it_draws(page):
    mean = sum(beta(place, 1, 1) for place in PLACES) / 2
    assert said(page) == (
        f"Temperature 1 for both models: a draft token stays with β {beta(PLACES[0], 1, 1):.2f}; "
        f'both put "on" first. Over all 2 places α is {mean:.2f}.'
    )
    assert page.locator("svg .ov-common").count() == 3
    assert page.locator(".specdec-figure > table").count() == 0  # the table has made room


def test_a_place_and_temperatures_are_chosen_from_the_keyboard(page):
    page.focus("[data-name=temperature]")
    page.keyboard.press("Home")
    assert "Temperature 0.03 for both models: a draft token stays with β 0.97" in said(page)
    page.select_option("select", label="others first")
    assert 'the target puts "on" first, the draft "in"' in said(page) and "β 0.00" in said(page)
    curve = page.get_attribute(".ov-curve", "d")
    page.focus("[data-name=draft]")
    page.keyboard.press("End")
    assert "Temperature 0.03 for the target, 30 for the draft" in said(page)
    assert not page.is_checked("[data-name=linked]") and page.get_attribute(".ov-curve", "d") != curve
    shown = float(page.get_attribute(".specdec-overlap", "data-beta"))
    assert shown == pytest.approx(beta(PLACES[1], 0.03, 30), abs=1e-4)
    page.focus("[data-name=linked]")
    page.keyboard.press("Space")
    assert "for both models" in said(page) and page.get_attribute(".ov-curve", "d") == curve


def test_it_fits_a_phone(page):
    modules.assert_panels_stack_on_a_phone(page)


def test_hostile_names_show_as_text(browser):
    opened = browser.new_page()
    opened.on("dialog", lambda dialog: pytest.fail("a name became markup"))
    opened.set_content(OverlapFigure([Place(HOSTILE, (HOSTILE, "b"), (1.0, 0.0), (0.0, 1.0))]).to_html())
    assert HOSTILE in said(opened) and opened.locator("img").count() == 0
    opened.close()
