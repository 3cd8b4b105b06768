"""Verifiers against the worked round, and at the edges; their laws are enumerated in ``tests/lossless``."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from worked_round import DRAFT, DRAFTED, ON, SAT, TARGET, THE

from specdec_lib.decoding.rejection import (
    Verdict,
    residual,
    verify_block,
    verify_greedy,
    verify_tokens,
)
from specdec_lib.decoding.sampling import draw
from specdec_lib.errors import InvalidArgument


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


def test_a_residual_of_rows_that_are_no_law_is_not_drawn_from():
    """Falling back to p would hide what a drafter did wrong, and bias the text."""
    for bad in (float("nan"), -float("inf")):
        rows = DRAFT[0].clone()
        rows[2] = bad
        with pytest.raises(InvalidArgument, match="draw: the probabilities sum to"):
            draw(residual(TARGET[0], rows))


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
