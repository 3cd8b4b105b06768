"""Intervals resample prompts, keep pairs together, and cover what they should."""

from __future__ import annotations

import numpy as np
import pytest

from specdec_lib.bench.tables.bootstrap import bootstrap_interval, by_prompt, resampled_totals
from specdec_lib.errors import InvalidArgument


def ratio(totals: np.ndarray) -> np.ndarray:
    return totals[:, 0] / totals[:, 1]


def test_the_estimate_is_a_ratio_of_totals() -> None:
    prompts = [np.array([[1.0, 1.0]]), np.array([[9.0, 3.0]])]
    estimate, low, high = bootstrap_interval([prompts], ratio)
    assert estimate == pytest.approx(10 / 4)  # not the mean of 1 and 3
    assert 1.0 <= low <= estimate <= high <= 3.0


def test_a_drift_that_slows_both_arms_alike_cancels() -> None:
    slow = np.exp(np.random.default_rng(0).normal(size=(8, 3)))
    prompts = [np.stack([2.0 * rows, rows], axis=1) for rows in slow]
    assert bootstrap_interval([prompts], ratio) == pytest.approx((2.0, 2.0, 2.0))


def test_resamples_draw_prompts_and_then_their_own_repeats() -> None:
    prompts = [np.array([[1.0], [2.0]]), np.array([[10.0]]), np.array([[100.0], [200.0], [300.0]])]
    totals = resampled_totals(prompts, 4000, np.random.default_rng(0))[:, 0]
    expected = sum(rows.sum() for rows in prompts)
    assert totals.mean() == pytest.approx(expected, rel=0.03)
    assert totals.min() == 3 * 2 * 1.0 and 3 * 600.0 < totals.max() <= 3 * 3 * 300.0
    all_from_the_second = totals == 30.0
    assert all_from_the_second.mean() == pytest.approx(1 / 27, abs=0.02)


def test_repeats_of_one_prompt_are_not_independent_prompts() -> None:
    generator = np.random.default_rng(1)
    levels = generator.normal(10.0, 3.0, size=6)
    prompts = [np.stack([np.full(50, level), np.ones(50)], axis=1) for level in levels]
    _, low, high = bootstrap_interval([prompts], ratio)
    standard_error = levels.std() / np.sqrt(6)
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.15)


def test_turns_of_one_chat_are_not_independent_prompts() -> None:
    names = ("7/turn1", "7/turn1", "7/turn2", "8", "9/turn1")
    (group,) = by_prompt((("talk", name), [float(place), 1.0]) for place, name in enumerate(names))
    assert [rows[:, 0].tolist() for rows in group] == [[0.0, 1.0, 2.0], [3.0], [4.0]]


def test_groups_are_resampled_apart() -> None:
    low_group = [np.array([[1.0, 1.0]])] * 3
    high_group = [np.array([[9.0, 1.0]])] * 3
    assert bootstrap_interval([low_group, high_group], ratio) == (5.0, 5.0, 5.0)


def test_the_interval_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for trial in range(200):
        x = generator.gamma(9.0, 1.0, size=(30, 1, 1))
        prompts = list(np.concatenate([2.0 * x + generator.normal(size=x.shape), x], axis=2))
        _, low, high = bootstrap_interval([prompts], ratio, level=0.9, draws=400, seed=trial)
        hits += low <= 2.0 <= high
    assert 0.83 <= hits / 200 <= 0.96


def test_the_same_seed_gives_the_same_interval() -> None:
    prompts = [np.array([[np.sqrt(i), 1.0]]) for i in range(9)]
    assert bootstrap_interval([prompts], ratio, seed=3) == bootstrap_interval([prompts], ratio, seed=3)
    assert bootstrap_interval([prompts], ratio, seed=3) != bootstrap_interval([prompts], ratio, seed=4)


@pytest.mark.parametrize("groups", [[], [[]], [[np.empty((0, 2))]]])
def test_nothing_to_resample_is_refused(groups: list) -> None:
    with pytest.raises(InvalidArgument, match="at least one prompt"):
        bootstrap_interval(groups, ratio)


def test_a_level_must_be_a_share() -> None:
    with pytest.raises(InvalidArgument, match="level is 95"):
        bootstrap_interval([[np.ones((1, 2))]], ratio, level=95)
