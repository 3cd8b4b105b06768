"""Which models are written for other engines, and what keeps one from being written, by its name.

Engines compute a Llama, a Qwen or a GPT-2 in one way, whatever its configuration says; a field that says
something else would make another model of it, in silence.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel

from specdec_lib.errors import InvalidArgument, ModelUnavailable
from specdec_lib.models.architecture.module import text_config
from specdec_lib.models.export import sentences
from specdec_lib.models.files.folder import quantisation_of

_COMPUTED: dict[str, dict[str, tuple[Any, ...]]] = {
    "llama": {"hidden_act": ("silu",)},
    "mistral": {"hidden_act": ("silu",)},
    "qwen2": {"hidden_act": ("silu",)},
    "qwen3": {"hidden_act": ("silu",), "attention_bias": (False,)},
    "gpt2": {
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
}
"""Fields of a configuration, and the values that the engines compute, whatever it says."""
_ROPES = ("default", "linear", "yarn", "llama3")
"""Scalings of positions that do not change with the length of the text."""


def require_exported(
    model: PreTrainedModel,
    model_id: str,
    engine: str,
    kinds: Collection[str],
    width: str,
    widths: Collection[str],
) -> None:
    """Refuse what is not written for ``engine``, before anything of it is.

    Raises:
        InvalidArgument: a width of the matrices that is none of ``widths``.
        ModelUnavailable: packed weights, or what the engine would compute in another way.
    """
    if width not in widths:
        raise InvalidArgument(sentences.UNKNOWN_WIDTH.format(width, engine, ", ".join(widths)))
    packed = quantisation_of(model.config.to_dict())
    if packed is not None:
        raise ModelUnavailable(sentences.IS_PACKED.format(model_id, packed))
    _require_kind(model_id, text_config(model), engine, kinds)


def _require_kind(model_id: str, config: PretrainedConfig, engine: str, kinds: Collection[str]) -> None:
    """Refuse what ``engine`` would compute in another way.

    Raises:
        ModelUnavailable: a kind that is not written, a sliding window, or a choice that the engine lacks.
    """
    kind = config.model_type
    if kind not in kinds:
        raise ModelUnavailable(sentences.KIND_IS_NOT_WRITTEN.format(model_id, engine, kind, ", ".join(kinds)))
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in (getattr(config, "layer_types", None) or ())
    if window and (slides or getattr(config, "use_sliding_window", kind == "mistral")):
        raise ModelUnavailable(sentences.HAS_A_WINDOW.format(model_id, engine, window))
    for name, values in _COMPUTED[kind].items():
        found = getattr(config, name, values[0])
        if found not in values:
            meant = " or ".join(map(str, values))
            raise ModelUnavailable(
                sentences.IS_CALLED_OTHERWISE.format(model_id, engine, name, found, meant, kind)
            )
    if kind == "gpt2":
        return
    scaled = config.rope_parameters.get("rope_type", "default")
    if scaled not in _ROPES:
        raise ModelUnavailable(sentences.SCALES_POSITIONS.format(model_id, engine, scaled))
    _require_whole_heads(model_id, config, engine)


def _require_whole_heads(model_id: str, config: PretrainedConfig, engine: str) -> None:
    """Heads rotate in full, and those of Qwen2 make up the width."""
    kind, width = config.model_type, config.hidden_size // config.num_attention_heads
    rotated = config.rope_parameters.get("partial_rotary_factor", 1.0)
    if rotated != 1.0:
        name = "partial_rotary_factor"
        said = sentences.IS_CALLED_OTHERWISE.format(model_id, engine, name, rotated, 1.0, kind)
        raise ModelUnavailable(said)
    if kind == "qwen2" and (size := head_size(config)) != width:
        raise ModelUnavailable(
            sentences.IS_CALLED_OTHERWISE.format(model_id, engine, "head_dim", size, width, kind)
        )


def head_size(config: PretrainedConfig) -> int:
    """Dimensions of a head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
