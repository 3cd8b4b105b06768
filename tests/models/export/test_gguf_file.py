"""A model that is written as a GGUF file is the model that this library reads from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models.architectures import CONFIGS, VOCAB, llama_config, random_ids, tiny_model, tiny_tokenizer
from models.gguf_files import TEXT, spaced_tokenizer
from models.gguf_files import write_gguf as written_by_converter
from tokenizers import AddedToken, pre_tokenizers, processors
from transformers import Gemma3TextConfig, GPT2Config, MistralConfig

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.export.gguf_file import write_gguf
from specdec_lib.models.gguf.header import open_gguf
from specdec_lib.models.loader import load_model
from specdec_lib.models.wrapper import ModelWrapper

WIDE = {"vocab_size": 288}
MODELS = {
    "llama": llama_config(**WIDE),
    "llama, tied, with biases": llama_config(
        **WIDE, tie_word_embeddings=True, attention_bias=True, mlp_bias=True
    ),
    "llama 3.1": llama_config(
        **WIDE,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
        },
    ),
    "linear": llama_config(
        **WIDE, rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    ),
    "mistral": MistralConfig(
        **{**llama_config(**WIDE).to_dict(), "sliding_window": None, "model_type": "mistral"}
    ),
    "qwen2": type(CONFIGS["qwen2"])(**{**CONFIGS["qwen2"].to_dict(), **WIDE}),
    "qwen3": type(CONFIGS["qwen3"])(**{**CONFIGS["qwen3"].to_dict(), **WIDE}),
    "gpt2": GPT2Config(**{**CONFIGS["gpt2"].to_dict(), **WIDE}),
}  # fmt: skip


def made(name):
    """A model with random norms and biases: ones and zeros would hide a mistake."""
    model = tiny_model(MODELS[name])
    torch.manual_seed(1)
    for key, parameter in model.named_parameters():
        if "norm" in key or "ln_" in key or key.endswith("bias"):
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("name", MODELS)
def test_weights_and_logits_are_read_back_to_the_last_bit(tmp_path, name):
    model, ids = made(name), random_ids(24)
    loaded, _ = load_model(str(write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer())))
    theirs = dict(loaded.named_parameters())
    assert theirs.keys() == dict(model.named_parameters()).keys()
    assert all(torch.equal(theirs[key], parameter) for key, parameter in model.named_parameters())
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, model(ids).logits)
    assert list(tmp_path.iterdir()) == [tmp_path / "m.gguf"]


@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2"])
def test_tensors_are_those_of_the_converter(tmp_path, name):
    model, tokenizer = made(name), tiny_tokenizer(288)
    ours = open_gguf(write_gguf(tmp_path / "ours.gguf", model, tokenizer), "ours")
    theirs = open_gguf(written_by_converter(tmp_path / "theirs.gguf", model, tokenizer), "theirs")
    assert ours.tensors.keys() == theirs.tensors.keys() and ours.architecture == theirs.architecture
    assert all(np.array_equal(ours.read(tensor), theirs.read(tensor)) for tensor in theirs.tensors)


def test_greedy_texts_of_pocket_are_equal(tmp_path):
    model, tokenizer = load_model("pocket-draft", "float32", "cpu")
    read = ModelWrapper(*load_model(str(write_gguf(tmp_path / "draft.gguf", model, tokenizer))))
    kept = ModelWrapper(model, tokenizer)
    assert read.eos_token_ids == kept.eos_token_ids
    for text in ("def add(a, b):\n    return", "The city council", "Why is the sky blue?"):
        prompt = kept.encode(text)
        assert read.encode(text) == prompt
        texts = [
            AutoregressiveDecoder(m).generate(prompt, 24, temperature=0.0).generated_ids for m in (kept, read)
        ]
        assert texts[0] == texts[1]


@pytest.mark.parametrize(("width", "kind", "near"), [("f16", "F16", 2**-10), ("bf16", "BF16", 2**-7)])
def test_matrices_are_rounded_to_the_width_and_the_rest_is_not(tmp_path, width, kind, near):
    model = made("llama")
    path = write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer(), width)
    kinds = {name: tensor.kind for name, tensor in open_gguf(path, "m").tensors.items()}
    assert kinds["blk.0.attn_q.weight"] == kinds["token_embd.weight"] == kind
    assert kinds["blk.0.attn_norm.weight"] == kinds["output_norm.weight"] == "F32"
    theirs = dict(load_model(str(path))[0].named_parameters())
    for name, parameter in model.named_parameters():
        assert torch.allclose(theirs[name], parameter, rtol=near, atol=1e-7), name
    assert not torch.equal(theirs["lm_head.weight"], model.lm_head.weight)


def test_a_weight_that_a_width_cannot_hold_is_refused(tmp_path):
    model = made("llama")
    model.lm_head.weight.data[0, 0] = 1e5
    with pytest.raises(ModelUnavailable, match=r"1 of its weights in output\.weight"):
        write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer(), "f16")
    assert not list(tmp_path.iterdir()), "nothing half written is left"
    write_gguf(tmp_path / "m.gguf", model, tiny_tokenizer(), "bf16")


def test_a_sentencepiece_like_tokenizer_is_written_by_its_scores(tmp_path):
    tokenizer, _ = spaced_tokenizer()
    tokenizer.add_tokens([AddedToken("<tag>", normalized=False, special=False)])
    model = tiny_model(llama_config(vocab_size=352))
    _, read = load_model(str(write_gguf(tmp_path / "m.gguf", model, tokenizer)))
    assert read.get_vocab() == tokenizer.get_vocab()
    for text in (*TEXT, "", " a", "naïve 漢字", "a<tag>b", "<s> the</s> cat"):
        assert read(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_what_stands_around_texts_is_written(tmp_path):
    tokenizer = tiny_tokenizer()
    end = tokenizer.eos_token
    framed = processors.TemplateProcessing(f"{end} $A", special_tokens=[(end, tokenizer.eos_token_id)])
    tokenizer.backend_tokenizer.post_processor = framed
    path = write_gguf(tmp_path / "m.gguf", made("llama"), tokenizer)
    stated = open_gguf(path, "m").metadata
    assert stated["tokenizer.ggml.add_bos_token"] and not stated["tokenizer.ggml.add_eos_token"]
    assert load_model(str(path))[1]("the cat")["input_ids"] == tokenizer("the cat")["input_ids"]


def config_of(**changes):
    return llama_config(**WIDE, **changes)


REFUSED = {
    "gemma3_text": Gemma3TextConfig(**{**CONFIGS["gemma3 (alternating windows)"].to_dict(), **WIDE}),
    "window of 6": MistralConfig(**{**CONFIGS["mistral (sliding window)"].to_dict(), **WIDE}),
    "hidden_act is gelu": config_of(hidden_act="gelu"),
    "scaled by 'dynamic'": config_of(
        rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    ),
    "states beta_fast": config_of(
        rope_parameters={
            "rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0, "beta_fast": 16.0,
            "original_max_position_embeddings": 32,
        }
    ),
    "attention_bias is True": type(CONFIGS["qwen3"])(
        **{**CONFIGS["qwen3"].to_dict(), **WIDE, "attention_bias": True}
    ),
    "scale_attn_by_inverse_layer_idx is True": GPT2Config(
        **{**CONFIGS["gpt2"].to_dict(), **WIDE, "scale_attn_by_inverse_layer_idx": True}
    ),
    "another configuration": config_of(  # a file holds factors, and the reader knows Llama's rule alone
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
        }
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", [name for name in REFUSED if name != "another configuration"])
def test_what_llama_cpp_would_compute_otherwise_is_refused_by_name(tmp_path, said):
    with pytest.raises(ModelUnavailable, match=said):
        write_gguf(tmp_path / "m.gguf", tiny_model(REFUSED[said]), tiny_tokenizer())
    assert not list(tmp_path.iterdir())


def test_what_reads_back_otherwise_is_not_written(tmp_path):
    with pytest.raises(ModelUnavailable):
        write_gguf(tmp_path / "m.gguf", tiny_model(REFUSED["another configuration"]), tiny_tokenizer())
    assert not list(tmp_path.iterdir())


def unsplit(tokenizer):
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer


def with_two_before(tokenizer):
    end, end_id = tokenizer.eos_token, tokenizer.eos_token_id
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        f"{end} {end} $A", special_tokens=[(end, end_id)]
    )
    return tokenizer


def with_strip(tokenizer):
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (unsplit, "none of gpt-2, smollm"),
        (with_two_before, r"it puts \[0, 0\] and \[\]"),
        (with_strip, "'<mask>' swallows"),
    ],
)
def test_tokenizers_that_a_file_cannot_say_are_refused_by_name(tmp_path, change, said):
    with pytest.raises(ModelUnavailable, match=said):
        write_gguf(tmp_path / "m.gguf", made("llama"), change(tiny_tokenizer()))


def test_ids_beyond_the_embedding_and_unknown_widths_are_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match=f"ids up to 264 and its embedding {VOCAB} rows"):
        write_gguf(tmp_path / "m.gguf", tiny_model("llama"), tiny_tokenizer())
    with pytest.raises(InvalidArgument, match=r"'q8' for llama\.cpp; choose from: f32, f16, bf16"):
        write_gguf(tmp_path / "m.gguf", made("llama"), tiny_tokenizer(), "q8")


def test_the_foreign_pocket_splits_before_it_merges_and_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="a file of scores splits none"):
        write_gguf(tmp_path / "m.gguf", *load_model("pocket-foreign", "float32", "cpu"))


def test_an_end_that_llama_cpp_knows_by_name_alone_is_said(tmp_path, capsys):
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens([AddedToken("<|im_end|>", special=True)])
    write_gguf(tmp_path / "m.gguf", made("llama"), tokenizer, model_id="mine")
    assert "mine: llama.cpp ends texts at <|im_end|> too" in capsys.readouterr().err
