"""A model whose products take the form that suits the machine: a verification costs about what a step does.

Which form that is: :mod:`specdec_lib.models.fast.forms`. Only the order of summation differs, and all orders
are as far from the exact product; it changes the last digits of logits, so :attr:`Products.form` says which
form is in use. Other devices, other types and quantised layers stay as they are, and so does the model of the
user: it gets a twin.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable

import torch
from torch import nn

from specdec_lib.models.architecture.module import LanguageModel
from specdec_lib.models.fast.forms import asked_form, fastest_forms
from specdec_lib.models.fast.narrow import EVERYWHERE, FORMS, PLAIN, ProductForm, RowForms
from specdec_lib.models.fast.packed import Copies, fits_twice, may_pack
from specdec_lib.models.fast.twins import Twin, gaining


class Products:
    """A model in the forms of matrix products that suit the machine, decided when it is first run.

    They are decided again when the number of threads changed, or what was asked for. The user may change the
    model at any time: a weight that was replaced, or written to by an operation that torch counts, is noticed
    by the next forward, and everything else by the next text (:meth:`look`). Threads may share one.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.original, self._copies = model, Copies()
        self._twin: Twin | None = None
        self._layers = gaining(model)
        self._asked: tuple[object, ...] = ()
        self._forms: dict[int, RowForms] = {}
        self._forms_of_twin: dict[int, RowForms] = {}
        self._twins, self._lock = 0, threading.RLock()

    def __reduce__(self) -> tuple[type[Products], tuple[LanguageModel]]:
        """A copy begins anew: packed weights can be neither copied nor written."""
        return Products, (self.original,)

    @property
    def form(self) -> ProductForm:
        """How products of a few rows are made now: the last of "plain", "transposed", "packed" in use."""
        with self._lock:
            kinds = {kind for forms in self._decided().values() for kind in forms.kinds}
        found: list[ProductForm] = [form for form in FORMS if form in kinds]
        return found[-1] if found else "plain"

    @property
    def model(self) -> nn.Module:
        """The model as it came, or its twin with other products."""
        with self._lock:
            if self._twin is not None and not self._copies.are_current:
                self._begin_anew()
            forms = self._decided()
            if not forms:
                return self.original
            if self._twin is None or forms != self._forms_of_twin:
                self._twin = self._made(forms)
            return self._twin.module

    def look(self) -> None:
        """See, where a text begins, whether the model is what it was when its twin was made.

        Told are modules, classes and attributes that were changed, and weights in which one row or one column
        was: writing through ``weight.data``, as adapters are merged, and fused optimisers are not counted.
        """
        with self._lock:
            if self._twin is None:
                is_current = not self._forms
            else:
                is_current = self._twin.is_current and self._copies.look_current
            if not is_current:
                self._begin_anew()

    @property
    def state(self) -> Hashable:
        """Names the model that :attr:`model` has given, among all that it has given so far."""
        return self._twins if self._forms else 0

    def _begin_anew(self) -> None:
        """Find out again which layers there are; copies that are still true stay."""
        self._twin, self._layers, self._asked = None, gaining(self.original), ()

    def _made(self, forms: dict[int, RowForms]) -> Twin:
        self._twin, self._forms_of_twin, self._twins = None, forms, self._twins + 1
        self._copies.keep({layer for layer, kinds in forms.items() if "packed" in kinds.kinds})
        return Twin(self.original, lambda layer: forms.get(id(layer), PLAIN), self._copies)

    def _decided(self) -> dict[int, RowForms]:
        """The forms of those layers that have others than plain ones."""
        if self._layers or self._forms:
            asking = (asked_form(), torch.get_num_threads())
            if asking != self._asked:
                self._forms = chosen_forms(self._layers, self._copies.num_bytes)
                self._asked = asking
        return self._forms


def chosen_forms(layers: list[nn.Linear], copied: int = 0) -> dict[int, RowForms]:
    """The forms of those ``layers`` that do not stay plain, by ``id``.

    What is asked for goes for every layer; else the clock decides, and weights are packed only where there is
    room for all the copies, of which ``copied`` bytes are there already.
    """
    asked = asked_form()
    found = {id(layer): EVERYWHERE[asked] if asked else fastest_by_clock(layer) for layer in layers}
    packing = [layer for layer in layers if "packed" in found[id(layer)].kinds]
    fits = asked == "packed" or fits_twice(packing, copied)
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
    layers = gaining(model)
    chosen = chosen_forms(layers) if forms is None else {id(layer): forms for layer in layers}
    if not chosen:
        return model
    return Twin(model, lambda layer: chosen.get(id(layer), PLAIN), Copies()).module
