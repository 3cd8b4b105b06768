"""Products of a few rows on a CPU: a verification should cost what a step costs, and nearly does.

A step of decoding multiplies one row with each weight matrix, a verification K + 1 rows. Both read all
weights once, so both should take as long. But a BLAS library may plan a product of 2 to 9 float32 rows as a
small version of a large one, which first copies the weights into another order, and it then takes up to
twice as long. Asked for the transposed product (W xᵀ)ᵀ it reads the weights as they lie.

Which of the two wins depends on the processor: with the same MKL the transposed product costs 0.7 of the
plain one on an AMD EPYC with AVX2, and twice as much on an Intel Xeon with AVX-512. So it is timed, once a
process, before anything is changed.

Only the order of summation differs, and both orders are as far from the exact product. Other devices, other
types and quantised layers stay as they are, and so does the model of the user: it gets a twin.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

WIDEST = 9
"""Rows up to which the transposed product may win (measured with MKL and OpenBLAS kernels of x86)."""
_TRIAL = (24, 640, 256)
"""Matrices of the trial, and their shape: 16 MB together, more than the caches of one core hold."""
_TURNS = 5
_GAIN = 0.9
"""The share of the plain product's time that the transposed one must stay below."""


class NarrowLinear(nn.Linear):
    """A linear layer, its products of 2 to :data:`WIDEST` rows transposed."""

    def forward(self, input: Tensor) -> Tensor:
        """``[..., in] -> [..., out]``."""
        rows = input.numel() // self.in_features
        if not 1 < rows <= WIDEST:
            return nn.functional.linear(input, self.weight, self.bias)
        product = transposed_product(input.reshape(rows, self.in_features), self.weight)
        if self.bias is not None:
            product = product + self.bias
        return product.reshape(*input.shape[:-1], self.out_features)


def transposed_product(rows: Tensor, weight: Tensor) -> Tensor:
    """``rows [n, in]`` times ``weight [out, in]`` transposed, as (W xᵀ)ᵀ: ``[n, out]``, contiguous."""
    return torch.mm(weight, rows.t()).t().contiguous()


def transposing_pays() -> bool:
    """Whether this processor multiplies 2 to :data:`WIDEST` rows faster in the transposed form.

    Timed at the first call with the present number of threads (some 0.1 s), and remembered.
    """
    return _transposing_pays(torch.get_num_threads())


@cache
def _transposing_pays(threads: int) -> bool:
    num_matrices, *shape = _TRIAL
    weights = [torch.ones(*shape) for _ in range(num_matrices)]
    inputs = [torch.ones(n, shape[1]) for n in range(2, WIDEST + 1)]
    forms = {"plain": nn.functional.linear, "transposed": transposed_product}
    # The best of several turns, summed over the numbers of rows: one decision, far from both outcomes' noise.
    seconds = {name: [float("inf")] * len(inputs) for name in forms}
    for _ in range(_TURNS):
        for name, form in forms.items():
            for i, rows in enumerate(inputs):
                seconds[name][i] = min(seconds[name][i], _seconds(form, rows, weights))
    return sum(seconds["transposed"]) < _GAIN * sum(seconds["plain"])


@torch.inference_mode()
def _seconds(form: Callable[[Tensor, Tensor], Tensor], rows: Tensor, weights: list[Tensor]) -> float:
    began = time.perf_counter()
    for weight in weights:
        form(rows, weight)
    return time.perf_counter() - began


def with_narrow_products(model: nn.Module, transpose: bool | None = None) -> nn.Module:
    """The same model, its weights, buffers and hooks shared, whose linear layers are :class:`NarrowLinear`.

    A model that would gain nothing is returned as it is: one that is not in float32 on a CPU, or any model on
    a processor on which the plain product is the faster one.

    Args:
        transpose: whether the transposed product wins; None asks :func:`transposing_pays`.
    """
    if not any(_gains(module) for module in model.modules()):
        return model
    return _twin(model, {}) if (transposing_pays() if transpose is None else transpose) else model


def _twin(module: nn.Module, known: dict[int, nn.Module]) -> nn.Module:
    """A module with the same attributes and twins for children; a layer that gains differs in its class."""
    if id(module) not in known:
        kind = NarrowLinear if _gains(module) else type(module)
        twin = known[id(module)] = kind.__new__(kind)
        twin.__dict__ = module.__dict__.copy()
        twin.__dict__["_modules"] = {
            name: child if child is None else _twin(child, known) for name, child in module._modules.items()
        }
    return known[id(module)]


def _gains(module: nn.Module) -> bool:
    """Exactly a linear layer: whoever made a class of their own multiplies in a way of their own."""
    return (
        type(module) is nn.Linear
        and module.weight.dtype == torch.float32
        and module.weight.device.type == "cpu"
    )
