"""Configurations and results: the published hash and lines, rates from counts, JSON there and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re

import numpy as np
import pytest
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult, latency_percentile


class TestBenchmarkConfig:
    PUBLISHED = ("gpt2_dev", 4, 0.0, 200, "code", 42)

    def test_published_hash(self) -> None:
        assert BenchmarkConfig(*self.PUBLISHED).config_hash() == "673dc3a1db65"

    @pytest.mark.unchecked  # the annotations say what the fields hold then
    @pytest.mark.parametrize(
        "same",
        [
            ("gpt2_dev", 4, 0, 200, "code", 42),
            ("gpt2_dev", 4.0, -0.0, 200.0, "code", 42.0),
            ("gpt2_dev", np.int64(4), np.float32(0), 200, "code", np.int32(42)),
        ],
    )
    def test_equal_numbers_hash_alike(self, same: tuple) -> None:
        config = BenchmarkConfig.from_dict(
            dict(zip(BenchmarkConfig(*self.PUBLISHED).to_dict(), same, strict=True))
        )
        assert config == BenchmarkConfig(*self.PUBLISHED)
        assert config.config_hash() == "673dc3a1db65"
        assert repr(config) == repr(BenchmarkConfig(*self.PUBLISHED))

    @pytest.mark.parametrize(
        "change",
        [
            {"model_pair_name": "pocket"},
            {"K": 0},
            {"temperature": 0.8},
            {"max_new_tokens": 201},
            {"prompt_domain": "conversation"},
            {"seed": 43},
        ],
    )
    def test_every_field_enters_the_hash(self, change: dict) -> None:
        config = dataclasses.replace(BenchmarkConfig(*self.PUBLISHED), **change)
        assert config.config_hash() != "673dc3a1db65"

    def test_hash_is_over_the_sorted_ascii_json(self) -> None:
        config = BenchmarkConfig("paar-ü", 2, 0.8, 64, "code", 1)
        text = (
            '{"K": 2, "max_new_tokens": 64, "model_pair_name": "paar-\\u00fc", "prompt_domain": "code", '
            '"seed": 1, "temperature": 0.8}'
        )
        assert config.config_hash() == hashlib.sha256(text.encode("ascii")).hexdigest()[:12]

    def test_label(self) -> None:
        assert BenchmarkConfig("pocket", 0, 0.0, 8, "code", 1).decoder_label == "AR"
        assert BenchmarkConfig("pocket", 4, 0.0, 8, "code", 1).decoder_label == "SD-K4"
        assert BenchmarkConfig("pocket", 12, 0.0, 8, "code", 1).decoder_label == "SD-K12"

    def test_round_trip_ignores_what_is_computed(self) -> None:
        config = BenchmarkConfig(*self.PUBLISHED)
        written = json.loads(json.dumps(config.to_dict())) | {
            "decoder_label": "wrong",
            "config_hash": "wrong",
        }
        assert BenchmarkConfig.from_dict(written) == config

    def test_unknown_and_missing_keys_are_named(self) -> None:
        written = BenchmarkConfig(*self.PUBLISHED).to_dict() | {"k": 4}
        del written["seed"]
        with pytest.raises(InvalidArgument, match=r"unknown \['k'\], missing \['seed'\]"):
            BenchmarkConfig.from_dict(written)

    @pytest.mark.unchecked
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"K": -1}, "K is a whole number"),
            ({"max_new_tokens": -1}, "max_new_tokens is a whole number"),
            ({"temperature": -0.5}, "temperature is a quantity"),
            ({"temperature": math.nan}, "temperature is a quantity"),
            ({"temperature": "warm"}, "temperature is a quantity"),
            ({"K": 4.5}, "K is a whole number"),
            ({"seed": None}, "seed is a whole number"),
            ({"model_pair_name": ""}, "model_pair_name is a name"),
            ({"prompt_domain": ""}, "prompt_domain is a name"),
        ],
    )
    def test_bad_values_are_named(self, change: dict, words: str) -> None:
        with pytest.raises(InvalidArgument, match=words):
            dataclasses.replace(BenchmarkConfig(*self.PUBLISHED), **change)

    def test_is_a_key(self) -> None:
        assert {BenchmarkConfig(*self.PUBLISHED): 1}[BenchmarkConfig(*self.PUBLISHED)] == 1


def speculative_result(**changes) -> GenerationResult:
    """Seven tokens in three rounds of K = 4: all accepted, one accepted, none accepted and cut."""
    values = {
        "generated_ids": [5, 6, 7, 8, 9, 10, 11],
        "per_token_latencies": [0.02] * 5 + [0.05] * 2,
        "total_time": 0.25,
        "time_to_first_token": 0.03,
        "peak_memory_mb": 12.5,
        "accepted_per_round": [4, 1, 0],
        "drafted_per_round": [4, 4, 1],
        "finish_reason": "eos",
    }
    return GenerationResult(**(values | changes))


class TestSummary:
    def test_speculative_line(self) -> None:
        result = GenerationResult(
            generated_ids=[1, 2, 3, 4, 5],
            per_token_latencies=[0.09, 0.08, 0.1, 0.085, 0.09],
            total_time=0.44,
            peak_memory_mb=1823.2,
            time_to_first_token=0.09,
            acceptance_rate=0.78,
            num_speculation_rounds=18,
        )
        expected = "SD  | 5 tok | 11.4 tok/s | p50=90ms p95=98ms | mem=1823MB | accept=0.78 rounds=18"
        assert result.summary() == expected

    def test_autoregressive_line(self) -> None:
        latencies = [0.015] * 40 + [0.021] * 10
        result = GenerationResult([1] * 50, latencies, 50 / 63.2, 0.0, 0.02)
        assert result.summary() == "AR  | 50 tok | 63.2 tok/s | p50=15ms p95=21ms | mem=0MB"

    def test_rounds_without_drafts_have_no_rate(self) -> None:
        result = GenerationResult([1, 2], accepted_per_round=[0, 0], drafted_per_round=[0, 0])
        assert result.summary().endswith("accept=n/a rounds=2")

    def test_empty_generation(self) -> None:
        expected = "AR  | 0 tok | 0.0 tok/s | p50=0ms p95=0ms | mem=0MB"
        assert GenerationResult([]).summary() == expected


class TestRates:
    def test_are_derived_from_the_counts(self) -> None:
        result = speculative_result()
        assert (result.num_tokens, result.num_speculation_rounds) == (7, 3)
        assert (result.num_draft_tokens, result.num_accepted_draft_tokens) == (9, 5)
        assert result.acceptance_rate == 5 / 9
        assert result.tokens_per_step == 7 / 3
        assert result.mean_acceptance_length == 1 + 5 / 3
        assert result.alpha_hat == 5 / 7
        assert result.acceptance_histogram == [1, 1, 0, 0, 1]
        assert result.acceptance_by_position_unconditional == [2 / 3, 1 / 2, 1 / 2, 1 / 2]
        assert result.acceptance_by_position_conditional == [2 / 3, 1 / 2, 1, 1]
        assert result.tokens_per_second == 28.0
        assert result.is_speculative

    def test_counts_outrank_given_rates(self) -> None:
        result = speculative_result(acceptance_rate=0.99, tokens_per_step=9.0)
        assert (result.acceptance_rate, result.tokens_per_step) == (5 / 9, 7 / 3)

    def test_given_rates_stand_alone_where_there_are_no_counts(self) -> None:
        result = GenerationResult([1], acceptance_rate=0.5, tokens_per_step=2.5, num_speculation_rounds=4)
        assert (result.acceptance_rate, result.tokens_per_step) == (0.5, 2.5)
        assert result.alpha_hat is None and result.mean_acceptance_length is None

    def test_totals_without_rounds_say_nothing_about_alpha(self) -> None:
        result = GenerationResult(
            [1] * 9, num_speculation_rounds=3, num_draft_tokens=12, num_accepted_draft_tokens=6
        )
        assert (result.acceptance_rate, result.mean_acceptance_length) == (0.5, 3.0)
        assert result.tokens_per_step == 3.0
        assert result.alpha_hat is None

    def test_a_round_that_the_end_cut_is_no_rejection(self) -> None:
        """All four accepted, then EOS among them: two tokens emitted, and alpha is still 1."""
        result = GenerationResult([7, 0], accepted_per_round=[4], drafted_per_round=[4], finish_reason="eos")
        assert result.alpha_hat == 1.0

    def test_autoregressive_decoding_has_none(self) -> None:
        result = GenerationResult([1, 2, 3], [0.1] * 3, 0.3)
        assert not result.is_speculative
        assert result.acceptance_rate is None and result.tokens_per_step is None
        assert result.mean_acceptance_length is None and result.alpha_hat is None
        assert (
            result.num_speculation_rounds == result.num_draft_tokens == result.num_accepted_draft_tokens == 0
        )
        assert result.acceptance_histogram == []

    def test_nothing_emitted(self) -> None:
        result = GenerationResult([], accepted_per_round=[], drafted_per_round=[], total_time=0.0)
        assert (result.tokens_per_second, result.latency_p50, result.latency_p99) == (0.0, 0.0, 0.0)


class TestLatencies:
    def test_percentiles_interpolate_between_order_statistics(self) -> None:
        result = GenerationResult([1] * 5, [0.5, 0.1, 0.4, 0.2, 0.3])
        assert result.latency_p50 == pytest.approx(0.3)
        assert result.latency_p95 == pytest.approx(0.48)
        assert result.latency_p99 == pytest.approx(0.496)

    def test_a_single_latency_is_every_percentile(self) -> None:
        assert [latency_percentile([0.2], percent) for percent in (0, 50, 99)] == [0.2] * 3


class TestRefusals:
    @pytest.mark.unchecked
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"total_time": -1.0}, "total_time is a quantity"),
            ({"total_time": math.nan}, "total_time is a quantity"),
            ({"peak_memory_mb": math.inf}, "peak_memory_mb is a quantity"),
            ({"verify_time_total_ms": math.nan}, "verify_time_total_ms is a quantity"),
            ({"per_token_latencies": [0.1, math.inf]}, "a latency is a quantity"),
            ({"per_token_latencies": [0.1] * 8}, "8 latencies for 7 tokens"),
            ({"generated_ids": [-1] * 7}, "a token id is a whole number"),
            ({"generated_ids": [1.5] * 7}, "a token id is a whole number"),
            ({"generated_ids": "", "per_token_latencies": []}, "generated_ids is a list: got ''"),
            ({"accepted_per_round": {}, "drafted_per_round": {}}, "accepted_per_round is a list: got {}"),
            ({"per_token_latencies": 5}, "per_token_latencies is a list: got 5"),
            ({"acceptance_rate": "high"}, "acceptance_rate is a probability"),  # though it is counted anew
            ({"finish_reason": "bored"}, "pass one of length, eos, stop"),
            ({"accepted_per_round": [4, 1]}, "2 accepted and 3 drafted"),
            ({"accepted_per_round": [4, 5, 0]}, "round 1 cannot accept 5 of 4"),
            ({"num_draft_tokens": 12}, "num_draft_tokens is 12, but the per-round lists say 9"),
            ({"num_accepted_draft_tokens": 8}, "num_accepted_draft_tokens is 8, .* say 5"),
            ({"num_speculation_rounds": 4}, "num_speculation_rounds is 4, .* say 3"),
        ],
    )
    def test_contradictions_and_nonsense_are_named(self, change: dict, words: str) -> None:
        with pytest.raises(InvalidArgument, match=words):
            speculative_result(**change)

    def test_a_bonus_counted_as_accepted(self) -> None:
        with pytest.raises(InvalidArgument, match="5 accepted of 4 draft tokens"):
            GenerationResult([1] * 5, num_draft_tokens=4, num_accepted_draft_tokens=5)

    def test_a_rate_above_one(self) -> None:
        with pytest.raises(InvalidArgument, match="acceptance_rate is a probability"):
            GenerationResult([1], acceptance_rate=1.2)


class TestJson:
    def test_round_trip_through_a_line(self) -> None:
        result = speculative_result(draft_time_total_ms=1.5, rollback_time_total_ms=0.25)
        line = result.to_json_line()
        assert line.endswith("\n") and line.count("\n") == 1
        assert GenerationResult.from_dict(json.loads(line)) == result
        assert GenerationResult.from_dict(json.loads(line)).to_json_line() == line

    def test_memory_that_nobody_watched_is_unknown_and_stays_so(self) -> None:
        result = GenerationResult([1, 2], total_time=1.0, peak_memory_mb=None)
        assert result.summary().endswith("| mem=n/a")
        assert GenerationResult.from_dict(json.loads(result.to_json_line())) == result
        written = result.to_dict() | {"peak_memory_mb": 0.0}  # as records before said it
        assert GenerationResult.from_dict(written).summary().endswith("| mem=0MB")

    @pytest.mark.parametrize("result", [GenerationResult([]), GenerationResult([1]), speculative_result()])
    def test_is_strict_json(self, result: GenerationResult) -> None:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is no JSON")

        assert json.loads(result.to_json_line(), parse_constant=refuse) == result.to_dict()

    def test_holds_every_field_of_the_contract_and_the_computed_ones(self) -> None:
        names = """
            generated_ids per_token_latencies total_time peak_memory_mb time_to_first_token acceptance_rate
            tokens_per_step num_speculation_rounds draft_time_total_ms verify_time_total_ms
            sampling_time_total_ms rollback_time_total_ms num_draft_tokens num_accepted_draft_tokens
            accepted_per_round drafted_per_round acceptance_histogram finish_reason
            tokens_per_second latency_p50 latency_p95 latency_p99 is_speculative num_tokens
            mean_acceptance_length alpha_hat
        """
        written = speculative_result().to_dict()
        assert set(re.split(r"\s+", names.strip())) <= set(written)
        assert "trace" not in written

    def test_computed_keys_are_computed_anew(self) -> None:
        written = speculative_result().to_dict() | {"tokens_per_second": 1e9, "num_tokens": 0, "alpha_hat": 2}
        assert GenerationResult.from_dict(written).tokens_per_second == 28.0

    def test_unknown_and_missing_keys_are_named(self) -> None:
        with pytest.raises(InvalidArgument, match=r"unknown \['tokens'\], missing \['generated_ids'\]"):
            GenerationResult.from_dict({"tokens": [1]})
        with pytest.raises(InvalidArgument, match=r"unknown \['trace'\]"):
            GenerationResult.from_dict({"generated_ids": [1], "trace": []})

    def test_changing_the_dictionary_leaves_the_result_alone(self) -> None:
        result = speculative_result()
        result.to_dict()["generated_ids"].append(99)
        assert result.num_tokens == 7

    def test_the_trace_is_neither_written_nor_compared(self) -> None:
        result = speculative_result(trace=object())
        assert result == speculative_result()
        assert "trace" not in repr(result)


@pytest.mark.unchecked
def test_numbers_of_tensors_and_arrays_become_plain() -> None:
    result = GenerationResult(torch.tensor([3, 4]), np.array([0.1, 0.2]), np.float32(0.5))
    assert json.loads(result.to_json_line())["per_token_latencies"] == [0.1, 0.2]
    assert all(type(i) is int for i in result.generated_ids)
    assert type(result.total_time) is float


def test_a_result_cannot_be_edited_behind_its_rates() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        speculative_result().num_draft_tokens = 3
