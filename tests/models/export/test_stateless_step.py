"""A step that is a function of its cache has the logits of the model, behind any cache."""

from __future__ import annotations

import pytest
import torch
from models.architectures import random_ids, tiny_model

from specdec_lib.models.export.llama_like import head_size
from specdec_lib.models.export.stateless_step import StepOfModel


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_steps_of_several_widths_give_the_logits_of_the_whole_text(name):
    model, ids = tiny_model(name), random_ids(12)
    model.set_attn_implementation("sdpa")
    config = model.config
    empty = torch.zeros(1, config.num_key_value_heads, 0, head_size(config))
    held, found = [empty] * (2 * config.num_hidden_layers), []
    with torch.no_grad():
        for start, stop in ((0, 5), (5, 6), (6, 10), (10, 12)):
            places, seen = torch.arange(start, stop)[None], torch.ones(1, stop).long()
            logits, *held = StepOfModel(model)(ids[:, start:stop], seen, places, *held)
            found.append(logits)
        torch.testing.assert_close(torch.cat(found, 1), model(ids).logits, atol=1e-4, rtol=1e-4)
    assert held[0].shape[2] == 12


def test_padding_in_front_is_not_seen():
    model, ids = tiny_model("llama"), random_ids(6)
    model.set_attn_implementation("sdpa")
    config = model.config
    empty = torch.zeros(1, config.num_key_value_heads, 0, head_size(config))
    padded = torch.cat([torch.full((1, 3), 7), ids], 1)
    seen = torch.tensor([[0] * 3 + [1] * 6])
    places = torch.tensor([[0, 0, 0, *range(6)]])
    with torch.no_grad():
        logits, *_ = StepOfModel(model)(padded, seen, places, *[empty] * (2 * config.num_hidden_layers))
        torch.testing.assert_close(logits[:, 3:], model(ids).logits, atol=1e-4, rtol=1e-4)
