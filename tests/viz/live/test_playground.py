"""The playground computes the law as the library does, and follows its reader: sliders, points, keyboard."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from viz.live import modules

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.published import CHEN_2023, LEVIATHAN_2023
from specdec_lib.theory.speedup import expected_tokens, optimal_k, speedup
from specdec_lib.viz.live.playground import (
    Playground,
    PlaygroundWidget,
    Point,
    arm_points,
    law_payload,
    measured_points,
    published_points,
)
from specdec_lib.viz.standalone import source

HOSTILE = "</script><img src=x onerror=alert(1)>"
ROW = {
    "temperature": 0.0, "domain": "all", "k": 4, "alpha_hat": 0.8612, "c": 0.1506, "v": 1.24,
    "overhead": 0.057, "measured": 2.015, "low": 1.86, "high": 2.18,
}  # fmt: skip
POINTS = [*published_points(), *measured_points([ROW], "pocket")]

ALPHAS = [0.0, 1e-9, 0.05, 0.3, 0.5, 0.74, 0.8612, 0.95, 1.0 - 1e-9, 1.0]
COSTS = list(itertools.product([0.0, 0.05, 0.3, 0.6], [0.0, 0.07, 0.5], [0.0, 0.1, 1.0]))


# -- the module's formulas, under node -------------------------------------------------------


evaluate = partial(modules.evaluate, "playground.js")


def test_tokens_and_speedup_are_the_librarys():
    cases = [(a, k, *costs) for a in ALPHAS for k in (1, 2, 4, 7, 16, 64) for costs in COSTS]
    gains = evaluate("speedup(...x)", cases)
    tokens = evaluate("expectedTokens(x[0], x[1])", cases)
    for (a, k, c, slope, o), gain, mean in zip(cases, gains, tokens, strict=True):
        assert mean == pytest.approx(expected_tokens(a, k), rel=1e-13)
        assert gain == pytest.approx(speedup(a, k, c, 1.0 + slope * k, o), rel=1e-13)


def test_the_best_k_is_the_librarys():
    cases = [(a, *costs) for a in ALPHAS for costs in COSTS[::2]]
    for case, best in zip(cases, evaluate("optimalK(...x)", cases), strict=True):
        assert best == optimal_k(*case), case
    published = {(0.5, 0.05): 3, (0.5, 0.1): 2, (0.7, 0.05): 6, (0.8, 0.05): 8, (0.8, 0.3): 3, (0.9, 0.1): 10}
    found = evaluate("optimalK(...x)", [(*case, 0, 0) for case in published])
    assert dict(zip(published, found, strict=True)) == published


def test_the_border_of_the_losing_region_is_where_the_library_begins_to_speculate():
    costs = COSTS[::2]
    for (c, slope, o), border in zip(costs, evaluate("neededAlpha(1, ...x)", costs), strict=True):
        if border is None:
            assert optimal_k(1.0, c, slope, o) == 0
            continue
        assert optimal_k(min(1.0, border + 1e-5), c, slope, o) > 0, (c, slope, o)
        assert border < 2e-6 or optimal_k(border - 1e-5, c, slope, o) == 0, (c, slope, o)
        if o == 0.0:
            assert border == pytest.approx(c + slope, abs=2e-6)


def test_on_a_level_line_the_best_k_gives_just_that_speedup():
    cases = [(level, *costs) for level in (1.5, 3.0) for costs in COSTS]
    for (level, c, slope, o), alpha in zip(cases, evaluate("neededAlpha(...x)", cases), strict=True):
        best = [speedup(alpha or 1.0, k, c, 1.0 + slope * k, o) for k in range(1, 65)]
        assert max(best) < level if alpha is None else max(best) == pytest.approx(level, abs=1e-4)


# -- the fragment ----------------------------------------------------------------------------


def test_it_asks_nobody_and_is_the_same_each_time():
    figure = Playground(POINTS)
    html = figure.to_html()
    assert html == Playground(list(POINTS)).to_html() == figure._repr_html_()
    without_the_name_of_svg = html.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|import |fetch\(|url\((?!#)", without_the_name_of_svg)
    assert repr(figure) == "Playground(13 points; alpha 0.8, k 4, c 0.05, slope 0, overhead 0)"


def test_without_scripts_a_table_says_what_k_brings():
    html = Playground(alpha=0.9, c=0.1, slope=0.02, overhead=0.05).to_html()
    rows = re.findall(r'<tr><th scope="row">(\d+)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>', html)
    assert [int(row[0]) for row in rows] == list(range(1, 17))
    k, tokens, cost, gain = (float(cell) for cell in rows[3])
    assert (k, tokens, cost) == (4, 4.10, 1.53)
    assert gain == round(speedup(0.9, 4, 0.1, 1.08, 0.05), 2)


def test_hostile_names_leave_their_script_element_nowhere():
    html = Playground([Point(HOSTILE, HOSTILE, 0.8, 4, 0.1, 2.0)], title=HOSTILE).to_html()
    assert HOSTILE not in html
    data = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S).group(1)
    assert json.loads(data)["points"][0]["name"] == HOSTILE


def test_points_come_from_papers_and_from_measurements():
    published = published_points()
    assert len(published) == len(LEVIATHAN_2023) and published_points(CHEN_2023) == []
    assert {point.kind for point in published} == {"published"} and published[0].note
    (own,) = measured_points([ROW, ROW | {"domain": "code"}], "pocket")
    assert (own.name, own.source, own.kind) == ("pocket, T = 0, K = 4", "pocket, measured", "measured")
    assert 1 + own.slope * own.k == pytest.approx(1.24) and (own.low, own.high) == (1.86, 2.18)
    (narrow,) = measured_points([ROW | {"v": 0.98}], "pocket")
    assert narrow.slope == 0.0  # a wide forward that came out cheaper than a narrow one is noise


def test_an_arm_is_a_draft_in_every_round_that_brings_and_costs_as_much():
    row = {
        "pair": "small", "domain": "code", "arm": "ours-lookup", "k": 4, "alpha": 0.4, "drafted": 1.2,
        "v": 1.3, "c": 0.02, "predicted": 1.25, "measured": 1.2, "low": 1.1, "high": 1.3,
    }  # fmt: skip
    (own,) = arm_points([row, row | {"predicted": None}, row | {"k": 0}])
    assert (own.name, own.source, own.speedup) == ("ours-lookup, code", "small, measured", 1.2)
    tokens = expected_tokens(0.4, 4)
    law = speedup(own.alpha, own.k, own.c, 1 + own.slope * own.k)
    assert law == pytest.approx(tokens / (1.3 + 1.2 * 0.02))


@pytest.mark.parametrize(
    "start", [{"alpha": 1.5}, {"k": 0}, {"k": 2.5}, {"c": -0.1}, {"slope": float("nan")}]
)
def test_values_that_cannot_be_are_refused(start):
    with pytest.raises(InvalidArgument, match=f"^{next(iter(start))} is "):
        law_payload(**start)
    with pytest.raises(TypeError, match="'beta'"):
        law_payload(beta=0.5)
    with pytest.raises(InvalidArgument, match=r"^alpha is "):
        Point("n", "s", 1.2, 4, 0.1, 2.0)


def test_the_widget_is_the_same_module_and_data():
    widget = PlaygroundWidget(POINTS, c=0.2)
    assert widget.payload == law_payload(POINTS, c=0.2)
    assert (widget.alpha, widget.k, widget.c, widget.slope, widget.overhead) == (0.8, 4, 0.2, 0.0, 0.0)
    assert str(widget._esm) == source("playground.js") and str(widget._css) == source("playground.css")
    assert repr(widget) == "PlaygroundWidget(13 points)"
    widget.close()


# -- in a browser ----------------------------------------------------------------------------


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with modules.opened_page(browser, Playground(POINTS).to_html(), ".specdec-playground") as opened:
        yield opened


def said(page: Any) -> str:
    return page.inner_text(".pg-words")


def curve(page: Any) -> str:
    return page.get_attribute(".pg-curve", "d")


def slide(page: Any, name: str, value: float) -> None:
    page.locator(f"[data-name={name}]").fill(str(value))


def test_it_says_what_it_draws(page):
    assert said(page).strip() == (
        "alpha 0.80, K 4, c 0.05, v(4) 1.00, o 0.00: 3.36 tokens a round, cost 1.20, speedup 2.80; "
        "best K is 8 with 3.09."
    )
    assert page.locator("svg .pg-dot").count() == 16 and page.locator("[data-point]").count() == 13
    assert page.locator(".pg-hatched").count() == 2
    labels = page.locator("svg .lf-label").all_text_contents()
    assert {"slower than plain decoding", "best: K = 8", "2.80×", "no K gains", "2×"} <= set(labels)
    assert page.locator(".specdec-figure > table").count() == 0  # the table has made room


def test_every_slider_is_labelled_and_changes_the_curve(page):
    for name, value in (("alpha", 0.6), ("c", 0.2), ("slope", 0.1), ("overhead", 0.4)):
        before = curve(page)
        slide(page, name, value)
        assert curve(page) != before, name
    slide(page, "k", 2)
    gain = float(page.get_attribute(".specdec-playground", "data-speedup"))
    assert gain == pytest.approx(speedup(0.6, 2, 0.2, 1.2, 0.4), abs=1e-4)
    assert "v(2) 1.20" in said(page) and "slower than plain decoding; no K gains." in said(page)
    assert page.is_disabled("[data-act=best]")
    names = [label.split(",")[0] for label in page.locator("label .lf-name").all_text_contents()]
    assert names == ["α", "K", "c", "s", "o"]


def test_it_works_from_the_keyboard(page):
    page.focus("[data-name=k]")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "K 7," in said(page)
    page.focus("[data-name=alpha]")
    page.keyboard.press("End")
    assert "alpha 1.00" in said(page) and "best K is 64" in said(page)
    assert "best: K = 64 →" in page.locator("svg .lf-label").all_text_contents()
    page.keyboard.press("ArrowLeft")
    page.focus("[data-act=best]")
    page.keyboard.press("Enter")
    assert f"K {min(16, optimal_k(0.99, 0.05))}," in said(page)


def test_a_point_loads_its_values_and_is_compared_with_the_prediction(page):
    page.select_option("select", label="pocket, T = 0, K = 4")
    predicted = speedup(0.8612, 4, 0.1506, 1.24, 0.057)
    assert f"measured 2.02× (1.86 to 2.18), predicted {predicted:.2f}×" in said(page)
    assert f"{abs(2.015 / predicted - 1):.0%}".replace("%", " %") in said(page)
    assert page.get_attribute("[data-name=alpha]", "aria-valuetext") == "0.861"
    slide(page, "c", 0.3)  # the reader's own values again
    assert "measured" not in said(page) and page.input_value("select") == ""


def test_points_and_places_can_be_clicked(page):
    page.locator("[data-point='0'] .pg-target").click()
    assert "En-De, T5-small, T = 0: published 3.4×, predicted 3.16×, so it is 8 % above" in said(page)
    assert "v and o are not published" in said(page) and page.input_value("select") == "0"
    first, second = (page.locator("svg").nth(index).bounding_box() for index in (0, 1))
    page.mouse.click(second["x"] + 0.8 * second["width"], second["y"] + 0.7 * second["height"])
    assert "no K gains" in said(page)
    page.mouse.click(first["x"] + first["width"] - 12, first["y"] + 60)
    assert "K 16," in said(page)


def test_it_fits_a_phone_and_follows_its_width(page):
    wide = page.locator("svg").first.bounding_box()["width"]
    modules.assert_panels_stack_on_a_phone(page)
    assert page.locator("svg").first.bounding_box()["width"] != wide


def test_hostile_names_show_as_text(browser):
    opened = browser.new_page()
    opened.on("dialog", lambda dialog: pytest.fail("a name became markup"))
    point = Point(HOSTILE, HOSTILE, 0.8, 4, 0.1, 2.0)
    opened.set_content(Playground([point]).to_html())
    opened.select_option("select", label=HOSTILE)
    assert HOSTILE in said(opened) and opened.locator("img").count() == 0
    opened.close()


def test_the_widgets_module_follows_and_leads(browser):
    """``render`` with a stand-in for a kernel's model: what is set on either side arrives on the other."""
    opened = browser.new_page()
    opened.set_content("<div id=host></div>")
    opened.evaluate(
        """async ([code, payload]) => {
          const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
          const [values, heard] = [{ payload, ...payload.start }, {}];
          const set = (changes) => {
            const changed = Object.keys(changes).filter((name) => values[name] !== changes[name]);
            Object.assign(values, changes);
            changed.forEach((name) => heard[`change:${name}`]?.());
          };
          const on = (name, act) => { heard[name] = act; };
          window.model = { get: (name) => values[name], set, on, save_changes: () => {} };
          module.default.render({ model: window.model, el: document.getElementById("host") });
        }""",
        [source("playground.js"), law_payload(POINTS)],
    )
    opened.evaluate("model.set({ k: 8 })")
    assert "K 8," in said(opened)
    opened.select_option("select", label="pocket, T = 0, K = 4")
    assert opened.evaluate("model.get('alpha')") == 0.8612 and "measured" in said(opened)
    opened.close()
