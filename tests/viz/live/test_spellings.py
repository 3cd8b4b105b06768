"""The figure of two spellings counts as Python does, says what it draws, and follows its reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from viz.live import modules

from specdec_lib.errors import InvalidArgument
from specdec_lib.viz.live.spellings import SpellingFigure, TwoSpellings, shown

HOSTILE = "</script><img src=x onerror=alert(1)>"
NUMBER = TwoSpellings(
    "a number", [b"x =", b" ", b"1", b"2"], [b"x =", b" 12"], [True] * 4,
    [[b"x ="], [b"x ="], [b"x =", b" 1"], [b"x =", b" 12"]],
)  # fmt: skip
ACCENT = TwoSpellings(
    "an accent", [b"Caf", "é".encode(), b"\n"], [b"Caf", b"\xc3", b"\xa9", b"\n"], [True, False, True],
    [[b"Caf"], [b"Caf", b"\xc3", b"\xa9"], [b"Caf", b"\xc3", b"\xa9", b"\n"]],
)  # fmt: skip
FIGURE = SpellingFigure([NUMBER, ACCENT])

evaluate = partial(modules.evaluate, "spellings.js")


def test_what_is_right_either_way():
    assert [NUMBER.right(NUMBER.by_token(said)) for said in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert [NUMBER.right(handed) for handed in NUMBER.handed] == [1, 1, 1, 2]
    assert [len(ACCENT.by_token(said)) for said in (1, 2, 3)] == [1, 1, 1]
    assert [ACCENT.right(handed) for handed in ACCENT.handed] == [1, 3, 4]
    assert (shown(b"\xc3"), shown(b" a\n")) == ("<C3>", "␣a⏎")


def test_the_script_counts_alike():
    for text, plain in zip((NUMBER, ACCENT), FIGURE.payload["texts"], strict=True):
        for said in range(1, len(text.draft) + 1):
            ways = text.by_token(said), text.handed[said - 1]
            told = evaluate(
                "handedOver(...x).map((tokens) => [tokens.length, right(x[0], tokens)])", [(plain, said)]
            )
            assert told == [[[len(tokens), text.right(tokens)] for tokens in ways]]


def test_it_asks_nobody_and_is_the_same_each_time():
    html = FIGURE.to_html()
    assert html == SpellingFigure([NUMBER, ACCENT]).to_html() == FIGURE._repr_html_()
    without_the_name_of_svg = html.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|import |fetch\(|url\((?!#)", without_the_name_of_svg)
    assert repr(FIGURE) == "SpellingFigure(2 texts)"


def test_without_scripts_a_table_says_what_is_right():
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', FIGURE.to_html())
    cells = [(name, *re.findall(r"<td>(.*?)</td>", rest)) for name, rest in rows]
    assert cells[3] == ("a number", "4", "2", "1", "2") and cells[5] == ("an accent", "2", "é", "1", "3")
    assert len(cells) == 7


@pytest.mark.parametrize(
    ("draft", "target", "shared", "handed", "message"),
    [
        ([b"a"], [b"b"], [True], [[b"a"]], "must spell one text of 1 to 48 bytes"),
        ([b"a" * 49], [b"a" * 49], [True], [[]], "1 to 48 bytes"),
        ([], [], [], [], "1 to 48 bytes"),
        ([b"a"], [b"a"], [], [[]], "1 draft tokens, 0 entries of shared, 1 of handed"),
    ],
)
def test_what_cannot_be_is_refused(draft, target, shared, handed, message):
    with pytest.raises(InvalidArgument, match=message):
        TwoSpellings("x", draft, target, shared, handed)


def test_nothing_to_show_is_refused():
    with pytest.raises(InvalidArgument, match="nothing to show"):
        SpellingFigure([])


# -- in a browser ----------------------------------------------------------------------------


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with modules.opened_page(browser, FIGURE.to_html(), ".specdec-spellings") as opened:
        yield opened


def said(page: Any) -> str:
    return page.inner_text(".lf-words").strip()


def test_it_says_what_it_draws(page):
    assert said(page) == (
        "The draft has said 4 tokens of “a number”. The target is handed: token by token 4 tokens, 1 right. "
        "And by text 2 tokens, 2 right."
    )
    assert page.locator("svg .sp-right").count() == 3 and page.locator("svg .sp-wrong").count() == 3
    assert page.locator("svg").nth(1).get_attribute("aria-label") == "By text: 2 tokens, 2 right."
    assert page.locator(".specdec-figure > table").count() == 0  # the table has made room


def test_it_works_from_the_keyboard(page):
    page.focus("[data-name=said]")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert said(page).endswith("And by text 1 token, 1 right; 1 byte held back.")
    page.select_option("select", label="an accent")
    assert "token by token 1 token, 1 right; the next is not in both" in said(page)
    assert page.locator("svg .sp-lacking").count() == 1
    assert page.get_attribute("[data-name=said]", "max") == "3"


def test_it_fits_a_phone(page):
    modules.assert_panels_stack_on_a_phone(page)


def test_hostile_names_stay_text(browser):
    opened = browser.new_page()
    opened.on("dialog", lambda dialog: pytest.fail("a name became markup"))
    html = SpellingFigure([TwoSpellings(HOSTILE, [b"a"], [b"a"], [True], [[b"a"]])], title=HOSTILE).to_html()
    assert HOSTILE not in html
    opened.set_content(html)
    assert opened.get_attribute(".specdec-spellings", "aria-label") == HOSTILE
    opened.close()
