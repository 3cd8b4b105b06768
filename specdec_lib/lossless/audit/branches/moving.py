"""Undecided numbers moved to other places: views of them, and several joined, of which none changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from specdec_lib.lossless.audit.branches.undecided import Undecided

_aten = torch.ops.aten
_NAMES = (
    "alias as_strided clone contiguous detach expand flatten flip gather index index_select "
    "lift_fresh lift_fresh_copy permute repeat reshape select slice split squeeze t transpose unbind "
    "unsqueeze view _unsafe_view _to_copy to expand_as narrow chunk take roll unflatten ravel "
)
VIEWS = {getattr(_aten, name) for name in _NAMES.split()}
"""Operations that move numbers and change none."""
JOINS = {_aten.cat, _aten.stack, _aten.hstack, _aten.vstack, _aten.concat}


def viewed(undecided: Undecided, func: Any, args: Any, kwargs: Any) -> Any:
    """What a view of an undecided tensor shows: the operation is done once to the places of its numbers."""
    values = undecided.get(args[0])
    if values is None:
        return NotImplemented
    index = torch.arange(values.size, device=args[0].device).reshape(values.shape)
    made = func(args[0], *args[1:], **kwargs)
    options = {name: value for name, value in kwargs.items() if name != "dtype"}
    rest = tuple(None if isinstance(one, torch.dtype) else one for one in args[1:])
    if func.overloadpacket is _aten.to:  # the places are what they are, whatever the kind of number
        moved: Any = index
    else:
        moved = func(index, *rest, **options)
    flat = values.reshape(-1)

    def register(place: Tensor, like: Tensor) -> Tensor:
        return undecided.made(taken_at(flat, place), like)

    if isinstance(made, Tensor):
        return register(moved, made)
    return type(made)(register(*both) for both in zip(moved, made, strict=True))


def joined(undecided: Undecided, func: Any, args: Any, kwargs: Any) -> Any:
    """Several tensors, of which some are undecided, as one."""
    flat: list[Any] = []
    places = []
    for tensor in args[0]:
        values = values_of(undecided, tensor)
        places.append(torch.arange(len(flat), len(flat) + values.size).reshape(values.shape))
        flat.extend(values.reshape(-1))
    moved = func(places, *args[1:], **kwargs)
    return undecided.made(taken_at(as_objects(flat), moved), func(args[0], *args[1:], **kwargs))


def values_of(undecided: Undecided, tensor: Tensor) -> np.ndarray:
    """What a tensor stands for, or its numbers, as objects."""
    values = undecided.get(tensor)
    if values is None:
        values = tensor.detach().double().cpu().numpy().astype(object)
    return values


def as_objects(things: Sequence[Any]) -> np.ndarray:
    """An array of one axis that holds these things as they are."""
    made = np.empty(len(things), dtype=object)
    made[:] = things
    return made


def taken_at(flat: np.ndarray, places: Tensor) -> np.ndarray:
    """The things at these places, as an array of their shape, which may have no axis."""
    index = places.cpu().numpy()
    return as_objects([flat[place] for place in index.reshape(-1)]).reshape(index.shape)
