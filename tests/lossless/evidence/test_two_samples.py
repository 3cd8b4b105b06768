"""Two samples of one law: the level whatever binds them, the power that is claimed, pooling that is blind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2_contingency

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.two_samples import homogeneity_test, paired_test

LAW = np.random.default_rng(0).dirichlet(np.full(24, 0.5))
TRIALS, LEVEL = 400, 0.05
MOST = binom.ppf(0.9995, TRIALS, LEVEL)


def pairs(rng: np.random.Generator, bound: str, num: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of outcomes, both by LAW: independent, mostly alike, or as unlike as can be."""
    sums = LAW.cumsum() / LAW.sum()
    first = rng.random(num)
    second = {
        "independent": rng.random(num),
        "alike": np.where(rng.random(num) < 0.8, first, rng.random(num)),
        "opposite": 1 - first,
    }[bound]
    ours, theirs = (np.searchsorted(sums, uniform).clip(0, 23) for uniform in (first, second))
    return ours, theirs


@pytest.mark.parametrize("bound", ["independent", "alike", "opposite"])
def test_pairs_of_one_law_are_rejected_as_often_as_the_level_says(bound):
    rng = np.random.default_rng(1)
    found = [paired_test(*pairs(rng, bound)).p_value < LEVEL for _ in range(TRIALS)]
    assert sum(found) <= MOST
    assert bound == "alike" or sum(found) >= 4


def test_samples_of_one_law_are_rejected_as_often_as_the_level_says():
    rng = np.random.default_rng(2)
    found = [
        homogeneity_test(rng.multinomial(500, LAW), rng.multinomial(1_500, LAW)).p_value < LEVEL
        for _ in range(TRIALS)
    ]
    assert 4 <= sum(found) <= MOST


def test_thousands_of_outcomes_that_come_once_say_nothing():
    """What only one of the two has shown must not be pooled by itself, in whatever order it is counted."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        ours, theirs = rng.integers(50_000, size=(2, 800))
        seen = list(dict.fromkeys([*ours, *theirs]))  # those of the first sample first
        place = {outcome: index for index, outcome in enumerate(seen)}
        numbered = [np.array([place[outcome] for outcome in sample]) for sample in (ours, theirs)]
        assert paired_test(*numbered).p_value > 1e-4
        counts = [np.bincount(sample, minlength=len(seen)) for sample in numbered]
        assert homogeneity_test(*counts).p_value > 1e-4


def test_the_deviation_that_is_claimed_is_rejected():
    rng, level = np.random.default_rng(4), 1e-3
    for test in ("pairs", "samples"):
        caught = []
        for _ in range(100):
            ours = rng.choice(24, 3_000, p=LAW)
            claimed = 0.15
            other = LAW.copy()
            up = np.argsort(LAW)[::-1][:2]
            down = np.setdiff1d(np.arange(24), up)
            other[up] *= 1 + claimed / LAW[up].sum()
            other[down] *= 1 - claimed / LAW[down].sum()
            theirs = rng.choice(24, 3_000, p=other)
            counts = [np.bincount(sample, minlength=24) for sample in (ours, theirs)]
            found = paired_test(ours, theirs, level) if test == "pairs" else homogeneity_test(*counts, level)
            assert found.catches < claimed
            caught.append(found.p_value < level)
        assert sum(caught) >= 97


def test_it_is_pearsons_where_nothing_is_thin():
    counts = np.array([[200, 300, 100], [150, 350, 130]])
    found, known = homogeneity_test(*counts), chi2_contingency(counts, correction=False)
    assert found.statistic == pytest.approx(known.statistic) and found.p_value == pytest.approx(known.pvalue)
    assert found.degrees == 2 and found.method == "asymptotic" and found.num_samples == 1_230


def test_it_is_stuarts_where_nothing_is_thin():
    """Of two cells it is McNemar's: (b − c)² / (b + c)."""
    ours = np.repeat([0, 0, 1, 1], [80, 30, 50, 90])
    theirs = np.repeat([0, 1, 0, 1], [80, 30, 50, 90])
    found = paired_test(ours, theirs)
    assert found.statistic == pytest.approx(20**2 / 80) and found.degrees == 1


def test_pairs_that_agree_are_one_law_and_few_counts_are_permuted():
    alike = np.arange(500) % 5
    assert paired_test(alike, alike).p_value == 1.0
    few = homogeneity_test(np.array([9, 0]), np.array([0, 8]))
    assert few.method == "permutation" and 1e-5 < few.p_value < 1e-3
    assert homogeneity_test(np.array([5, 4]), np.array([4, 5])).p_value > 0.5
    assert homogeneity_test(np.array([5, 0]), np.array([4, 0])).method == "nothing to compare"
    assert paired_test(np.zeros(9, dtype=int), np.zeros(9, dtype=int)).method == "nothing to compare"


def test_samples_that_are_none_are_refused():
    with pytest.raises(InvalidArgument, match="homogeneity"):
        homogeneity_test(np.array([0, 0]), np.array([1, 2]))
    with pytest.raises(InvalidArgument, match="paired test"):
        paired_test(np.array([], dtype=int), np.array([], dtype=int))
