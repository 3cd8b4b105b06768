"""The closed forms against enumeration of single rounds, exact rational arithmetic, and published numbers."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import (
    acceptance_rate,
    alpha_interval,
    break_even_alpha,
    draft_cost_for,
    estimate_alpha,
    expected_accepted,
    expected_rounds,
    expected_tokens,
    operations_factor,
    optimal_k,
    round_length_law,
    speedup,
    tokens_variance,
)

ALPHAS = [0.0, 0.1, 0.37, 0.5, 0.8, 0.95, 1.0]
KS = [0, 1, 2, 3, 5]


def enumerated_rounds(alpha: Fraction, k: int) -> dict[int, Fraction]:
    """Law of a round's length by listing all 2^k accept/reject outcomes: the rejected tail is discarded."""
    law: dict[int, Fraction] = {}
    for outcome in itertools.product((True, False), repeat=k):
        weight = math.prod((alpha if accepted else 1 - alpha for accepted in outcome), start=Fraction(1))
        tokens = 1 + sum(1 for _ in itertools.takewhile(bool, outcome))
        law[tokens] = law.get(tokens, Fraction(0)) + weight
    return law


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("alpha", ALPHAS)
class TestRoundLength:
    def test_law_equals_enumeration(self, alpha: float, k: int) -> None:
        exact = enumerated_rounds(Fraction(alpha), k)
        law = round_length_law(alpha, k)
        assert law.shape == (k + 1,)
        for tokens in range(1, k + 2):
            assert law[tokens - 1] == pytest.approx(float(exact[tokens]), abs=1e-15)

    def test_mean_equals_enumeration(self, alpha: float, k: int) -> None:
        exact = sum(n * weight for n, weight in enumerated_rounds(Fraction(alpha), k).items())
        assert expected_tokens(alpha, k) == pytest.approx(float(exact), rel=1e-14)
        assert expected_accepted(alpha, k) == pytest.approx(float(exact) - 1, rel=1e-13, abs=1e-14)

    def test_variance_equals_enumeration_and_the_published_second_moment(self, alpha: float, k: int) -> None:
        law = enumerated_rounds(Fraction(alpha), k)
        mean = sum(n * weight for n, weight in law.items())
        exact = sum(n * n * weight for n, weight in law.items()) - mean**2
        assert tokens_variance(alpha, k) == pytest.approx(float(exact), rel=1e-12, abs=1e-14)
        second_moment = sum((2 * j + 1) * Fraction(alpha) ** j for j in range(k + 1))
        assert second_moment - mean**2 == exact

    @pytest.mark.parametrize("num_tokens", [0, 1, 2, 3, 4, 7, 11])
    def test_rounds_equal_enumeration_of_all_sequences_of_rounds(
        self, alpha: float, k: int, num_tokens: int
    ) -> None:
        law = enumerated_rounds(Fraction(alpha), k)

        def rounds_from(emitted: int) -> Fraction:
            """Forwards over every continuation: each one is listed, none is cut before its end."""
            if emitted >= num_tokens:
                return Fraction(0)
            return 1 + sum((w * rounds_from(emitted + n) for n, w in law.items() if w), Fraction(0))

        assert expected_rounds(num_tokens, alpha, k) == pytest.approx(float(rounds_from(0)), rel=1e-12)


def test_expected_tokens_keeps_its_digits_next_to_alpha_one() -> None:
    """The textbook quotient loses most digits at 1 - 1e-13; the sum of powers, in rationals, does not."""
    alpha = 1 - 1e-13
    exact = sum(Fraction(alpha) ** j for j in range(9))
    assert expected_tokens(alpha, 8) == pytest.approx(float(exact), rel=1e-15)
    sum_of_squares = 8 * 9 * 17 / 6  # a rejection at position j costs 9 - j tokens
    assert tokens_variance(alpha, 8) == pytest.approx((1 - alpha) * sum_of_squares, rel=1e-3)


@pytest.mark.parametrize(("alpha", "k"), [(0.3, 2), (0.8, 4), (0.99, 7)])
def test_rounds_approach_the_renewal_limit_from_above(alpha: float, k: int) -> None:
    """R(n) - n / E[N] tends to (E[N^2] - E[N]) / (2 E[N]^2), the mean overshoot in rounds; never below 0."""
    mean, variance = expected_tokens(alpha, k), tokens_variance(alpha, k)
    excess = (variance + mean**2 - mean) / (2 * mean**2)
    assert expected_rounds(3000, alpha, k) - 3000 / mean == pytest.approx(excess, rel=1e-6)
    assert all(expected_rounds(n, alpha, k) >= n / mean for n in range(40))


