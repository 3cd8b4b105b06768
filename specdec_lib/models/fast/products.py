"""Products of a few rows on a CPU: a verification should cost what a step costs, and nearly does.

A step of decoding multiplies one row with each weight matrix, a verification K + 1 rows. Both read all
weights once, so both should take as long. But a BLAS library may plan a product of 2 to 9 float32 rows as a
small version of a large one, which first copies the weights into another order, and it then takes up to
twice as long. Asked for the transposed product (W xᵀ)ᵀ it reads the weights as they lie.

Which of the two wins depends on the processor, on the number of rows, and on the matrix. With the same MKL
the transposed product costs a half of the plain one on an AMD EPYC for a few rows and a matrix of at least
as many outputs as inputs, more than it for 9 rows or for a matrix of more inputs, and twice as much on an
Intel Xeon with AVX-512 whatever the rows. So each is timed, once a process and number of threads, at the
first forward: never on import, nor when a model is wrapped. It changes the last digits of logits, so
:attr:`Products.form` says whether any are transposed, and :func:`products_in` or the environment's
``SPECDEC_PRODUCTS`` ("plain", "transposed") decide for all of them instead of the clock.

Only the order of summation differs, and both orders are as far from the exact product. Other devices, other
types and quantised layers stay as they are, and so does the model of the user: it gets a twin.
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
from specdec_lib.models.architecture.module import LanguageModel
from specdec_lib.models.fast import sentences

ProductForm = Literal["plain", "transposed"]
FORMS: tuple[ProductForm, ...] = ("plain", "transposed")
VARIABLE = "SPECDEC_PRODUCTS"
"""Names the form that products of a few rows take; unset, the faster one is found out."""
_FORCED: ContextVar[ProductForm | None] = ContextVar("products", default=None)
WIDEST = 9
"""Rows up to which the transposed product may win (measured with MKL and OpenBLAS kernels of x86)."""
_TALL, _WIDE = (24, 640, 256), (24, 256, 640)
"""Matrices of the two trials, and their shape: 16 MB together, more than the caches of one core hold."""
_TURNS = 5
_GAIN = 0.9
"""The share of the plain product's time that the transposed one must stay below."""


@dataclass(frozen=True)
class TransposedRows:
    """With how many rows a product is transposed.

    Attributes:
        tall: for matrices of at least as many outputs as inputs. wide: for those of more inputs.
    """

    tall: tuple[int, ...] = ()
    wide: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tall or self.wide)

    def of(self, layer: nn.Linear) -> tuple[int, ...]:
        """Those of a layer's matrix."""
        return self.tall if layer.out_features >= layer.in_features else self.wide


EVERY = TransposedRows(tuple(range(2, WIDEST + 1)), tuple(range(2, WIDEST + 1)))


class NarrowLinear(nn.Linear):
    """A linear layer whose products of ``transposed_rows`` rows are transposed."""

    transposed_rows: tuple[int, ...] = ()

    def forward(self, input: Tensor) -> Tensor:
        """``[..., in] -> [..., out]``."""
        rows = input.numel() // self.in_features
        if rows not in self.transposed_rows:
            return nn.functional.linear(input, self.weight, self.bias)
        product = transposed_product(input.reshape(rows, self.in_features), self.weight)
        if self.bias is not None:
            product = product + self.bias
        return product.reshape(*input.shape[:-1], self.out_features)


def transposed_product(rows: Tensor, weight: Tensor) -> Tensor:
    """``rows [n, in]`` times ``weight [out, in]`` transposed, as (W xᵀ)ᵀ: ``[n, out]``, contiguous."""
    return torch.mm(weight, rows.t()).t().contiguous()


@contextmanager
def products_in(form: ProductForm) -> Iterator[None]:
    """Inside, models multiply a few rows in that form ("plain" or "transposed"), whatever is faster here.

    Numbers that have to be the same on every processor ask for "plain".

    Raises:
        InvalidArgument: no such form.
    """
    token = _FORCED.set(_known_form(form, "products_in"))
    try:
        yield
    finally:
        _FORCED.reset(token)


def preferred_rows() -> TransposedRows:
    """What :func:`products_in` asks for, else the environment, else what was timed to be faster.

    Raises:
        InvalidArgument: the environment names no form.
    """
    asked = _FORCED.get() or os.environ.get(VARIABLE)
    if asked:
        return EVERY if _known_form(asked, VARIABLE) == "transposed" else TransposedRows()
    return faster_transposed()


