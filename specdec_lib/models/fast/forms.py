"""Which form a product of a few rows takes: plain, transposed, or with packed weights.

A step of decoding multiplies one row with each weight matrix, a verification K + 1 rows. Both read all
weights once, so both should take as long. But a BLAS library may plan a product of 2 to 9 float32 rows as a
small version of a large one, which first copies the weights into another order, and it then takes up to
twice as long. Asked for the transposed product (W xᵀ)ᵀ it reads the weights as they lie; and where they were
packed once (:mod:`specdec_lib.models.fast.packed`), nothing has to be copied.

Which of them wins depends on the processor, on the number of rows, and on the matrix. With the same MKL the
transposed product costs a half of the plain one on an AMD EPYC for a few rows and a matrix of at least as
many outputs as inputs, more than it for 9 rows or for a matrix of more inputs, and twice as much on an Intel
Xeon with AVX-512 whatever the rows; packed weights cost less than either on that EPYC from 3 rows on in
float32 and for any number of rows in bfloat16, and more than the plain product for one row of a small matrix
in float32. So each shape and type is timed, once a process and number
of threads, at the first forward: never on import, nor when a model is wrapped. :func:`products_in` or the
environment's ``SPECDEC_PRODUCTS`` ("plain", "transposed", "packed") decide for all of them instead of the
clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import Tensor, nn

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.narrow import (
    EVERYWHERE,
    FORMS,
    PLAIN,
    WIDEST,
    ProductForm,
    RowForms,
    narrow_linear,
)
from specdec_lib.models.fast.packed import can_pack

VARIABLE = "SPECDEC_PRODUCTS"
"""Names the form that products of a few rows take; unset, the fastest one is found out."""
SMALLEST = 1 << 14
"""Weights of a matrix below which a product costs what its call costs, and stays plain."""

_FORCED: ContextVar[ProductForm | None] = ContextVar("products", default=None)
_TIMED = (1, 2, 3, 5, 9)
"""Numbers of rows that are timed; one between them takes the form of the next."""
_BYTES, _MOST = 1 << 24, 64
"""Of the matrices of a trial, more than the caches of one core hold; and how many they are at most."""
_TURNS = 3
_AMONG_OTHERS = 2e-5
"""Seconds that a packed product takes longer between other operators than behind another of its kind."""
_GAIN = 0.9
"""The share of the plain product's time that another one must stay below."""


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
    if form == "packed" and not can_pack(torch.float32):
        raise InvalidArgument(sentences.NO_PACKED_PRODUCTS.format(who))
    return form


def fastest_forms(outputs: int, inputs: int, dtype: torch.dtype = torch.float32) -> RowForms:
    """How products with a matrix of that shape and type are made fastest on this processor.

    Timed at the first call with the present number of threads (some 0.1 s), and remembered.
    """
    if outputs * inputs < SMALLEST:
        return PLAIN
    return _fastest_forms(outputs, inputs, dtype, torch.get_num_threads())


@cache
def _fastest_forms(outputs: int, inputs: int, dtype: torch.dtype, threads: int) -> RowForms:
    room = _BYTES // dtype.itemsize
    outputs = min(outputs, max(1, room // inputs))  # a part of a matrix that is larger than a trial
    weights = [
        torch.ones(outputs, inputs, dtype=dtype) for _ in range(min(_MOST, -(-room // (outputs * inputs))))
    ]
    best = _best_of_turns(weights, [torch.ones(rows, inputs, dtype=dtype) for rows in _TIMED])
    chosen: dict[int, ProductForm] = {
        rows: _winner(rows, {form: taken[i] for form, taken in best.items()}) for i, rows in enumerate(_TIMED)
    }
    return RowForms(tuple(chosen[min(n for n in _TIMED if n >= rows)] for rows in range(1, WIDEST + 1)))


def _winner(rows: int, seconds: dict[ProductForm, float]) -> ProductForm:
    """The fastest form, if it is faster than the plain one by more than a clock's error."""
    forms: list[ProductForm] = [form for form in seconds if form != "transposed" or rows > 1]
    fastest: ProductForm = min(forms, key=lambda form: seconds[form])
    return fastest if seconds[fastest] < _GAIN * seconds["plain"] else "plain"


@torch.inference_mode()
def _best_of_turns(weights: list[Tensor], inputs: list[Tensor]) -> dict[ProductForm, list[float]]:
    """Seconds by form and number of rows, the best of several turns: a busy moment spoils one at most."""
    possible: list[ProductForm] = [form for form in FORMS if form != "packed" or can_pack(weights[0].dtype)]
    layers = {form: [narrow_linear(weight, EVERYWHERE[form]) for weight in weights] for form in possible}
    best: dict[ProductForm, list[float]] = {form: [float("inf")] * len(inputs) for form in possible}
    for _ in range(_TURNS):
        for form in possible:
            for i, rows in enumerate(inputs):
                best[form][i] = min(best[form][i], _seconds(layers[form], rows))
    apart = _AMONG_OTHERS * len(weights)
    return {form: [taken + apart * (form == "packed") for taken in best[form]] for form in possible}


def _seconds(layers: Sequence[nn.Module], rows: Tensor) -> float:
    """Of one product with each of the layers, with all that is around it."""
    began = time.perf_counter()
    for layer in layers:
        layer(rows)
    return time.perf_counter() - began
