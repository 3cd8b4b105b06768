"""Which places of which storages hold numbers that are not decided yet, and which.

What is kept is kept by storage, not by tensor, so that every view of a tensor shows what was written through
another one, as memory itself does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_iter

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.draws import Draw


class _Cells:
    """The draws that a storage holds, and where they count rather than its own numbers."""

    def __init__(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self.storage, self.dtype = StorageWeakRef(storage), tensor.dtype
        self.draws = np.empty(storage.nbytes() // tensor.element_size(), dtype=object)
        self.is_drawn = np.zeros(self.draws.shape, dtype=bool)


class Undecided:
    """Draws by the places that they are at in a storage, which itself holds NaN there."""

    def __init__(self) -> None:
        self._cells: dict[int, _Cells] = {}

    def get(self, thing: Any) -> np.ndarray | None:
        """What a tensor stands for, draws and numbers; None where it is decided, and for the rest.

        Raises:
            Unfollowed: it shows undecided numbers as if they were of another kind.
        """
        if not self._cells or not isinstance(thing, Tensor) or thing.layout is not torch.strided:
            return None
        cells = self._cells.get(thing.untyped_storage()._cdata)
        if cells is None:
            return None
        if cells.dtype != thing.dtype:
            raise Unfollowed(sentences.NOT_FOLLOWED.format(f"a view as {thing.dtype}"))
        places = _places(thing)
        is_drawn = cells.is_drawn[places.reshape(-1)].reshape(places.shape)
        if not is_drawn.any():
            return None
        drawn = cells.draws[places.reshape(-1)].reshape(places.shape)
        return drawn if is_drawn.all() else np.where(is_drawn, drawn, numbers_in(thing))

    def any_in(self, arguments: Any) -> bool:
        """Whether one of them is undecided."""
        return bool(self._cells) and any(self.get(thing) is not None for thing in tree_iter(arguments))

    def made(self, values: np.ndarray, like: Tensor) -> Tensor:
        """A tensor that stands for ``values``, of the kind of ``like``."""
        return self.fill(torch.empty(values.shape, dtype=like.dtype, device=like.device), values)

    def fill(self, tensor: Tensor, values: np.ndarray) -> Tensor:
        """The same tensor, which from now on stands for ``values``.

        Raises:
            Unfollowed: its memory is somebody else's, who would see no random number there.
        """
        is_drawn = _each_is_draw(values)
        if is_drawn.any():
            if not tensor.untyped_storage().resizable():
                raise Unfollowed(sentences.OTHER_MEMORY)
            if not tensor.is_floating_point():
                raise Unfollowed(sentences.NOT_FOLLOWED.format(f"writing into {tensor.dtype}"))
        plain = np.where(is_drawn, np.nan, values).astype(np.float64)
        tensor.detach().copy_(torch.tensor(plain))
        self._keep(tensor, values, is_drawn)
        return tensor

    def _keep(self, tensor: Tensor, values: np.ndarray, is_drawn: np.ndarray) -> None:
        key = tensor.untyped_storage()._cdata
        if key not in self._cells:
            if not is_drawn.any():
                return
            self._cells = {one: cells for one, cells in self._cells.items() if not cells.storage.expired()}
            self._cells[key] = _Cells(tensor)
        cells, places = self._cells[key], _places(tensor).reshape(-1)
        if cells.dtype != tensor.dtype:
            raise Unfollowed(sentences.NOT_FOLLOWED.format(f"a view as {tensor.dtype}"))
        cells.draws[places] = values.reshape(-1)
        cells.is_drawn[places] = is_drawn.reshape(-1)

    def forget(self, tensor: Tensor) -> None:
        """It is about to be written over, and decided from then on."""
        cells = self._cells.get(tensor.untyped_storage()._cdata)
        if cells is not None:
            cells.is_drawn[_places(tensor).reshape(-1)] = False


def numbers_in(tensor: Tensor) -> np.ndarray:
    """A tensor's own numbers, as objects."""
    return tensor.detach().double().cpu().numpy().astype(object)


def _places(tensor: Tensor) -> np.ndarray:
    """Where in its storage each number of a tensor lies."""
    places = np.full(tuple(tensor.shape), tensor.storage_offset(), dtype=np.int64)
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        steps = np.arange(size) * stride
        places = places + steps.reshape([-1 if one == axis else 1 for one in range(tensor.dim())])
    return places


def _each_is_draw(values: np.ndarray) -> np.ndarray:
    flags = [isinstance(value, Draw) for value in values.reshape(-1)]
    return np.array(flags, dtype=bool).reshape(values.shape)
