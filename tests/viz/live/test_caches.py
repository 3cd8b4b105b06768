"""The caches' figure counts what rounds of two models really take, and follows its reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from typing import Any, get_args

import pytest
import tiny_models
import torch
from transformers import DynamicCache
from viz.live import modules

from specdec_lib import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.viz.live.caches import CacheFigure, CacheKind, round_rows

HOSTILE = "</script><img src=x onerror=alert(1)>"
KINDS = get_args(CacheKind)
PREALLOCATED, GROWS, NONE = KINDS
K, TOKENS, PROMPT = 3, 60, 20

evaluate = partial(modules.evaluate, "caches.js")


class Counted(ModelWrapper):
    """A model that writes down each forward: the cache's rows before it, rows computed, rows copied."""

    forwards: list[tuple[int, int, int]]

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        held, before = self.get_cache_length(past_key_values), where(past_key_values)
        logits, cache = super().forward(input_ids, past_key_values, use_cache, logits_to_keep)
        moved = before is not None and where(cache) != before
        self.forwards.append((held, input_ids.shape[1], held if moved else 0))
        return logits, cache


class Growing(Counted):
    """The same on the cache that Transformers makes."""

    def new_cache(self, max_length=0):
        return DynamicCache()


class Forgetful(Counted):
    """The same without a cache: what it is handed back is the text, which it reads anew."""

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        past = past_key_values
        text = input_ids if past is None else torch.cat([past, input_ids], dim=1)
        logits, _ = ModelWrapper.forward(self, text, None, False, logits_to_keep)
        self.forwards.append((0, text.shape[1], 0))
        return logits, text

    def new_cache(self, max_length=0):
        return None

    def truncate_cache(self, cache: Any, keep_length: int) -> Any:
        return cache[:, :keep_length]

    def get_cache_length(self, cache: Any) -> int:
        return 0 if cache is None else cache.shape[1]


WITH = {PREALLOCATED: Counted, GROWS: Growing, NONE: Forgetful}


def where(cache: Any) -> int | None:
    """Where the first layer's keys lie; None where nothing is held."""
    if cache is None or cache.get_seq_length() == 0:
        return None
    return cache.layers[0].keys.data_ptr()


