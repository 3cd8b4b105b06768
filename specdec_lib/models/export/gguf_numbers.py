"""What a GGUF file states of a model: its kind, and the numbers without which its weights mean nothing.

The names are those of llama.cpp's converter, by the ``gguf`` package's own tables; what a number means is in
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import gguf
import numpy as np
from gguf import GGUFWriter
from transformers import PretrainedConfig

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.export import sentences
from specdec_lib.models.export.llama_like import head_size
from specdec_lib.models.gguf.positions import FACTORS, llama3_factors

ENGINE = "llama.cpp"
KINDS = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gpt2": gguf.MODEL_ARCH.GPT2,
}
"""llama.cpp's kind of each kind of Transformers' that is written."""
_PLAIN_YARN = {"rope_type", "rope_theta", "factor", "original_max_position_embeddings"}


def add_numbers(writer: GGUFWriter, model_id: str, config: PretrainedConfig) -> None:
    """State the shape of a model, its norms' epsilon, and how its positions rotate.

    Raises:
        ModelUnavailable: a scaling of positions that is not written.
    """
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if config.model_type == "gpt2":
        writer.add_feed_forward_length(config.n_inner or 4 * config.hidden_size)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(head_size(config))
    writer.add_value_length(head_size(config))
    writer.add_rope_dimension_count(head_size(config))
    writer.add_vocab_size(config.vocab_size)
    _add_positions(writer, model_id, config)


def _add_positions(writer: GGUFWriter, model_id: str, config: PretrainedConfig) -> None:
    rope = dict(config.rope_parameters)
    kind = rope.get("rope_type", "default")
    writer.add_rope_freq_base(rope["rope_theta"])
    if kind == "default":
        return
    if kind == "llama3":
        names = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        rule = {name: rope[name] for name in names}
        factors = llama3_factors(rope["rope_theta"], head_size(config), **rule)
        writer.add_tensor(FACTORS[0], factors.astype(np.float32))
    elif kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif kind == "yarn":
        tuned = sorted(name for name, value in rope.items() if value is not None and name not in _PLAIN_YARN)
        if tuned or not rope.get("original_max_position_embeddings"):
            said = tuned[0] if tuned else "no original_max_position_embeddings"
            raise ModelUnavailable(sentences.TUNES_ITS_SCALING.format(model_id, ENGINE, said))
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
