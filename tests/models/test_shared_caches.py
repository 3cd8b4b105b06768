"""Layers that look at another layer's keys and values: decoded like any other, and rolled back with it."""

from __future__ import annotations

import pytest
import torch
from models.architectures import SHARED_KV, random_ids, tiny_model

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.models.caches.preallocated import PreallocatedLayer
from specdec_lib.models.caches.rollback import holds_nothing
from specdec_lib.models.wrapper import ModelWrapper


def near(model, noise: float = 0.02):
    """A draft that is often right: the same weights with a little noise."""
    draft = tiny_model(model.config)
    with torch.no_grad():
        for theirs, ours in zip(draft.parameters(), model.parameters(), strict=True):
            theirs.copy_(ours + noise * torch.randn_like(ours))
    return draft


@pytest.mark.unchecked
@pytest.mark.parametrize("name", SHARED_KV)
def test_greedy_ids_are_those_of_hugging_face(name):
    model = tiny_model(name)
    target, draft = ModelWrapper(model), ModelWrapper(near(model))
    accepted = set()
    for seed in range(3):
        ids = random_ids(7, seed=seed)
        options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": 24, "do_sample": False}
        expected = model.generate(ids, eos_token_id=None, pad_token_id=0, **options)[0, 7:].tolist()
        plain = AutoregressiveDecoder(target).generate(ids, 24, 0.0, ignore_eos=True)
        assert plain.generated_ids == expected
        for drafter, k in ((target, 4), (draft, 1), (draft, 4)):
            ours = SpeculativeDecoder(target, drafter, k).generate(ids, 24, 0.0, ignore_eos=True)
            assert ours.generated_ids == expected
            accepted |= set(ours.accepted_per_round)
    assert {0, 1, 2, 4} <= accepted  # rolled back after each number of accepted tokens, and not at all


@pytest.mark.parametrize("name", SHARED_KV)
def test_every_roll_back_equals_a_fresh_forward(name):
    model = ModelWrapper(tiny_model(name))
    ids, new = random_ids(12), random_ids(3, seed=2)
    _, cache = model.forward(ids)
    kept = [layer for layer in cache.layers if isinstance(layer, PreallocatedLayer)]
    assert len(kept) == model.config.num_hidden_layers - model.config.num_kv_shared_layers > 0
    assert all(layer in kept or holds_nothing(layer) for layer in cache.layers)
    assert cache.capacity >= 12 and cache.memory_mb > 0
    for keep in range(13):
        logits, _ = model.forward(new, model.truncate_cache(cache, keep))
        whole, _ = model.forward(torch.cat([ids[:, :keep], new], dim=1), use_cache=False)
        torch.testing.assert_close(logits, whole[:, keep:], atol=2e-4, rtol=0)
