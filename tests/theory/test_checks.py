"""The argument checks: what passes comes back in its plain type, what does not is named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument, SpecDecError
from specdec_lib.theory.checks import distribution, positive, probability, quantity, whole


@pytest.mark.parametrize(("value", "expected"), [(4, 4), (4.0, 4), (np.int64(4), 4), (0, 0), (-0.0, 0)])
def test_whole_numbers_pass_as_int(value: object, expected: int) -> None:
    result = whole(value, "k")
    assert result == expected and type(result) is int


@pytest.mark.parametrize("value", [4.5, math.nan, math.inf, True, "4", None, -1, -1.0])
def test_what_is_not_whole_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^k is a whole number: got .*pass an integer >= 0"):
        whole(value, "k")


def test_a_minimum_of_none_lets_negative_numbers_pass() -> None:
    assert whole(-3, "seed", minimum=None) == -3
    with pytest.raises(InvalidArgument, match=r"pass an integer$"):
        whole(0.5, "seed", minimum=None)


def test_zero_has_one_sign() -> None:
    """-0.0 prints and hashes differently from 0.0."""
    assert str(quantity(-0.0, "temperature")) == "0.0"
    assert str(probability(-0.0, "alpha")) == "0.0"


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, "fast", None])
def test_quantities_are_finite_and_not_negative(value: object) -> None:
    for check in (quantity, positive):
        with pytest.raises(InvalidArgument, match=r"^c is a quantity"):
            check(value, "c")


def test_a_divisor_is_not_zero() -> None:
    assert positive(1e-300, "v") == 1e-300
    with pytest.raises(InvalidArgument, match=r"^v is a divisor"):
        positive(0, "v")


def test_a_distribution_may_carry_float32_rounding_but_no_more() -> None:
    logits = np.random.default_rng(0).normal(size=128_256).astype(np.float32)
    weights = np.exp(logits)
    probs = distribution(weights / weights.sum(), "target_probs")
    assert probs.dtype == np.float64
    with pytest.raises(InvalidArgument, match=r"sum 1\.01"):
        distribution(probs * 1.01, "target_probs")


def test_errors_are_also_the_librarys_own() -> None:
    with pytest.raises(SpecDecError):
        probability(2, "alpha")
    with pytest.raises(ValueError):
        probability(2, "alpha")
