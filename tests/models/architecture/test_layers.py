"""Models of some of another's layers: what they compute, that they hold no weight, and what is refused."""

from __future__ import annotations

import copy

import pytest
import torch
from models.architectures import CONFIGS, ROUNDING, SHARED_KV, llama_config, random_ids, tiny_model
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.layers import num_layers, of_layers
from specdec_lib.models.wrapper import ModelWrapper

IDS = random_ids(9)


def of_four(name: str) -> nn.Module:
    """A model of four layers of that kind."""
    config = copy.deepcopy(CONFIGS[name])
    config.num_hidden_layers = 4
    if getattr(config, "layer_types", None):
        config.layer_types = (list(config.layer_types) * 2)[:4]
    return tiny_model(config)


def without(model: nn.Module, kept: list[int]) -> nn.Module:
    """A copy, whose layers are taken out by hand."""
    other = copy.deepcopy(model)
    (layers,) = (m for m in other.modules() if isinstance(m, nn.ModuleList) and len(m) == 4)
    left = [layers[place] for place in kept]
    while len(layers):
        del layers[0]
    layers.extend(left)
    other.config.num_hidden_layers = len(kept)
    if getattr(other.config, "layer_types", None):
        other.config.layer_types = [other.config.layer_types[place] for place in kept]
    return other


@pytest.mark.parametrize("kept", [[0, 1], [1, 3], [3]], ids=str)
@pytest.mark.parametrize("name", CONFIGS)
def test_they_compute_what_these_layers_do(name, kept):
    """Without a cache, in which a layer taken out by hand would look for its keys in its old place."""
    model = of_four(name)
    fewer = ModelWrapper(of_layers(model, kept))
    expected = without(model, kept)(input_ids=IDS, use_cache=False).logits
    whole = fewer.forward(IDS)[0]
    assert torch.allclose(whole, expected, atol=ROUNDING)
    first, cache = fewer.forward(IDS[:, :4])
    second, cache = fewer.forward(IDS[:, 4:], cache)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=ROUNDING)
    assert fewer.get_cache_length(cache) == 9 and len(cache.layers) == len(kept)


def test_not_a_weight_is_copied_and_the_model_stays_as_it_was():
    model = of_four("llama")
    before = ModelWrapper(model).forward(IDS)[0]
    fewer = of_layers(model, [0, 2, 3])
    own = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    assert {id(tensor) for tensor in (*fewer.parameters(), *fewer.buffers())} < own
    assert (model.config.num_hidden_layers, fewer.config.num_hidden_layers) == (4, 3)
    assert [layer.self_attn.layer_idx for layer in model.model.layers.children()] == [0, 1, 2, 3]
    assert [layer.self_attn.layer_idx for layer in fewer.model.layers.children()] == [0, 1, 2]
    assert fewer.model.layers[0] is model.model.layers[0]
    assert num_layers(model) == 4 and num_layers(fewer) == 3
    assert torch.equal(ModelWrapper(model).forward(IDS)[0], before)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_what_stands_behind_the_last_layer_changes_its_states_and_nobody_elses(name):
    model = of_four(name)
    plain = of_layers(model, [0, 1])
    changed = of_layers(model, [0, 1], behind=lambda states: -2 * states)
    before = plain(input_ids=IDS).logits
    assert not torch.allclose(changed(input_ids=IDS).logits, before, atol=0.1)
    assert torch.equal(plain(input_ids=IDS).logits, before)
    same = of_layers(model, [0, 1], behind=lambda states: states + 0)
    assert torch.equal(same(input_ids=IDS).logits, before)


def test_a_head_wrapped_around_a_model_has_its_layers():
    class Around(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.config = inner, inner.config
            self.get_output_embeddings = inner.get_output_embeddings

        def forward(self, **given):
            return self.inner(**given)

    model = of_four("llama")
    expected = of_layers(model, [0])(input_ids=IDS).logits
    assert torch.equal(of_layers(Around(model), [0])(input_ids=IDS).logits, expected)


@pytest.mark.parametrize("kept", [[], [0, 4], [-1], [1, 0], [1, 1]], ids=str)
def test_layers_that_there_are_not(kept):
    with pytest.raises(InvalidArgument, match="name some of its 4 layers, from 0 to 3"):
        of_layers(of_four("llama"), kept)


def test_layers_that_look_at_the_keys_of_others():
    name = next((name for name in SHARED_KV if "shared keys" in name), None)
    if name is None:
        pytest.skip("no such model in this version of Transformers")
    with pytest.raises(InvalidArgument, match="some of its layers look at the keys of others"):
        of_layers(tiny_model(name), [0])


def test_a_model_whose_layers_stand_in_several_lists():
    config = AutoConfig.for_model("xlm", vocab_size=97, emb_dim=32, n_heads=4, n_layers=3)
    model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(InvalidArgument, match=r"\(XLMWithLMHeadModel\) cannot be left out: it has \d lists"):
        num_layers(model)


def test_a_model_whose_layers_stand_in_no_list():
    model = tiny_model(llama_config())
    model.model.layers = nn.Sequential(*model.model.layers)
    with pytest.raises(InvalidArgument, match="it has no lists of 2 layers, and one is needed"):
        num_layers(model)


def test_a_forward_that_was_replaced_would_run_the_old_layers():
    model = tiny_model(llama_config())
    model.model.forward = model.model.forward
    with pytest.raises(InvalidArgument, match="a forward of its parts was replaced"):
        of_layers(model, [0])
