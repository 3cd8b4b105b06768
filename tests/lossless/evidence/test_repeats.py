"""Answers that know those before them; and how many different ones there should be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.repeats import _over_orders, expected_distinct, serial_test


@pytest.mark.parametrize("lag", [1, 2])
def test_mean_and_variance_are_those_over_all_orders(lag):
    answers = "aaabbc"
    seen = [
        sum(a == b for a, b in zip(order, order[lag:], strict=False))
        for order in itertools.permutations(answers)
    ]
    mean, variance = _over_orders([3, 2, 1], lag)
    assert mean == pytest.approx(np.mean(seen)) and variance == pytest.approx(np.var(seen))


@pytest.mark.parametrize("cells", [2, 30, 3_000])
def test_independent_answers_are_rejected_as_often_as_the_level_says(cells):
    rng, trials = np.random.default_rng(cells), 200
    law = rng.dirichlet(np.full(cells, 0.5))
    found = [serial_test([rng.choice(cells, 300, p=law).tolist()]).p_value < 0.05 for _ in range(trials)]
    assert sum(found) <= binom.ppf(0.9995, trials, 0.05)


@pytest.mark.parametrize("lag", [1, 5])
def test_an_answer_that_comes_again_is_found_where_it_does(lag):
    rng = np.random.default_rng(1)
    answers = rng.integers(30, size=600).tolist()
    for index in range(lag, 600):
        if rng.random() < 0.25:
            answers[index] = answers[index - lag]
    found = serial_test([answers])
    assert found.p_value < 1e-6 and found.lag == lag and found.equal > 1.5 * found.expected
    both = serial_test([answers[:300], answers[300:]])
    assert both.p_value < 1e-6 and both.num_pairs == 600 - 2 * lag


def test_answers_that_are_all_alike_have_no_order():
    assert serial_test([["a"] * 100]).p_value == 1.0
    with pytest.raises(InvalidArgument, match="two answers"):
        serial_test([["a"], []])


def test_different_outcomes_are_expected_as_they_come():
    rng, law = np.random.default_rng(2), np.random.default_rng(3).dirichlet(np.full(50, 0.3))
    seen = [len(set(rng.choice(50, 40, p=law).tolist())) for _ in range(400)]
    assert expected_distinct(law, 40) == pytest.approx(np.mean(seen), abs=0.5)
    assert expected_distinct([1.0, 0.0], 5) == 1.0
