"""A twin of a model: its weights, buffers and hooks, shared, and another class for linear layers that gain.

The model of the user stays as it is, and free to change: a module may be put in another's place (an adapter,
a resized head), parametrized, or given another attribute. None of that reaches a twin that was made before,
so a twin remembers what it was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from specdec_lib.models.fast.narrow import PLAIN, NarrowLinear, RowForms
from specdec_lib.models.fast.packed import Copies

TYPES = (torch.float32, torch.bfloat16)
"""Of weights whose products may gain; float16 has no kernel on most processors."""
FormsByLayer = Callable[[nn.Linear], RowForms]


class _Made(NamedTuple):
    """What one module was when its twin was made."""

    module: nn.Module
    kind: type
    attributes: Mapping[str, Any]
    children: Mapping[str, Any]

    @property
    def is_current(self) -> bool:
        module = self.module
        return (
            type(module) is self.kind
            and _same(module.__dict__, self.attributes)
            and _same(module._modules, self.children)
        )


class Twin:
    """``module``, the twin of a module, as it was when this was made.

    Args:
        forms_of: the forms of a linear layer; one that is plain keeps its class.
        copies: makes and keeps the packed weights.
    """

    def __init__(self, original: nn.Module, forms_of: FormsByLayer, copies: Copies) -> None:
        self._forms_of, self._copies = forms_of, copies
        self._made: list[_Made] = []
        self.module = self._twin(original, {})

    @property
    def is_current(self) -> bool:
        """False once a module was replaced, or has another class or another attribute (some 0.1 ms)."""
        return all(made.is_current for made in self._made)

    def _twin(self, module: nn.Module, known: dict[int, nn.Module]) -> nn.Module:
        """A module of the same attributes, its children twins; a layer that gains differs in its class."""
        if id(module) not in known:
            forms = self._forms_of(module) if isinstance(module, nn.Linear) and gains(module) else PLAIN
            kind = type(module) if forms == PLAIN else NarrowLinear
            twin = known[id(module)] = kind.__new__(kind)
            twin.__dict__ = module.__dict__.copy()
            self._made.append(_Made(module, type(module), module.__dict__.copy(), module._modules.copy()))
            if isinstance(module, nn.Linear) and kind is NarrowLinear:
                twin.__dict__["forms"] = forms
                if "packed" in forms.kinds:
                    twin.__dict__["packed"] = self._copies.of(module)
            twin.__dict__["_modules"] = {
                name: child if child is None else self._twin(child, known)
                for name, child in module._modules.items()
            }
        return known[id(module)]


def gaining(model: nn.Module) -> list[nn.Linear]:
    """The layers of a model whose products may take another form."""
    return [module for module in model.modules() if isinstance(module, nn.Linear) and gains(module)]


def gains(layer: nn.Linear) -> bool:
    """Exactly a linear layer of plain numbers: whoever made a class of their own, of layers or of tensors
    (quantised ones call themselves float32 too), multiplies in a way of their own."""
    weight: object = getattr(layer, "weight", None)
    if type(layer) is not nn.Linear or not isinstance(weight, Tensor):
        return False
    is_own_kind = type(weight) not in (nn.Parameter, Tensor) or weight.layout is not torch.strided
    return not is_own_kind and weight.dtype in TYPES and weight.device.type == "cpu"


def _same(now: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    return now.keys() == then.keys() and all(map(is_, now.values(), then.values()))
