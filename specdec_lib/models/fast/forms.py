"""Which form a product of a few rows takes: plain, transposed, or with packed weights.

A step of decoding multiplies one row with each weight matrix, a verification K + 1 rows. Both read all
weights once, so both should take as long. But a BLAS library may plan a product of 2 to 9 float32 rows as a
small version of a large one, which first copies the weights into another order, and it then takes up to
twice as long. Asked for the transposed product (W xᵀ)ᵀ it reads the weights as they lie; and where they were
packed once (:mod:`specdec_lib.models.fast.packed`), nothing has to be copied.

Which of them wins depends on the processor, on the number of rows, and on the matrix. With the same MKL the
transposed product costs a half of the plain one on an AMD EPYC for a few rows and a matrix of at least as
many outputs as inputs, more than it for 9 rows or for a matrix of more inputs, and twice as much on an Intel
Xeon with AVX-512 whatever the rows; packed weights cost less than either on that EPYC from 3 rows on, and
more than the plain product for one row of a small matrix. So each shape is timed, once a process and number
of threads, at the first forward: never on import, nor when a model is wrapped. :func:`products_in` or the
environment's ``SPECDEC_PRODUCTS`` ("plain", "transposed", "packed") decide for all of them instead of the
clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.packed import can_pack, packed_product, packed_weight

ProductForm = Literal["plain", "transposed", "packed"]
FORMS: tuple[ProductForm, ...] = ("plain", "transposed", "packed")
VARIABLE = "SPECDEC_PRODUCTS"
"""Names the form that products of a few rows take; unset, the fastest one is found out."""
WIDEST = 9
"""Rows up to which each number has a form of its own; of more, none is transposed."""
SMALLEST = 1 << 14
"""Weights of a matrix below which a product costs what its call costs, and stays plain."""
SMALLEST_PACKED = 1 << 18
"""Weights of a matrix below which none are packed: the caches hold it, and the call costs what it saves."""

_FORCED: ContextVar[ProductForm | None] = ContextVar("products", default=None)
_TIMED = (1, 2, 3, 5, 9)
"""Numbers of rows that are timed; one between them takes the form of the next."""
_BYTES, _MOST = 1 << 24, 64
"""Of the matrices of a trial, more than the caches of one core hold; and how many they are at most."""
_TURNS = 3
_GAIN = 0.9
"""The share of the plain product's time that another one must stay below."""


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


@contextmanager
def products_in(form: ProductForm) -> Iterator[None]:
    """Inside, models multiply a few rows in that form, whatever is faster here.

    Numbers that have to be the same on every processor ask for "plain". Where "packed" is asked for, a row of
    a product comes out the same to the last digit whatever is fed beside it.

    Raises:
        InvalidArgument: no such form, or "packed" where torch has no kernel for it.
    """
    token = _FORCED.set(_known_form(form, "products_in"))
    try:
        yield
    finally:
        _FORCED.reset(token)


def asked_form() -> ProductForm | None:
    """What :func:`products_in` asks for, else the environment; None where the clock decides.

    Raises:
        InvalidArgument: the environment names no form, or one that cannot be had.
    """
    asked = os.environ.get(VARIABLE)
    return _FORCED.get() or (_known_form(asked, VARIABLE) if asked else None)


def _known_form(form: str, who: str) -> ProductForm:
    if form not in FORMS:
        raise InvalidArgument(sentences.UNKNOWN_FORM.format(who, form, list(FORMS)))
    if form == "packed" and not can_pack():
        raise InvalidArgument(sentences.NO_PACKED_PRODUCTS.format(who))
    return form


def fastest_forms(outputs: int, inputs: int) -> RowForms:
    """How products with a matrix of that shape are made fastest on this processor.

    Timed at the first call with the present number of threads (some 0.1 s), and remembered.
    """
    if outputs * inputs < SMALLEST:
        return PLAIN
    return _fastest_forms(outputs, inputs, torch.get_num_threads())


@cache
def _fastest_forms(outputs: int, inputs: int, threads: int) -> RowForms:
    outputs = min(outputs, max(1, _BYTES // (4 * inputs)))  # a part of a matrix that is larger than a trial
    weights = [torch.ones(outputs, inputs) for _ in range(min(_MOST, -(-_BYTES // (4 * outputs * inputs))))]
    best = _best_of_turns(weights, [torch.ones(rows, inputs) for rows in _TIMED])
    chosen: dict[int, ProductForm] = {
        rows: _winner(rows, {form: taken[i] for form, taken in best.items()}) for i, rows in enumerate(_TIMED)
    }
    return RowForms(tuple(chosen[min(n for n in _TIMED if n >= rows)] for rows in range(1, WIDEST + 1)))


def _winner(rows: int, seconds: dict[ProductForm, float]) -> ProductForm:
    """The fastest form, if it is faster than the plain one by more than a clock's error."""
    forms: list[ProductForm] = [
        form for form in seconds if form != "transposed" or rows > 1
    ]  # one row is its own transpose
    fastest: ProductForm = min(forms, key=lambda form: seconds[form])
    return fastest if seconds[fastest] < _GAIN * seconds["plain"] else "plain"


@torch.inference_mode()
def _best_of_turns(weights: list[Tensor], inputs: list[Tensor]) -> dict[ProductForm, list[float]]:
    """Seconds by form and number of rows, the best of several turns: a busy moment spoils one at most."""
    forms: dict[ProductForm, tuple[Callable[[Tensor, Tensor], Tensor], list[Tensor]]] = {
        "plain": (nn.functional.linear, weights),
        "transposed": (transposed_product, weights),
    }
    if weights[0].numel() >= SMALLEST_PACKED and can_pack():
        forms["packed"] = packed_product, [packed_weight(weight) for weight in weights]
    best: dict[ProductForm, list[float]] = {form: [float("inf")] * len(inputs) for form in forms}
    for _ in range(_TURNS):
        for form, (product, matrices) in forms.items():
            for i, rows in enumerate(inputs):
                best[form][i] = min(best[form][i], _seconds(product, rows, matrices))
    return best


def _seconds(product: Callable[[Tensor, Tensor], Tensor], rows: Tensor, matrices: list[Tensor]) -> float:
    began = time.perf_counter()
    for matrix in matrices:
        product(rows, matrix)
    return time.perf_counter() - began
