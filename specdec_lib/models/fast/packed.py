"""Products with a copy of the weights that oneDNN has brought into an order of its own, once.

A product of a few rows reads all weights once, and should take as long as that takes. A library that first
copies them into blocks takes longer, each time; here they are in blocks already. The kernel adds up every
row alike, and one to three rows are filled up to four, so that a row comes out the same to the last digit
whatever is fed beside it. The copy costs the memory of the weights once more, and a model is packed only
where that much is free four times over.

Inductor packs weights in this way too where it may freeze them; here the model of the user stays free to
change, and the copy is made anew when it does. The operator is registered with torch, so that compiled
graphs contain it as it is.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from specdec_lib.utils.machine import free_bytes

FEWEST = 4
"""Rows that the kernel gets at least: fewer take longer, and one is added up in another order."""
_SPARE = 0.25
"""The share of the memory that is free now which copies of weights may take."""


def _product(rows: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
    missing = FEWEST - rows.shape[0]
    filled = functional.pad(rows, (0, 0, 0, missing)) if missing > 0 else rows
    product = torch.ops.mkldnn._linear_pointwise.default(filled, packed, bias, "none", [], "")
    return product[: rows.shape[0]] if missing > 0 else product


def _shape(rows: Tensor, packed: Tensor, bias: Tensor | None) -> Tensor:
    return rows.new_empty(rows.shape[0], packed.shape[0])


_LIBRARY = torch.library.Library("specdec", "FRAGMENT")
if not hasattr(torch.ops.specdec, "packed_product"):
    _LIBRARY.define("packed_product(Tensor rows, Tensor packed, Tensor? bias) -> Tensor")
    _LIBRARY.impl("packed_product", _product, "CompositeExplicitAutograd")
    torch.library.register_fake("specdec::packed_product", _shape, lib=_LIBRARY)


def packed_product(
    rows: Float[Tensor, "n in"], packed: Tensor, bias: Float[Tensor, " out"] | None = None
) -> Float[Tensor, "n out"]:
    """``rows`` times the weights of which :func:`packed_weight` has made a copy; it has no gradient."""
    return torch.ops.specdec.packed_product.default(rows, packed, bias)


def packed_weight(weight: Float[Tensor, "out in"]) -> Tensor:
    """A copy of ``weight`` in blocks, opaque but for its shape."""
    return torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether this build of torch has the kernel for numbers of that type, and it says what it should."""
    if not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    rows, weight = (torch.randn(n, 32, generator=generator).to(dtype) for n in (3, 24))
    try:
        with torch.inference_mode():
            product = packed_product(rows, packed_weight(weight))
    except (AttributeError, RuntimeError):  # no such operator, or none for this processor
        return False
    return torch.allclose(product, functional.linear(rows, weight), atol=1e-4, rtol=0.02)


def may_pack(layer: nn.Linear) -> bool:
    """Whether there is a kernel, and a change would be noticed: the weights are the layer's, and counted."""
    weight = layer._parameters.get("weight")
    if weight is None or weight.is_inference() or layer._forward_pre_hooks:
        return False
    return can_pack(weight.dtype)


def fits_twice(layers: Iterable[nn.Linear], copied: int = 0) -> bool:
    """Whether there is memory for a copy of their weights, with three times as much to spare.

    Args:
        copied: bytes of copies that are there already, and would be used again.
    """
    wanted = sum(layer.weight.nbytes for layer in layers)
    return wanted <= _SPARE * (free_bytes()[0] + copied)


class Copied(NamedTuple):
    """A copy of a layer's weights, and what tells whether the layer still holds them."""

    layer: nn.Linear
    weight: Tensor
    state: tuple[int, int]
    sample: Tensor
    packed: Tensor

    @property
    def is_current(self) -> bool:
        """False once the weight was replaced, written to as torch counts it, or left to a hook."""
        layer, weight = self.layer, self.weight
        return (
            layer._parameters.get("weight") is weight
            and _state(weight) == self.state
            and not layer._forward_pre_hooks
        )

    @property
    def look_current(self) -> bool:
        """As :attr:`is_current`, and the numbers of one row and one column are what they were."""
        return self.is_current and torch.equal(_sample(self.weight), self.sample)


class Copies:
    """Copies of the weights of many layers, and whether they still are what the layers hold."""

    def __init__(self) -> None:
        self._known: dict[int, Copied] = {}

    def of(self, layer: nn.Linear) -> Tensor:
        """A copy of a layer's weights, in blocks."""
        known = self._known.get(id(layer))
        if known is None or not known.look_current:
            self._known.pop(id(layer), None)
            weight = layer.weight
            told = (_state(weight), _sample(weight))  # first, so that a change meanwhile is seen
            known = self._known[id(layer)] = Copied(layer, weight, *told, packed_weight(weight))
        return known.packed

    def keep(self, layers: Container[int]) -> None:
        """Only the copies of these layers, by ``id``, that are current: others make room."""
        self._known = {
            layer: known for layer, known in self._known.items() if layer in layers and known.look_current
        }

    @property
    def num_bytes(self) -> int:
        """Memory of all copies."""
        return sum(known.weight.nbytes for known in self._known.values())

    @property
    def are_current(self) -> bool:
        """False once a weight was replaced, or written to by an operation that torch counts."""
        return all(known.is_current for known in self._known.values())

    @property
    def look_current(self) -> bool:
        """False too once numbers of a weight are others, in one row and one column that are looked at."""
        return all(known.look_current for known in self._known.values())


def _state(weight: Tensor) -> tuple[int, int]:
    return weight.data_ptr(), weight._version


_BITS = {2: torch.int16, 4: torch.int32}


def _sample(weight: Float[Tensor, "out in"]) -> Tensor:
    """One row and one column, as bits, in which NaN equals NaN; every other row and column crosses them."""
    row, column = (size // 2 for size in weight.shape)
    numbers = torch.cat([weight.detach()[row], weight.detach()[:, column]])
    return numbers.view(_BITS[weight.element_size()])
