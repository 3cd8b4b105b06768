"""Make a trained Llama deeper without changing what it computes, then train on.

New layers are copies of their neighbours whose two output projections (attention and MLP) are
zero, so that the grown model starts as exactly the same function and spends no token on
re-learning it (function-preserving growth: Chen et al. 2016, Net2Net; stacking: Gong et al. 2019).
"""

from __future__ import annotations

import copy

import torch

from specdec_lib.errors import InvalidArgument


def source_layers(num_old: int, num_new: int) -> list[tuple[int, bool]]:
    """For each layer of the grown model: (the old layer it copies, whether it is that layer itself).

    Copies stand behind their original, spread evenly: 2 -> 5 gives 0, 0', 1, 1', 1' with a prime for a copy.
    """
    if num_new < num_old:
        raise InvalidArgument(f"grow: cannot go from {num_old} layers to {num_new}")
    sources = [index * num_old // num_new for index in range(num_new)]
    return [(source, index == 0 or sources[index - 1] != source) for index, source in enumerate(sources)]


def grow_depth(model, num_layers: int):
    """A new Llama of ``num_layers`` layers that computes what ``model`` computes.

    Raises InvalidArgument when ``num_layers`` is smaller than the model's depth.
    """
    return _of_layers(model, source_layers(model.config.num_hidden_layers, num_layers))


def _of_layers(model, plan: list[tuple[int, bool]]):
    """A new Llama of these layers of ``model``, whatever surrounds them; those that are copies are silent."""
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(plan)
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[source] for source, _ in plan]
    made = type(model)(config).to(model.dtype)
    with torch.no_grad():
        made.load_state_dict(_state_of_layers(model.state_dict(), plan))
    return made


def _state_of_layers(state: dict[str, torch.Tensor], plan: list[tuple[int, bool]]) -> dict[str, torch.Tensor]:
    prefix = "model.layers."
    grown = {name: value for name, value in state.items() if not name.startswith(prefix)}
    for index, (source, is_original) in enumerate(plan):
        start = f"{prefix}{source}."
        for name, value in state.items():
            if name.startswith(start):
                tail = name[len(start) :]
                silent = not is_original and tail.endswith(("o_proj.weight", "down_proj.weight"))
                grown[f"{prefix}{index}.{tail}"] = torch.zeros_like(value) if silent else value.clone()
    return grown


def draft_from_target(target, num_layers: int):
    """A shallow draft whose embedding, final norm and layers start as the target's (first and last ones).

    ``num_layers`` >= 1; with two, the draft starts from the target's first and last layer.
    """
    depth = target.config.num_hidden_layers
    if not 1 <= num_layers <= depth:
        raise InvalidArgument(f"draft: num_layers must be in [1, {depth}], got {num_layers}")
    chosen = [round(index * (depth - 1) / max(1, num_layers - 1)) for index in range(num_layers)]
    return _of_layers(target, [(index, True) for index in chosen])
