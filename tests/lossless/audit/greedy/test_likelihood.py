"""Rounding or a fault: the chances add up, false alarms keep their level, and faults are found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from specdec_lib.lossless.audit.greedy.likelihood import Likelihood, RoundingLaw, at_least, likelihood_of

NOISE = 0.05


def law(rng, places=600, unit=1e-7):
    return RoundingLaw(rng.normal(scale=NOISE, size=places), places, unit, slack=1.0)


def test_two_tokens_alike_are_taken_by_halves():
    made = law(np.random.default_rng(0))
    assert made.flips([0.0]) == pytest.approx(0.5)
    still = RoundingLaw(np.zeros(10), 10, 1e-7)  # a convention may take the other one all the same
    assert still.flips([0.0]) == pytest.approx(0.25)


def test_a_flip_is_rarer_the_wider_the_gap_and_as_often_as_noise_reaches_it():
    made = law(np.random.default_rng(0), places=20_000)
    gaps = np.array([0.0, 0.5, 1.0, 2.0]) * NOISE
    assert made.flips(gaps) == pytest.approx([0.5, 0.3085, 0.1587, 0.0228], abs=0.01)
    wide = made.flips(np.linspace(0, 40 * NOISE, 300))
    assert (np.diff(wide) <= 0).all() and wide[-1] < 1e-6


def test_slack_and_the_last_place_make_noise_larger():
    quiet = RoundingLaw(np.full(100, 0.01), 100, 1e-7, slack=1.0)
    assert quiet.largest == 0.01 and RoundingLaw(quiet.noise, 100, 1e-7, slack=3.0).largest == 0.03
    still = RoundingLaw(np.zeros(100), 100, 0.5)
    assert still.largest == 0.5 and still.flips([0.5])[0] == pytest.approx(1 / 202)


def test_noise_that_equals_a_gap_leaves_a_tie():
    """In half precision logits stand on a grid: a step of noise over a step of gap makes two logits equal."""
    grid = RoundingLaw(np.array([0.0, 0.0, 0.25, -0.25]), 4, 1e-7, slack=1.0)
    assert grid.flips([0.25]) == pytest.approx(max(2 / 16, 0.1))


def test_at_least_is_the_tail_of_independent_trials():
    chances = [0.1, 0.5, 0.9, 0.3]
    tail = np.zeros(5)
    for outcome in itertools.product((0, 1), repeat=4):
        weight = np.prod([c if hit else 1 - c for c, hit in zip(chances, outcome, strict=True)])
        tail[: sum(outcome) + 1] += weight
    assert [at_least(chances, n) for n in range(5)] == pytest.approx(tail.tolist())
    assert at_least([], 0) == 1.0 and at_least(chances, 5) == 0.0


def world(rng, texts=30, places=40, shift=0.0, rate=0.0):
    """Gaps of texts, and where they part: by noise, by ``shift`` times more of it, or at any place alike."""
    gaps = [np.abs(rng.normal(scale=1.5, size=places)) for _ in range(texts)]
    behind = []
    for row in gaps:
        noise = rng.normal(scale=NOISE * (1 + shift), size=places)
        parts = np.flatnonzero((noise > row) | (rng.random(places) < rate))
        behind += [float(row[parts[0]])] if len(parts) else []
    return likelihood_of(law(rng), gaps, behind)


def test_rounding_alone_is_called_a_fault_no_more_often_than_the_level_says():
    rng = np.random.default_rng(1)
    found = [world(rng) for _ in range(300)]
    for level in (0.01, 0.05):
        for name in ("p_of_gaps", "p_of_rate"):
            alarms = sum(getattr(one, name) <= level for one in found)
            assert alarms <= 300 * level + 3 * (300 * level) ** 0.5, name
    assert np.mean([one.num_parted for one in found]) == pytest.approx(
        np.mean([one.expected for one in found]), rel=0.1
    )
    assert sum(one.log_ratio > np.log(10) for one in found) > 290


def test_a_fault_anywhere_shows_in_the_gaps():
    rng = np.random.default_rng(2)
    found = [world(rng, rate=0.01) for _ in range(50)]
    assert sum(one.p_of_gaps <= 5e-4 for one in found) >= 45


def test_too_many_ties_show_in_the_rate_alone():
    rng = np.random.default_rng(3)
    gaps = [np.full(40, 1.0) for _ in range(200)]
    for row in gaps:
        row[5] = 1.6 * NOISE  # one near tie a text: half of them flip where one in twenty should
    found = likelihood_of(law(rng), gaps, [1.6 * NOISE] * 100)
    assert found.p_of_gaps > 0.5 and found.p_of_rate < 1e-20 and found.log_ratio > 0


def test_equal_logits_are_no_matter_of_rate():
    """Another convention takes the other token of every tie: as many as there are."""
    gaps = [np.array([1.0, 0.0, 1.0]) for _ in range(50)]
    found = likelihood_of(law(np.random.default_rng(0)), gaps, [0.0] * 50)
    assert found.num_parted == 0 and found.p_of_rate == 1.0 and found.expected < 0.1
    assert found.log_ratio > np.log(10)


def test_nothing_that_parts_is_no_evidence():
    found = likelihood_of(law(np.random.default_rng(0)), [np.ones(5)], [])
    assert found.p_of_gaps == 1.0 and found.log_ratio == 0.0 and found.p_of_rate == 1.0


def test_an_infinite_gap_is_never_rounding():
    found = likelihood_of(law(np.random.default_rng(0)), [np.ones(5)], [np.inf])
    assert found.ratios.tolist() == [0.0] and found.p_of_gaps == 0.0


def test_some_of_the_partings_may_be_a_faults_and_others_ties():
    """The chances of either over those of rounding, on average over shares, bound the probability."""
    ratios = np.array([40.0, 20.0, 1e-4])
    shares = np.array([0.05, 0.1, 0.2, 0.5, 1.0])[:, None]
    expected = np.prod(1 - shares + shares / ratios, axis=1).mean()
    found = Likelihood(ratios, 0.01, np.full(9, 0.5), 3)
    assert found.p_of_gaps == pytest.approx(1 / expected) and expected > 100
    assert Likelihood(np.array([20.0]), 0.01, np.full(9, 0.5), 1).p_of_gaps == 1.0
