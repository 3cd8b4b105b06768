"""Where the numbers of a model lie: matrices as they are, and copies of the few vectors that are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.native.building import NoNative
from specdec_lib.models.fast.native.description import Matrix, Norm

_TYPES = (torch.float32, torch.bfloat16)
Change = Callable[[Tensor], Tensor]


def _wide(numbers: Tensor) -> Tensor:
    """In float32; itself where it is."""
    return numbers.detach().to(torch.float32).contiguous()


def _raised(numbers: Tensor) -> Tensor:
    """As norms of Gemma use their weights, which are 0 where others' are 1."""
    return _wide(numbers) + 1


class ReadNumbers:
    """Matrices and vectors of one model as a native forward is told of them.

    Attributes:
        copies: vectors that were copied, how, and the copies.
    """

    def __init__(self) -> None:
        self.copies: list[tuple[Tensor, Change, Tensor]] = []

    @property
    def are_current(self) -> bool:
        """False once a vector that was copied has changed."""
        return all(torch.equal(change(vector), kept) for vector, change, kept in self.copies)

    def rows(self, linear: Any, start: int = 0, end: int | None = None) -> Matrix:
        """Rows ``start`` to ``end`` of a linear layer."""
        if type(linear) is not nn.Linear:
            raise NoNative(sentences.OTHER_LAYER.format(type(linear).__name__))
        weight = linear.weight[start:end]
        bias = None if linear.bias is None else self.vector(linear.bias[start:end])
        place_of(linear.weight)
        return Matrix(weight.data_ptr(), bias, *weight.shape, weight.stride(0), 0)

    def columns(self, layer: Any, start: int = 0, count: int | None = None) -> Matrix:
        """``count`` outputs from ``start`` on of a layer whose weights lie ``[in, out]``."""
        if type(layer).__name__ != "Conv1D":
            raise NoNative(sentences.OTHER_LAYER.format(type(layer).__name__))
        inputs, outputs = layer.weight.shape
        number = outputs if count is None else count
        place_of(layer.weight)
        place = layer.weight[:, start:].data_ptr()
        return Matrix(place, self.vector(layer.bias[start : start + number]), number, inputs, outputs, 1)

    def norm(self, norm: Any, size: int) -> Norm:
        """A norm over ``size`` numbers."""
        epsilon = getattr(norm, "variance_epsilon", getattr(norm, "eps", None))
        weight = getattr(norm, "weight", None)
        if epsilon is None or weight is None:
            raise NoNative(sentences.OTHER_LAYER.format(type(norm).__name__))
        if tuple(weight.shape) != (size,):
            raise NoNative(sentences.OTHER_SIZES_OF.format("norms"))
        change = _raised if type(norm).__name__.startswith("Gemma") else _wide
        bias = None
        if isinstance(norm, nn.LayerNorm):
            bias = self.vector(torch.zeros_like(weight) if norm.bias is None else norm.bias)
        return Norm(self.vector(weight, change), bias, epsilon)

    def vector(self, numbers: Tensor, change: Change = _wide) -> int:
        """Where a vector lies in float32; copied where it is of another type, or changed."""
        kept = change(numbers)
        if kept.data_ptr() != numbers.data_ptr() or not isinstance(numbers, nn.Parameter):
            self.copies.append((numbers, change, kept))
        return kept.data_ptr()


def place_of(weight: Tensor) -> int:
    """Where a large tensor lies; it is not copied."""
    sound = weight.dtype in _TYPES and weight.stride(-1) == 1 and weight.device.type == "cpu"
    if not sound or type(weight) not in (nn.Parameter, Tensor):
        raise NoNative(sentences.OTHER_NUMBERS.format(str(weight.dtype).removeprefix("torch.")))
    return weight.data_ptr()
