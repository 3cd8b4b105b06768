"""A model that stands in for another: all that it does not change, the other one does."""

from __future__ import annotations

import copy
from typing import Any

import torch

from specdec_lib.models.base import CausalModel


class StandIn:
    """A :class:`~specdec_lib.models.base.CausalModel` in front of ``model``, whose cache is the model's own.

    What lies beside the protocol (text, weights, whether there is a tokenizer) is the model's too. It never
    computes in graphs, which would pass it by.
    """

    compiled = None
    eos_token_ids: tuple[int, ...]

    def __init__(self, model: CausalModel) -> None:
        self._inner = model
        self.name, self.vocab_size, self.context_length = model.name, model.vocab_size, model.context_length
        self.device, self.dtype = model.device, model.dtype

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self._inner, name)

    def forward(
        self,
        input_ids: torch.Tensor,
        past_key_values: Any = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> tuple[torch.Tensor, Any]:
        """The model's own logits."""
        return self._inner.forward(input_ids, past_key_values, use_cache, logits_to_keep)

    def new_cache(self, max_length: int = 0) -> Any:
        """As the model's own."""
        return self._inner.new_cache(max_length)

    def truncate_cache(self, cache: Any, keep_length: int) -> Any:
        """As the model's own."""
        return self._inner.truncate_cache(cache, keep_length)

    def get_cache_length(self, cache: Any) -> int:
        """As the model's own."""
        return self._inner.get_cache_length(cache)

    def check_length(self, prompt_length: int, end: int) -> None:
        """As the model's own."""
        self._inner.check_length(prompt_length, end)

    def expect_widths(self, *widths: int) -> None:
        """Nothing: no width has a graph of its own."""

    def require_sound(self) -> None:
        """As the model's own."""
        self._inner.require_sound()


def in_eager_mode(model: CausalModel) -> CausalModel:
    """The model itself, its weights and its kind of cache, but never in graphs."""
    if getattr(model, "compiled", None) is None:
        return model
    eager: Any = copy.copy(model)
    eager.compiled = None
    return eager
