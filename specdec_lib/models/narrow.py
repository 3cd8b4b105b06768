"""Products of a few rows on a CPU: a verification should cost what a step costs, and nearly does.

A step of decoding multiplies one row with each weight matrix, a verification K + 1 rows. Both read all
weights once, so both should take as long; but BLAS libraries plan a product of 2 to 9 float32 rows as a
small version of a large one, which first copies the weights into another order, and it takes up to twice as
long. Asked for the transposed product (W xᵀ)ᵀ they read the weights as they lie.

Only the order of summation differs, and both orders are as far from the exact product. Other devices, other
types and quantised layers stay as they are, and so does the model of the user: it gets a twin.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDEST = 9
"""Rows up to which the transposed product wins (measured with MKL and OpenBLAS kernels of x86)."""


class NarrowLinear(nn.Linear):
    """A linear layer, its products of 2 to :data:`WIDEST` rows transposed."""

    def forward(self, input: Tensor) -> Tensor:
        """``[..., in] -> [..., out]``."""
        rows = input.numel() // self.in_features
        if not 1 < rows <= WIDEST:
            return nn.functional.linear(input, self.weight, self.bias)
        product = torch.mm(self.weight, input.reshape(rows, self.in_features).t()).t().contiguous()
        if self.bias is not None:
            product = product + self.bias
        return product.reshape(*input.shape[:-1], self.out_features)


def with_narrow_products(model: nn.Module) -> nn.Module:
    """The same model, its weights, buffers and hooks shared, whose linear layers are :class:`NarrowLinear`.

    A model that would gain nothing, because it is not in float32 on a CPU, is returned as it is.
    """
    return _twin(model, {}) if any(_gains(module) for module in model.modules()) else model


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
