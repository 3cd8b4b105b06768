"""Where a text ends, at every place inside a block."""

from __future__ import annotations

import pytest

from specdec_lib.decoding.ending import Ending


def letters(ids):
    return "".join("abcdefghij"[i] for i in ids)


def test_a_text_goes_on_until_its_limit():
    ending = Ending(limit=5)
    assert ending.cut([], [1, 2, 3]) == ([1, 2, 3], None)
    assert ending.cut([1, 2, 3], [4, 5]) == ([4, 5], "length")


def test_a_block_never_overshoots_the_limit():
    """Trap 15."""
    assert Ending(limit=4).cut([1, 2], [3, 4, 5]) == ([3, 4], "length")


@pytest.mark.parametrize("place", range(4))
def test_an_end_of_text_id_anywhere_in_the_block_ends_it_there(place):
    """Trap 13: the id itself is kept, nothing after it."""
    block = [1, 1, 1, 1]
    block[place] = 7
    assert Ending(100, frozenset({7})).cut([2, 2], block) == (block[: place + 1], "eos")


def test_the_earliest_of_several_end_of_text_ids_wins():
    """Trap 14."""
    assert Ending(100, frozenset({7, 8})).cut([], [1, 8, 2, 7]) == ([1, 8], "eos")


def test_end_of_text_at_the_limit_is_called_eos():
    assert Ending(2, frozenset({7})).cut([], [1, 7]) == ([1, 7], "eos")


def test_a_stop_string_across_token_borders():
    ending = Ending(100, stop_strings=("cde",), decode=letters)
    assert ending.cut([0, 1, 2], [3, 4, 5, 6]) == ([3, 4], "stop")
    assert ending.cut([0, 1], [2, 3]) == ([2, 3], None)


def test_the_earliest_stop_string_wins():
    ending = Ending(100, stop_strings=("fg", "de"), decode=letters)
    assert ending.cut([], [2, 3, 4, 5, 6]) == ([2, 3, 4], "stop")


def test_a_stop_string_before_the_end_of_text_wins_and_the_other_way_round():
    ending = Ending(100, frozenset({9}), ("cd",), letters)
    assert ending.cut([], [2, 3, 9]) == ([2, 3], "stop")
    assert ending.cut([], [2, 9, 3]) == ([2, 9], "eos")


def test_a_stop_string_is_asked_for_and_so_wins_over_an_end_of_text_at_the_same_token():
    assert Ending(100, frozenset({3}), ("cd",), letters).cut([], [2, 3, 9]) == ([2, 3], "stop")
    assert Ending(2, frozenset(), ("cd",), letters).cut([], [2, 3, 9]) == ([2, 3], "stop")


def test_a_stop_string_that_stands_in_the_prompt_or_begins_there_ends_nothing():
    ending = Ending(100, stop_strings=("cd",), decode=letters, context=(1, 2, 3, 2))
    assert ending.cut([], [3, 4]) == ([3, 4], None)
    assert ending.cut([3], [2, 3, 4]) == ([2, 3], "stop")


def test_without_stop_strings_nothing_is_decoded():
    assert Ending(100, decode=None).cut([1], [2, 3]) == ([2, 3], None)
