"""Kinds of models in GGUF files: their config.json, and the names and order of their weights in Transformers.

A converter renames tensors, turns the rows of Llama's queries and keys (rotation by neighbours, not halves),
adds one to Gemma's norms and transposes GPT-2's matrices: each is undone here. Only kinds are taken that the
tests write and read back to the same logits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.gguf import sentences
from specdec_lib.models.gguf.header import GgufFile
from specdec_lib.models.gguf.positions import FACTORS, rope_of

Values = Float[np.ndarray, "..."]

_LLAMA = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_QK_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
_SANDWICH = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_PHI3 = {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"}
_GPT2 = {
    "attn_norm": "ln_1",
    "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj",
    "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
_AROUND = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_AROUND_GPT2 = {
    "token_embd": "transformer.wte",
    "position_embd": "transformer.wpe",
    "output_norm": "transformer.ln_f",
    "output": "lm_head",
}
_BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")
_UNREAD = ("expert_count", "logit_scale", "residual_scale", "embedding_scale", "nextn_predict_layers")
_UNREAD += ("attention.scale", "attention.clamp_kqv", "attention.max_alibi_bias")
"""Statements that would make another model of one whose reader does not know them."""


@dataclass(frozen=True)
class _Kind:
    """One of llama.cpp's kinds of models."""

    model_type: str
    block: dict[str, str] = field(default_factory=lambda: _LLAMA)
    around: dict[str, str] = field(default_factory=lambda: _AROUND)
    blocks_are: str = "model.layers"
    more: Callable[[GgufFile, dict[str, Any]], dict[str, Any]] = lambda file, config: {}
    """Fields of its config.json beyond those that all have."""
    undo: Callable[[str, Values, dict[str, Any]], Values] = lambda name, values, config: values
    """A tensor as Transformers has it, of one as the converter wrote it."""


def _turned_back(name: str, values: Values, config: dict[str, Any]) -> Values:
    """Llama's queries and keys: neighbours rotate together in the file, halves in Transformers."""
    counts = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}
    part = name.split(".")[-2]
    if part not in counts:
        return values
    heads = config[counts[part]]
    pairs = values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:])
    return pairs.swapaxes(1, 2).reshape(values.shape)


def _less_one(name: str, values: Values, config: dict[str, Any]) -> Values:
    return values - np.float32(1) if name.endswith("norm.weight") else values


def _transposed(name: str, values: Values, config: dict[str, Any]) -> Values:
    return values.T if values.ndim == 2 and name.startswith("blk.") else values


