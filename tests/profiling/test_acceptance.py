"""Acceptance from per-round counts: worked lists, the ends of a text, and the law with known alpha."""

from __future__ import annotations

import itertools

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.acceptance import (
    acceptance_histogram,
    conditional_acceptance,
    pooled_alpha_hat,
    rejecting_rounds,
    unconditional_acceptance,
)

# Five rounds of K = 4, then a round without a draft, then one shrunk to 2 tokens.
ACCEPTED = [4, 0, 2, 4, 1, 0, 2]
DRAFTED = [4, 4, 4, 4, 4, 0, 2]


def test_a_rejection_is_fewer_accepted_than_drafted() -> None:
    assert rejecting_rounds(ACCEPTED, DRAFTED) == 3
    assert pooled_alpha_hat(ACCEPTED, DRAFTED) == 13 / (13 + 3)


@pytest.mark.parametrize(
    ("accepted", "drafted"),
    [([4], [4]), ([0], [0]), ([2], [2]), ([], [])],
    ids=["all accepted, then cut", "plain step", "shrunk at the end", "no rounds"],
)
def test_an_end_without_a_rejection_counts_none(accepted: list[int], drafted: list[int]) -> None:
    assert rejecting_rounds(accepted, drafted) == 0


def test_alpha_is_unknown_where_nothing_was_judged() -> None:
    assert pooled_alpha_hat([], []) is None
    assert pooled_alpha_hat([0, 0], [0, 0]) is None
    assert pooled_alpha_hat([0], [3]) == 0.0


def test_histogram_counts_each_round_once() -> None:
    assert acceptance_histogram(ACCEPTED, DRAFTED) == [2, 1, 2, 0, 2]
    assert acceptance_histogram([1], [4]) == [0, 1, 0, 0, 0]
    assert acceptance_histogram([], []) == []


def test_positions_unconditional_and_conditional() -> None:
    assert unconditional_acceptance(ACCEPTED, DRAFTED) == [5 / 6, 4 / 6, 2 / 5, 2 / 5]
    assert conditional_acceptance(ACCEPTED, DRAFTED) == [5 / 6, 4 / 5, 2 / 3, 2 / 2]


def test_a_position_that_no_round_reached_has_no_conditional_rate() -> None:
    assert unconditional_acceptance([0, 1], [3, 3]) == [0.5, 0.0, 0.0]
    assert conditional_acceptance([0, 1], [3, 3]) == [0.5, 0.0, None]


def test_under_a_constant_alpha_the_two_are_alpha_and_its_powers() -> None:
    """All outcomes of a fair coin in a draft of 3, each once: alpha is 1/2 exactly."""
    accepted = [
        sum(1 for _ in itertools.takewhile(bool, coins)) for coins in itertools.product((1, 0), repeat=3)
    ]
    drafted = [3] * 8
    assert unconditional_acceptance(accepted, drafted) == [1 / 2, 1 / 4, 1 / 8]
    assert conditional_acceptance(accepted, drafted) == [1 / 2] * 3
    assert pooled_alpha_hat(accepted, drafted) == 1 / 2
    assert sum(accepted) / sum(drafted) < 0.3  # accepted over drafted is not alpha


def test_pooling_is_concatenation_and_no_mean_of_rates() -> None:
    one, two = ([4, 4, 4], [4, 4, 4]), ([0], [4])
    pooled = pooled_alpha_hat(one[0] + two[0], one[1] + two[1])
    assert pooled == 12 / 13
    assert pooled != (pooled_alpha_hat(*one) + pooled_alpha_hat(*two)) / 2


@pytest.mark.parametrize(
    "function",
    [
        rejecting_rounds,
        pooled_alpha_hat,
        acceptance_histogram,
        unconditional_acceptance,
        conditional_acceptance,
    ],
)
def test_counts_that_contradict_each_other_are_refused(function) -> None:
    with pytest.raises(InvalidArgument, match="2 accepted and 1 drafted"):
        function([1, 1], [4])
    with pytest.raises(InvalidArgument, match="round 1 cannot accept 5 of 4"):
        function([1, 5], [4, 4])
    with pytest.raises(InvalidArgument, match="round 0 cannot accept -1 of 4"):
        function([-1, 5], [4, 4])
