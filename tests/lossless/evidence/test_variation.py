"""Intervals for a distance: they hold it as often as they say, and what is far off is not held to be near."""

from __future__ import annotations

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.variation import interval_between, interval_to_law, pooled_groups


def laws(cells: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Two laws at that total variation."""
    rng = np.random.default_rng(cells)
    law, other = rng.dirichlet(np.full(cells, 0.5), size=2)
    weight = distance / (np.abs(law - other).sum() / 2)
    return law, law + weight * (other - law)


@pytest.mark.parametrize("distance", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("cells", [4, 60])
def test_the_distance_lies_in_the_interval_as_often_as_it_says(cells, distance):
    rng, (law, other) = np.random.default_rng(1), laws(cells, distance)
    missed = np.zeros(2)
    for _ in range(100):
        ours, theirs = rng.multinomial(1_000, other, size=2), rng.multinomial(1_000, law, size=2)
        for index, found in enumerate((interval_to_law(ours, law, 0.9), interval_between(ours, theirs, 0.9))):
            missed[index] += not found.low <= distance + 1e-12 <= found.high + 2e-12
            assert found.low <= found.estimate <= found.high
    assert (missed <= 18).all()


def test_what_is_far_off_is_bounded_from_below_and_estimated():
    rng, (law, other) = np.random.default_rng(2), laws(20, 0.3)
    ours, theirs = rng.multinomial(2_000, other, size=2), rng.multinomial(2_000, law, size=2)
    told, compared = interval_to_law(ours, law), interval_between(ours, theirs)
    assert told.low > 0.22 and told.estimate == pytest.approx(0.3, abs=0.03)
    assert compared.low > 0.18 and compared.estimate == pytest.approx(0.3, abs=0.03)
    assert told.high < 0.42 and told.num_samples == 4_000 and told.confidence == 0.9999


def test_groups_hold_what_they_should_and_ties_are_broken_by_lot():
    counts = np.array([1, 50, 3, 2, 1, 1, 90])
    groups = pooled_groups(counts, 5)
    assert (np.bincount(groups, weights=counts) >= 5).all() and groups.max() == 2
    assert set(pooled_groups(np.ones(3), 20)) == {0}
    first = pooled_groups(np.ones(100), 10)[:50]
    assert len(set(first.tolist())) > 8  # not the first fifty in five groups of their own


@pytest.mark.unchecked
def test_what_is_no_sample_is_refused():
    law = np.array([0.5, 0.5])
    for halves in (np.array([[1, 2], [0, 0]]), np.array([[1, 2, 3], [1, 2, 3]])):
        with pytest.raises(InvalidArgument, match="variation interval"):
            interval_to_law(halves, law)
    with pytest.raises(InvalidArgument, match="confidence"):
        interval_between(np.ones((2, 2)), np.ones((2, 2)), 1.0)
