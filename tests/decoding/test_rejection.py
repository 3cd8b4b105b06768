"""Verifiers against the worked round, against enumeration, and at the edges."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from specdec_lib.decoding.rejection import (
    Verdict,
    residual,
    verify_block,
    verify_greedy,
    verify_tokens,
)
from specdec_lib.decoding.sampling import draw
from specdec_lib.errors import InvalidArgument

THE, CAT, SAT, ON, MAT = range(5)
DRAFT = torch.tensor(
    [
        [0.08, 0.05, 0.70, 0.12, 0.05],
        [0.08, 0.05, 0.04, 0.75, 0.08],
        [0.06, 0.03, 0.05, 0.05, 0.81],
        [0.09, 0.04, 0.04, 0.06, 0.77],
    ]
)
TARGET = torch.tensor(
    [
        [0.06, 0.04, 0.75, 0.10, 0.05],
        [0.05, 0.04, 0.03, 0.80, 0.08],
        [0.10, 0.05, 0.05, 0.30, 0.50],
        [0.03, 0.02, 0.02, 0.04, 0.89],
        [0.88, 0.04, 0.03, 0.03, 0.02],
    ]
)
DRAFTED = torch.tensor([SAT, ON, MAT, THE])


class Uniforms:
    """torch.rand with chosen values; what a round asks for beyond them fails the test."""

    def __init__(self, *values: list[float]) -> None:
        self.values = list(values)

    def __call__(self, size, *, dtype=None, **_):
        values = torch.tensor(self.values.pop(0), dtype=dtype)
        assert values.numel() == size
        return values


def test_the_worked_round(monkeypatch):
    """Uniforms .43 .61 .73: sat (1.071) and on (1.067) stay, mat (.617) is corrected from the residual."""
    monkeypatch.setattr(torch, "rand", Uniforms([0.43, 0.61, 0.73, 0.5], [0.5]))
    verdict = verify_tokens(TARGET, DRAFT, DRAFTED)
    assert (verdict.num_accepted, verdict.kind) == (2, "corrected")
    assert verdict.token_ids == [SAT, ON, ON]  # .5 falls into the .806 of "on"
    law = residual(TARGET[2], DRAFT[2])
    np.testing.assert_allclose(law.numpy(), [0.129, 0.065, 0, 0.806, 0], atol=5e-4)
    assert float((TARGET[2] - DRAFT[2]).clamp_min(0).sum()) == pytest.approx(0.31)


def test_all_accepted_gives_the_bonus_of_the_last_position(monkeypatch):
    """Trap 7: the bonus comes from p after the whole draft."""
    monkeypatch.setattr(torch, "rand", Uniforms([0.0, 0.0, 0.0, 0.0], [0.5]))
    verdict = verify_tokens(TARGET, DRAFT, DRAFTED)
    assert (verdict.num_accepted, verdict.kind, verdict.next_id) == (4, "bonus", THE)


def test_residual_falls_back_to_p_where_nothing_is_left():
    """Trap 5: p = q leaves a sum of 0, never NaN."""
    assert torch.equal(residual(TARGET[0], TARGET[0]), TARGET[0])
    assert torch.equal(residual(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])), torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("verify", [verify_tokens, verify_block])
def test_a_draft_equal_to_the_target_is_always_accepted(verify):
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        ids = torch.stack([draw(row, generator) for row in TARGET[:-1]])
        assert verify(TARGET, TARGET[:-1], ids, generator=generator).num_accepted == 4


@pytest.mark.parametrize("verify", [verify_tokens, verify_block])
def test_a_token_the_target_cannot_emit_is_never_accepted(verify):
    target = torch.tensor([[0.0, 1.0], [0.5, 0.5]], dtype=torch.float64)
    draft = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    for seed in range(50):
        verdict = verify(target, draft, torch.tensor([0]), generator=torch.Generator().manual_seed(seed))
        assert verdict.token_ids == [1]


@pytest.mark.parametrize("verify", [verify_tokens, verify_block])
def test_no_draft_gives_one_token_of_the_target(verify):
    verdict = verify(TARGET[:1], TARGET[:0], torch.empty(0, dtype=torch.long), generator=torch.Generator())
    assert verdict.num_accepted == 0 and len(verdict.token_ids) == 1


@pytest.mark.parametrize("verify", [verify_tokens, verify_block])
@pytest.mark.parametrize("vocab", [2, 152_064])
def test_vocabularies_from_two_to_the_largest(verify, vocab):
    generator = torch.Generator().manual_seed(5)
    target = torch.rand(4, vocab, generator=generator).softmax(-1)
    draft = torch.rand(3, vocab, generator=generator).softmax(-1)
    ids = torch.stack([draw(row, generator) for row in draft])
    verdict = verify(target, draft, ids, generator=generator)
    assert 0 <= verdict.num_accepted <= 3 and 0 <= verdict.next_id < vocab


def test_greedy_keeps_the_agreeing_prefix():
    """Trap 8: no ratio, no draw; the first disagreement is replaced by the argmax."""
    verdict = verify_greedy(torch.tensor([3, 1, 4, 1]), torch.tensor([3, 1, 5]))
    assert verdict == Verdict(2, 4, "corrected", [3, 1, 5])
    assert verify_greedy(torch.tensor([3, 1, 4, 1]), torch.tensor([3, 1, 4])).token_ids == [3, 1, 4, 1]
    assert verify_greedy(torch.tensor([9]), torch.tensor([], dtype=torch.long)).token_ids == [9]


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(InvalidArgument, match="5, vocab"):
        verify_tokens(TARGET[:4], DRAFT, DRAFTED)


# --- exact laws by enumeration: independent scalar code, no draws -----------------------------------


def tables(seed: int, vocab: int = 3, k: int = 2):
    """p[prefix] and q[prefix] for every prefix of up to k tokens."""
    rng = np.random.default_rng(seed)
    prefixes = [prefix for n in range(k + 1) for prefix in itertools.product(range(vocab), repeat=n)]
    return (
        {x: rng.dirichlet(np.ones(vocab)) for x in prefixes},
        {x: rng.dirichlet(np.ones(vocab)) for x in prefixes},
    )


def accepted_length_law(verify, p, q, ids, num_samples: int, seed: int) -> np.ndarray:
    """Relative frequency of num_accepted for one fixed draft."""
    k = len(ids)
    target = torch.tensor(np.stack([p[ids[:n]] for n in range(k + 1)]))
    draft = torch.tensor(np.stack([q[ids[:n]] for n in range(k)]))
    generator = torch.Generator().manual_seed(seed)
    counts = np.zeros(k + 1)
    for _ in range(num_samples):
        counts[verify(target, draft, torch.tensor(ids), generator=generator).num_accepted] += 1
    return counts / num_samples


def test_block_verification_keeps_at_least_i_tokens_with_probability_p_i():
    """Sun et al. 2024: P(tau >= i | x) averaged over the draft is E[p_i]; checked draft by draft."""
    p, q = tables(11)
    num_samples = 3_000
    for ids in itertools.product(range(3), repeat=2):
        running, expected = 1.0, []
        for n, token in enumerate(ids):
            running = min(1.0, running * p[ids[:n]][token] / q[ids[:n]][token])
            expected.append(running)
        frequencies = accepted_length_law(verify_block, p, q, ids, num_samples, seed=1)
        first, second = expected
        rest = np.maximum(first * p[ids[:1]] - q[ids[:1]], 0).sum()
        at_first = rest / (rest + 1 - first) if rest + 1 - first > 0 else 1.0
        assert frequencies[2] == pytest.approx(second, abs=0.04)
        assert frequencies[1:].sum() == pytest.approx(second + (1 - second) * at_first, abs=0.04)


@pytest.mark.parametrize("verify", [verify_tokens, verify_block])
def test_the_joint_law_of_two_tokens_is_the_targets(verify):
    """Draft two tokens, verify, complete to two tokens from p: chi-square on all nine outcomes."""
    p, q = tables(4)
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    counts = np.zeros((3, 3))
    num_samples = 8_000
    for _ in range(num_samples):
        first = int(rng.choice(3, p=q[()]))
        ids = (first, int(rng.choice(3, p=q[(first,)])))
        target = torch.tensor(np.stack([p[ids[:n]] for n in range(3)]))
        draft = torch.tensor(np.stack([q[ids[:n]] for n in range(2)]))
        emitted = verify(target, draft, torch.tensor(ids), generator=generator).token_ids
        if len(emitted) == 1:
            emitted = [*emitted, int(rng.choice(3, p=p[tuple(emitted)]))]
        counts[emitted[0], emitted[1]] += 1
    expected = num_samples * np.array([[p[()][a] * p[(a,)][b] for b in range(3)] for a in range(3)])
    assert ((counts - expected) ** 2 / expected).sum() < 31.8  # p = 1e-4 with eight degrees of freedom
