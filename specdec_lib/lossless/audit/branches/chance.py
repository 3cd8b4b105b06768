"""Draws from torch, answered by a path: which operations are known, and how each branches."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.draws import exponential_draw, uniform_draw
from specdec_lib.lossless.audit.branches.tree import Path
from specdec_lib.lossless.audit.branches.undecided import Undecided

MOST_OPTIONS = 4_096
"""Equally likely outcomes of one draw, beyond which a tree of replays is no use."""
_aten = torch.ops.aten


def _uniforms(path: Path, undecided: Undecided, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """``rand`` and ``rand_like``: undecided uniforms."""
    like = _blank(args[0], torch.get_default_dtype(), kwargs)
    return undecided.made(_many(like.shape, lambda: uniform_draw(path)), like)


def _uniform_in_place(
    path: Path, undecided: Undecided, func: Any, tensor: Tensor, low: float = 0.0, high: float = 1.0, **_: Any
) -> Tensor:
    return undecided.fill(tensor, _many(tensor.shape, lambda: uniform_draw(path) * (high - low) + low))


def _exponential_in_place(
    path: Path, undecided: Undecided, func: Any, tensor: Tensor, rate: float = 1.0, **_: Any
) -> Tensor:
    return undecided.fill(tensor, _many(tensor.shape, lambda: exponential_draw(path, rate)))


def _multinomial(
    path: Path,
    undecided: Undecided,
    func: Any,
    weights: Tensor,
    num_samples: int,
    replacement: bool = False,
    **_: Any,
) -> Tensor:
    rows = weights.detach().double().reshape(-1, weights.shape[-1]).tolist()
    drawn = [_drawn_from(path, row, num_samples, replacement) for row in rows]
    return torch.tensor(drawn, device=weights.device).reshape(*weights.shape[:-1], num_samples)


def _drawn_from(path: Path, weights: list[float], num_samples: int, replacement: bool) -> list[int]:
    drawn = []
    for _ in range(num_samples):
        drawn.append(path.choose(weights, "multinomial"))
        if not replacement:
            weights[drawn[-1]] = 0.0
    return drawn


def _bernoulli(
    path: Path, undecided: Undecided, func: Any, tensor: Tensor, p: Any = None, **kwargs: Any
) -> Tensor:
    """``bernoulli`` of the tensor's own probabilities, or of ``p``; ``bernoulli_`` writes into the tensor."""
    is_in_place = func.overloadpacket is _aten.bernoulli_
    if p is None and is_in_place:
        p = 0.5  # its default, which is left out
    probs = tensor if p is None else torch.as_tensor(p, device=tensor.device)
    rows = torch.broadcast_to(probs, tensor.shape).double().flatten().tolist()
    if not all(0 <= one <= 1 for one in rows):
        raise Unfollowed(sentences.NO_CHANCE.format(next(one for one in rows if not 0 <= one <= 1)))
    taken = [1 - path.choose([one, 1 - one], "bernoulli") if 0 < one < 1 else one for one in rows]
    made = torch.tensor(taken, dtype=tensor.dtype, device=tensor.device).reshape(tensor.shape)
    return tensor.copy_(made) if is_in_place else made


def _whole_numbers(path: Path, undecided: Undecided, func: Any, *args: Any, **kwargs: Any) -> Tensor:
    """``randint``: with or without a lowest number before the highest."""
    low, high = (args[0], args[1]) if "low" in func._overloadname else (0, args[0])
    if high - low > MOST_OPTIONS:
        raise Unfollowed(sentences.TOO_MANY.format("randint", high - low, MOST_OPTIONS))
    made = _blank(args[-1], torch.int64, kwargs)
    drawn = [low + path.choose([1.0] * (high - low), "randint") for _ in range(made.numel())]
    return torch.tensor(drawn, dtype=made.dtype, device=made.device).reshape(made.shape)


def _permutation(path: Path, undecided: Undecided, func: Any, n: int, **kwargs: Any) -> Tensor:
    if n > MOST_OPTIONS:
        raise Unfollowed(sentences.TOO_MANY.format("randperm", f"{n}!", MOST_OPTIONS))
    left, drawn = list(range(n)), []
    while left:
        drawn.append(left.pop(path.choose([1.0] * len(left), "randperm")))
    return torch.tensor(drawn, dtype=torch.int64, device=kwargs.get("device"))


DRAWS: dict[Any, Callable[..., Any]] = {
    _aten.rand: _uniforms,
    _aten.rand_like: _uniforms,
    _aten.uniform_: _uniform_in_place,
    _aten.exponential_: _exponential_in_place,
    _aten.multinomial: _multinomial,
    _aten.bernoulli: _bernoulli,
    _aten.bernoulli_: _bernoulli,
    _aten.randint: _whole_numbers,
    _aten.randperm: _permutation,
}
"""What answers a random operation of ATen."""
OVERWRITING_DRAWS = (_aten.uniform_, _aten.exponential_, _aten.bernoulli_)
"""Those which write into their first argument, whatever it held."""


def _blank(size: Any, dtype: torch.dtype, kwargs: dict[str, Any]) -> Tensor:
    """An empty tensor of the kind that a function asks for by its size, or by another tensor, and options."""
    dtype, device = kwargs.get("dtype") or dtype, kwargs.get("device")
    if isinstance(size, Tensor):
        return torch.empty_like(size, dtype=kwargs.get("dtype"), device=device)
    return torch.empty(size, dtype=dtype, device=device)


def _many(shape: torch.Size, make: Callable[[], Any]) -> np.ndarray:
    values = np.empty(tuple(shape), dtype=object)
    for place in np.ndindex(values.shape):
        values[place] = make()
    return values


# -- one number of Python's or NumPy's ---------------------------------------------------------------

_NOT_DECODERS = sys.stdlib_module_names | {"beartype", "jaxtyping", "numpy", "torch", "_pytest", "pytest"}
"""Whose own draws, as of a file's name or of what to check, are no decoder's."""


@contextmanager
def python_uniforms(path: Path) -> Iterator[None]:
    """``random.random``, ``np.random.rand`` and their like give a decoder in this thread undecided numbers.

    Only when called by these names and for one number: what was imported before by another name, a generator
    that is an object, and an array of draws go their own way, and are found out by what they move.
    """
    places = ((random, ("random", "uniform")), (np.random, ("rand", "random", "random_sample", "uniform")))
    own = [(module, name, getattr(module, name)) for module, names in places for name in names]
    thread = threading.get_ident()
    try:
        for module, name, function in own:
            setattr(module, name, _answering(path, function, name == "uniform", thread))
        yield
    finally:
        for module, name, function in own:
            setattr(module, name, function)


def _answering(path: Path, own: Callable[..., Any], is_scaled: bool, thread: int) -> Callable[..., Any]:
    def draw(*args: Any, **kwargs: Any) -> Any:
        caller = str(sys._getframe(1).f_globals.get("__name__", "")).partition(".")[0]
        is_asked = caller == "__main__" or caller not in _NOT_DECODERS
        numbers = all(isinstance(one, (int, float)) for one in args)
        is_one = not kwargs and ((is_scaled and numbers and len(args) in (0, 2)) or not args)
        if not (is_asked and is_one and threading.get_ident() == thread):
            return own(*args, **kwargs)
        low, high = args if args else (0.0, 1.0)
        return uniform_draw(path) * (high - low) + low

    return draw
