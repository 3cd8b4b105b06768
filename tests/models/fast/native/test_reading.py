"""Which models are read for a native forward, and that nothing large is copied."""

from __future__ import annotations

import pytest
import torch
import transformers
from models.architectures import SHARED_KV, tiny_model

from specdec_lib.models.fast.native.building import NoNative
from specdec_lib.models.fast.native.reading import ReadModel
from specdec_lib.models.wrapper import ModelWrapper


def test_large_tensors_are_read_where_they_lie():
    model = tiny_model("llama")
    read = ReadModel(model)
    layer, module = read.description.layers[1], model.model.layers[1]
    assert read.description.embedding == model.model.embed_tokens.weight.data_ptr()
    assert layer.down.weights == module.mlp.down_proj.weight.data_ptr()
    assert layer.before_mlp.weights == module.post_attention_layernorm.weight.data_ptr()
    assert (layer.down.outputs, layer.down.inputs) == tuple(module.mlp.down_proj.weight.shape)
    assert not read.numbers.copies and read.is_current


@pytest.mark.parametrize("name", ["gpt2", "gemma3 (alternating windows)"])
def test_what_is_copied_is_small(name):
    read = ReadModel(tiny_model(name).to(torch.bfloat16))
    assert read.numbers.copies and max(kept.numel() for _, _, kept in read.numbers.copies) <= 64 * 32


def _hooked(model):
    model.model.norm.register_forward_pre_hook(lambda module, given: None)


def _mixed(model):
    model.lm_head.to(torch.bfloat16)


def _doubled(model):
    model.double()


def _adapted(model):
    model.model.layers[0].mlp.up_proj = torch.nn.Sequential(model.model.layers[0].mlp.up_proj)


def _patched(model):
    model.model.layers[0].forward = model.model.layers[1].forward


def _long(model):
    model.config.rope_parameters = {**model.config.rope_parameters, "rope_type": "longrope"}


def _narrowed(model):
    model.model.layers[1].mlp.down_proj = torch.nn.Linear(40, 32, bias=False)


def _shortened(model):
    model.model.layers[1].input_layernorm.weight = torch.nn.Parameter(torch.ones(31))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_hooked, "LlamaRMSNorm has hooks"),
        (_mixed, "several types"),
        (_doubled, "float64"),
        (_adapted, "Sequential"),
        (_patched, "LlamaDecoderLayer has hooks"),
        (_long, "longrope"),
        (_narrowed, "weights of sizes that do not fit"),
        (_shortened, "norms of sizes that do not fit"),
    ],
)
def test_what_a_forward_of_ours_would_not_do_is_refused(change, why):
    model = tiny_model("llama")
    change(model)
    with pytest.raises(NoNative, match=why):
        ReadModel(model)


def test_rotations_of_an_odd_size_are_refused():
    """No model can be run with them; nothing is read beyond a head before that is found out."""
    shape = {"hidden_size": 36, "intermediate_size": 8, "num_attention_heads": 4, "vocab_size": 9}
    config = transformers.Phi3Config(**shape, num_hidden_layers=1, pad_token_id=0)
    with pytest.raises(NoNative, match="rotations of sizes that do not fit"):
        ReadModel(tiny_model(config))


@pytest.mark.parametrize("name", SHARED_KV)
def test_layers_that_look_at_others_keys_are_left_to_the_models_own_code(name):
    """Some look alike until they are compared with their own forward."""
    assert ModelWrapper(tiny_model(name), compile=True).compiled.native is None


def test_a_model_that_only_looks_alike_is_found_out():
    """Another scale of attention than the one that is told."""
    model = tiny_model("llama")
    kind = type(model.model.layers[0].self_attn)

    class Sharper(kind):
        def forward(self, hidden_states, *args, **options):
            return super().forward(hidden_states * 2, *args, **options)

    for layer in model.model.layers:
        layer.self_attn.__class__ = Sharper
    wrapper = ModelWrapper(model, compile=True)
    assert wrapper.compiled.native is None
