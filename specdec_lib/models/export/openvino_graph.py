"""A model of Transformers' as OpenVINO's graph of one step, whose keys and values are its state.

OpenVINO GenAI takes a graph of four inputs (``input_ids``, ``attention_mask``, ``position_ids`` and
``beam_idx``) and one output (``logits``) that keeps its cache as variables, by rows and heads; it finds the
attention in it and puts a paged one in its place. What is traced here is the model's own layers, with a cache that grows by
concatenation, so that the arithmetic is theirs. No other library stands between: the usual exporter wants an
older Transformers.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import openvino as ov
import torch
from jaxtyping import Float, Int
from openvino import opset13 as ops
from openvino._offline_transformations import apply_make_stateful_transformation
from torch import Tensor, nn
from transformers import PreTrainedModel

from specdec_lib.models.export.llama_like import head_size

_INPUTS = ("input_ids", "attention_mask", "position_ids")
_SIDES = ("key", "value")


def step_graph(model: PreTrainedModel) -> ov.Model:
    """The graph of a step of a Llama-like model in float32.

    Args:
        model: with ``embed_tokens``, ``layers``, ``norm`` and ``rotary_emb`` in ``model``, and a head.
    """
    config = model.config
    caches = [f"{number}.{side}" for number in range(config.num_hidden_layers) for side in _SIDES]
    before = config._attn_implementation
    model.set_attn_implementation("sdpa")
    try:
        graph = _traced(model, len(caches))
    finally:
        model.set_attn_implementation(before)
    shape = ov.PartialShape([-1, config.num_key_value_heads, -1, head_size(config)])
    shapes = [ov.PartialShape([-1, -1])] * len(_INPUTS) + [shape] * len(caches)
    past, present = ([f"{when}.{name}" for name in caches] for when in ("past", "present"))
    for port, name, part in zip(graph.inputs, [*_INPUTS, *past], shapes, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_friendly_name(name)
        port.get_node().set_partial_shape(part)
    for port, name in zip(graph.outputs, ["logits", *present], strict=True):
        port.get_tensor().set_names({name})
    graph.validate_nodes_and_infer_types()
    _let_rows_change_places(graph, past)
    apply_make_stateful_transformation(graph, dict(zip(past, present, strict=True)))
    _begin_empty(graph, config.num_key_value_heads, head_size(config))
    graph.validate_nodes_and_infer_types()
    return graph


class _GrowingCache:
    """What a layer of Transformers asks of a cache, and no more: keys and values behind those there are."""

    def __init__(self, past: tuple[Tensor, ...]) -> None:
        self.held = list(past)

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        for place, new in ((2 * layer, keys), (2 * layer + 1, values)):
            self.held[place] = torch.cat([self.held[place], new], dim=2)
        return self.held[2 * layer], self.held[2 * layer + 1]


class _Step(nn.Module):
    """One forward behind a cache: logits, and the cache as it is then."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.whole: Any = model

    def forward(
        self,
        input_ids: Int[Tensor, "rows width"],
        attention_mask: Int[Tensor, "rows total"],
        position_ids: Int[Tensor, "rows width"],
        *past: Float[Tensor, "rows heads held size"],
    ) -> tuple[Tensor, ...]:
        inner = self.whole.model
        hidden = inner.embed_tokens(input_ids)
        mask = _mask(input_ids.shape[1], attention_mask)
        turned = inner.rotary_emb(hidden, position_ids=position_ids)
        cache = _GrowingCache(past)
        for layer in inner.layers:
            hidden = layer(
                hidden,
                attention_mask=mask,
                position_ids=position_ids,
                past_key_values=cache,
                position_embeddings=turned,
            )
        return self.whole.lm_head(inner.norm(hidden)), *cache.held


def _mask(width: int, attention_mask: Int[Tensor, "rows total"]) -> Float[Tensor, "rows 1 width total"]:
    """Added to scores: nothing for what a token sees, the lowest number for what is behind it or padding."""
    total = attention_mask.shape[1]
    seen = torch.arange(total)[None, :] <= torch.arange(width)[:, None] + (total - width)
    allowed = seen[None, None] & (attention_mask[:, None, None, :] != 0)
    return torch.where(allowed, 0.0, torch.finfo(torch.float32).min)


def _traced(model: PreTrainedModel, num_caches: int) -> ov.Model:
    """The graph of a step; two rows of two tokens behind three, so that no size is taken for another."""
    rows, width, held = 2, 2, 3
    config = model.config
    past = torch.zeros(rows, config.num_key_value_heads, held, head_size(config))
    places = torch.arange(held, held + width).repeat(rows, 1)
    ids, mask = torch.zeros(rows, width).long(), torch.ones(rows, held + width).long()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's tracer doubts every branch on a shape
        return ov.convert_model(_Step(model), example_input=(ids, mask, places, *[past] * num_caches))


def _let_rows_change_places(graph: ov.Model, past: list[str]) -> None:
    """Beam search reorders the rows of a cache: by an input that everybody has to give."""
    order = ops.parameter(ov.PartialShape([-1]), ov.Type.i32, name="beam_idx")
    order.output(0).get_tensor().set_names({"beam_idx"})
    graph.add_parameters([order])
    for name in past:
        port = graph.input(name)
        readers = list(port.get_target_inputs())
        ordered = ops.gather(port, order, ops.constant(np.int64(0)))
        for reader in readers:
            reader.replace_source_output(ordered.output(0))
    graph.validate_nodes_and_infer_types()


def _begin_empty(graph: ov.Model, heads: int, size: int) -> None:
    """A cache that was never written has as many rows as there are texts, and no token."""
    shape_of_ids = ops.shape_of(graph.input("input_ids"), output_type="i64")
    rows = ops.gather(shape_of_ids, ops.constant(np.array([0], np.int64)), ops.constant(np.int64(0)))
    shape = ops.concat([rows, ops.constant(np.array([heads, 0, size], np.int64))], 0)
    for node in graph.get_ops():
        if node.get_type_name() == "ReadValue":
            node.set_arguments([ops.broadcast(ops.constant(np.float32(0)), shape)])
