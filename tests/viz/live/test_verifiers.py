"""The verifiers' figure lists drafts as the library's enumeration does, and follows its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from viz.live import modules

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws import reference
from specdec_lib.lossless.laws.enumeration import accepted_law, mean_accepted
from specdec_lib.viz.live.verifiers import Chain, VerifierFigure

HOSTILE = "</script><img src=x onerror=alert(1)>"
CLOCK = Chain(
    "the clock",
    ((1 / 2, 1 / 2), (1 / 3, 2 / 3), (2 / 3, 1 / 3)),
    ((3 / 4, 1 / 4), (2 / 3, 1 / 3), (1 / 3, 2 / 3)),
)
THREE = Chain(
    "three words",
    ((0.2, 0.5, 0.3), (0.5, 0.2, 0.3), (0.1, 0.6, 0.3), (0.3, 0.3, 0.4)),
    ((0.5, 0.25, 0.25), (0.2, 0.4, 0.4), (0.0, 0.7, 0.3), (0.2, 0.2, 0.6)),
)
CHAINS = [CLOCK, THREE]
JUDGES = (reference.judge_tokens, reference.judge_block)

evaluate = partial(modules.evaluate, "verifiers.js")


def model(laws: tuple[tuple[float, ...], ...]) -> Callable[[tuple[int, ...]], list[Fraction]]:
    """The laws of a chain as a model of the enumeration, as fractions that sum to 1."""
    rows = [[Fraction(p).limit_denominator(1000) for p in law] for law in laws]
    return lambda prefix: rows[prefix[-1] + 1 if prefix else 0]


def enumerated(chain: Chain, k: int) -> list[list[float]]:
    """P(at least i tokens stay) under either verifier, by listing drafts and verdicts."""
    models = model(chain.target), model(chain.draft)
    laws = [accepted_law(*models, k, judge) for judge in JUDGES]
    return [[float(sum(law[i:])) for law in laws] for i in range(1, k + 1)]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_what_stays_is_what_the_enumeration_finds(chain):
    ks = (1, 2, 4)
    found = evaluate("staying(...x)", [(vars(chain), k) for k in ks])
    for k, in_the_browser in zip(ks, found, strict=True):
        expected = enumerated(chain, k)
        for ours, theirs, listed in zip(chain.staying(k), in_the_browser, expected, strict=True):
            assert list(ours) == pytest.approx(listed, abs=1e-12) == theirs


def test_the_chapters_own_numbers():
    ((token, block),) = evaluate("accepted(...x)", [(vars(CLOCK), 2)])
    assert (token, block) == pytest.approx((5 / 4, 4 / 3))
    assert [mean_accepted(model(CLOCK.target), model(CLOCK.draft), 2, judge) for judge in JUDGES] == [
        Fraction(5, 4),
        Fraction(4, 3),
    ]


def test_a_draft_is_warped_and_mixed_with_the_target():
    cases = [
        (vars(THREE), temperature, share) for temperature, share in ((1, 0), (1, 1), (0.5, 0), (2, 0.25))
    ]
    plain, target, colder, mixed = (chain["draft"] for chain in evaluate("redrafted(...x)", cases))
    assert plain == [pytest.approx(law) for law in THREE.draft]
    assert target == [pytest.approx(law) for law in THREE.target]
    squares = [q * q for q in THREE.draft[0]]
    assert colder[0] == pytest.approx([q / sum(squares) for q in squares])
    roots = [q**0.5 for q in THREE.draft[2]]
    expected = [0.75 * q / sum(roots) + 0.25 * p for q, p in zip(roots, THREE.target[2], strict=True)]
    assert mixed[2] == pytest.approx(expected)


def test_it_asks_nobody_and_is_the_same_each_time():
    figure = VerifierFigure(CHAINS)
    html = figure.to_html()
    assert html == VerifierFigure(list(CHAINS)).to_html() == figure._repr_html_()
    without_the_name_of_svg = html.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|import |fetch\(|url\((?!#)", without_the_name_of_svg)
    assert repr(figure) == "VerifierFigure(2 chains)"


def test_without_scripts_a_table_says_what_is_accepted():
    rows = re.findall(r'<tr><th scope="row">(\d)</th>(.*?)</tr>', VerifierFigure(CHAINS).to_html())
    cells = {int(k): [float(cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for k, row in rows}
    assert list(cells) == list(range(1, 9)) and cells[2][:2] == [1.25, 1.33]
    for k in (1, 3):
        means = [sum(column) for chain in CHAINS for column in zip(*enumerated(chain, k), strict=True)]
        assert cells[k] == pytest.approx(means, abs=0.0051)


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidArgument, match="got 0 chains, K 4"):
        VerifierFigure([])
    with pytest.raises(InvalidArgument, match="K up to 8"):
        VerifierFigure(CHAINS, k=9)
    with pytest.raises(InvalidArgument, match="got 3 and 2 laws"):
        Chain("x", CLOCK.target, CLOCK.draft[:2])
    with pytest.raises(InvalidArgument, match="two or three words"):
        Chain("x", ((0.25,) * 4,) * 5, ((0.25,) * 4,) * 5)
    with pytest.raises(InvalidArgument, match="a law of chain 'x' is a distribution"):
        Chain("x", CLOCK.target, ((0.5, 0.6), *CLOCK.draft[1:]))


# -- in a browser ----------------------------------------------------------------------------


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with modules.opened_page(browser, VerifierFigure(CHAINS).to_html(), ".specdec-verifiers") as opened:
        yield opened


def said(page: Any) -> str:
    return page.inner_text(".vf-said").strip()


def test_it_says_what_it_draws(page):
    assert said(page) == (
        "K 4, the draft at temperature 1 with 0 % of the target in it: token verification accepts 1.81 "
        "tokens a round, block verification 2.20, 22.1 % more. Prefixes of 2 to 4 tokens stay more often."
    )
    assert page.locator("svg .vf-token").count() == 4 and page.locator("svg rect.vf-more").count() == 3
    assert page.locator(".specdec-figure > table").count() == 0  # the table has made room


def test_models_and_numbers_are_chosen_from_the_keyboard(page):
    curve = page.get_attribute(".lf-dashed", "d")
    page.focus("[data-name=k]")
    page.keyboard.press("Home")
    assert "K 1," in said(page) and "No prefix stays more often." in said(page)
    page.keyboard.press("ArrowRight")
    assert "K 2," in said(page) and "Prefixes of 2 tokens" in said(page)
    assert page.get_attribute(".lf-dashed", "d") != curve
    page.select_option("select", label="three words")
    page.focus("[data-name=temperature]")
    page.keyboard.press("End")
    assert "the draft at temperature 10 with" in said(page)
    page.focus("[data-name=share]")
    page.keyboard.press("End")
    assert "100 % of the target" in said(page) and "accepts 2.00 tokens a round" in said(page)
    assert page.get_attribute(".specdec-verifiers", "data-block") == "2.0000"


def test_it_fits_a_phone(page):
    modules.assert_panels_stack_on_a_phone(page)


def test_hostile_names_show_as_text(browser):
    opened = browser.new_page()
    opened.on("dialog", lambda dialog: pytest.fail("a name became markup"))
    html = VerifierFigure([Chain(HOSTILE, CLOCK.target, CLOCK.draft)], title=HOSTILE).to_html()
    assert HOSTILE not in html
    opened.set_content(html)
    assert opened.locator("option").text_content() == HOSTILE and opened.locator("img").count() == 0
    opened.close()
