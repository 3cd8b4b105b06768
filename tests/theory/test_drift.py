"""A simulated benchmark: exact without drift; a machine that gets warm misleads blocks, and not turns."""

from __future__ import annotations

import pytest

from specdec_lib.theory.drift import TOKENS, simulate_benchmark, simulated_speedup, warming

BLOCKS = ["speculative"] * 40 + ["plain"] * 40
TURNS = ["speculative", "plain"] * 40


def steady(at: float) -> float:
    return 1.0


def test_without_drift_and_noise_the_true_speedup_is_found_in_any_order():
    for order in (BLOCKS, TURNS):
        assert simulated_speedup(simulate_benchmark(order, steady, noise=0)) == pytest.approx(2)


def test_runs_follow_each_other():
    first, second, third = simulate_benchmark(["plain", "speculative", "plain"], steady, seed=3)
    assert first.at == 0 and second.at == pytest.approx(TOKENS * first.ms / 1000)
    assert third.at == pytest.approx(second.at + TOKENS * second.ms / 1000)
    again = simulate_benchmark(["plain", "speculative", "plain"], steady, seed=3)
    assert again == [first, second, third]


def test_a_machine_that_gets_warm_flatters_who_ran_first_and_turns_undo_it():
    blocks, turns = (simulated_speedup(simulate_benchmark(o, warming)) for o in (BLOCKS, TURNS))
    assert blocks > 2.2 and turns == pytest.approx(2, abs=0.05)
