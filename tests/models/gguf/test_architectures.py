"""Each kind of model, written as llama.cpp's converter would, has the logits of what it was written from."""

from __future__ import annotations

import pytest
import torch
from models.architectures import (
    _ATTENTION_8,
    _SHAPE,
    CONFIGS,
    CONTEXT,
    ROUNDING,
    WINDOW,
    llama_config,
    random_ids,
    tiny_model,
    tiny_tokenizer,
)
from models.gguf_files import rounded, write_gguf
from transformers import Gemma2Config, Gemma3TextConfig, GemmaConfig, Phi3Config

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.loader import load_model

MODELS = {
    "llama": llama_config(vocab_size=265),
    "llama with biases, tied": llama_config(
        attention_bias=True, mlp_bias=True, tie_word_embeddings=True, rope_parameters={"rope_theta": 5e5}
    ),
    "qwen2": CONFIGS["qwen2"],
    "qwen3": CONFIGS["qwen3"],
    "gpt2": CONFIGS["gpt2"],
    "gemma": GemmaConfig(**_ATTENTION_8, pad_token_id=0),
    "gemma2": Gemma2Config(**_ATTENTION_8, sliding_window=WINDOW, pad_token_id=0, query_pre_attn_scalar=8),
    "gemma3": Gemma3TextConfig(
        **{**_ATTENTION_8, "num_hidden_layers": 7},
        sliding_window=WINDOW, pad_token_id=0, query_pre_attn_scalar=8,
        layer_types=["sliding_attention"] * 5 + ["full_attention", "sliding_attention"],
    ),
    "phi3": Phi3Config(**_SHAPE, sliding_window=WINDOW, pad_token_id=0),
}  # fmt: skip


def is_tied(config) -> bool:
    return bool(config.tie_word_embeddings)


def with_random_norms(model):
    """Norms of ones would hide what is added to them."""
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "norm" in name or "ln_" in name or name.endswith("bias"):
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    return model


def logits_of(model, ids):
    with torch.no_grad():
        return model(ids).logits


@pytest.mark.parametrize("name", MODELS)
def test_logits_and_greedy_ids_are_those_of_the_model_that_was_written(tmp_path, name):
    model, ids = with_random_norms(tiny_model(MODELS[name])), random_ids(CONTEXT)
    path = write_gguf(tmp_path / "tiny.gguf", model, tiny_tokenizer())
    loaded, _ = load_model(str(path))
    assert loaded.dtype == torch.float32 and not loaded.training
    assert is_tied(loaded.config) == is_tied(model.config)
    torch.testing.assert_close(logits_of(loaded, ids), logits_of(model, ids), atol=ROUNDING, rtol=1e-4)
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    ids = ids[:, :9]
    assert torch.equal(loaded.generate(ids, **options), model.generate(ids, **options))


@pytest.mark.parametrize("quantisation", ["F16", "BF16", "Q8_0"])
def test_a_packed_file_has_the_logits_of_the_rounded_model(tmp_path, quantisation, capsys):
    path = write_gguf(tmp_path / "m.gguf", tiny_model("llama"), tiny_tokenizer(), quantisation=quantisation)
    loaded, _ = load_model(str(path))
    said = capsys.readouterr().err
    assert (said.count("m.gguf: its weights are stored as Q8_0 (GGUF)") == 1) == (quantisation == "Q8_0")
    ids, model = random_ids(20), rounded(tiny_model("llama"), quantisation)
    torch.testing.assert_close(logits_of(loaded, ids), logits_of(model, ids), atol=ROUNDING, rtol=1e-4)
    assert (logits_of(model, ids) - logits_of(tiny_model("llama"), ids)).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int4"])
def test_a_file_is_had_in_other_dtypes(tmp_path, dtype):
    config = llama_config(hidden_size=64, intermediate_size=64)
    model = tiny_model(config)
    loaded, _ = load_model(str(write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer())), dtype, "cpu")
    assert loaded.dtype == (torch.bfloat16 if dtype == "int4" else getattr(torch, dtype))
    off = (logits_of(loaded, random_ids(8)) - logits_of(model, random_ids(8))).abs().max()
    assert 0 < off < logits_of(model, random_ids(8)).abs().max()


def test_what_a_file_states_and_is_not_read_here_is_refused(tmp_path):
    refused = {
        "states llama.expert_count": lambda w: w.add_expert_count(4),
        "states llama.logit_scale": lambda w: w.add_logit_scale(0.5),
        "rotates a part of each head": lambda w: w.add_rope_dimension_count(4),
    }
    for number, (said, more) in enumerate(refused.items()):
        path = write_gguf(tmp_path / f"{number}.gguf", tiny_model("llama"), tiny_tokenizer(), more=more)
        with pytest.raises(ModelUnavailable, match=said):
            load_model(str(path))


def test_other_kinds_and_missing_numbers_are_named(tmp_path, monkeypatch):
    def without_blocks(writer):
        del writer.kv_data[0]["llama.block_count"]

    def of_another_kind(writer):
        writer.kv_data[0]["general.architecture"].value = "mamba"

    def one_more_tensor(writer):
        import numpy as np

        writer.add_tensor("blk.0.attn_sinks.weight", np.ones(4, np.float32))

    def less_one_tensor(writer):
        del writer.tensors[0]["blk.1.ffn_up.weight"]

    refused = {
        "lacks llama.block_count": without_blocks,
        r"of the kind 'mamba', which is not read from GGUF files here \(but llama, qwen2": of_another_kind,
        r"no place for, model\.layers\.0\.attn_sinks\.weight first": one_more_tensor,
        r"lack 1 tensors of the right shape, model\.layers\.1\.mlp\.up_proj\.weight first": less_one_tensor,
    }
    for number, (said, more) in enumerate(refused.items()):
        path = write_gguf(tmp_path / f"{number}.gguf", tiny_model("llama"), tiny_tokenizer(), more=more)
        with pytest.raises(ModelUnavailable, match=said):
            load_model(str(path))
