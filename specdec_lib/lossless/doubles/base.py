"""Models that stand in for another, which does what they leave alone; one reads a draft for a proof."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch

from specdec_lib.models.architecture.soundness import drafting, sound_draft, unsound
from specdec_lib.models.base import CausalModel, check_length, logits_dtype, sound_check
from specdec_lib.models.caches.rollback import new_cache
from specdec_lib.models.wrapper import ModelWrapper


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
        self.device = model.device

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self._inner, name)

    @cached_property
    def dtype(self) -> torch.dtype:
        """As the model's own."""
        return logits_dtype(self._inner)

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
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
        check_length(self._inner, prompt_length, end)

    def expect_widths(self, *widths: int) -> None:
        """Nothing: no width has a graph of its own."""

    def require_sound(self) -> None:
        """As the model's own."""
        sound_check(self._inner)()


class EagerModel(StandIn):
    """Stands in for a wrapper that computes in graphs, which it does on caches of its own alone.

    Here it gets those of eager mode, so that it computes as if it had not been compiled.
    """

    def __init__(self, model: ModelWrapper) -> None:
        super().__init__(model)
        self._module = model.model

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        """The model's own logits, computed eagerly."""
        cache = self.new_cache() if past_key_values is None and use_cache else past_key_values
        return self._inner.forward(input_ids, cache, use_cache, logits_to_keep)

    def new_cache(self, max_length: int = 0) -> Any:
        """The kind that an uncompiled wrapper makes."""
        return new_cache(self._module, max_length, self.context_length)


def in_eager_mode(model: CausalModel) -> CausalModel:
    """The model itself, or what keeps it out of its graphs where it has some."""
    return EagerModel(model) if isinstance(model, ModelWrapper) and model.compiled is not None else model


class DraftReader(StandIn):
    """Stands in for the draft model ``model`` wherever its laws are read; it never computes in graphs.

    What it says may be nonsense, and the verdict stands all the same. The loop asks a draft inside
    :func:`~specdec_lib.models.architecture.soundness.drafting` and passes what comes back through
    :func:`~specdec_lib.models.architecture.soundness.sound_draft`. Whoever computes q anew has to read it in
    the same way, or a draft that costs speed alone would end the proof, or be taken for another law than the
    one it drew from. The loop asks behind one prefix at a time. In a wider forward a token that makes the
    model overflow spoils the rows before it too (0 · NaN is NaN), so where a row is no number, each is
    computed on its own.
    """

    def __init__(self, model: CausalModel) -> None:
        super().__init__(in_eager_mode(model))

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        """The model's own logits; a row of no numbers is uniform."""
        with drafting():
            held = self.get_cache_length(past_key_values) if past_key_values is not None else 0
            before = self._inner.truncate_cache(past_key_values, held) if held else None
            logits, cache = self._inner.forward(input_ids, past_key_values, use_cache, logits_to_keep)
            if logits.shape[1] > 1 and bool(unsound(logits).any()):
                logits, cache = self._row_by_row(input_ids, before, logits.shape[1])
        return sound_draft(logits), cache if use_cache else None

    def _row_by_row(self, input_ids, cache, kept: int):
        """The last ``kept`` rows, each the last of a forward, and the cache of those forwards."""
        rows, first = [], input_ids.shape[1] - kept + 1
        for feed in (input_ids[:, :first], *input_ids[:, first:].split(1, dim=1)):
            logits, cache = self._inner.forward(feed, cache, logits_to_keep=1)
            rows.append(logits)
        return torch.cat(rows, dim=1), cache
