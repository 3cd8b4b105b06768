"""The forward through ``torch.compile``, or eager when the compiler cannot take it.

Dynamic shapes, one graph for any cache length. The first failure (no C++ compiler, a model
that breaks the graph) is logged in one line and ends compilation for that model: the same
call is answered in eager mode, from the cache as it was before the attempt. It refuses to
know what the logits are for.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from transformers.cache_utils import Cache

from specdec_lib.utils.logging import get_logger


class CompiledForward:
    """Callable like the model; ``active`` says whether compiled code still answers."""

    def __init__(self, model: nn.Module) -> None:
        self._eager = model
        self._compiled = torch.compile(model.forward, dynamic=True)
        self.active = True

    def __call__(self, **inputs: Any) -> Any:
        """Outputs of the model; a cache among the inputs is extended exactly once, whoever answers."""
        if not self.active:
            return self._eager(**inputs)
        cache: Cache | None = inputs.get("past_key_values")
        before = [] if cache is None else [copy.copy(layer) for layer in cache.layers]
        try:
            return self._compiled(**inputs)
        except Exception as error:  # whatever a compiler raises: eager answers, or raises the true cause
            self.active = False
            get_logger(__name__).warning("torch.compile gave up, running eager", reason=_reason(error))
            if cache is not None:
                cache.layers = before
            return self._eager(**inputs)


def _reason(error: Exception) -> str:
    """The first line of an error that may be pages long."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
