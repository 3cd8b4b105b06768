"""Which average a number is: totals over totals, time per token, and one convention per position by name."""

from __future__ import annotations

import statistics

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.acceptance import (
    conditional_acceptance,
    pooled_alpha_hat,
    unconditional_acceptance,
)
from specdec_lib.profiling.metrics import GenerationResult


def decoded(round_seconds: list[float], accepted: list[int], k: int = 4) -> GenerationResult:
    """A generation whose rounds took these times and each emitted its accepted tokens and one more."""
    lengths = [n + 1 for n in accepted]
    return GenerationResult(
        generated_ids=list(range(sum(lengths))),
        per_token_latencies=[t / n for t, n in zip(round_seconds, lengths, strict=True) for _ in range(n)],
        total_time=sum(round_seconds),
        accepted_per_round=accepted,
        drafted_per_round=[k] * len(accepted),
    )


def joined(*results: GenerationResult) -> GenerationResult:
    """One result over all rounds: what pooling means here."""
    return GenerationResult(
        generated_ids=[i for r in results for i in r.generated_ids],
        per_token_latencies=[t for r in results for t in r.per_token_latencies],
        total_time=sum(r.total_time for r in results),
        accepted_per_round=[n for r in results for n in r.accepted_per_round],
        drafted_per_round=[n for r in results for n in r.drafted_per_round],
    )


class TestPooling:
    """A long, well drafted prompt and a short, badly drafted one."""

    GOOD, BAD = decoded([0.05] * 9, [4] * 9), decoded([0.05], [0])

    def test_every_rate_of_the_pool_is_totals_over_totals(self):
        pool = joined(self.GOOD, self.BAD)
        assert pool.tokens_per_second == pytest.approx((45 + 1) / (0.45 + 0.05))
        assert pool.acceptance_rate == 36 / 40
        assert pool.mean_acceptance_length == pytest.approx(1 + 36 / 10)
        assert pool.tokens_per_step == pytest.approx(46 / 10)
        assert pool.alpha_hat == pooled_alpha_hat([4] * 9 + [0], [4] * 10) == 36 / 37

    @pytest.mark.parametrize(
        "rate",
        ["tokens_per_second", "acceptance_rate", "mean_acceptance_length", "tokens_per_step", "alpha_hat"],
    )
    def test_and_no_mean_of_rates(self, rate):
        mean = statistics.mean(getattr(r, rate) for r in (self.GOOD, self.BAD))
        assert getattr(joined(self.GOOD, self.BAD), rate) > 1.2 * mean


class TestLatencyPerToken:
    """A round of 60 ms that emits five tokens is not slower than five steps of 20 ms."""

    SPECULATIVE = decoded([0.06, 0.06, 0.06], [4, 4, 1])
    STEPS = GenerationResult(list(range(12)), [0.02] * 12, 0.24)

    def test_a_rounds_time_is_shared_by_its_tokens(self):
        assert sum(self.SPECULATIVE.per_token_latencies) == pytest.approx(self.SPECULATIVE.total_time)
        assert self.SPECULATIVE.latency_p50 == pytest.approx(0.012)
        assert self.SPECULATIVE.latency_p99 == pytest.approx(0.03)
        assert self.SPECULATIVE.latency_p50 < self.STEPS.latency_p50
        assert self.SPECULATIVE.tokens_per_second > self.STEPS.tokens_per_second

    def test_more_times_than_tokens_cannot_be_times_per_token(self):
        with pytest.raises(InvalidArgument, match="3 latencies for 2 tokens"):
            GenerationResult([1, 2], [0.06, 0.06, 0.06])


class TestPositions:
    """Four rounds of K = 3 that accept 3, 1, 0 and 1: by hand, position by position.

    Position 1 is accepted in 3 of 4 rounds; 2 in 1 of 4, or of the 3 that got there; 3 in 1 of 4, or of 1.
    """

    ACCEPTED, DRAFTED = [3, 1, 0, 1], [3, 3, 3, 3]

    def test_two_conventions_two_names(self):
        assert unconditional_acceptance(self.ACCEPTED, self.DRAFTED) == [3 / 4, 1 / 4, 1 / 4]
        assert conditional_acceptance(self.ACCEPTED, self.DRAFTED) == [3 / 4, 1 / 3, 1 / 1]

    def test_results_offer_both_and_write_both(self):
        result = GenerationResult(
            list(range(9)), accepted_per_round=self.ACCEPTED, drafted_per_round=self.DRAFTED
        )
        written = result.to_dict()
        assert written["acceptance_by_position_unconditional"] == [3 / 4, 1 / 4, 1 / 4]
        assert written["acceptance_by_position_conditional"] == [3 / 4, 1 / 3, 1.0]
        assert result.acceptance_rate == 5 / 12 == statistics.mean([3 / 4, 1 / 4, 1 / 4])
        assert result.alpha_hat == 5 / 8  # three rounds hold a rejection; and neither is the other

    def test_the_unconditional_rate_is_the_product_of_conditional_ones(self):
        product = 1.0
        for unconditional, conditional in zip(
            unconditional_acceptance(self.ACCEPTED, self.DRAFTED),
            conditional_acceptance(self.ACCEPTED, self.DRAFTED),
            strict=True,
        ):
            product *= conditional
            assert unconditional == pytest.approx(product)
