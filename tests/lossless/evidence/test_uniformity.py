"""Randomised p-values, and rounds that know of each other: right ones are left alone, wrong ones are seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.uniformity import (
    independence_test,
    p_values_by_id,
    randomised_p_values,
    uniformity_test,
)

LEVEL = 1e-4


def rows(num: int, vocab: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(num, vocab, generator=generator, dtype=torch.float64)).softmax(-1)


def drawn(probs: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.multinomial(probs, 1, generator=torch.Generator().manual_seed(seed))[:, 0]


def test_tokens_of_the_target_give_uniform_values_and_tokens_of_the_draft_do_not():
    p = rows(4000, 50, seed=0)
    q = (0.8 * p + 0.2 * rows(4000, 50, seed=1)).float()
    right, wrong = (
        uniformity_test(
            randomised_p_values(p.float(), q, drawn(law, seed=2), torch.Generator().manual_seed(3))
        )
        for law in (p, q.double())
    )
    assert right.p_value > 1e-3 and wrong.p_value < 1e-6
    assert right.num_samples == 4000


def test_equal_models_give_uniform_values_too():
    """Every token ties with every other then: one block, and the uniform alone is left."""
    p = rows(2000, 10, seed=4)
    values = randomised_p_values(p, p, drawn(p, seed=5), torch.Generator().manual_seed(6))
    assert uniformity_test(values).p_value > 1e-3


def test_an_impossible_token_gives_no_uniform_value():
    p = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    q = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    assert randomised_p_values(p, q, torch.tensor([0]), torch.Generator().manual_seed(0)) == [0.0]


@pytest.mark.parametrize("values", [[], [0.5, 1.5], [-0.1]])
def test_values_that_are_no_probabilities_are_refused(values):
    with pytest.raises(InvalidArgument, match="uniformity"):
        uniformity_test(np.array(values))


def texts(
    rng: np.random.Generator, correlation: float, count: int = 30, rounds: int = 20
) -> list[np.ndarray]:
    """Uniform numbers of which each is, with a chance of sqrt(correlation), the one that its text repeats."""
    found = []
    for _ in range(count):
        own, again = rng.uniform(size=rounds), rng.uniform() * np.ones(rounds)
        found.append(np.where(rng.uniform(size=rounds) < correlation**0.5, again, own))
    return found


def test_the_power_that_is_claimed_is_there_and_the_right_one_is_left_alone():
    rng = np.random.default_rng(0)
    catches = independence_test(texts(rng, 0.0), LEVEL).catches
    assert 0 < catches < 0.3
    wrong = [independence_test(texts(rng, catches), LEVEL).p_value < LEVEL for _ in range(100)]
    right = [independence_test(texts(rng, 0.0), LEVEL).p_value for _ in range(400)]
    assert sum(wrong) >= 95 and min(right) >= LEVEL
    assert 0.01 < np.mean(np.array(right) < 0.05) < 0.1


def test_so_few_rounds_that_nothing_would_show_are_told():
    rng = np.random.default_rng(1)
    assert independence_test(texts(rng, 0.0, 3, 4), LEVEL).catches > 1
    assert independence_test(texts(rng, 0.0, 30, 1), LEVEL).catches == np.inf


def test_each_first_token_is_a_uniform_number_in_the_order_of_ids():
    law = torch.tensor([0.2, 0.5, 0.3])
    values = p_values_by_id([law] * 200, [1] * 200, torch.Generator().manual_seed(0))
    assert values.min() >= 0.2 and values.max() <= 0.7 + 1e-6 and np.ptp(values) > 0.4


@pytest.mark.parametrize("bad", [[], [np.array([0.5]), np.array([])]])
def test_a_text_without_a_round_is_refused(bad):
    with pytest.raises(InvalidArgument, match="independence"):
        independence_test(bad, LEVEL)
