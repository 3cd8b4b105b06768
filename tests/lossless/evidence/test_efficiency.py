"""Counts of accepted tokens against what two laws allow: right, and able to fail."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.efficiency import (
    Expectation,
    efficiency_test,
    expectation,
    expected_in_round,
    guarded_test,
)
from specdec_lib.lossless.laws.enumeration import library_judge, mean_accepted
from specdec_lib.lossless.laws.scenario import Scenario


def rows(num: int, vocab: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(num, vocab, generator=generator, dtype=torch.float64)).softmax(-1)


def drawn(probs: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.multinomial(probs, 1, generator=torch.Generator().manual_seed(seed))[:, 0]


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_expected_in_round_is_the_enumerated_mean(verifier):
    """Averaged over drafts, the conditional expectations add up to the exact mean."""
    scenario = Scenario(seed=3, vocab=3, k=3)
    target, draft = scenario.models
    exact = mean_accepted(
        lambda x: scenario.warped(target, x), lambda x: scenario.warped(draft, x), 3, library_judge(verifier)
    )
    mean = 0.0
    for ids in np.ndindex(3, 3, 3):
        prefixes = [tuple(map(int, ids[:n])) for n in range(4)]
        p = torch.tensor([scenario.warped(target, x) for x in prefixes])
        q = torch.tensor([scenario.warped(draft, x) for x in prefixes[:3]])
        chance = float(np.prod([float(q[n, token]) for n, token in enumerate(ids)]))
        mean += chance * expected_in_round(p.double(), q.double(), torch.tensor(ids), verifier)
    assert mean == pytest.approx(exact, abs=1e-6)


def test_block_is_expected_to_accept_at_least_as_many_round_by_round():
    for seed in range(50):
        p, q = rows(5, 6, seed), rows(4, 6, seed + 1000)
        ids = drawn(q, seed)
        assert expected_in_round(p, q, ids, "block") >= expected_in_round(p, q, ids, "token") - 1e-12


def test_counts_that_are_too_low_are_seen():
    rng = np.random.default_rng(0)
    expected = rng.uniform(0.2, 0.9, size=2000)
    fair = (rng.random(2000) < expected).astype(int).tolist()
    low = (rng.random(2000) < 0.85 * expected).astype(int).tolist()
    assert efficiency_test(fair, expected.tolist()).p_value > 1e-3
    assert efficiency_test(low, expected.tolist()).p_value < 1e-6
    assert efficiency_test([2, 2, 2], [2.0, 2.0, 2.0]).p_value == 1.0
    assert efficiency_test([1, 1, 1], [2.0, 2.0, 2.0]).p_value == 0.0


def test_a_mean_needs_two_rounds():
    with pytest.raises(InvalidArgument, match="at least two rounds"):
        efficiency_test([1], [1.0])


def test_a_draft_that_is_nearly_always_right_is_no_false_alarm():
    """Everything is accepted, a little more than expected, always by the same: no spread, and no news."""
    expected = [Expectation(3.9995, 0.002)] * 200
    assert efficiency_test([4] * 200, [one.mean for one in expected]).p_value < 1e-9
    found = guarded_test([4] * 200, expected, 4, 1e-4)
    assert found.p_value > 0.5
    rare = guarded_test([4] * 198 + [0] * 2, expected, 4, 1e-4)
    assert rare.p_value > 1e-4  # two rejections where 0.05 are expected are bad luck, not 70 sigma


def test_waste_is_still_seen_and_the_deviation_that_is_claimed_is_caught():
    rng = np.random.default_rng(1)
    chance = 0.6
    expected = [Expectation(chance, chance * (1 - chance))] * 1500
    claimed = guarded_test((rng.random(1500) < chance).astype(int).tolist(), expected, 1, 1e-4).catches
    low = [(rng.random(1500) < chance - claimed).astype(int).tolist() for _ in range(100)]
    assert sum(guarded_test(counts, expected, 1, 1e-4).p_value < 1e-4 for counts in low) >= 95


def test_a_variance_implied_by_two_laws_is_that_of_the_count():
    """Equal rows at every position: the count of accepted tokens is geometric, cut at K."""
    p, q = torch.tensor([[0.5, 0.3, 0.2]] * 4).double(), torch.tensor([[0.5, 0.3, 0.2]] * 3).double()
    same = expectation(p, q, torch.tensor([0, 1, 2]))
    assert (same.mean, same.variance) == (pytest.approx(3.0), pytest.approx(0.0, abs=1e-9))
    q = torch.tensor([[0.2, 0.3, 0.5]] * 3).double()
    one = expectation(p[:2], q[:1], torch.tensor([0]))
    assert (one.mean, one.variance) == (pytest.approx(0.7), pytest.approx(0.21))
