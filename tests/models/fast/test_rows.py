"""What the rows of a wrapped model refuse, and what leaves them: logits as the wrapper gives them for one."""

from __future__ import annotations

import pytest
import torch
from models.architectures import VOCAB, llama_config, tiny_model

from specdec_lib.errors import InvalidArgument, UnsoundLogits
from specdec_lib.models.architecture.soundness import drafting
from specdec_lib.models.fast.rows import padded
from specdec_lib.models.wrapper import ModelWrapper


def fed(*feeds: list[int]) -> list[torch.Tensor]:
    return [torch.tensor(feed, dtype=torch.long) for feed in feeds]


def test_feeds_are_aligned_to_the_right():
    assert padded(fed([1, 2, 3], [], [4])).tolist() == [[1, 2, 3], [0, 0, 0], [0, 0, 4]]


def test_only_the_logits_that_are_asked_for_come_back():
    model = ModelWrapper(tiny_model("llama"), vocab_size=VOCAB + 3, masked_ids=(5,))
    rows = model.new_batch(3)
    first, second, third = rows.forward(fed([1, 2, 3], [4], []), [2, 1, 0])
    assert (first.shape, second.shape, third.shape) == ((2, VOCAB + 3), (1, VOCAB + 3), (0, VOCAB + 3))
    assert first[:, 5].isneginf().all() and first[:, VOCAB:].isneginf().all()
    alone, _ = model.forward(torch.tensor([[1, 2, 3]]), use_cache=False)
    assert torch.allclose(first, alone[0, -2:], atol=1e-4)


@pytest.mark.parametrize(
    ("feeds", "keep"),
    [([[1]], [1]), ([[1], [2], [3]], [1, 1, 1]), ([[], []], [0, 0]), ([[1], [2]], [1, 2]), ([[1], [2]], [1])],
)
def test_feeds_that_do_not_fit_the_rows_are_refused(feeds, keep):
    rows = ModelWrapper(tiny_model("llama")).new_batch(2)
    with pytest.raises(InvalidArgument, match="pass one feed a row"):
        rows.forward(fed(*feeds), keep)


@pytest.mark.parametrize("lengths", [[1], [4, 1], [-1, 1]])
def test_rows_are_cut_to_what_they_hold(lengths):
    rows = ModelWrapper(tiny_model("llama")).new_batch(2)
    rows.forward(fed([1, 2, 3], [4]), [1, 1])
    with pytest.raises(InvalidArgument, match=r"rows that hold \[3, 1\]"):
        rows.truncate(lengths)


def test_logits_that_are_no_numbers_are_refused_where_they_count():
    model = ModelWrapper(tiny_model("llama"))
    rows = model.new_batch(2)
    with torch.no_grad():
        model.model.model.embed_tokens.weight[7] = torch.nan
    rows.forward(fed([1], [2]), [1, 1])
    with pytest.raises(UnsoundLogits, match="position 2"):
        rows.forward(fed([1], [3, 7]), [1, 1])
    with drafting():
        rows.forward(fed([1], [7]), [1, 1])


def test_rows_on_both_sides_of_a_longrope_are_refused():
    factors = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
    rope = {**factors, "original_max_position_embeddings": 8, "rope_theta": 1e4}
    model = ModelWrapper(tiny_model(llama_config(rope_parameters=rope)))
    rows = model.new_batch(2)
    rows.forward(fed([1, 2, 3], [4]), [1, 1])
    with pytest.raises(InvalidArgument, match="both sides of 8"):
        rows.forward(fed([1] * 6, [4]), [1, 1])


def test_a_cache_that_rows_share_is_lent_to_nobody():
    class Borrower:
        def borrow(self, target, cache):
            raise AssertionError("a cache of several texts")

    ModelWrapper(tiny_model("llama")).new_batch(2).lend([Borrower(), Borrower()])
