"""Prompt lookup: the longest run, its newest place, a copy that goes on, an index that is kept."""

from __future__ import annotations

import random

import pytest
import torch

from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.drafters.lookup import LookupState, PromptLookup, copied_from
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel

TARGET = TableModel.random(10, seed=0)
GREEDY = SamplingParams(0.0)


def proposed(state: LookupState, ids: list[int], k: int = 5) -> list[int]:
    return state.propose(ids, k, GREEDY, torch.Generator()).ids.tolist()


def searched(ids: list[int], most: int, least: int, k: int) -> list[int]:
    """What a search through the whole text finds."""
    for size in range(min(most, len(ids) - 1), least - 1, -1):
        for end in range(len(ids) - 1, size - 1, -1):
            if ids[end - size : end] == ids[-size:]:
                text = list(ids)
                for place in range(end, end + k):
                    text.append(text[place])
                return text[len(ids) :]
    return []


def test_it_is_a_drafter():
    assert isinstance(PromptLookup(TARGET), Drafter) and PromptLookup(TARGET).name == "lookup"


@pytest.mark.parametrize(
    ("ids", "copied"),
    [
        ([1, 2, 3, 9, 1, 2, 3], [9, 1, 2, 3, 9]),
        ([1, 2, 4, 2, 5, 1, 2], [4, 2, 5, 1, 2]),  # the longer run, though another is newer
        ([2, 4, 2, 5, 2], [5, 2, 5, 2, 5]),  # the newest place
        ([7, 7], [7, 7, 7, 7, 7]),  # a loop at full length
        ([1, 2, 3], []),
        ([1], []),
    ],
)
def test_what_followed_the_longest_run_at_its_newest_place_is_proposed(ids, copied):
    assert proposed(PromptLookup(TARGET).start(ids), ids) == copied


@pytest.mark.parametrize(("most", "least"), [(3, 1), (1, 1), (3, 3), (5, 2)])
@pytest.mark.parametrize("vocab", [2, 3, 8])
def test_it_finds_what_a_search_finds(vocab, most, least):
    rng = random.Random(vocab)
    state, ids = PromptLookup(TARGET, most, least).start([]), []
    for _ in range(150):
        ids.append(rng.randrange(vocab))
        if rng.random() < 0.7:  # several tokens may come between two proposals
            assert proposed(state, ids, 4) == searched(ids, most, least, 4)


def test_few_tokens_are_proposed_where_few_are_wanted():
    ids = [1, 2, 1, 2, 1]
    assert proposed(PromptLookup(TARGET, tokens=2).start(ids), ids) == [2, 1]
    assert proposed(PromptLookup(TARGET, tokens=9).start(ids), ids, 3) == [2, 1, 2]


def test_what_is_rolled_back_leaves_no_trace():
    rng = random.Random(1)
    ids = [rng.randrange(3) for _ in range(60)]
    for keep in range(len(ids) + 1):
        state, fresh = PromptLookup(TARGET).start(ids), PromptLookup(TARGET).start(ids)
        proposed(state, ids)
        state.roll_back(keep)
        proposed(fresh, ids[:keep])
        parts = ("_ids", "_ends", "_before")
        assert [vars(state)[part] for part in parts] == [vars(fresh)[part] for part in parts]


class Counting(dict):
    """A dictionary that counts how often it is asked or told something."""

    calls = 0

    def get(self, *given):
        self.calls += 1
        return super().get(*given)

    def update(self, given):
        self.calls += len(given)
        super().update(given)


class Read(list):
    """A text that counts its tokens as they are read."""

    tokens = 0

    def __getitem__(self, place):
        found = super().__getitem__(place)
        self.tokens += len(found) if isinstance(place, slice) else 1
        return found


@pytest.mark.unchecked  # who checks a text reads of it
@pytest.mark.parametrize("length", [100, 2000])
def test_a_token_costs_the_same_however_long_the_text_is(length):
    """Operations are counted: those of a round behind 100 tokens and behind 2000 are as many."""
    rng = random.Random(0)
    ids = Read(rng.randrange(10) for _ in range(length))
    state = PromptLookup(TARGET).start([])
    proposed(state, ids)
    state._ends, ids.tokens = Counting(state._ends), 0
    for _ in range(10):
        ids.append(rng.randrange(10))
        proposed(state, ids)
    assert ids.tokens == 10 and state._ends.calls <= 10 * 9


def test_a_copy_continues_behind_the_end():
    assert copied_from([1, 2, 3], 2, 3) == [3, 3, 3] and copied_from([1, 2, 3], 0, 2) == [1, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"least": 0}, "lookup: least is 0"),
        ({"most": 1, "least": 2}, "lookup: most is 1"),
        ({"tokens": 0}, "lookup: tokens is 0"),
    ],
)
def test_numbers_that_find_nothing_are_refused(options, said):
    with pytest.raises(InvalidArgument, match=said):
        PromptLookup(TARGET, **options)
