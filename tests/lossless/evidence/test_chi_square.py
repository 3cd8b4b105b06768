"""Chi-square: against scipy, at its edges, its power against simulation; and the bound on the distance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.chi_square import (
    chi_square_test,
    deviation_caught,
    pool_thin_cells,
    samples_to_catch,
    variation_bound,
)

LAW = np.array([0.1, 0.2, 0.3, 0.4])


def test_statistic_and_p_value_are_those_of_scipy():
    counts = np.array([12, 25, 33, 30])
    ours, theirs = chi_square_test(counts, LAW), chisquare(counts, LAW * 100)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (ours.degrees, ours.num_samples, ours.method) == (3, 100, "asymptotic")


def test_an_impossible_outcome_refutes():
    test = chi_square_test(np.array([50, 50, 1]), np.array([0.5, 0.5, 0.0]))
    assert (test.p_value, test.method) == (0.0, "impossible outcome")
    assert chi_square_test(np.array([50, 50, 0]), np.array([0.5, 0.5, 0.0])).degrees == 1


def test_thin_cells_get_a_monte_carlo_p_value_that_is_uniform_under_the_law():
    rng, law = np.random.default_rng(0), np.array([0.9, 0.06, 0.03, 0.01])
    tests = [chi_square_test(rng.multinomial(40, law), law, draws=400, seed=s) for s in range(200)]
    assert {test.method for test in tests} == {"Monte Carlo"}
    assert 0.02 < np.mean([test.p_value <= 0.1 for test in tests]) < 0.2
    assert min(test.p_value for test in tests) >= 1 / 401


def test_a_monte_carlo_p_value_is_small_where_the_law_is_wrong():
    law = np.array([0.9, 0.06, 0.03, 0.01])
    assert chi_square_test(np.array([10, 10, 10, 10]), law, draws=2000).p_value == pytest.approx(1 / 2001)


def test_the_claimed_power_is_there():
    """At N = samples_to_catch, the hardest law at that distance is rejected in about 99 of 100 trials."""
    deviation, cells, rng = 0.1, 8, np.random.default_rng(1)
    law = np.full(cells, 1 / cells)
    hard = law * (1 + 2 * deviation * np.resize([1, -1], cells))  # equal relative error everywhere
    assert np.abs(hard - law).sum() / 2 == pytest.approx(deviation)
    num = samples_to_catch(deviation, cells, level=1e-3)
    rejected = [chi_square_test(rng.multinomial(num, hard), law).p_value < 1e-3 for _ in range(400)]
    assert 0.96 < np.mean(rejected) <= 1.0


def test_samples_and_deviation_are_inverse():
    num = samples_to_catch(0.02, 64)
    assert deviation_caught(num, 64) == pytest.approx(0.02, rel=1e-3)
    assert deviation_caught(4 * num, 64) == pytest.approx(0.01, rel=1e-3)
    assert deviation_caught(1, 64) == 1.0


def test_pooling_keeps_the_totals_and_follows_the_law_alone():
    rng = np.random.default_rng(2)
    law = rng.dirichlet(np.full(40, 0.3))
    counts = rng.multinomial(300, law).astype(float)
    pooled, chances = pool_thin_cells(counts, law, 10)
    assert pooled.sum() == 300 and chances.sum() == pytest.approx(1)
    assert (300 * chances >= 10).all() and len(pooled) < 40
    assert len(pool_thin_cells(counts, law, 1000)[0]) == 1


def test_pooling_keeps_impossible_outcomes_apart():
    law = np.array([0.0, 0.01, 0.0, 0.49, 0.5])
    pooled, chances = pool_thin_cells(np.array([1.0, 2, 3, 45, 49]), law, 10)
    assert pooled.tolist() == [47, 49, 4] and chances.tolist() == [0.5, 0.5, 0.0]
    assert chi_square_test(pooled, chances).method == "impossible outcome"
    clean, _ = pool_thin_cells(np.array([0.0, 2, 0, 48, 50]), law, 10)
    assert clean.tolist() == [50, 50, 0]


@pytest.mark.parametrize(
    ("counts", "law"),
    [([0, 0], [0.5, 0.5]), ([1, 1], [0.5, 0.6]), ([1, 1], [-0.5, 1.5])],
)
def test_what_is_no_sample_or_no_law_is_refused(counts, law):
    with pytest.raises(InvalidArgument, match="chi-square"):
        chi_square_test(np.array(counts, dtype=float), np.array(law))


@pytest.mark.parametrize("bad", [{"deviation": 0.0}, {"num_cells": 1}, {"level": 1.0}, {"power": 0.0}])
def test_power_outside_of_sense_is_refused(bad):
    with pytest.raises(InvalidArgument, match="power"):
        samples_to_catch(**({"deviation": 0.1, "num_cells": 4} | bad))


def test_no_samples_catch_nothing():
    with pytest.raises(InvalidArgument, match="num_samples"):
        deviation_caught(0, 4)


def test_the_bound_holds_and_shrinks():
    rng = np.random.default_rng(0)
    law = rng.dirichlet(np.ones(20))
    other = 0.9 * law + 0.1 * rng.dirichlet(np.ones(20))
    distance = np.abs(law - other).sum() / 2
    held = [variation_bound(rng.multinomial(2000, other), law, 0.95).bound >= distance for _ in range(200)]
    assert np.mean(held) >= 0.95
    wide, narrow = (variation_bound(rng.multinomial(n, law), law).bound for n in (1_000, 100_000))
    assert narrow < wide / 5


def test_a_bound_needs_samples():
    with pytest.raises(InvalidArgument, match="variation bound"):
        variation_bound(np.zeros(3), np.full(3, 1 / 3))
