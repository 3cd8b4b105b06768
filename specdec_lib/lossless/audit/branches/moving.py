"""Undecided numbers moved to other places: views of them, and several joined, of which none changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.draws import Draw
from specdec_lib.lossless.audit.branches.undecided import Undecided, numbers_in

_aten = torch.ops.aten
_NAMES = (
    "alias as_strided clone contiguous detach expand flatten flip gather index index_select "
    "lift_fresh lift_fresh_copy masked_select permute repeat reshape select slice split squeeze t "
    "transpose unbind unsqueeze view _unsafe_view _to_copy to expand_as narrow chunk take roll "
    "unflatten ravel "
)
VIEWS = {getattr(_aten, name) for name in _NAMES.split()}
"""Operations that move numbers and change none."""
RESHAPED = {_aten.t_, _aten.transpose_, _aten.squeeze_, _aten.unsqueeze_, _aten.detach_}
"""Operations that change what a tensor shows of its storage."""
JOINS = {_aten.cat, _aten.stack, _aten.hstack, _aten.vstack, _aten.concat}

PICKS = {_aten.where: (1, 2), _aten.masked_fill: (0, 2), _aten.scatter: (0, 3), _aten.index_put: (0, 2)}
"""Operations that pick each number from one of several sources, and which arguments these are."""
_COMPLEX = (torch.complex32, torch.complex64, torch.complex128)


def viewed(undecided: Undecided, func: Any, args: Any, kwargs: Any) -> Any:
    """What a view of an undecided tensor shows: the operation is done once to the places of its numbers."""
    values = undecided.get(args[0])
    if values is None:
        return NotImplemented
    made = func(*args, **kwargs)
    storage = args[0].untyped_storage()._cdata
    if all(one.untyped_storage()._cdata == storage for one in ([made] if isinstance(made, Tensor) else made)):
        return made  # what it shows is known by its place
    index = torch.arange(values.size, device=args[0].device).reshape(values.shape)
    options = {name: value for name, value in kwargs.items() if name != "dtype"}
    rest = tuple(None if isinstance(one, torch.dtype) else one for one in args[1:])
    if func.overloadpacket is _aten.to:  # the places are what they are, whatever the kind of number
        moved: Any = index
    else:
        moved = func(index, *rest, **options)
    flat = values.reshape(-1)

    def register(place: Tensor, like: Tensor) -> Tensor:
        return undecided.made(as_kind(taken_at(flat, place), like.dtype), like)

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


def numbers_placed(undecided: Undecided, packet: Any, args: Any, kwargs: Any) -> Any:
    """What picks numbers from several sources, as ``where`` does: done to the places of its numbers."""
    if kwargs or len(args) > 3 + (packet is _aten.scatter):
        return NotImplemented  # such as index_put that adds up
    sources = PICKS[packet]
    if max(sources) >= len(args):
        return NotImplemented
    flat: list[Any] = []
    moved = list(args)
    for place in sources:
        one = args[place]
        values = values_of(undecided, one) if isinstance(one, Tensor) else np.array(one, dtype=object)
        index = torch.arange(len(flat), len(flat) + values.size).reshape(values.shape)
        moved[place] = index if isinstance(one, Tensor) else len(flat)
        flat.extend(values.reshape(-1))
    made = packet(*args)
    values = taken_at(as_objects(flat), packet(*moved))
    return undecided.made(as_kind(values, made.dtype), made)


def as_kind(values: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    """The numbers as a tensor of this kind holds them: a whole number is decided here.

    Raises:
        Unfollowed: of what is neither a fraction nor a whole number.
    """
    if dtype.is_floating_point or not any(isinstance(one, Draw) for one in values.reshape(-1)):
        return values
    if dtype in (torch.bool, *_COMPLEX):
        raise Unfollowed(sentences.NOT_FOLLOWED.format(f"a cast to {dtype}"))
    whole = [int(one) for one in values.reshape(-1)]
    return as_objects(whole).reshape(values.shape)


def values_of(undecided: Undecided, tensor: Tensor) -> np.ndarray:
    """What a tensor stands for, or its numbers, as objects."""
    values = undecided.get(tensor)
    if values is None:
        values = numbers_in(tensor)
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
