"""What the weights are: a hash of their content, and where a model computes."""

from __future__ import annotations

import copy

import pytest
import torch
from models.architectures import llama_config, save_model, tiny_model
from torch import nn
from transformers import AutoModelForCausalLM

from specdec_lib.models import tensors
from specdec_lib.models.tensors import content_hash
from specdec_lib.models.wrapper import ModelWrapper


def test_the_same_weights_in_another_folder_have_the_same_hash(tmp_path):
    models = [AutoModelForCausalLM.from_pretrained(save_model(tmp_path / name)) for name in "ab"]
    first, second = (ModelWrapper(model).weights_hash for model in models)
    assert first == second and len(first) == 16


def change_one_bit(model) -> None:
    weight = model.model.layers[1].mlp.down_proj.weight
    weight.data.view(torch.int32)[3, 5] ^= 1


def swap_two_rows(model) -> None:
    weight = model.lm_head.weight.data
    weight[[3, 4]] = weight[[4, 3]]


def take_a_step(model) -> None:
    for parameter in model.parameters():
        parameter.data.add_(1e-4)


@pytest.mark.parametrize(
    "change", [change_one_bit, swap_two_rows, take_a_step, nn.Module.half, nn.Module.double]
)
def test_other_weights_have_another(change):
    model = tiny_model("llama")
    before, changed = content_hash(model), copy.deepcopy(model)
    changed = change(changed) or changed
    assert content_hash(changed) != before == content_hash(model)


def test_the_words_of_a_large_tensor_count_wherever_they_are(monkeypatch):
    """Chunks are mixed with factors of their own: what moved from one to the next is seen."""
    monkeypatch.setattr(tensors, "_CHUNK", 4)
    layer = nn.Linear(64, 3, bias=False)
    before = content_hash(layer)
    for first in (0, 40):
        moved = copy.deepcopy(layer)
        values = moved.weight.data.view(-1)
        values[first : first + 16] = values[first : first + 16].roll(8)
        assert content_hash(moved) != before


def test_odd_sizes_and_views_are_read_as_they_are():
    base = torch.arange(15, dtype=torch.bfloat16).reshape(3, 5)
    layer, other = nn.Module(), nn.Module()
    layer.weight = nn.Parameter(base.t())
    other.weight = nn.Parameter(base.t().contiguous())
    assert content_hash(layer) == content_hash(other)
    other.weight.data[4, 2] += 1
    assert content_hash(layer) != content_hash(other)


def test_scales_of_packed_weights_count():
    class State:
        shape, state2 = (4, 4), None

        def __init__(self, scale: float) -> None:
            self.absmax, self.code = torch.tensor([scale]), torch.arange(16.0)

    hashes = set()
    for scale in (1.0, 2.0):
        layer = nn.Module()
        layer.weight = nn.Parameter(torch.zeros(8, dtype=torch.uint8), requires_grad=False)
        layer.weight.quant_state = State(scale)
        hashes.add(content_hash(layer))
    assert len(hashes) == 2


def test_weights_that_are_not_at_hand_have_none():
    assert ModelWrapper(tiny_model(llama_config()).to("meta")).weights_hash == ""
