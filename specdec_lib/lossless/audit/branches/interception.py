"""Two modes of torch that see every operation of a decoder, and take its draws out of its hands.

Below autograd each draw is one operation of ATen, whatever function it came from, with or without a generator
of its own. Those that are known are answered by the tree (in ``chance``), and what is computed from an
undecided number is followed (in ``following``). An operation that torch tags as random and that is not known
is let through and watched: if a generator moved, the law cannot be summed, and a line names the operation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches import sentences
from specdec_lib.lossless.audit.branches.chance import DRAWS, OVERWRITING_DRAWS, python_uniforms
from specdec_lib.lossless.audit.branches.draws import Draw
from specdec_lib.lossless.audit.branches.following import follow
from specdec_lib.lossless.audit.branches.moving import as_kind
from specdec_lib.lossless.audit.branches.tree import Path
from specdec_lib.lossless.audit.branches.undecided import Undecided

_RANDOM = torch.Tag.nondeterministic_seeded
_TO_PYTHON = {torch.ops.aten._local_scalar_dense: "float()", torch.ops.aten.is_nonzero: "bool()"}
_OUT_OF_TORCH = {
    torch.Tensor.numpy: "numpy()",
    torch.Tensor.__array__: "numpy()",
    torch.Tensor.__dlpack__: "__dlpack__()",
    torch.Tensor.data_ptr: "data_ptr()",
    torch.Tensor.untyped_storage: "untyped_storage()",
    torch.Tensor.__float__: "float()",
    torch.Tensor.__complex__: "complex()",
    torch.Tensor.__index__: "an index",
    torch.Tensor.new: "new()",
}


@contextmanager
def intercepted(path: Path) -> Iterator[set[str]]:
    """Every draw from torch within this context is chosen by ``path``.

    Yields a set which names, once the context has ended, the global generators outside torch that moved
    meanwhile: "Python", "NumPy". Whether that mattered is for whoever repeats the replay to find out.

    Raises:
        Unfollowed: a draw, or what is made of one, that cannot be taken; something drew from torch's global
            generator unseen, as in another thread.
    """
    before, moved = _global_generators(), set[str]()
    with _Operations(path) as operations, _PythonNumbers(operations.undecided), python_uniforms(path):
        yield moved
    now = _global_generators()
    moved.update(name for name in now if now[name] != before[name])
    if "torch" in moved and not _is_just_seeded():
        raise Unfollowed(sentences.DREW_UNSEEN)
    moved.discard("torch")


class _Operations(TorchDispatchMode):
    """What torch computes, one operation of ATen at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.undecided = path, Undecided()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunction():  # what is done here is not the decoder's doing
            return self._answered(func, args, dict(kwargs or {}))

    def _answered(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        is_drawn = _RANDOM in func.tags
        out = kwargs.pop("out", None)
        is_undecided = self.undecided.any_in((args, kwargs))
        if out is not None:
            return self._written(func, args, kwargs, out, is_drawn or is_undecided)
        if is_drawn and func.overloadpacket in OVERWRITING_DRAWS and not self.undecided.any_in(args[1:]):
            self.undecided.forget(args[0])
        elif is_undecided:
            return self._follow(func, args, kwargs)
        if not is_drawn:
            return func(*args, **kwargs)
        take = DRAWS.get(func.overloadpacket)
        if take is not None and not _holds_no_numbers(args, kwargs):
            made = take(self.path, self.undecided, func, *args, **kwargs)
            if made is not NotImplemented:
                return made
        return self._watched(func, args, kwargs)

    def _follow(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func.overloadpacket in _TO_PYTHON:
            raise Unfollowed(sentences.TAKEN_OUT.format(_TO_PYTHON[func.overloadpacket]))
        made = follow(self.path, self.undecided, func, args, kwargs)
        if made is not NotImplemented:
            return made
        with self:  # in inference mode an operation may arrive in one piece
            made = func.decompose(*args, **kwargs)
        if made is NotImplemented:
            raise Unfollowed(sentences.NOT_FOLLOWED.format(func.overloadpacket._qualified_op_name))
        return made

    def _written(self, func: Any, args: Any, kwargs: Any, out: Any, is_random: bool) -> Any:
        """What an operation gives, written into a tensor that the caller has."""
        if not isinstance(out, Tensor):
            raise Unfollowed(
                sentences.NOT_FOLLOWED.format(f"out= of {func.overloadpacket._qualified_op_name}")
            )
        self.undecided.forget(out)
        if not is_random:
            return func(*args, out=out, **kwargs)
        with self:
            made = func.overloadpacket(*args, **kwargs)
            out.resize_(made.shape)
            return out.copy_(made)

    def _watched(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What an operation gives that may draw; refused if it did."""
        generator = kwargs.get("generator")
        before = _torch_state(generator)
        made = func(*args, **kwargs)
        if _torch_state(generator) != before:
            raise Unfollowed(sentences.UNKNOWN_DRAW.format(func.overloadpacket._qualified_op_name))
        return made


class _PythonNumbers(TorchFunctionMode):
    """What leaves torch: an undecided number stays one in Python, or is refused."""

    def __init__(self, undecided: Undecided) -> None:
        super().__init__()
        self._undecided = undecided

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _LEAVING and any(self._undecided.get(one) is not None for one in tree_iter(args[1:])):
            raise Unfollowed(sentences.TAKEN_OUT.format(_OUT_OF_TORCH.get(func, func.__name__)))
        if func in _LEAVING and args and (values := self._undecided.get(args[0])) is not None:
            if func in _OUT_OF_TORCH:
                raise Unfollowed(sentences.TAKEN_OUT.format(_OUT_OF_TORCH[func]))
            if func is torch.Tensor.__int__:
                return int(values.item())
            return values.item() if func is torch.Tensor.item else values.tolist()
        kwargs = kwargs or {}
        if func in _FROM_NUMBERS and (made := self._from_numbers(func, args, kwargs)) is not None:
            return made
        if not any(isinstance(one, Draw) for one in tree_iter((args, kwargs))):
            return func(*args, **kwargs)
        return func(*tree_map(self._in_torch, args), **tree_map(self._in_torch, kwargs))

    def _from_numbers(self, func: Any, args: Any, kwargs: Any) -> Tensor | None:
        """A tensor of numbers of which some are undecided, as torch would read them without being asked."""
        is_new = func is torch.Tensor.new_tensor
        given = kwargs.get("data", args[is_new] if len(args) > is_new else None)
        if isinstance(given, Tensor):
            return None
        plain = tree_map(self._as_numbers, given)
        if not any(isinstance(one, Draw) for one in tree_iter(plain)):
            return None
        kind = kwargs.get("dtype") or (args[0].dtype if is_new else torch.get_default_dtype())
        values = as_kind(np.array(plain, dtype=object), kind)
        return self._undecided.made(values, torch.empty(0, dtype=kind, device=kwargs.get("device")))

    def _as_numbers(self, one: Any) -> Any:
        values = self._undecided.get(one)
        return one if values is None else values.tolist()

    def _in_torch(self, one: Any) -> Any:
        """A tensor without an axis for an undecided number of Python's."""
        if not isinstance(one, Draw):
            return one
        return self._undecided.made(np.array(one, dtype=object), torch.empty(0, dtype=torch.float64))


_FROM_NUMBERS = {torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor}
_LEAVING = {torch.Tensor.item, torch.Tensor.tolist, torch.Tensor.__int__, *_OUT_OF_TORCH}


def _holds_no_numbers(args: Any, kwargs: Any) -> bool:
    """Whether shapes alone are made, as where a model is built before its weights are read into it."""
    first = args[0] if args else None
    device = first.device if isinstance(first, torch.Tensor) else kwargs.get("device")
    return device is not None and torch.device(device).type == "meta"


def _torch_state(generator: torch.Generator | None = None) -> list[bytes]:
    generators = [torch.default_generator, *([generator] if generator is not None else [])]
    if torch.cuda.is_initialized():
        generators += list(torch.cuda.default_generators)
    return [one.get_state().numpy().tobytes() for one in generators]


def _is_just_seeded() -> bool:
    """Whether torch's global generator has been seeded, and nothing drawn from it since."""
    fresh = torch.Generator().manual_seed(torch.default_generator.initial_seed())
    return bool(torch.equal(fresh.get_state(), torch.default_generator.get_state()))


def _global_generators() -> dict[str, Any]:
    """The states of the global generators, by whose they are."""
    kind, keys, *rest = np.random.get_state()
    numpy_state = (kind, np.asarray(keys).tobytes(), *rest)
    return {"Python": random.getstate(), "torch": _torch_state(), "NumPy": numpy_state}
