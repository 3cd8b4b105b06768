"""Tallies: counted round by round, or told as totals that force what else they hold."""

from __future__ import annotations

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.tally import Tally

ROUNDS = [(3, 3), (1, 3), (0, 3), (1, 3)]
TOTALS = {"num_drafts": 4, "num_draft_tokens": 12, "num_accepted_tokens": 5, "k": 3, "accepted_at": (3, 1, 1)}


def test_rounds_are_counted():
    tally = Tally.of_rounds([*ROUNDS, (0, 0)], num_tokens=10, num_texts=1)
    assert (tally.num_drafts, tally.num_draft_tokens, tally.num_accepted_tokens) == (4, 12, 5)
    assert (tally.num_rejections, tally.num_steps) == (3, 5)
    assert tally.accepted_at == (3, 1, 1) and tally.drafted_at == (4, 4, 4) and tally.reached_at == (4, 3, 1)
    assert tally.accepted_squares == 9 + 1 + 0 + 1


def test_totals_of_drafts_of_one_length_force_the_rest():
    told, counted = Tally(**TOTALS), Tally.of_rounds(ROUNDS)
    names = ("num_rejections", "drafted_at", "reached_at", "accepted_squares")
    assert [getattr(told, name) for name in names] == [getattr(counted, name) for name in names]


def test_totals_of_drafts_of_several_lengths_force_nothing():
    tally = Tally(**(TOTALS | {"num_draft_tokens": 11}))
    assert tally.num_rejections is None and tally.reached_at is None and not tally.has_one_length


def test_positions_alone_say_how_many_were_accepted():
    assert Tally(accepted_at=(3, 1)).num_accepted_tokens == 4


def test_a_round_that_was_cut_shows_no_rejection_and_judged_no_further_position():
    tally = Tally.of_rounds([(1, 3, True), (1, 3, False)])
    assert tally.num_rejections == 1 and tally.reached_at == (2, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_accepted_tokens": 13}, {"num_drafts": 13, "accepted_at": None}, {"num_drafts": -1},
        {"num_drafts": 2}, {"accepted_at": (1, 3, 1)}, {"accepted_at": (3, 1)}, {"k": 0}, {"k": 10**9},
        {"num_steps": 3}, {"num_rejections": 5}, {"drafted_at": (2, 2, 2)},
        {"accepted_at": (1,) * 5000, "num_accepted_tokens": 5000, "num_draft_tokens": 9999},
    ],
)  # fmt: skip
def test_counts_that_contradict_each_other_are_one_line(wrong):
    with pytest.raises(InvalidArgument) as told:
        Tally(**(TOTALS | wrong))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("round_", [(4, 3), (-1, 3), (0, 5000)])
def test_a_round_that_cannot_be_is_refused(round_):
    with pytest.raises(InvalidArgument, match="cannot accept"):
        Tally.of_rounds([round_])


def test_a_pool_adds_what_all_of_them_know():
    one, other = (
        Tally.of_rounds(ROUNDS, num_tokens=9, num_texts=1, k=3),
        Tally.of_rounds([(1, 1)], num_tokens=2),
    )
    pool = Tally.pooled([one, other])
    assert (pool.num_drafts, pool.num_accepted_tokens, pool.num_tokens) == (5, 6, 11)
    assert pool.num_texts is None and pool.k is None and pool.accepted_at == (4, 1, 1)
    assert pool.reached_at == Tally.of_rounds([*ROUNDS, (1, 1)]).reached_at
    assert Tally.pooled([one, one]).num_texts == 2 and Tally.pooled([one, one]).k == 3
    with pytest.raises(InvalidArgument, match="no tallies"):
        Tally.pooled([])
