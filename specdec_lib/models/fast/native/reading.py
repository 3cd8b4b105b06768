"""A model of Transformers, read for a native forward: where its numbers lie, nothing copied that is large.

Whatever is built as Llama is (Mistral, Qwen, Gemma, Phi-3 and their like) or as GPT-2. What is read is
compared with the model's own forward before it is used, so that a model which only looks alike is found out.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from specdec_lib.models.architecture.module import LanguageModel, forward_supports, text_config
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.narrow import PLAIN
from specdec_lib.models.fast.native.building import NoNative
from specdec_lib.models.fast.native.description import Description, Layer
from specdec_lib.models.fast.native.numbers import ReadNumbers, place_of
from specdec_lib.models.fast.packed import Copies
from specdec_lib.models.fast.twins import Twin

_ACTIVATIONS = {
    **dict.fromkeys(("silu", "swish"), 0),
    "gelu": 1,
    **dict.fromkeys(("gelu_new", "gelu_pytorch_tanh", "gelu_fast"), 2),
    "relu": 3,
}
_ROPES = ("default", "linear", "llama3", "yarn")


class ReadModel:
    """A model as it lies in memory.

    Attributes:
        description: to be handed to the native forward.
        dtype: of the weights, keys and values.
        num_layers, key_heads, head_dim: shape of the keys and values of every layer.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._config: Any = text_config(model)
        self.numbers = ReadNumbers()
        self._tables: list[Tensor] = []  # older ones stay: another thread may be reading them
        _require_plain(model)
        self._twin = Twin(model, lambda layer: PLAIN, Copies())
        self._hooks = [
            hooks
            for module in model.modules()
            for hooks in (module._forward_hooks, module._forward_pre_hooks)
        ]
        self._places = [
            (module._parameters, name, parameter.data_ptr())
            for module in model.modules()
            for name, parameter in module._parameters.items()
            if parameter is not None
        ]
        inner: Any = getattr(model, "model", None) or getattr(model, "transformer", None)
        is_gpt2 = hasattr(inner, "h")
        layers = list(inner.h if is_gpt2 else inner.layers)
        self.num_layers = len(layers)
        self._layers = (Layer * len(layers))()
        self.description = Description()
        self.description.num_layers, self.description.layers = len(layers), self._layers
        config = self._config
        self.heads = int(config.num_attention_heads)
        self.key_heads = int(getattr(config, "num_key_value_heads", None) or self.heads)
        self.head_dim = int(getattr(config, "head_dim", None) or config.hidden_size // self.heads)
        self._kinds = list(getattr(config, "layer_types", None) or [None] * len(layers))
        (self._read_gpt2 if is_gpt2 else self._read_llama)(inner, layers)
        self._inner = inner
        self._require_shapes()
        self.reach(1)

    @property
    def shortest_window(self) -> int | None:
        """Positions that the layer which sees the fewest can see; None where all see the whole text."""
        return min((layer.window for layer in self._layers if layer.window), default=None)

    @property
    def is_current(self) -> bool:
        """False once a module or tensor was put in another's place, or a copied vector has changed."""
        if not self._twin.is_current or any(self._hooks):
            return False
        for parameters, name, place in self._places:
            now = parameters.get(name)
            if now is None or now.data_ptr() != place:
                return False
        return self.numbers.are_current

    def reach(self, positions: int) -> None:
        """See to it that rotations of so many positions are there."""
        rotary = getattr(self._inner, "rotary_emb", None)
        if rotary is None or self.description.num_positions >= positions:
            return
        ids, made = torch.arange(positions)[None], {}
        for layer, kind in zip(self._layers, self._kinds, strict=True):
            if kind not in made:
                told = (kind,) if forward_supports(rotary, "layer_type") else ()
                found = rotary(torch.zeros((), dtype=torch.float32), ids, *told)
                made[kind] = [table[0].to(torch.float32).contiguous() for table in found]
                if made[kind][0].shape[1] > self.head_dim or made[kind][0].shape[1] % 2:
                    raise NoNative(sentences.OTHER_SIZES_OF.format("rotations"))
                self._tables += made[kind]
            layer.cosines, layer.sines = (table.data_ptr() for table in made[kind])
            layer.rotated = made[kind][0].shape[1]
        self.description.num_positions = positions

    # -- the two shapes ---------------------------------------------------------------------------

    def _read_llama(self, inner: Any, layers: list[Any]) -> None:
        config, told = self._config, self.description
        _require_rope(config)
        self._begin(inner.embed_tokens, inner.norm)
        scale = getattr(inner.embed_tokens, "embed_scale", None)
        told.embedding_scale = 1.0 if scale is None else float(scale)
        if type(inner).__name__ in ("GemmaModel", "Gemma2Model"):
            told.embedding_scale = config.hidden_size**0.5
        width, four = config.hidden_size, hasattr(layers[0], "pre_feedforward_layernorm")
        for layer, kind, module in zip(self._layers, self._kinds, layers, strict=True):
            attention, mlp = module.self_attn, module.mlp
            layer.before_attention = self.numbers.norm(module.input_layernorm, width)
            behind = self.numbers.norm(module.post_attention_layernorm, width)
            if four:
                layer.behind_attention, layer.before_mlp = (
                    behind,
                    self.numbers.norm(module.pre_feedforward_layernorm, width),
                )
                layer.behind_mlp = self.numbers.norm(module.post_feedforward_layernorm, width)
            else:
                layer.before_mlp = behind
            if hasattr(attention, "q_norm"):
                layer.of_queries = self.numbers.norm(attention.q_norm, self.head_dim)
                layer.of_keys = self.numbers.norm(attention.k_norm, self.head_dim)
            self._attention(layer, attention)
            self._mlp(layer, mlp)
            layer.scale = float(attention.scaling)
            layer.cap = float(getattr(attention, "attn_logit_softcapping", None) or 0.0)
            layer.window = self._window(kind)

    def _window(self, kind: str | None) -> int:
        """Positions that a layer of that kind sees; 0 for all."""
        if kind not in (None, "full_attention", "sliding_attention"):
            raise NoNative(sentences.ATTENDS_OTHERWISE.format(kind))
        return 0 if kind == "full_attention" else int(getattr(self._config, "sliding_window", None) or 0)

    def _attention(self, layer: Layer, attention: Any) -> None:
        wide, narrow = self.heads * self.head_dim, self.key_heads * self.head_dim
        if hasattr(attention, "qkv_proj"):
            places = (0, wide, wide + narrow, wide + 2 * narrow)
            joined = (self.numbers.rows(attention.qkv_proj, *ends) for ends in pairwise(places))
            layer.queries, layer.keys, layer.values = joined
        else:
            layer.queries, layer.keys = (
                self.numbers.rows(attention.q_proj),
                self.numbers.rows(attention.k_proj),
            )
            layer.values = self.numbers.rows(attention.v_proj)
        layer.mixed = self.numbers.rows(attention.o_proj)
        self._shape(layer)

    def _mlp(self, layer: Layer, mlp: Any) -> None:
        if hasattr(mlp, "gate_up_proj"):
            half = mlp.gate_up_proj.weight.shape[0] // 2
            layer.gate = self.numbers.rows(mlp.gate_up_proj, 0, half)
            layer.up = self.numbers.rows(mlp.gate_up_proj, half, 2 * half)
        else:
            layer.gate, layer.up = self.numbers.rows(mlp.gate_proj), self.numbers.rows(mlp.up_proj)
        layer.down = self.numbers.rows(mlp.down_proj)
        name = getattr(self._config, "hidden_activation", None) or self._config.hidden_act
        layer.activation = _activation(name)

    def _read_gpt2(self, inner: Any, layers: list[Any]) -> None:
        config = self._config
        if config.scale_attn_by_inverse_layer_idx or config.reorder_and_upcast_attn:
            raise NoNative(sentences.ATTENDS_OTHERWISE.format("GPT-2"))
        self._begin(inner.wte, inner.ln_f)
        self.description.embedding_scale = 1.0
        self.description.positions = self.numbers.vector(inner.wpe.weight)
        self.description.num_positions = inner.wpe.weight.shape[0]
        width = config.hidden_size
        for layer, module in zip(self._layers, layers, strict=True):
            layer.before_attention = self.numbers.norm(module.ln_1, width)
            layer.before_mlp = self.numbers.norm(module.ln_2, width)
            joined = (self.numbers.columns(module.attn.c_attn, part * width, width) for part in range(3))
            layer.queries, layer.keys, layer.values = joined
            layer.mixed = self.numbers.columns(module.attn.c_proj)
            layer.up, layer.down = (
                self.numbers.columns(module.mlp.c_fc),
                self.numbers.columns(module.mlp.c_proj),
            )
            layer.activation = _activation(config.activation_function)
            self._shape(layer)
            layer.scale = self.head_dim**-0.5 if config.scale_attn_weights else 1.0

    def _begin(self, embedding: nn.Embedding, last: nn.Module) -> None:
        """What stands around the layers."""
        told, head = self.description, self._model.get_output_embeddings()
        told.embedding, told.width = place_of(embedding.weight), embedding.weight.shape[1]
        told.num_ids = embedding.weight.shape[0]
        self.dtype = embedding.weight.dtype
        told.is_bfloat16 = int(self.dtype == torch.bfloat16)
        told.last, told.head = self.numbers.norm(last, told.width), self.numbers.rows(head)
        told.vocab = told.head.outputs
        told.logit_cap = float(getattr(self._config, "final_logit_softcapping", None) or 0.0)

    def _shape(self, layer: Layer) -> None:
        layer.heads, layer.key_heads, layer.head_dim = self.heads, self.key_heads, self.head_dim

    def _require_shapes(self) -> None:
        """Refuse sizes that do not fit each other: what is read by them lies where nobody looks."""
        told, wide, narrow = self.description, self.heads * self.head_dim, self.key_heads * self.head_dim
        sound = self.heads % self.key_heads == 0 and told.head.inputs == told.width
        for layer in self._layers:
            wanted = (
                (layer.queries, wide, told.width),
                (layer.keys, narrow, told.width),
                (layer.values, narrow, told.width),
                (layer.mixed, told.width, wide),
                (layer.up, layer.up.outputs, told.width),
                (layer.gate, layer.up.outputs if layer.gate.weights else 0, layer.gate.inputs and told.width),
                (layer.down, told.width, layer.up.outputs),
            )
            sound &= all((matrix.outputs, matrix.inputs) == (out, inputs) for matrix, out, inputs in wanted)
        if not sound:
            raise NoNative(sentences.OTHER_SIZES_OF.format("weights"))


def _require_plain(model: LanguageModel) -> None:
    """Refuse what a forward of ours would not do: hooks, several types of numbers, numbers elsewhere."""
    for module in model.modules():
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            raise NoNative(sentences.HAS_HOOKS.format(type(module).__name__))
    if len({parameter.dtype for parameter in model.parameters()}) != 1:
        raise NoNative(sentences.SEVERAL_TYPES)


def _require_rope(config: Any) -> None:
    """Rotations have to be those of a table that does not depend on how long a text is."""
    told = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    each = [part for part in told.values() if isinstance(part, dict)] or [told]  # a rope a kind of layer
    for kind in (part.get("rope_type", "default") for part in each):
        if kind not in _ROPES:
            raise NoNative(sentences.ATTENDS_OTHERWISE.format(kind))


def _activation(name: str) -> int:
    if name not in _ACTIVATIONS:
        raise NoNative(sentences.OTHER_LAYER.format(name))
    return _ACTIVATIONS[name]
