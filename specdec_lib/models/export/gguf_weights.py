"""The weights of a model as a GGUF file has them: llama.cpp's names, its order of rows, its number formats.

The inverse of :mod:`specdec_lib.models.gguf.architectures`, which reads them: Llama's queries and keys are
turned (neighbours rotate together there, halves in Transformers), GPT-2's matrices transposed. Names are the
``gguf`` package's. A head that is the embedding itself is left out, as llama.cpp takes the embedding then.
"""

from __future__ import annotations

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from jaxtyping import Float
from transformers import PretrainedConfig, PreTrainedModel

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.export import sentences
from specdec_lib.models.export.gguf_numbers import KINDS

Weights = Float[np.ndarray, "..."]

WIDTHS = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16"}
"""What matrices can be written in, and what such a file calls itself; all else is written in 32 bits."""
_TRANSPOSED = ("c_attn", "c_proj", "c_fc")


def add_weights(writer: GGUFWriter, model_id: str, model: PreTrainedModel, width: str) -> None:
    """Add every weight of a model in float32; matrices in the width asked for.

    Raises:
        ModelUnavailable: a tensor that has no name there, or a weight that the width cannot hold.
    """
    config = model.config
    names = gguf.get_tensor_name_map(KINDS[config.model_type], config.num_hidden_layers)
    for name, parameter in model.named_parameters():  # tied ones once, as the embedding
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if stored is None:
            raise ModelUnavailable(sentences.TENSOR_HAS_NO_NAME.format(model_id, name))
        values = _turned(name, parameter.detach().float().cpu().numpy(), config)
        is_matrix = values.ndim == 2 and not stored.startswith("position_embd")
        _add(writer, model_id, stored, np.ascontiguousarray(values), width if is_matrix else "f32")


def _turned(name: str, values: Weights, config: PretrainedConfig) -> Weights:
    """A tensor in the order of its file."""
    part = name.split(".")[-2]
    if config.model_type == "gpt2":
        return values.T if part in _TRANSPOSED else values
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    if part not in heads or KINDS[config.model_type] != gguf.MODEL_ARCH.LLAMA:
        return values
    halves = values.reshape(heads[part], 2, values.shape[0] // heads[part] // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _add(writer: GGUFWriter, model_id: str, name: str, values: Weights, width: str) -> None:
    if width == "f32":
        writer.add_tensor(name, values)
    elif width == "bf16":
        held = torch.from_numpy(values).bfloat16().view(torch.uint8).numpy()
        writer.add_tensor(name, held, raw_dtype=GGMLQuantizationType.BF16)
    else:
        with np.errstate(over="ignore"):
            held = values.astype(np.float16)
        lost = int(np.isinf(held).sum() - np.isinf(values).sum())
        if lost:
            raise ModelUnavailable(sentences.WEIGHTS_OVERFLOW.format(model_id, lost, name))
        writer.add_tensor(name, held)
