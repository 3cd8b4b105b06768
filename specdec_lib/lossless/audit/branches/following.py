"""What is computed from undecided numbers: views of them, monotone arithmetic, and the questions that decide.

Each handler takes the path, what is undecided, the operation and its arguments, and gives the operation's
result; an operation without one is refused by name, so that no number is ever quietly wrong.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.draws import Draw
from specdec_lib.lossless.audit.branches.moving import (
    JOINS,
    PICKS,
    RESHAPED,
    VIEWS,
    as_kind,
    as_objects,
    joined,
    numbers_placed,
    values_of,
    viewed,
)
from specdec_lib.lossless.audit.branches.races import winner
from specdec_lib.lossless.audit.branches.tree import Path
from specdec_lib.lossless.audit.branches.undecided import Undecided

_aten = torch.ops.aten


def follow(path: Path, undecided: Undecided, func: Any, args: Any, kwargs: Any) -> Any:
    """The result of an operation of which an argument is undecided; NotImplemented where it is not known."""
    packet, in_place = func.overloadpacket, _FUNCTIONAL.get(func.overloadpacket)
    if in_place is not None:
        made = follow(path, undecided, getattr(in_place, func._overloadname), args, kwargs)
        if made is NotImplemented:
            return made
        return undecided.fill(args[0], as_kind(values_of(undecided, made), args[0].dtype))
    if packet in RESHAPED:
        return func(*args, **kwargs)
    if func._schema.is_mutable and packet not in _OVERWRITING:
        return NotImplemented
    if packet in PICKS:
        return numbers_placed(undecided, packet, args, kwargs)
    if packet in VIEWS:
        return viewed(undecided, func, args, kwargs)
    if packet in JOINS:
        return joined(undecided, func, args, kwargs)
    if packet in _ARITHMETIC:
        return _computed(undecided, _ARITHMETIC[packet], args, kwargs)
    if packet in _COMPARISONS:
        return _compared(undecided, _COMPARISONS[packet], args)
    if packet in _QUESTIONS:
        return _QUESTIONS[packet](path, undecided, *args, **kwargs)
    return NotImplemented


# -- arithmetic ------------------------------------------------------------------------------------


def _each(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return np.frompyfunc(function, 1, 1)


def _log(value: Any) -> Any:
    return value.log() if isinstance(value, Draw) else float(torch.tensor(value).double().log())


def _exp(value: Any) -> Any:
    return value.exp() if isinstance(value, Draw) else float(torch.tensor(value).double().exp())


def _bounded(value: Any, low: float, high: float) -> Any:
    return value.clamped(low, high) if isinstance(value, Draw) else min(max(value, low), high)


def _clamped(values: np.ndarray, low: Any = None, high: Any = None) -> Any:
    bounds = (-math.inf if low is None else low, math.inf if high is None else high)
    return np.asarray(np.frompyfunc(_bounded, 3, 1)(values, *bounds), dtype=object)


def _bounds_of(a: np.ndarray, b: np.ndarray, largest: bool) -> Any:
    """The larger (smaller) of a draw and a number, which bounds it."""

    def bounded(one: Any, other: Any) -> Any:
        drawn, plain = (other, one) if isinstance(other, Draw) else (one, other)
        if isinstance(plain, Draw):
            raise Unfollowed(sentences.TWO_DRAWS.format("compared"))
        return _bounded(drawn, plain, math.inf) if largest else _bounded(drawn, -math.inf, plain)

    return np.asarray(np.frompyfunc(bounded, 2, 1)(a, b), dtype=object)


_ARITHMETIC: dict[Any, Callable[..., Any]] = {
    _aten.add: lambda a, b, alpha=1: a + b * alpha,
    _aten.sub: lambda a, b, alpha=1: a - b * alpha,
    _aten.rsub: lambda a, b, alpha=1: b - a * alpha,
    _aten.mul: lambda a, b: a * b,
    _aten.div: lambda a, b: a / b,
    _aten.neg: lambda a: -a,
    _aten.log: _each(_log),
    _aten.log1p: lambda a: _each(_log)(a + 1.0),
    _aten.exp: _each(_exp),
    _aten.reciprocal: lambda a: 1.0 / a,
    _aten.floor: _each(lambda value: float(math.floor(value))),
    _aten.clamp: _clamped,
    _aten.clamp_min: _clamped,
    _aten.clamp_max: lambda values, high: _clamped(values, None, high),
    _aten.maximum: lambda a, b: _bounds_of(a, b, largest=True),
    _aten.minimum: lambda a, b: _bounds_of(a, b, largest=False),
    _aten.relu: lambda values: _clamped(values, 0.0),
}
"""By operation: the same on arrays of draws and numbers."""
_FUNCTIONAL: dict[Any, Any] = {
    getattr(_aten, f"{packet._qualified_op_name.split('::')[1]}_"): packet
    for packet in (*_ARITHMETIC, *PICKS)
    if packet not in (_aten.rsub, _aten.where, _aten.maximum, _aten.minimum)
}
"""The operation that computes what one in place does."""


def _computed(undecided: Undecided, compute: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    operands = [values_of(undecided, one) if isinstance(one, Tensor) else one for one in args]
    values = compute(*operands, **kwargs)
    if values is NotImplemented:
        return NotImplemented
    values = np.asarray(values, dtype=object)
    like = next(one for one in args if isinstance(one, Tensor) and undecided.get(one) is not None)
    wide = [one.dtype for one in args if isinstance(one, Tensor) and one.dim() >= like.dim()]
    kind = like if all(dtype == like.dtype for dtype in wide) else like.double()
    return undecided.made(values, kind)


# -- what decides ----------------------------------------------------------------------------------

_COMPARISONS: dict[Any, Callable[[Any, Any], Any]] = {
    _aten.lt: operator.lt,
    _aten.le: operator.le,
    _aten.gt: operator.gt,
    _aten.ge: operator.ge,
    _aten.less: operator.lt,
    _aten.less_equal: operator.le,
    _aten.greater: operator.gt,
    _aten.greater_equal: operator.ge,
}


def _compared(undecided: Undecided, compare: Callable[[Any, Any], Any], args: Any) -> Tensor:
    both = [values_of(undecided, one) if isinstance(one, Tensor) else np.asarray(one, object) for one in args]
    left, right = np.broadcast_arrays(*both)
    answers = np.empty(left.shape, dtype=bool)
    for place in np.ndindex(left.shape):  # in order, as later answers follow from earlier ones
        answers[place] = compare(left[place], right[place])
    device = next(one.device for one in args if isinstance(one, Tensor))
    return torch.tensor(answers, device=device)


def _searched(
    path: Path, undecided: Undecided, edges: Tensor, values: Any, *, right: bool = False, **options: Any
) -> Any:
    """``searchsorted`` of undecided values; ``right`` makes no difference to a continuous number."""
    drawn = undecided.get(values)
    if drawn is None or undecided.get(edges) is not None or options.get("sorter") is not None:
        return NotImplemented
    rows = edges.detach().double().cpu().numpy()
    found = np.empty(drawn.shape, dtype=np.int64)
    for place in np.ndindex(drawn.shape):
        row = rows if rows.ndim == 1 else rows[place[:-1]]
        value = drawn[place]
        found[place] = (
            value.bin_among(row.tolist()) if isinstance(value, Draw) else np.searchsorted(row, value)
        )
    kind = torch.int32 if options.get("out_int32") else torch.int64
    return torch.tensor(found, dtype=kind, device=edges.device)


def _bucketed(path: Path, undecided: Undecided, values: Any, edges: Tensor, **options: Any) -> Any:
    return _searched(path, undecided, edges, values, **options)


def _extreme(largest: bool) -> Callable[..., Any]:
    def found(
        path: Path, undecided: Undecided, tensor: Tensor, dim: int | None = None, keepdim: bool = False
    ) -> Any:
        values = values_of(undecided, tensor)
        rows = values.reshape(1, -1) if dim is None else np.moveaxis(values, dim, -1)
        index = np.empty(rows.shape[:-1], dtype=np.int64)
        for place in np.ndindex(index.shape):
            index[place] = winner(path, list(rows[place]), largest)
        made = torch.tensor(index, device=tensor.device)
        if dim is None:
            return made.reshape([1] * tensor.dim() if keepdim else [])
        return made.unsqueeze(dim) if keepdim else made

    return found


def _largest(path: Path, undecided: Undecided, tensor: Tensor, *dims: Any, **options: Any) -> Any:
    """``max`` along an axis: which is largest is decided, and by how much cannot be asked any more."""
    if not (dims and isinstance(dims[0], int)) or options:
        return NotImplemented
    dim, keepdim = dims[0], dims[1:] == (True,)
    index = _extreme(largest=True)(path, undecided, tensor, dim, True)
    values = np.take_along_axis(values_of(undecided, tensor), index.cpu().numpy(), dim)
    made = (values, index) if keepdim else (values.squeeze(dim), index.squeeze(dim))
    return torch.return_types.max((undecided.made(made[0], tensor), made[1]))


def _overwritten(path: Path, undecided: Undecided, tensor: Tensor, *source: Any, **options: Any) -> Any:
    """``copy_``, ``fill_`` and ``zero_``: what was there no longer is."""
    drawn = undecided.get(source[0]) if source else None
    if drawn is not None:
        values = as_objects(list(drawn.reshape(-1))).reshape(drawn.shape)
        spread = np.broadcast_to(as_kind(values, tensor.dtype), tuple(tensor.shape))
        return undecided.fill(tensor, spread)
    undecided.forget(tensor)
    if source and isinstance(source[0], Tensor):
        return tensor.copy_(source[0])
    return tensor.fill_(*source or (0,))


_QUESTIONS: dict[Any, Callable[..., Any]] = {
    _aten.searchsorted: _searched,
    _aten.bucketize: _bucketed,
    _aten.argmax: _extreme(largest=True),
    _aten.argmin: _extreme(largest=False),
    _aten.max: _largest,
    _aten.copy_: _overwritten,
    _aten.fill_: _overwritten,
    _aten.zero_: _overwritten,
}
_OVERWRITING = (_aten.copy_, _aten.fill_, _aten.zero_)
