"""A grown model computes what it computed before; a draft starts from its target's layers."""

from __future__ import annotations

import pytest
import torch
from tiny_models import VOCAB, llama

from specdec_lib.errors import InvalidArgument
from specdec_lib.training.growth import draft_from_target, grow_depth, source_layers


def test_copies_stand_behind_their_original():
    assert source_layers(2, 5) == [(0, True), (0, False), (0, False), (1, True), (1, False)]
    assert source_layers(3, 3) == [(0, True), (1, True), (2, True)]


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_growing_changes_nothing_that_the_model_computes(depth):
    torch.manual_seed(0)
    model = llama(2).double().eval()
    grown = grow_depth(model, depth).eval()
    ids = torch.randint(0, VOCAB, (1, 30))
    assert grown.config.num_hidden_layers == depth == len(grown.model.layers)
    torch.testing.assert_close(grown(ids).logits, model(ids).logits, atol=1e-12, rtol=0)


def test_the_new_layers_learn():
    """A silent layer that gets no gradient would stay silent for ever."""
    torch.manual_seed(0)
    grown = grow_depth(llama(2), 4)
    grown(torch.randint(0, VOCAB, (1, 12))).logits.square().mean().backward()
    assert all(layer.mlp.down_proj.weight.grad.abs().sum() > 0 for layer in grown.model.layers)
    assert all(layer.self_attn.o_proj.weight.grad.abs().sum() > 0 for layer in grown.model.layers)


def test_a_model_cannot_shrink():
    with pytest.raises(InvalidArgument, match="from 2 layers to 1"):
        grow_depth(llama(2), 1)


def test_a_draft_starts_from_the_targets_embedding_and_outer_layers():
    torch.manual_seed(1)
    target = grow_depth(llama(2), 5)
    draft = draft_from_target(target, 2)
    assert torch.equal(draft.model.embed_tokens.weight, target.model.embed_tokens.weight)
    for ours, theirs in ((0, 0), (1, 4)):
        for mine, its in zip(
            draft.model.layers[ours].parameters(), target.model.layers[theirs].parameters(), strict=True
        ):
            assert torch.equal(mine, its)
    assert draft_from_target(target, 1).config.num_hidden_layers == 1
    with pytest.raises(InvalidArgument, match=r"\[1, 5\]"):
        draft_from_target(target, 6)
