"""Loops at the end of a text, and what only looks like one."""

from __future__ import annotations

import pytest

from specdec_lib.bench.tables.loops import SHORTEST, TURNS, ends_in_loop


@pytest.mark.parametrize("period", [1, 2, 4, 9])
def test_a_text_that_goes_round_often_enough_ends_in_a_loop(period):
    turn = list(range(period))
    needed = max(TURNS * period, SHORTEST)
    text = [99, 98, *(turn * needed)[:needed]]
    assert ends_in_loop(text) and ends_in_loop(text[2:])
    assert not ends_in_loop(text[:-1])
    assert not ends_in_loop([*text, 77])


@pytest.mark.parametrize("text", [[], [1], list(range(40)), [1] * (SHORTEST - 1), [*range(8), *range(8)]])
def test_other_texts_end_in_none(text):
    assert not ends_in_loop(text)
