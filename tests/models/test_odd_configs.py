"""A config.json that does not fit: one line that names the folder, the file and the cause."""

from __future__ import annotations

import json

import pytest
import torch
from models.architectures import llama_config, save_model, tiny_model, tiny_tokenizer
from transformers import (
    CodeGenConfig,
    CohereConfig,
    Gemma2Config,
    GPT2Config,
    GraniteConfig,
    MixtralConfig,
    Qwen2Config,
)

from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.errors import InvalidArgument, ModelUnavailable, UnsoundLogits, UnsupportedCache
from specdec_lib.models.files import weights
from specdec_lib.models.files.folder import described_model
from specdec_lib.models.loader import load_model, load_pair
from specdec_lib.models.wrapper import ModelWrapper

_SHAPE = {
    "vocab_size": 288,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
_GPT = {"vocab_size": 288, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
CONFIGS = {
    "llama": llama_config(vocab_size=288),
    "qwen2": Qwen2Config(**_SHAPE),
    "gpt2": GPT2Config(**_GPT),
    "mixtral": MixtralConfig(**_SHAPE, num_local_experts=2),
    "codegen": CodeGenConfig(**_GPT, rotary_dim=8),
    "cohere": CohereConfig(**_SHAPE),
    "granite": GraniteConfig(**_SHAPE),
    "gemma2": Gemma2Config(**_SHAPE, head_dim=8),
}


def saved(folder, kind, **odd):
    """A folder whose config.json holds ``odd`` beside what its weights were made by."""
    tiny_model(CONFIGS[kind]).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | odd), encoding="utf-8")
    return str(folder)


_SLIDING = {"layer_types": ["sliding_attention", "full_attention"]}


@pytest.mark.parametrize(
    ("kind", "odd", "cause"),
    [
        ("llama", _SLIDING, "'sliding_window'|NoneType"),
        ("llama", {**_SLIDING, "sliding_window": "wide"}, "str"),
        ("llama", {"layer_types": ["chunked_attention"] * 2}, "attention_chunk_size|NoneType"),
        ("llama", {"num_key_value_heads": 0}, "ZeroDivisionError"),
        ("llama", {"head_dim": 0}, "ZeroDivisionError"),
        ("llama", {"vocab_size": -1}, "negative dimension"),
        ("llama", {"pad_token_id": 9999}, "AssertionError: Padding_idx"),
        ("llama", {"rope_parameters": {"rope_type": "nope"}}, "KeyError: 'nope'"),
        ("qwen2", {**_SLIDING, "sliding_window": None}, "NoneType"),
        ("gpt2", {"n_head": 0}, "ZeroDivisionError"),
        ("gpt2", {"activation_function": "nope"}, "KeyError: 'nope'"),
    ],
)
def test_what_no_model_can_be_made_of(tmp_path, kind, odd, cause):
    folder = saved(tmp_path / "odd", kind, **odd)
    with pytest.raises(
        ModelUnavailable, match=f"no model .* of the config.json of .*odd .*(?:{cause})"
    ) as caught:
        load_pair(target=folder, draft=folder, device="cpu")
    assert "\n" not in str(caught.value)


def test_what_is_described_is_described_once_though_its_load_fails(tmp_path, monkeypatch):
    described = []
    monkeypatch.setattr(
        weights, "described_model", lambda *given: described.append(given) or described_model(*given)
    )
    with pytest.raises(ModelUnavailable, match="ZeroDivisionError"):
        load_model(saved(tmp_path / "odd", "gpt2", n_head=0), device="cpu")
    assert len(described) == 1


@pytest.mark.parametrize(
    ("odd", "cause"),
    [({"num_attention_heads": 0}, "ZeroDivision"), ({"id2label": "x"}, "AttributeError|id2label")],
)
def test_what_no_configuration_can_be_made_of(tmp_path, odd, cause):
    folder = saved(tmp_path / "odd", "llama", **odd)
    with pytest.raises(ModelUnavailable, match=rf"(load|made of) the config\.json of .*odd.*(?:{cause})"):
        load_pair(target=folder, draft=folder, device="cpu")


@pytest.mark.parametrize("as_draft", [False, True])
@pytest.mark.parametrize(
    ("kind", "odd", "cause"),
    [
        ("mixtral", {"num_experts_per_tok": 5}, "RuntimeError: .*out of range"),
        ("codegen", {"rotary_dim": 64}, "RuntimeError: The size of tensor"),
        ("cohere", {"logit_scale": None}, "TypeError: unsupported operand"),
    ],
)
def test_what_cannot_be_run(tmp_path, kind, odd, cause, as_draft):
    bad, good = saved(tmp_path / "odd", kind, **odd), str(save_model(tmp_path / "good"))
    pair = load_pair(target=good if as_draft else bad, draft=bad if as_draft else good, device="cpu")
    with pytest.raises(InvalidArgument, match=f"^odd .*cannot be fed .*{cause}.*config.json") as caught:
        SpeculativeDecoder(pair.target, pair.draft, k=2).generate([1, 2, 3], 6, 0.0)
    assert "\n" not in str(caught.value)


def test_a_model_made_in_memory_is_told_the_same():
    model = tiny_model(llama_config())
    model.config.layer_types = ["sliding_attention", "full_attention"]
    with pytest.raises(UnsupportedCache, match=r"LlamaForCausalLM of its config.json \((Attr|Type)"):
        ModelWrapper(model).forward(torch.ones(1, 2, dtype=torch.long))


@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        ("granite", {"logits_scaling": 0}),
        ("gemma2", {"final_logit_softcapping": 0.0}),
        ("cohere", {"logit_scale": float("inf")}),
        ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": -1e4}}),
        ("llama", {"rms_norm_eps": -1e6}),
        ("qwen2", {"rms_norm_eps": -1e6}),
    ],
)
def test_numbers_by_which_no_logits_come_out_are_refused_before_a_token(tmp_path, kind, odd):
    folder = saved(tmp_path / "odd", kind, **odd)
    pair = load_pair(target=folder, draft=folder, device="cpu")
    for temperature in (0.0, 0.8):
        with pytest.raises(UnsoundLogits, match=r"odd gave logits of .* a number of its config\.json wrong"):
            SpeculativeDecoder(pair.target, pair.draft, k=2).generate([1, 2, 3], 6, temperature, seed=0)


def test_layers_of_another_kind_are_loaded_and_refused_by_their_name(tmp_path):
    folder = saved(tmp_path / "odd", "llama", layer_types=["full_attention", "linear_attention"])
    pair = load_pair(target=folder, draft=folder, device="cpu")
    with pytest.raises(UnsupportedCache, match="has linear_attention layers, which cannot be rolled back"):
        SpeculativeDecoder(pair.target, pair.draft, k=2).generate([1, 2, 3], 6, 0.0)
