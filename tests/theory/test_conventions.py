"""What the formulas are of: rounds as a decoder runs them, costs as they are paid, alpha as it varies."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import positive, probability, quantity, whole
from specdec_lib.theory.speedup import (
    acceptance_rate,
    break_even_alpha,
    expected_rounds,
    expected_tokens,
    optimal_k,
    round_length_law,
    speedup,
)


@cache
def rounds_with_a_shrinking_draft(remaining: int, alpha: Fraction, k: int) -> Fraction:
    """Mean target forwards of a decoder that drafts at most remaining - 1 tokens: all verdicts are listed."""
    if remaining == 0:
        return Fraction(0)
    rounds = Fraction(1)
    for verdicts in itertools.product((True, False), repeat=min(k, remaining - 1)):
        weight = math.prod((alpha if ok else 1 - alpha for ok in verdicts), start=Fraction(1))
        emitted = len(list(itertools.takewhile(bool, verdicts))) + 1
        rounds += weight * rounds_with_a_shrinking_draft(remaining - emitted, alpha, k)
    return rounds


@pytest.mark.parametrize("num_tokens", [0, 1, 2, 3, 5, 9, 16])
@pytest.mark.parametrize("k", [0, 1, 4, 7])
@pytest.mark.parametrize("alpha", [Fraction(0), Fraction(1, 3), Fraction(4, 5), Fraction(1)])
def test_shrinking_the_last_drafts_changes_no_number_of_rounds(alpha, k, num_tokens):
    exact = float(rounds_with_a_shrinking_draft(num_tokens, alpha, k))
    assert expected_rounds(num_tokens, float(alpha), k) == pytest.approx(exact, rel=1e-12)


def test_the_quotient_says_too_few_rounds():
    for num_tokens in (10, 50, 128):
        assert expected_rounds(num_tokens, 0.8, 4) > num_tokens / expected_tokens(0.8, 4) + 0.1


def test_speedup_is_a_ratio_of_expectations():
    """Total tokens over total time tends to it; the mean over rounds of tokens / time does not."""
    draws, alpha, k, c = np.random.default_rng(3), 0.7, 4, 0.1
    lengths = draws.choice(np.arange(1, k + 2), p=round_length_law(alpha, k), size=100_000)
    seconds = 1.0 + k * c + draws.exponential(0.5, size=lengths.size) * (lengths == 1)
    totals = lengths.sum() / seconds.sum()
    assert speedup(alpha, k, c, overhead=seconds.mean() - 1.0 - k * c) == pytest.approx(totals, rel=0.01)
    assert (lengths / seconds).mean() > 1.03 * totals


def test_a_fixed_overhead_asks_for_longer_drafts_and_a_slope_for_shorter_ones():
    assert optimal_k(0.8, 0.05, overhead=0.5) > optimal_k(0.8, 0.05) > optimal_k(0.8, 0.05, verify_slope=0.1)
    assert optimal_k(0.8, 0.05, overhead=5.0) == 0


@pytest.mark.parametrize("c", [0.0, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("slope", [0.0, 0.05, 0.2])
def test_no_k_at_all_helps_up_to_c_plus_slope(c, slope):
    """Not the first k alone: every k up to 64, at 21 values of alpha."""
    for alpha in np.linspace(0.0, 1.0, 21):
        helps = any(speedup(float(alpha), k, c, 1.0 + slope * k) > 1.0 + 1e-12 for k in range(1, 65))
        assert helps == (alpha > c + slope + 1e-12)
        assert (optimal_k(float(alpha), c, slope) > 0) == helps


def test_break_even_pays_for_verification_and_overhead():
    assert break_even_alpha(1, 0.3, v=1.2, overhead=0.1) == pytest.approx(0.6, abs=1e-10)
    assert break_even_alpha(4, 0.1, v=5.0) is None
    assert break_even_alpha(4, 1.0) == pytest.approx(1.0, abs=1e-9)
    assert break_even_alpha(0, 0.5) == 0.0  # nothing drafted is as fast at any alpha


@pytest.mark.parametrize("call", [
    lambda x: break_even_alpha(4, x),
    lambda x: break_even_alpha(4, 0.1, v=x),
    lambda x: break_even_alpha(4, 0.1, overhead=x),
])  # fmt: skip
@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
def test_break_even_refuses_costs_that_are_none(call, bad):
    with pytest.raises(InvalidArgument, match="is a quantity"):
        call(bad)


class TestAlphaAndTemperature:
    """Two models' logits, warped alike: acceptance need not fall, or rise, with temperature."""

    @staticmethod
    def beta(target: list[float], draft: list[float], temperature: float) -> float:
        weights = [np.exp((np.array(logits) - max(logits)) / temperature) for logits in (target, draft)]
        return acceptance_rate(*(w / w.sum() for w in weights))

    def test_it_is_not_monotone(self):
        cold, warm, hot = (self.beta([3.0, 0.0, 0.0], [1.0, 0.9, 0.0], t) for t in (0.001, 1.0, 100.0))
        assert warm < 0.7 < 0.98 < min(cold, hot)

    def test_without_temperature_it_is_whether_the_argmaxes_agree(self):
        assert self.beta([1.0, 0.9], [1.2, 0.1], 0.001) == pytest.approx(1.0)
        assert self.beta([1.0, 0.9], [0.9, 1.0], 0.001) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("value", ["0.5", b"1", True, None, [0.5], np.array([0.1, 0.2]), 10**400])
@pytest.mark.parametrize("check", [probability, quantity, positive])
def test_what_is_no_number_is_refused_and_not_converted(check, value):
    with pytest.raises(InvalidArgument, match=r"^alpha is a "):
        check(value, "alpha")


def test_a_refusal_says_what_came_and_what_to_pass():
    with pytest.raises(InvalidArgument) as caught:
        probability(1.5, "alpha")
    assert str(caught.value) == "alpha is a probability: got 1.5; pass a number in [0, 1]"
    with pytest.raises(InvalidArgument, match=r"^batch .* got 0; pass an integer >= 1$"):
        whole(0, "batch", minimum=1)
