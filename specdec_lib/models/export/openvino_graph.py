"""A model of Transformers' as OpenVINO's graph of one step, whose keys and values are its state.

OpenVINO GenAI takes a graph of four inputs (``input_ids``, ``attention_mask``, ``position_ids`` and
``beam_idx``) and one output (``logits``) that keeps its cache as variables, by rows and heads; it finds the
attention in it and puts a paged one in its place. It is traced by the ``openvino`` package alone: the usual
exporter needs an older Transformers.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from specdec_lib.models.export.llama_like import head_size
from specdec_lib.models.export.stateless_step import StepOfModel

_INPUTS = ("input_ids", "attention_mask", "position_ids")
_SIDES = ("key", "value")


def step_graph(model: PreTrainedModel) -> Any:
    """The graph of a step of a Llama-like model in float32.

    Args:
        model: with ``embed_tokens``, ``layers``, ``norm`` and ``rotary_emb`` in ``model``, and a head.
    """
    ov, config = import_module("openvino"), model.config
    caches = [f"{number}.{side}" for number in range(config.num_hidden_layers) for side in _SIDES]
    before = config._attn_implementation
    model.set_attn_implementation("sdpa")  # the attention that OpenVINO GenAI looks for
    try:
        graph = _traced(model, len(caches))
    finally:
        model.set_attn_implementation(before or "sdpa")
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
    stateful = import_module("openvino._offline_transformations").apply_make_stateful_transformation
    stateful(graph, dict(zip(past, present, strict=True)))
    _begin_empty(graph, config.num_key_value_heads, head_size(config))
    graph.validate_nodes_and_infer_types()
    return graph


def _traced(model: PreTrainedModel, num_caches: int) -> Any:
    """The graph of a step; two rows of two tokens behind three, so that no size is taken for another."""
    rows, width, held = 2, 2, 3
    config = model.config
    past = torch.zeros(rows, config.num_key_value_heads, held, head_size(config))
    places = torch.arange(held, held + width).repeat(rows, 1)
    ids, mask = torch.zeros(rows, width).long(), torch.ones(rows, held + width).long()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's tracer doubts every branch on a shape
        return import_module("openvino").convert_model(
            StepOfModel(model), example_input=(ids, mask, places, *[past] * num_caches)
        )


def _let_rows_change_places(graph: Any, past: list[str]) -> None:
    """Beam search reorders the rows of a cache: by an input that everybody has to give."""
    ov, ops = import_module("openvino"), import_module("openvino.opset13")
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


def _begin_empty(graph: Any, heads: int, size: int) -> None:
    """A cache that was never written has as many rows as there are texts, and no token."""
    ops = import_module("openvino.opset13")
    shape_of_ids = ops.shape_of(graph.input("input_ids"), output_type="i64")
    rows = ops.gather(shape_of_ids, ops.constant(np.array([0], np.int64)), ops.constant(np.int64(0)))
    shape = ops.concat([rows, ops.constant(np.array([heads, 0, size], np.int64))], 0)
    for node in graph.get_ops():
        if node.get_type_name() == "ReadValue":
            node.set_arguments([ops.broadcast(ops.constant(np.float32(0)), shape)])
