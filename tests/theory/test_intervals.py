"""Intervals from counts: they hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.intervals import ratio_interval, share_interval
from specdec_lib.theory.speedup import alpha_interval, round_length_law


def test_wilson_holds_the_truth_about_as_often_as_it_says():
    drawn = np.random.default_rng(1).binomial(40, 0.8, size=2000)
    inside = [low <= 0.8 <= high for low, high in (share_interval(int(k), 40) for k in drawn)]
    assert 0.93 <= np.mean(inside) <= 0.975
    assert share_interval(32, 40) == alpha_interval(32, 8)


def test_wilson_is_no_point_where_everything_succeeded():
    low, high = share_interval(10, 10)
    assert 0.6 < low < 0.8 and high == pytest.approx(1.0)


def test_the_delta_method_holds_the_truth_about_as_often_as_it_says():
    draws, k, alpha, rounds = np.random.default_rng(2), 4, 0.7, 200
    truth, inside = alpha + alpha**2 + alpha**3 + alpha**4, []
    for _ in range(1000):
        a = draws.choice(k + 1, p=round_length_law(alpha, k), size=rounds).astype(float)
        ends = ratio_interval(a.sum(), rounds, ((a * a).sum(), a.sum(), rounds), rounds)
        inside.append(ends is not None and ends[0] <= truth <= ends[1])
    assert 0.93 <= np.mean(inside) <= 0.97


def test_one_round_has_no_interval():
    assert ratio_interval(1.0, 1.0, (1.0, 1.0, 1.0), 1) is None


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(InvalidArgument, match="trials is a whole number"):
        share_interval(1, 0)
    with pytest.raises(InvalidArgument, match="5 successes of 4 trials"):
        share_interval(5, 4)
    with pytest.raises(InvalidArgument, match="nothing to divide by"):
        ratio_interval(1.0, 0.0, (1.0, 1.0, 1.0), 5)
