"""A model whose products take the form that suits the machine: a verification costs about what a step does.

Which form that is: :mod:`specdec_lib.models.fast.forms`. Only the order of summation differs, and all orders
are as far from the exact product; it changes the last digits of logits, so :attr:`Products.form` says which
form is in use. Other devices, other types and quantised layers stay as they are, and so does the model of the
user: it gets a twin.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable

import torch
from torch import nn

from specdec_lib.models.architecture.module import LanguageModel
from specdec_lib.models.fast.forms import VARIABLE, asked_form, fastest_forms
from specdec_lib.models.fast.narrow import EVERYWHERE, FORMS, PLAIN, NarrowLinear, ProductForm, RowForms
from specdec_lib.models.fast.packed import Copies, fits_twice, may_pack

TYPES = (torch.float32, torch.bfloat16)
"""Of weights whose products may gain; float16 has no kernel on most processors."""
FormsByLayer = Callable[[nn.Linear], RowForms]


class Products:
    """A model in the forms of matrix products that suit the machine, decided when it is first run.

    They are decided again when the number of threads changed, or what was asked for; and copies of weights
    are made anew when a weight was replaced or written to. Writing through ``weight.data`` in place goes
    unnoticed, as it does by torch itself.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.original, self._twin, self._copies = model, None, Copies()
        self._layers = _gaining(model)
        self._asked: tuple[object, ...] = ()
        self._forms: dict[int, RowForms] = {}
        self._forms_of_twin: dict[int, RowForms] = {}
        self._twins = 0

    def __reduce__(self) -> tuple[type[Products], tuple[LanguageModel]]:
        """A copy begins anew: packed weights can be neither copied nor written."""
        return Products, (self.original,)

    @property
    def form(self) -> ProductForm:
        """How products of a few rows are made now: the last of "plain", "transposed", "packed" in use."""
        kinds = {kind for forms in self._decided().values() for kind in forms.kinds}
        found: list[ProductForm] = [form for form in FORMS if form in kinds]
        return found[-1] if found else "plain"

    @property
    def model(self) -> nn.Module:
        """The model as it came, or its twin with other products."""
        forms = self._decided()
        if not forms:
            return self.original
        if self._twin is None or forms != self._forms_of_twin or not self._copies.are_current:
            self._copies, self._forms_of_twin, self._twins = Copies(), forms, self._twins + 1
            self._twin = _twin(self.original, lambda layer: forms.get(id(layer), PLAIN), self._copies, {})
        return self._twin

    @property
    def state(self) -> Hashable:
        """Names the model that :attr:`model` has given, among all that it has given so far."""
        return self._twins if self._forms else 0

    def _decided(self) -> dict[int, RowForms]:
        """The forms of those layers that have others than plain ones."""
        if self._layers:
            asking = (asked_form(), os.environ.get(VARIABLE), torch.get_num_threads())
            if asking != self._asked:
                self._forms, self._asked = chosen_forms(self._layers), asking
        return self._forms


def chosen_forms(layers: list[nn.Linear]) -> dict[int, RowForms]:
    """The forms of those ``layers`` that do not stay plain, by ``id``.

    What is asked for goes for every layer; else the clock decides, and weights are packed only where there is
    room for all the copies.
    """
    asked = asked_form()
    found = {id(layer): EVERYWHERE[asked] if asked else fastest_by_clock(layer) for layer in layers}
    packing = [layer for layer in layers if "packed" in found[id(layer)].kinds]
    fits = asked == "packed" or fits_twice(packing)
    for layer in packing:
        if not (fits and may_pack(layer)):
            found[id(layer)] = PLAIN
    return {layer: forms for layer, forms in found.items() if forms != PLAIN}


def fastest_by_clock(layer: nn.Linear) -> RowForms:
    """What suits a layer on this processor."""
    return fastest_forms(layer.out_features, layer.in_features, layer.weight.dtype)


def with_narrow_products(model: nn.Module, forms: RowForms | None = None) -> nn.Module:
    """The same model, its weights, buffers and hooks shared, whose linear layers are narrow ones.

    Their class is :class:`~specdec_lib.models.fast.narrow.NarrowLinear`.

    A model that would gain nothing is returned as it is: one that is not in float32 or bfloat16 on a CPU, or
    any model on a processor on which the plain product is the fastest.

    Args:
        forms: of every layer; None for what suits each.
    """
    layers = _gaining(model)
    chosen = chosen_forms(layers) if forms is None else {id(layer): forms for layer in layers}
    if not chosen:
        return model
    return _twin(model, lambda layer: chosen.get(id(layer), PLAIN), Copies(), {})


def _twin(
    module: nn.Module, forms_of: FormsByLayer, copies: Copies, known: dict[int, nn.Module]
) -> nn.Module:
    """A module with the same attributes and twins for children; a layer that gains differs in its class."""
    if id(module) not in known:
        forms = forms_of(module) if isinstance(module, nn.Linear) and _gains(module) else PLAIN
        kind = type(module) if forms == PLAIN else NarrowLinear
        twin = known[id(module)] = kind.__new__(kind)
        twin.__dict__ = module.__dict__.copy()
        if isinstance(module, nn.Linear) and kind is NarrowLinear:
            twin.__dict__["forms"] = forms
            if "packed" in forms.kinds:
                twin.__dict__["packed"] = copies.of(module)
        twin.__dict__["_modules"] = {
            name: child if child is None else _twin(child, forms_of, copies, known)
            for name, child in module._modules.items()
        }
    return known[id(module)]


def _gaining(model: nn.Module) -> list[nn.Linear]:
    return [module for module in model.modules() if isinstance(module, nn.Linear) and _gains(module)]


def _gains(module: nn.Module) -> bool:
    """Exactly a linear layer: whoever made a class of their own multiplies in a way of their own."""
    return type(module) is nn.Linear and module.weight.dtype in TYPES and module.weight.device.type == "cpu"
