"""Compiled code of one function and one shape, and how a function is compiled for it alone."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from specdec_lib.models.architecture.module import LanguageModel
from specdec_lib.models.caches.rollback import holds_nothing
from specdec_lib.models.fast import sentences

GUARDED_CALLS = 2
"""Calls of a graph, after the first, that still evaluate its guards."""


class Uncompilable(Exception):
    """Why a model runs eagerly, in a few words."""


class Graph:
    """Compiled code of one function and shape, which after a few calls is no longer asked whether it fits.

    The compiler guards a graph by looking at every buffer and attribute of every layer before each call: a
    tenth of a step of a small model. Here nothing of that can differ. A graph has a code object to itself, it
    is found by its width and capacity, and the window's length is dynamic.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call, self._calls = call, 0

    def __call__(self, *inputs: Any) -> Any:
        self._calls += 1
        if self._calls <= GUARDED_CALLS:
            return self._call(*inputs)
        with torch.compiler.set_stance("default", skip_guard_eval_unsafe=True):
            return self._call(*inputs)


def compiled(function: Callable[..., Any], name: str, device: torch.device) -> Callable[..., Any]:
    """A compiled copy of ``function`` under a name of its own: graphs neither share guards nor a limit."""
    plain, owner = getattr(function, "__func__", function), getattr(function, "__self__", None)
    own = types.FunctionType(
        plain.__code__.replace(co_name=name), plain.__globals__, name, plain.__defaults__, plain.__closure__
    )
    bound = own if owner is None else types.MethodType(own, owner)
    mode = "reduce-overhead" if device.type == "cuda" else None
    return torch.compile(bound, dynamic=False, fullgraph=True, mode=mode)


def copied(answer: Any) -> Any:
    """A copy that the next run of a graph does not overwrite."""
    if isinstance(answer, tuple):
        return tuple(copied(part) for part in answer)
    return answer.clone() if isinstance(answer, Tensor) else answer


def layers_of(model: LanguageModel) -> tuple[int, str | None]:
    """How many layers keep keys and values, and why graphs cannot have them: each must see all that came."""
    layers = DynamicCache(config=model.config).layers
    kept = {type(layer) for layer in layers if not holds_nothing(layer)}
    other = sorted(kind.__name__ for kind in kept if kind is not DynamicLayer)
    return len(layers), sentences.LAYERS_SEE_A_PART.format(type(model).__name__, other[0]) if other else None


def why_uncompilable(error: Exception) -> str:
    """The first line of an error that may be pages long; two where the first announces the second."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    told = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
    return told if isinstance(error, Uncompilable) else f"{type(error).__name__}: {told}"