def _biases(file: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    held = file.tensors
    return {"attention_bias": "blk.0.attn_q.bias" in held, "mlp_bias": "blk.0.ffn_up.bias" in held}


def _qwen3(file: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    return {"attention_bias": "blk.0.attn_q.bias" in file.tensors}


def _phi3(file: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    window = _stated(file, "attention.sliding_window", 0)
    trained = config["rope_parameters"].get("original_max_position_embeddings")
    return {
        "sliding_window": window or None,
        "partial_rotary_factor": _rotated(file, config) / config["head_dim"],
        **({"original_max_position_embeddings": trained} if trained else {}),
    }


def _gemma2(file: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    layers = config["num_hidden_layers"]
    return {
        **_scaled_queries(config, wide=layers == 46),  # 27B
        "attn_logit_softcapping": _stated(file, "attn_logit_softcapping", None),
        "final_logit_softcapping": _stated(file, "final_logit_softcapping", None),
        "sliding_window": _stated(file, "attention.sliding_window"),
        "layer_types": _layers(layers, 2),
    }


def _gemma3(file: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    layers, pattern = config["num_hidden_layers"], _stated(file, "attention.sliding_window_pattern", 6)
    base = _stated(file, "rope.freq_base_swa", _stated(file, "rope.local.freq_base", 10000.0))
    near = {"rope_theta": float(base), "rope_type": "default"}
    return {
        **_scaled_queries(config, wide=layers == 62),  # 27B
        "final_logit_softcapping": _stated(file, "final_logit_softcapping", None),
        "sliding_window": _stated(file, "attention.sliding_window"),
        "layer_types": _layers(layers, pattern),
        "rope_parameters": {"full_attention": config["rope_parameters"], "sliding_attention": near},
    }


def _scaled_queries(config: dict[str, Any], wide: bool) -> dict[str, Any]:
    """By what queries are divided: a head's size, but in the largest model, whose file does not say so."""
    width = config["hidden_size"] // config["num_attention_heads"] if wide else config["head_dim"]
    return {"query_pre_attn_scalar": width}


def _layers(count: int, pattern: int | list[bool]) -> list[str]:
    """One layer of so many sees all tokens, the others a window; or a list says which see one."""
    near = pattern if isinstance(pattern, list) else [(i + 1) % pattern > 0 for i in range(count)]
    return ["sliding_attention" if sees_window else "full_attention" for sees_window in near]


_KINDS = {
    "llama": _Kind("llama", more=_biases, undo=_turned_back),
    "qwen2": _Kind("qwen2"),
    "qwen3": _Kind("qwen3", _LLAMA | _QK_NORMS, more=_qwen3),
    "gemma": _Kind("gemma", undo=_less_one),
    "gemma2": _Kind("gemma2", _LLAMA | _SANDWICH, more=_gemma2, undo=_less_one),
    "gemma3": _Kind("gemma3_text", _LLAMA | _SANDWICH | _QK_NORMS, more=_gemma3, undo=_less_one),
    "phi3": _Kind("phi3", _LLAMA | _PHI3, more=_phi3),
    "gpt2": _Kind("gpt2", _GPT2, _AROUND_GPT2, "transformer.h", undo=_transposed),
}


def described_config(file: GgufFile) -> dict[str, Any]:
    """The config.json of a file's model.

    Raises:
        ModelUnavailable: a kind that is not read here, one that states what is not understood, or numbers
            that are missing.
    """
    kind = _kind(file)
    for name in _UNREAD:
        if _stated(file, name, 0):
            raise ModelUnavailable(sentences.STATES_THE_UNREAD.format(file.model_id, file.architecture, name))
    if "token_embd.weight" not in file.tensors:
        raise ModelUnavailable(sentences.LACKS_EMBEDDING.format(file.model_id))
    config: dict[str, Any] = {
        "model_type": kind.model_type,
        "dtype": "float32",
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "max_position_embeddings": _stated(file, "context_length"),
        "hidden_size": _stated(file, "embedding_length"),
        "intermediate_size": _stated(file, "feed_forward_length"),
        "num_hidden_layers": _stated(file, "block_count"),
        "num_attention_heads": _stated(file, "attention.head_count"),
    }
    heads = config["num_attention_heads"]
    config["num_key_value_heads"] = _stated(file, "attention.head_count_kv", heads)
    for name in ("num_attention_heads", "num_key_value_heads", "intermediate_size"):
        if not isinstance(config[name], int) or config[name] < 1:
            raise ModelUnavailable(sentences.DIFFERS_BY_LAYER.format(file.model_id, name, config[name]))
    if kind.model_type == "gpt2":
        return config | {"n_inner": config["intermediate_size"], "layer_norm_epsilon": _epsilon(file, "")}
    config["head_dim"] = _stated(file, "attention.key_length", config["hidden_size"] // heads)
    config["rms_norm_eps"] = _epsilon(file, "rms_")
    base = _stated(file, "rope.freq_base", _stated(file, "rope.global.freq_base", 10000.0))
    config["rope_parameters"] = rope_of(file, base, _rotated(file, config))
    if kind.model_type != "phi3" and _rotated(file, config) != config["head_dim"]:
        raise ModelUnavailable(sentences.ROTATES_A_PART.format(file.model_id))
    return config | kind.more(file, config)


def _rotated(file: GgufFile, config: dict[str, Any]) -> int:
    return _stated(file, "rope.dimension_count", config["head_dim"])


def _epsilon(file: GgufFile, norm: str) -> float:
    """As it was before it became a number of 32 bits: 1e-05, not 9.99999974e-06."""
    return float(f"{_stated(file, f'attention.layer_norm_{norm}epsilon'):.6g}")


def _kind(file: GgufFile) -> _Kind:
    if file.architecture not in _KINDS:
        raise ModelUnavailable(
            sentences.KIND_IS_NOT_READ.format(file.model_id, file.architecture, ", ".join(_KINDS))
        )
    return _KINDS[file.architecture]


_NOTHING = object()


def _stated(file: GgufFile, name: str, default: Any = _NOTHING) -> Any:
    found = file.metadata.get(f"{file.architecture}.{name}", default)
    if found is _NOTHING:
        raise ModelUnavailable(sentences.LACKS_NUMBER.format(file.model_id, file.architecture, name))
    return found


def weight_of(file: GgufFile, name: str, config: dict[str, Any]) -> tuple[str, Values] | None:
    """A tensor of a file by its name in Transformers, as it stands there; None where it is no weight.

    A name that is not known keeps its place among the layers, so that whoever reads it will refuse it.
    """
    if name in FACTORS:
        return None
    kind, block = _kind(file), _BLOCK.fullmatch(name)
    if block is not None:
        layer, part, end = block.groups()
        renamed = f"{kind.blocks_are}.{layer}.{kind.block.get(part, part)}.{end}"
    else:
        part, _, end = name.partition(".")
        renamed = f"{kind.around[part]}.{end}" if part in kind.around else name
    return renamed, kind.undo(name, file.read(name), config)
