"""GGUF files of tiny models, written as llama.cpp's converter writes them: names and places by the gguf
package's own tables, which the library does not use."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from gguf.quants import quantize
from tokenizers import Tokenizer, decoders, models, normalizers, trainers
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

KINDS = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma": gguf.MODEL_ARCH.GEMMA,
    "gemma2": gguf.MODEL_ARCH.GEMMA2,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
    "phi3": gguf.MODEL_ARCH.PHI3,
    "gpt2": gguf.MODEL_ARCH.GPT2,
}
More = Callable[[GGUFWriter], object]


def write_gguf(
    path: Path,
    model: PreTrainedModel | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    quantisation: str = "F32",
    more: More = lambda writer: None,
    **options,
) -> Path:
    """A file of a model (None: its vocabulary alone) and a tokenizer (None: none at all).

    Args:
        quantisation: of every matrix whose rows are long enough for it.
        more: adds to the file, or changes what is there.
        options: of :func:`add_tokenizer`.
    """
    kind = "llama" if model is None else model.config.model_type
    writer = GGUFWriter(str(path), gguf.MODEL_ARCH_NAMES[KINDS[kind]])
    if tokenizer is not None:
        add_tokenizer(writer, tokenizer, **options)
    if model is not None:
        _add_config(writer, model.config)
        names = gguf.get_tensor_name_map(KINDS[kind], model.config.num_hidden_layers)
        tied = model.config.tie_word_embeddings
        for name, parameter in model.state_dict().items():
            if not (tied and name == "lm_head.weight"):
                stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
                _add_tensor(writer, stored, _as_written(model, name, parameter.float().numpy()), quantisation)
    more(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_config(writer: GGUFWriter, config) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(4 * config.hidden_size)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head)
    writer.add_value_length(head)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if config.model_type in ("gemma2", "gemma3_text", "phi3"):
        writer.add_sliding_window(config.sliding_window)
    if config.model_type == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def _as_written(model: PreTrainedModel, name: str, values: np.ndarray) -> np.ndarray:
    """What the converter makes of a tensor."""
    config = model.config
    if config.model_type.startswith("gemma") and name.endswith("norm.weight"):
        return values + 1
    if config.model_type == "gpt2" and any(part in name for part in ("c_attn", "c_proj", "c_fc")):
        return values.T
    for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", None)):
        if config.model_type == "llama" and part in name:
            heads = heads or config.num_key_value_heads
            halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
            return halves.swapaxes(1, 2).reshape(values.shape)
    return values


def _add_tensor(writer: GGUFWriter, name: str, values: np.ndarray, quantisation: str) -> None:
    kind = GGMLQuantizationType[quantisation]
    fits = values.ndim == 2 and values.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0
    if kind != GGMLQuantizationType.F32 and fits:
        writer.add_tensor(name, quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, np.ascontiguousarray(values))


def rounded(model: PreTrainedModel, quantisation: str) -> PreTrainedModel:
    """The model with its matrices as a file of that quantisation holds them, changed in place."""
    kind = GGMLQuantizationType[quantisation]
    for parameter in model.parameters():
        if parameter.ndim == 2 and parameter.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0:
            held = gguf.quants.dequantize(quantize(parameter.detach().numpy(), kind), kind)
            parameter.data.copy_(parameter.new_tensor(held))
    return model


def add_tokenizer(
    writer: GGUFWriter,
    tokenizer: PreTrainedTokenizerBase,
    pre: str | None = "gpt-2",
    rows: int | None = None,
    scores: Sequence[float] | None = None,
    template: str | None = None,
) -> None:
    """A tokenizer's vocabulary; with ``scores`` as a sentencepiece-like one, else as a byte-level one.

    Args:
        rows: of the embedding; what has no token is padded.
    """
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = dict(sorted((token_id, token) for token, token_id in tokenizer.get_vocab().items()))
    added = {entry["id"]: entry["special"] for entry in described["added_tokens"]}
    kinds = [TokenType.NORMAL for _ in tokens]
    for token_id, special in added.items():
        kinds[token_id] = TokenType.CONTROL if special else TokenType.USER_DEFINED
    names = list(tokens.values())
    for token_id in range(len(names), rows or 0):
        names.append(f"[PAD{token_id}]")
        kinds.append(TokenType.UNUSED)
    if scores is None:
        writer.add_tokenizer_model("gpt2")
        writer.add_token_merges([" ".join(pair) for pair in described["model"]["merges"]])
        if pre is not None:
            writer.add_tokenizer_pre(pre)
    else:
        writer.add_tokenizer_model("llama")
        writer.add_token_scores([*scores, *(0.0 for _ in names[len(scores) :])])
        kinds = [TokenType.BYTE if _is_byte(name) else kind for name, kind in zip(names, kinds, strict=True)]
        kinds[names.index("<unk>")] = TokenType.UNKNOWN
        writer.add_unk_token_id(names.index("<unk>"))
    writer.add_token_list(names)
    writer.add_token_types(kinds)
    for token, add in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (tokenizer.eos_token_id, writer.add_eos_token_id),
    ):
        if token is not None:
            add(token)
    if template is not None:
        writer.add_chat_template(template)


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x")


TEXT = ["the cat sat on the mat, the cat ran", "  two  spaces and\nlines", "for i in range(10): print(i)"]


def spaced_tokenizer(vocab_size: int = 340) -> tuple[PreTrainedTokenizerFast, list[float]]:
    """A sentencepiece-like BPE (▁ for spaces, bytes for what is unknown) as Llama-2's, and its scores."""
    special = ["<unk>", "<s>", "</s>"]
    spaces = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    taught = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    taught.normalizer = normalizers.Sequence(spaces)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[*special, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    taught.train_from_iterator(TEXT * 3, trainer)
    described = json.loads(taught.to_str())
    described["added_tokens"] = described["added_tokens"][: len(special)]
    tokenizer = Tokenizer.from_str(json.dumps(described))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    ranks = {"".join(pair): rank for rank, pair in enumerate(described["model"]["merges"])}
    names = sorted(made.get_vocab(), key=made.get_vocab().__getitem__)
    return made, [-float(ranks.get(name, 1000 + at)) for at, name in enumerate(names)]