def test_rounds_of_certain_acceptance_are_the_ceiling() -> None:
    assert [expected_rounds(n, 1.0, 4) for n in (0, 1, 5, 6, 10, 11)] == [0, 1, 1, 2, 2, 3]
    assert expected_rounds(7, 0.0, 4) == 7
    assert expected_rounds(7, 0.9, 0) == 7
    assert expected_rounds(2, 0.6, 3) == pytest.approx(2 - 0.6)


class TestSpeedup:
    @pytest.mark.parametrize(
        ("c", "k", "expected"),
        [
            (0.05, 4, [1.19, 1.61, 2.31, 3.41]),
            (0.1, 4, [1.02, 1.38, 1.98, 2.93]),
            (0.2, 4, [0.79, 1.08, 1.54, 2.28]),
            (0.1, 8, [0.79, 1.11, 1.78, 3.40]),
        ],
    )
    def test_table(self, c: float, k: int, expected: list[float]) -> None:
        assert [round(speedup(alpha, k, c), 2) for alpha in (0.3, 0.5, 0.7, 0.9)] == expected

    def test_one_draft_forward_is_not_the_whole_rounds_draft_time(self) -> None:
        """The popular formula with c per forward says 3.20 where the truth is 2.80."""
        assert round(speedup(0.8, 4, 0.05), 2) == 2.80
        assert round((expected_accepted(0.8, 4) + 1) / (1 + 0.05), 2) == 3.20

    def test_terms_of_the_denominator(self) -> None:
        tokens = expected_tokens(0.7, 3)
        assert speedup(0.7, 3, 0.1, v=1.4, overhead=0.2) == pytest.approx(tokens / (0.3 + 1.4 + 0.2))
        assert speedup(0.7, 0, 0.1) == 1.0
        assert speedup(1, 4, 0) == 5.0  # integers are numbers, too

    @pytest.mark.parametrize("alpha", [0.06, 0.4, 0.9, 1.0])
    def test_one_token_helps_whenever_alpha_exceeds_c(self, alpha: float) -> None:
        best = speedup(alpha, optimal_k(alpha, 0.05), 0.05)
        assert best >= (1 + alpha) / 1.05 - 1e-12 > 1


class TestOptimalK:
    @pytest.mark.parametrize(
        ("alpha", "c", "k", "expected"),
        [
            (0.5, 0.05, 3, 1.630),
            (0.5, 0.1, 2, 1.458),
            (0.7, 0.05, 6, 2.353),
            (0.7, 0.1, 4, 1.981),
            (0.8, 0.05, 8, 3.092),
            (0.8, 0.1, 6, 2.470),
            (0.8, 0.3, 3, 1.554),
            (0.9, 0.1, 10, 3.431),
        ],
    )
    def test_table(self, alpha: float, c: float, k: int, expected: float) -> None:
        assert optimal_k(alpha, c) == k
        assert round(speedup(alpha, k, c), 3) == expected

    @pytest.mark.parametrize("slope", [0.0, 0.05, 0.3])
    @pytest.mark.parametrize("c", [0.05, 0.1, 0.25])
    def test_nothing_helps_exactly_up_to_c_plus_slope(self, c: float, slope: float) -> None:
        assert optimal_k(c + slope - 1e-6, c, slope) == 0
        assert optimal_k(c + slope, c, slope) == 0  # a tie with not speculating, rounding included
        assert optimal_k(c + slope + 1e-6, c, slope) == 1

    @pytest.mark.parametrize("overhead", [0.0, 0.1, 0.6])
    @pytest.mark.parametrize("alpha", [0.2, 0.65, 0.93, 1.0])
    def test_is_the_smallest_best(self, alpha: float, overhead: float) -> None:
        values = [1.0] + [speedup(alpha, k, 0.07, 1 + 0.02 * k, overhead) for k in range(1, 65)]
        best = optimal_k(alpha, 0.07, 0.02, overhead)
        assert values[best] == pytest.approx(max(values))
        assert all(value < values[best] for value in values[:best])

    def test_ends_of_the_range(self) -> None:
        assert optimal_k(1.0, 0.1, k_max=16) == 16
        assert optimal_k(1.0, 1.0) == 0  # a draft as slow as its target ties at every k
        assert optimal_k(0.9, 0.1, k_max=0) == 0
        assert optimal_k(0.0, 0.0) == 0


