"""Which tensors hold numbers that are not decided yet, and which."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_iter
from torch.utils.weak import WeakTensorKeyDictionary

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences


class Undecided:
    """Arrays of draws and numbers, by the tensor that stands for them, which itself holds NaN."""

    def __init__(self) -> None:
        self._values: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._filled: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def get(self, thing: Any) -> np.ndarray | None:
        """What a tensor stands for; None for one that is decided, and for anything else."""
        return self._values.get(thing) if isinstance(thing, Tensor) else None

    def any_in(self, arguments: Any) -> bool:
        """Whether one of them is undecided.

        Raises:
            Unfollowed: one is another view of a tensor that was filled with random numbers in place.
        """
        if not self._values:
            return False
        found = False
        for thing in tree_iter(arguments):
            if isinstance(thing, Tensor):
                if thing in self._values:
                    found = True
                elif self._filled and self._is_alias(thing):
                    raise Unfollowed(sentences.ANOTHER_VIEW)
        return found

    def made(self, values: np.ndarray, like: Tensor) -> Tensor:
        """A tensor that stands for ``values``, of the kind of ``like``."""
        tensor = torch.full(values.shape, torch.nan, dtype=like.dtype, device=like.device)
        self._values[tensor] = values
        return tensor

    def fill(self, tensor: Tensor, values: np.ndarray) -> Tensor:
        """The same tensor, which from now on stands for ``values``.

        Raises:
            Unfollowed: it is a part of a larger one.
        """
        if tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size():
            raise Unfollowed(sentences.FILLED_IN_PART)
        self._values[tensor] = values
        self._filled[tensor] = tensor.untyped_storage().data_ptr()
        return tensor

    def forget(self, tensor: Tensor) -> None:
        """It has been written over, and is decided from now on."""
        self._values.pop(tensor, None)
        self._filled.pop(tensor, None)

    def _is_alias(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._filled.values()
