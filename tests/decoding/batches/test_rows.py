"""Rows with a cache each: what a round asks of them, counted."""

from __future__ import annotations

import pytest
import torch

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.batches.rows import SeparateRows
from specdec_lib.decoding.draft_length import Fixed
from specdec_lib.decoding.drafters.lookup import PromptLookup
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.laws.table_model import TableModel


class Asked(TableModel):
    """Counts how often the length of a cache is asked for, and how often one is cut."""

    lengths_asked = cuts = 0

    def get_cache_length(self, cache):
        self.lengths_asked += 1
        return super().get_cache_length(cache)

    def truncate_cache(self, cache, keep_length):
        self.cuts += 1
        return super().truncate_cache(cache, keep_length)


class Never(Fixed):
    """A policy that wants no draft."""

    def wants(self, drafted, law=None):
        return False


class Borrowing(PromptLookup):
    """A lookup that is offered the target's cache, and counts it."""

    loans = 0

    def start(self, prompt_ids, end=0):
        state = super().start(prompt_ids, end)
        state.borrow = self.lent
        return state

    def lent(self, target, cache):
        self.loans += 1


@pytest.mark.unchecked  # checking a type by its members asks for the lengths too
def test_a_round_of_plain_decoding_asks_for_one_length():
    target = Asked.random(9, seed=1)
    rounds = len(list(AutoregressiveDecoder(target).start([1, 2], 12, 0.8, seed=3)))
    assert rounds == 12 and target.lengths_asked == rounds + 1 and target.cuts == 0


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_round_without_a_draft_is_one_of_plain_decoding(temperature):
    target = Asked.random(9, seed=1)
    drafter = Borrowing(target)
    generation = SpeculativeDecoder(target, drafter, Never(4)).start([1, 2], 12, temperature, seed=3)
    rounds = list(generation)
    plain = AutoregressiveDecoder(target).generate([1, 2], 12, temperature, seed=3)
    assert generation.result().generated_ids == plain.generated_ids
    assert {round_.kind for round_ in rounds} == {"autoregressive"}
    assert drafter.loans == 0 and target.cuts == 1  # the last round: what is cut there is what was


@pytest.mark.unchecked
@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_cache_is_lent_once_a_round_that_may_draft(temperature):
    target = Asked.random(3, seed=1)
    drafter = Borrowing(target)
    rounds = list(SpeculativeDecoder(target, drafter, 3).start([1, 2, 1, 2], 30, temperature, seed=3))
    without_room = len(rounds[-1].token_ids) == 1 and not rounds[-1].draft_ids
    assert drafter.loans == len(rounds) - without_room > 3
    assert target.lengths_asked == len(rounds)


def test_rows_that_were_never_fed_are_cut_to_nothing():
    rows = SeparateRows(TableModel.random(9, seed=1), [4, 4])
    rows.forward([torch.tensor([1, 2]), torch.tensor([], dtype=torch.long)], [1, 0])
    rows.truncate([1, 0])
    assert rows.lengths == [1, 0]