class TestBreakEven:
    def test_published_value(self) -> None:
        alpha = break_even_alpha(4, 0.5)
        assert alpha is not None and round(alpha, 3) == 0.741
        assert speedup(alpha, 4, 0.5) == pytest.approx(1.0, abs=1e-10)

    def test_one_token_breaks_even_at_c(self) -> None:
        assert break_even_alpha(1, 0.2) == pytest.approx(0.2, abs=1e-11)

    def test_free_and_hopeless_drafts(self) -> None:
        assert break_even_alpha(3, 0.0) == 0.0
        assert break_even_alpha(2, 1.5) is None

    @pytest.mark.parametrize(("c", "v", "overhead"), [(0.1, 1.0, 0.0), (0.3, 1.2, 0.1), (0.9, 1.05, 0.0)])
    def test_two_tokens_break_even_at_the_root_of_a_quadratic(
        self, c: float, v: float, overhead: float
    ) -> None:
        """1 + a + a^2 = cost, solved by the school formula."""
        cost = 2 * c + v + overhead
        assert break_even_alpha(2, c, v, overhead) == pytest.approx((math.sqrt(4 * cost - 3) - 1) / 2)


class TestDraftCost:
    @pytest.mark.parametrize(
        ("c", "k", "alpha", "gain"), [(0.05, 3, 0.5, 1.630), (0.1, 4, 0.7, 1.981), (0.3, 3, 0.8, 1.554)]
    )
    def test_gives_back_the_c_of_the_published_table(
        self, c: float, k: int, alpha: float, gain: float
    ) -> None:
        assert draft_cost_for(gain, alpha, k) == pytest.approx(c, abs=1e-3)

    def test_by_hand(self) -> None:
        """1 + 1/2 + 1/4 = 7/4 tokens in 7/5 forwards are 5/4; 7/5 - 1.1 - 0.1 leaves 0.2 for two drafts."""
        assert draft_cost_for(1.25, 0.5, 2, v=1.1, overhead=0.1) == pytest.approx(0.1)

    def test_a_free_draft_and_what_not_even_that_reaches(self) -> None:
        assert draft_cost_for(1.75, 0.5, 2) == 0.0
        assert draft_cost_for(1.76, 0.5, 2) is None


class TestAcceptanceRate:
    # The worked round: (target_probs, draft_probs, drafted token) at positions 1..4.
    ROUND = (
        ([0.06, 0.04, 0.75, 0.10, 0.05], [0.08, 0.05, 0.70, 0.12, 0.05], 2),
        ([0.05, 0.04, 0.03, 0.80, 0.08], [0.08, 0.05, 0.04, 0.75, 0.08], 3),
        ([0.10, 0.05, 0.05, 0.30, 0.50], [0.06, 0.03, 0.05, 0.05, 0.81], 4),
        ([0.03, 0.02, 0.02, 0.04, 0.89], [0.09, 0.04, 0.04, 0.06, 0.77], 0),
    )

    def test_worked_round(self) -> None:
        assert [acceptance_rate(p, q) for p, q, _ in self.ROUND] == pytest.approx([0.95, 0.95, 0.69, 0.88])
        assert [round(p[x] / q[x], 3) for p, q, x in self.ROUND[:3]] == [1.071, 1.067, 0.617]

    def test_residual_mass_is_the_complement(self) -> None:
        p, q, _ = self.ROUND[2]
        residual = np.maximum(np.subtract(p, q), 0)
        assert residual.sum() == pytest.approx(0.31) == 1 - acceptance_rate(p, q)
        assert np.round(residual / residual.sum(), 3).tolist() == [0.129, 0.065, 0, 0.806, 0]

    @pytest.mark.parametrize("seed", range(5))
    def test_is_one_minus_total_variation_and_symmetric(self, seed: int) -> None:
        p, q = np.random.default_rng(seed).dirichlet(np.full(50, 0.3), size=2)
        assert acceptance_rate(p, q) == pytest.approx(1 - np.abs(p - q).sum() / 2)
        assert acceptance_rate(p, q) == acceptance_rate(q, p)
        assert acceptance_rate(p, p) == pytest.approx(1.0)

    def test_is_the_probability_of_acceptance_by_enumeration(self) -> None:
        p, q, _ = self.ROUND[3]
        assert acceptance_rate(p, q) == pytest.approx(
            sum(qx * min(1, px / qx) for px, qx in zip(p, q, strict=True))
        )

    def test_takes_float32_and_tuples_and_never_exceeds_one(self) -> None:
        third = np.full(3, 1 / 3, dtype=np.float32)
        assert 0.999999 < acceptance_rate(third, third) <= 1.0
        assert acceptance_rate((0.0, 1.0), (1.0, 0.0)) == 0.0

    @pytest.mark.parametrize(
        ("target", "draft", "words"),
        [
            ([0.5, 0.5], [0.2, 0.3, 0.5], "vocabular"),
            ([0.5, 0.6], [0.5, 0.5], "target_probs"),
            ([0.5, 0.5], [1.5, -0.5], "draft_probs"),
            ([float("nan"), 1.0], [0.5, 0.5], "target_probs"),
            ([[0.5, 0.5]], [[0.5, 0.5]], "shape"),
            ([], [], "shape"),
        ],
    )
    def test_refuses_what_is_no_pair_of_distributions(self, target: list, draft: list, words: str) -> None:
        with pytest.raises(InvalidArgument, match=words):
            acceptance_rate(np.array(target), np.array(draft))