def rounds_that_ran(kind: str) -> list[tuple[dict[str, Any], dict[str, list[int]]]]:
    """Each round's state, and per model its rows at first, forwards, rows computed, copied and held then.

    The first round reads the prompt, and is none of the figure's.
    """
    models = [WITH[kind](model.model) for model in tiny_models.tiny_pair("llama")]
    ids = tiny_models.prompts(1)[0][:PROMPT]
    decoder, taken, text, behind = SpeculativeDecoder(*models, k=K), [], len(ids), 0
    for model in models:
        model.forwards = []
    for round_ in decoder.start(ids, TOKENS, 0.0, ignore_eos=True, trace=True):
        state = {"cache": kind, "text": text, "k": len(round_.draft_ids), "accepted": round_.num_accepted}
        lengths = round_.target_cache_length, round_.draft_cache_length
        counts = {}
        for name, model, length in zip(("target", "draft"), models, lengths, strict=True):
            before, computed, copied = zip(*model.forwards, strict=True)
            held = 0 if kind == NONE else length
            counts[name] = [before[0], len(before), sum(computed), sum(copied), held]
            model.forwards.clear()
        taken.append((state | {"behind": behind}, counts))
        text, behind = text + len(round_.token_ids), int(round_.num_accepted == len(round_.draft_ids))
        if text + K + 1 > len(ids) + TOKENS:
            break  # the last rounds draft fewer tokens
    return taken[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_the_counts_are_those_of_rounds_that_ran(kind):
    taken = rounds_that_ran(kind)
    kept = {state["accepted"] for state, _ in taken}
    assert K in kept and len(kept) > 1 and {state["behind"] for state, _ in taken} == {0, 1}
    for name in ("target", "draft"):
        told = evaluate("rowsOf(...x)", [(name, state) for state, _ in taken])
        for (state, counts), rows in zip(taken, told, strict=True):
            counted = counts[name]
            assert [rows[key] for key in ("before", "forwards", "computed", "copied", "kept")] == counted
            assert list(astuple(round_rows(name, **state))) == counted[2:]
            assert kind == NONE or rows["cut"] == rows["before"] + rows["computed"] - rows["kept"]


def test_each_place_is_what_it_is():
    """Nine places before, in and after a round of four draft tokens behind a text of eight."""

    def strip(model: str, moment: int, **changes: Any) -> str:
        state = {"cache": GROWS, "text": 8, "k": 4, "accepted": 2, "behind": 0} | changes
        expression = "LETTERS[kindAt(x[0], x[1], rowsOf(x[2], x[3]), x[3])] || ' '"
        return "".join(evaluate(expression, [(place, moment, model, state) for place in range(5, 14)]))

    assert [strip("target", moment) for moment in range(3)] == ["···+     ", "···●●●●● ", "······×× "]
    assert [strip("draft", moment) for moment in range(3)] == ["···+     ", "···●●●●+ ", "······×  "]
    whole = {"accepted": 4, "behind": 1}
    assert [strip("draft", moment, **whole) for moment in range(3)] == ["··?+     ", "··●●●●●+ ", "·······?+"]
    assert [strip("target", moment, cache=NONE) for moment in range(3)] == [" " * 9, "●●●●●●●● ", " " * 9]


def test_it_asks_nobody_and_is_the_same_each_time():
    figure = CacheFigure(40960, 4096)
    html = figure.to_html()
    assert html == CacheFigure(40960, 4096).to_html() == figure._repr_html_()
    without_the_name_of_svg = html.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|import |fetch\(|url\((?!#)", without_the_name_of_svg)
    assert repr(figure) == "CacheFigure(40960 and 4096 bytes a row)"


def test_without_scripts_a_table_says_what_a_round_takes():
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', CacheFigure(2, 1).to_html())
    assert {name: re.findall(r"<td>(.*?)</td>", cells) for name, cells in rows} == {
        PREALLOCATED: ["5 + 4", "0 + 0", "202 + 202"],
        GROWS: ["5 + 4", "199 + 802", "202 + 202"],
        NONE: ["204 + 806", "0 + 0", "0 + 0"],
    }


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidArgument, match="bytes of the draft's row"):
        CacheFigure(8, 0)
    with pytest.raises(InvalidArgument, match="got a text of 7 tokens, K 4; pass 8 to 1000"):
        CacheFigure(8, 8, text=7)
    with pytest.raises(InvalidArgument, match="K 9; pass 8 to 1000, and 1 to 8"):
        CacheFigure(8, 8, k=9)


# -- in a browser ----------------------------------------------------------------------------


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with modules.opened_page(browser, CacheFigure(40960, 4096).to_html(), ".specdec-caches") as opened:
        yield opened


def said(page: Any) -> str:
    return page.inner_text(".lf-words").strip()


def counted(page: Any, name: str) -> list[str]:
    return page.locator(f"tr:has(th:text-is('{name}')) td").all_inner_texts()


def test_it_says_what_it_draws(page):
    assert said(page) == (
        "Cache preallocated, text of 200 tokens, K 4, 2 accepted: the target computes 5 rows, the draft 4, "
        "and nothing is copied. The roll-back takes 2 off the target's cache and 1 off the draft's."
    )
    assert counted(page, "rows held then") == ["202", "202", "404"]
    assert counted(page, "bytes held then") == ["7.9 MiB", "808 KiB", "8.7 MiB"]
    assert page.locator("svg .cf-computed").count() == 9 and page.locator("svg .cf-cut").count() == 3
    told = page.locator("svg").nth(1).get_attribute("aria-label")
    assert "after it: 202 rows, 1 cut back." in told
    assert page.locator(".specdec-figure > table").count() == 0  # the table has made room


def test_it_works_from_the_keyboard(page):
    page.focus("[data-name=accepted]")
    page.keyboard.press("End")
    assert "4 accepted" in said(page) and "its next forward will read two." in said(page)
    page.focus("[data-act=next]")
    page.keyboard.press("Enter")
    assert "text of 205 tokens" in said(page) and "its first forward read two tokens." in said(page)
    assert counted(page, "rows computed") == ["5", "5", "10"]
    page.focus("[data-name=k]")
    page.keyboard.press("Home")
    assert "K 1, 1 accepted" in said(page)  # no more stay than were drafted
    page.select_option("select", label=GROWS)
    assert counted(page, "rows copied") == ["204", "203", "407"] and "copy 407 rows" in said(page)
    page.focus("[data-name=text]")
    page.keyboard.press("End")
    assert page.is_disabled("[data-act=next]") and "one row short" not in said(page)
    page.select_option("select", label=NONE)
    assert said(page).endswith("Nothing is kept, so there is nothing to cut back.")


def test_it_fits_a_phone(page):
    modules.assert_panels_stack_on_a_phone(page)


def test_hostile_titles_stay_text(browser):
    opened = browser.new_page()
    opened.on("dialog", lambda dialog: pytest.fail("a title became markup"))
    html = CacheFigure(8, 8, title=HOSTILE).to_html()
    assert HOSTILE not in html
    opened.set_content(html)
    assert opened.get_attribute(".specdec-caches", "aria-label") == HOSTILE
    opened.close()
