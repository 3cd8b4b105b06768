"""Suffix lookup: as many tokens as agreed, silence below a threshold, and a corpus beside the text."""

from __future__ import annotations

import pytest
import torch

from specdec_lib.decoding.drafters.base import Drafter
from specdec_lib.decoding.drafters.suffix import LONGEST_RUN, SuffixLookup
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.table_model import TableModel

TARGET = TableModel.random(10, seed=0)


def proposed(ids: list[int], k: int = 5, **options) -> list[int]:
    state = SuffixLookup(TARGET, **options).start(ids)
    return state.propose(ids, k, SamplingParams(0.0), torch.Generator()).ids.tolist()


def test_it_is_a_drafter():
    assert isinstance(SuffixLookup(TARGET), Drafter) and SuffixLookup(TARGET).name == "suffix"


@pytest.mark.parametrize(
    ("ids", "copied"),
    [
        ([1, 2, 3, 4, 9, 1, 2, 3, 4], [9, 1, 2, 3]),
        ([3, 4, 5, 9, 6, 7, 3, 4], [5, 9]),
        ([3, 4, 5, 9, 6, 7, 4], []),
        ([7] * 6, [7] * 5),
        ([4, 4], []),
    ],
)
def test_as_many_tokens_are_proposed_as_agreed(ids, copied):
    assert proposed(ids) == copied


@pytest.mark.parametrize(("least", "copied"), [(1, [9, 1, 2]), (3, [9, 1, 2]), (4, [])])
def test_it_is_silent_below_its_threshold(least, copied):
    assert proposed([1, 2, 3, 9, 1, 2, 3], least=least) == copied


def test_few_tokens_are_proposed_where_few_are_wanted():
    assert proposed([7] * 6, tokens=2) == [7, 7] and proposed([7] * 6, k=3, tokens=4) == [7, 7, 7]


def test_a_longer_run_of_a_corpus_counts_and_ends_with_its_text():
    corpus = [[1, 2, 3, 4, 5, 6], [8, 1, 2, 3, 7], [4, 4, 2, 3]]
    assert proposed([9, 1, 2, 3], corpus=corpus) == [7]  # the newest place of the longest run, to its end
    assert proposed([8, 3, 5, 2, 3, 5, 0, 2, 3], corpus=corpus) == [5, 0]  # as long in the text itself
    assert proposed([2, 3, 6, 4, 4, 2, 3], corpus=corpus) == [6, 4]  # longer, with nothing behind it
    assert proposed([9, 1, 2], corpus=corpus) == [3, 7]


def test_a_corpus_is_shared_and_stays_as_it_is():
    drafter = SuffixLookup(TARGET, corpus=[[1, 2, 3, 4, 5]])
    before = list(drafter.corpus.ids), drafter.corpus.num_states
    states = [drafter.start([]) for _ in range(2)]
    for state, ids, copied in zip(states, ([1, 2, 3], [9, 2, 3]), ([4, 5], [4, 5]), strict=True):
        found = state.propose(ids, 5, SamplingParams(0.0), torch.Generator()).ids.tolist()
        assert found == copied
    assert before == (drafter.corpus.ids, drafter.corpus.num_states)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"least": 0}, "suffix: least is 0"),
        ({"least": LONGEST_RUN + 1}, "suffix: least is 65"),
        ({"tokens": 0}, "suffix: tokens is 0"),
        ({"corpus": [[1], [2, 10]]}, r"holds id 10; pass ids of table, in \[0, 10\)"),
    ],
)
def test_numbers_that_find_nothing_are_refused(options, said):
    with pytest.raises(InvalidArgument, match=said):
        SuffixLookup(TARGET, **options)
