"""A linear layer whose products of a few rows are made in another form, and the forms that there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from specdec_lib.models.fast.packed import packed_product, packed_weight

ProductForm = Literal["plain", "transposed", "packed"]
FORMS: tuple[ProductForm, ...] = ("plain", "transposed", "packed")
WIDEST = 9
"""Rows up to which each number has a form of its own; of more, none is transposed."""


@dataclass(frozen=True)
class RowForms:
    """The form of a matrix's products by their number of rows, 1 to :data:`WIDEST`."""

    forms: tuple[ProductForm, ...]

    def of(self, rows: int) -> ProductForm:
        """The form of a product of that many rows, any number."""
        form = self.forms[min(rows, WIDEST) - 1] if rows else "plain"
        return "plain" if form == "transposed" and rows > WIDEST else form

    @property
    def kinds(self) -> set[ProductForm]:
        """The forms that occur."""
        return set(self.forms)


def _everywhere(form: ProductForm) -> RowForms:
    one: ProductForm = "plain" if form == "transposed" else form
    return RowForms((one,) + (form,) * (WIDEST - 1))


EVERYWHERE: dict[ProductForm, RowForms] = {form: _everywhere(form) for form in FORMS}
"""What is made of a model for which one form is asked; a single row has nothing to transpose."""
PLAIN = EVERYWHERE["plain"]


def transposed_product(rows: Tensor, weight: Tensor) -> Tensor:
    """``rows [n, in]`` times ``weight [out, in]`` transposed, as (W xᵀ)ᵀ: ``[n, out]``, contiguous."""
    return torch.mm(weight, rows.t()).t().contiguous()


class NarrowLinear(nn.Linear):
    """A linear layer whose products take a form that goes by their number of rows."""

    forms: RowForms = PLAIN
    packed: Tensor | None = None
    """The weights in blocks, where any of the forms needs them."""

    def forward(self, input: Tensor) -> Tensor:
        """``[..., in] -> [..., out]``."""
        if input.dtype != self.weight.dtype or torch.is_autocast_enabled("cpu"):
            return nn.functional.linear(input, self.weight, self.bias)  # which casts, or says what it cannot
        rows = input.numel() // self.in_features
        form = self.forms.of(rows)
        flat = input.reshape(rows, self.in_features)
        if form == "packed" and self.packed is not None and not torch.is_grad_enabled():
            product = packed_product(flat, self.packed, self.bias)
        elif form == "transposed":
            product = transposed_product(flat, self.weight)
            product = product if self.bias is None else product + self.bias
        else:
            return nn.functional.linear(input, self.weight, self.bias)
        return product.reshape(*input.shape[:-1], self.out_features)


def narrow_linear(weight: Tensor, forms: RowForms) -> NarrowLinear:
    """A layer of these weights alone, shared; packed where a form needs it."""
    layer = NarrowLinear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight, layer.forms = nn.Parameter(weight, requires_grad=False), forms
    layer.packed = packed_weight(weight) if "packed" in forms.kinds else None
    return layer