class TestEstimateAlpha:
    @pytest.mark.parametrize("alpha", [0.2, 0.75, 0.99])
    @pytest.mark.parametrize("k", [1, 4, 8])
    def test_is_consistent_where_accepted_over_drafted_is_not(self, alpha: float, k: int) -> None:
        """With expected counts in place of counts, the estimator returns alpha itself."""
        accepted, rejecting = expected_accepted(alpha, k), 1 - alpha**k
        scale = 10**9
        estimate = estimate_alpha(round(accepted * scale), round(rejecting * scale))
        assert estimate == pytest.approx(alpha, abs=1e-7)
        if k > 1:
            assert accepted / k < alpha - 0.005

    def test_ends(self) -> None:
        assert estimate_alpha(7, 0) == 1.0
        assert estimate_alpha(0, 3) == 0.0

    def test_nothing_judged(self) -> None:
        with pytest.raises(InvalidArgument, match="judged"):
            estimate_alpha(0, 0)


def test_operations_factor() -> None:
    assert operations_factor(0.8, 4) == pytest.approx(5 / 3.3616)
    assert operations_factor(0.8, 4, 0.05) == pytest.approx(5.2 / 3.3616)
    assert operations_factor(1.0, 4) == 1.0
    assert operations_factor(0.3, 0, 0.5) == 1.0


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize("alpha", [-0.01, 1.01, NAN, INFINITY])
@pytest.mark.parametrize(
    "call",
    [
        lambda alpha: expected_tokens(alpha, 4),
        lambda alpha: expected_accepted(alpha, 0),
        lambda alpha: tokens_variance(alpha, 4),
        lambda alpha: round_length_law(alpha, 4),
        lambda alpha: speedup(alpha, 4, 0.1),
        lambda alpha: optimal_k(alpha, 0.1, k_max=0),
        lambda alpha: draft_cost_for(1.5, alpha, 4),
        lambda alpha: expected_rounds(0, alpha, 4),
        lambda alpha: operations_factor(alpha, 4),
    ],
)
def test_alpha_outside_the_unit_interval(call, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"alpha .* \[0, 1\]"):
        call(alpha)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: expected_tokens(0.5, -1), "k"),
        (lambda: expected_accepted(0.5, -1), "k"),
        (lambda: tokens_variance(0.5, -1), "k"),
        (lambda: round_length_law(0.5, -1), "k"),
        (lambda: speedup(0.5, -1, 0.1), "k"),
        (lambda: speedup(0.5, 4, -0.1), "c"),
        (lambda: speedup(0.5, 4, NAN), "c"),
        (lambda: speedup(0.5, 0, INFINITY), "c"),
        (lambda: speedup(0.5, 4, 0.1, v=0.0), "v"),
        (lambda: speedup(0.5, 4, 0.1, overhead=-1.0), "overhead"),
        (lambda: optimal_k(0.5, -0.1, k_max=0), "c"),
        (lambda: optimal_k(0.5, 0.1, verify_slope=-0.1), "verify_slope"),
        (lambda: optimal_k(0.5, 0.1, overhead=NAN), "overhead"),
        (lambda: optimal_k(0.5, 0.1, k_max=-1), "k_max"),
        (lambda: break_even_alpha(-1, 0.1), "k"),
        (lambda: draft_cost_for(0.0, 0.5, 4), "target_speedup"),
        (lambda: draft_cost_for(1.5, 0.5, 0), "k"),
        (lambda: draft_cost_for(1.5, 0.5, 4, v=0.0), "v"),
        (lambda: draft_cost_for(1.5, 0.5, 4, overhead=-1.0), "overhead"),
        (lambda: expected_rounds(-1, 0.5, 4), "num_tokens"),
        (lambda: expected_rounds(1, 0.5, -4), "k"),
        (lambda: estimate_alpha(-1, 2), "num_accepted"),
        (lambda: estimate_alpha(1, -2), "num_rejecting_rounds"),
        (lambda: operations_factor(0.5, 4, -0.1), "c_ops"),
    ],
)
def test_other_arguments_out_of_range_are_named(call, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is "):
        call()


def test_the_interval_of_alpha_is_wilsons_and_stays_within_its_range():
    low, high = alpha_interval(41, 14)
    assert (low, high) == (pytest.approx(0.6175, abs=1e-3), pytest.approx(0.8411, abs=1e-3))
    assert alpha_interval(0, 5)[0] == 0.0 and alpha_interval(5, 0)[1] == 1.0
    with pytest.raises(InvalidArgument):
        alpha_interval(0, 0)
