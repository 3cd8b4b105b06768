"""A model of some of another's layers: the same weights, no second copy, between the same embedding and head.

What is left of a model without some of its layers is a model of its own: it runs in its own code, behind a
cache of its own numbering. It shares every tensor, so it takes no memory; only the modules on the way to the
list of layers are made anew, as shells around the same weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor, nn
from transformers import PretrainedConfig

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture import sentences
from specdec_lib.models.architecture.module import LanguageModel, display_name, shares_keys, text_config

Behind = Callable[[Tensor], Tensor]
"""From hidden states ``[batch, n, width]`` to others of that shape."""


def num_layers(model: LanguageModel) -> int:
    """How many layers a model has.

    Raises:
        InvalidArgument: one whose layers cannot be left out, by its name.
    """
    return len(_layer_list(model)[1])


def of_layers(model: LanguageModel, kept: Sequence[int], behind: Behind | None = None) -> LanguageModel:
    """The model of the layers ``kept`` of another, whose weights it shares.

    Args:
        kept: their places, ascending, in the layers of ``model``.
        behind: applied to the hidden states ``[batch, n, width]`` that leave the last of them.

    Raises:
        InvalidArgument: no such layers, or a model whose layers cannot be left out, by its name.
    """
    path, layers = _layer_list(model)
    if not kept or sorted({*kept}) != list(kept) or not 0 <= kept[0] <= kept[-1] < len(layers):
        raise InvalidArgument(
            sentences.NO_SUCH_LAYERS.format(display_name(model), list(kept), len(layers), len(layers) - 1)
        )
    parts = [_numbered(layers[place], number) for number, place in enumerate(kept)]
    if behind is not None:
        parts[-1] = _followed_by(parts[-1], behind)
    fewer: nn.Module = _shell(layers)
    fewer.__dict__["_modules"] = {str(number): part for number, part in enumerate(parts)}
    for name, module in reversed(path):
        shell = _shell(module)
        shell._modules[name] = fewer
        config: object = getattr(module, "config", None)
        if isinstance(config, PretrainedConfig):
            shell.config = _config_of(config, len(layers), kept)
        fewer = shell
    return fewer  # pyright: ignore[reportReturnType]  # a shell of the model, and so of its class


def _layer_list(model: LanguageModel) -> tuple[list[tuple[str, nn.Module]], nn.ModuleList]:
    """The list of layers, and the way to it: each module from the model on, with the name of the next."""
    config = text_config(model)
    depth = getattr(config, "num_hidden_layers", None)
    lists = [n for n, m in model.named_modules() if isinstance(m, nn.ModuleList) and len(m) == depth]
    found = [name for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
    if len(found) != 1:
        raise _refusal(model, sentences.OTHER_LISTS.format(len(found) or "no", depth))
    if shares_keys(config):
        raise _refusal(model, sentences.LOOKS_AT_OTHER_KEYS)
    path: list[tuple[str, nn.Module]] = []
    module: nn.Module = model
    for name in found[0].split("."):
        path.append((name, module))
        module = module._modules[name]  # pyright: ignore[reportAssignmentType]  # named_modules lists no None
    assert isinstance(module, nn.ModuleList)
    if any("forward" in vars(part) for part in (*(part for _, part in path), *module.modules())):
        raise _refusal(model, sentences.FORWARD_REPLACED)
    return path, module


def _refusal(model: LanguageModel, why: str) -> InvalidArgument:
    name, kind = display_name(model), type(model).__name__
    return InvalidArgument(sentences.LAYERS_CANNOT_BE_LEFT_OUT.format(name, kind, why))


def _shell(module: nn.Module) -> Any:
    """A module of the same attributes, weights and hooks, whose children may be others."""
    shell = type(module).__new__(type(module))
    shell.__dict__ = module.__dict__.copy()
    shell.__dict__["_modules"] = module._modules.copy()
    return shell


def _numbered(layer: nn.Module, number: int) -> nn.Module:
    """A layer that keeps its keys and values at that place of a cache; itself where it does so already."""
    if all(getattr(part, "layer_idx", number) in (number, None) for part in layer.modules()):
        return layer
    return _renumbered(layer, number)


def _renumbered(module: nn.Module, number: int) -> Any:
    shell = _shell(module)
    if isinstance(getattr(module, "layer_idx", None), int):
        shell.layer_idx = number
    for name, child in module._modules.items():
        shell._modules[name] = child if child is None else _renumbered(child, number)
    return shell


def _followed_by(layer: nn.Module, behind: Behind) -> nn.Module:
    def applied(_: nn.Module, __: Any, output: Any) -> Any:
        return (behind(output[0]), *output[1:]) if isinstance(output, tuple) else behind(output)

    shell = _shell(layer)
    shell.__dict__["_forward_hooks"] = layer._forward_hooks.copy()
    shell.register_forward_hook(applied)
    return shell


def _config_of(config: PretrainedConfig, depth: int, kept: Iterable[int]) -> PretrainedConfig:
    """A configuration of the layers ``kept``."""
    fewer = copy.deepcopy(config)
    text = fewer.get_text_config(decoder=True)
    if getattr(text, "num_hidden_layers", None) == depth:
        kept = list(kept)
        types = getattr(text, "layer_types", None)
        text.num_hidden_layers = len(kept)
        if types:
            text.layer_types = [types[place] for place in kept]
    return fewer
