"""Drafts of any kind against enumeration of their rounds, against the plain law, and at their limits."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.drafts import (
    break_even_keep,
    draft_speedup,
    fading,
    implied_round_cost,
    tokens_along,
)
from specdec_lib.theory.speedup import expected_tokens, optimal_k, speedup

UNEVEN = [Fraction(9, 10), Fraction(1, 2), Fraction(0), Fraction(1, 3)]


@pytest.mark.parametrize("length", range(5))
def test_tokens_are_what_the_listed_verdicts_emit(length):
    alphas, mean = UNEVEN[:length], Fraction(0)
    for verdicts in itertools.product((True, False), repeat=length):
        chances = (a if ok else 1 - a for a, ok in zip(alphas, verdicts, strict=True))
        kept = sum(1 for _ in itertools.takewhile(bool, verdicts))
        mean += math.prod(chances, start=Fraction(1)) * (kept + 1)
    assert tokens_along([float(a) for a in alphas]) == pytest.approx(float(mean), rel=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("k", [0, 1, 4, 9])
def test_equal_places_are_the_plain_law(alpha, k):
    alphas = fading(alpha, 1.0, k)
    assert tokens_along(alphas) == pytest.approx(expected_tokens(alpha, k))
    assert draft_speedup(alphas, 0.1 * k, 1.2, 0.05) == pytest.approx(speedup(alpha, k, 0.1, 1.2, 0.05))


def test_fading_falls_by_the_same_share_from_place_to_place():
    assert fading(0.8, 0.5, 3) == [0.8, 0.4, 0.2]
    assert fading(0.8, 0.5, 0) == []
    assert fading(0.8, 0.0, 3) == [0.8, 0.0, 0.0]


@pytest.mark.parametrize("slope", [0.0, 0.05])
@pytest.mark.parametrize(("alpha", "c", "once"), [(0.8, 0.1, 0.1), (0.8, 0.05, 0.2), (0.9, 0.15, 0.15)])
def test_at_the_break_even_both_drafts_are_as_fast(alpha, c, once, slope):
    keep = break_even_keep(alpha, c, once, slope)
    ks = range(1, 17)
    sequential = max(speedup(alpha, k, c, 1 + slope * k) for k in ks)
    parallel = max(draft_speedup(fading(alpha, keep, k), once, 1 + slope * k) for k in ks)
    assert 0.0 < keep < 1.0 and parallel == pytest.approx(sequential, rel=1e-9)


def test_the_break_even_has_two_ends():
    assert break_even_keep(0.5, 0.05, 2.0) is None
    assert optimal_k(0.5, 0.45) == 1  # one place is best for the sequential draft, and the parallel pays less
    assert break_even_keep(0.5, 0.45, 0.4) == 0.0


def test_a_dearer_sequential_draft_leaves_more_to_lose():
    keeps = [break_even_keep(0.8, c, 0.1) for c in (0.02, 0.05, 0.1, 0.2)]
    assert keeps == sorted(keeps, reverse=True) and keeps[0] > keeps[-1]


def test_a_round_costs_what_a_round_of_the_law_costs():
    cost = implied_round_cost(expected_tokens(0.8, 4), speedup(0.8, 4, 0.05, 1.1, 0.02))
    assert cost == pytest.approx(4 * 0.05 + 1.1 + 0.02)


@pytest.mark.parametrize(
    "call",
    [
        lambda: tokens_along([0.5, 1.5]),
        lambda: tokens_along([math.nan]),
        lambda: draft_speedup([0.5], -0.1),
        lambda: draft_speedup([0.5], 0.1, v=0.0),
        lambda: fading(0.5, 1.1, 3),
        lambda: fading(0.5, 0.9, -1),
        lambda: break_even_keep(0.5, 0.1, 0.1, k_max=0),
        lambda: break_even_keep(0.5, 0.1, -0.1),
        lambda: implied_round_cost(0.9, 1.5),
        lambda: implied_round_cost(2.0, 0.0),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(InvalidArgument):
        call()


def test_a_bad_acceptance_is_named_by_its_place():
    with pytest.raises(InvalidArgument, match=r"alphas\[1\]"):
        tokens_along([0.5, -0.1])