def _known_form(form: str, who: str) -> ProductForm:
    if form not in FORMS:
        raise InvalidArgument(sentences.UNKNOWN_FORM.format(who, form, list(FORMS)))
    return form


class Products:
    """A model in the form of matrix products that suits the machine, decided when it is first run.

    It is decided again when the number of threads changed, or what was asked for.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.original, self._twin = model, None
        self._gains = any(_gains(module) for module in model.modules())
        self._asked: tuple[object, ...] = ()
        self._rows = self._rows_of_twin = TransposedRows()

    @property
    def rows(self) -> TransposedRows:
        """Which products are transposed now: none of a model that would gain nothing."""
        if self._gains:
            asking = (_FORCED.get(), os.environ.get(VARIABLE), torch.get_num_threads())
            if asking != self._asked:
                self._rows, self._asked = preferred_rows(), asking
        return self._rows

    @property
    def form(self) -> ProductForm:
        """How products of a few rows are made now: "plain", or "transposed" where any are."""
        return "transposed" if self.rows else "plain"

    @property
    def model(self) -> nn.Module:
        """The model as it came, or its twin with transposed products."""
        rows = self.rows
        if not rows:
            return self.original
        if self._twin is None or rows != self._rows_of_twin:
            self._twin, self._rows_of_twin = with_narrow_products(self.original, rows), rows
        return self._twin


def faster_transposed() -> TransposedRows:
    """Which products of 2 to :data:`WIDEST` rows this processor makes faster in the transposed form.

    Timed at the first call with the present number of threads (some 0.3 s), and remembered.
    """
    return _faster_transposed(torch.get_num_threads())


@cache
def _faster_transposed(threads: int) -> TransposedRows:
    return TransposedRows(*(_faster_rows(*trial) for trial in (_TALL, _WIDE)))


def _faster_rows(num_matrices: int, *shape: int) -> tuple[int, ...]:
    """Each number of rows by itself, by the best of several turns: a busy moment spoils one at most."""
    weights = [torch.ones(*shape) for _ in range(num_matrices)]
    inputs = [torch.ones(n, shape[1]) for n in EVERY.tall]
    forms = nn.functional.linear, transposed_product
    best = [[float("inf")] * len(inputs) for _ in forms]
    for _ in range(_TURNS):
        for seconds, form in zip(best, forms, strict=True):
            for i, rows in enumerate(inputs):
                seconds[i] = min(seconds[i], _seconds(form, rows, weights))
    timed = zip(EVERY.tall, *best, strict=True)
    return tuple(rows for rows, plain, transposed in timed if transposed < _GAIN * plain)


@torch.inference_mode()
def _seconds(form: Callable[[Tensor, Tensor], Tensor], rows: Tensor, weights: list[Tensor]) -> float:
    began = time.perf_counter()
    for weight in weights:
        form(rows, weight)
    return time.perf_counter() - began


def with_narrow_products(model: nn.Module, rows: TransposedRows | None = None) -> nn.Module:
    """The same model, its weights, buffers and hooks shared, whose linear layers are :class:`NarrowLinear`.

    A model that would gain nothing is returned as it is: one that is not in float32 on a CPU, or any model on
    a processor on which the plain product is the faster one.

    Args:
        rows: with which a product is transposed; None asks :func:`faster_transposed`.
    """
    if not any(_gains(module) for module in model.modules()):
        return model
    rows = faster_transposed() if rows is None else rows
    return _twin(model, rows, {}) if rows else model


def _twin(module: nn.Module, rows: TransposedRows, known: dict[int, nn.Module]) -> nn.Module:
    """A module with the same attributes and twins for children; a layer that gains differs in its class."""
    if id(module) not in known:
        kind = NarrowLinear if _gains(module) else type(module)
        twin = known[id(module)] = kind.__new__(kind)
        twin.__dict__ = module.__dict__.copy()
        if isinstance(twin, NarrowLinear):
            twin.__dict__["transposed_rows"] = rows.of(twin)
        twin.__dict__["_modules"] = {
            name: child if child is None else _twin(child, rows, known)
            for name, child in module._modules.items()
        }
    return known[id(module)]


def _gains(module: nn.Module) -> bool:
    """Exactly a linear layer: whoever made a class of their own multiplies in a way of their own."""
    return (
        type(module) is nn.Linear
        and module.weight.dtype == torch.float32
        and module.weight.device.type == "cpu"
    )
