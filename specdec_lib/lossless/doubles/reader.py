"""A draft model as a proof reads it: what it says may be nonsense, and the verdict stands all the same.

The loop asks a draft inside :func:`~specdec_lib.models.architecture.soundness.drafting` and passes what comes
back through :func:`~specdec_lib.models.architecture.soundness.sound_draft`. Whoever computes q anew has to
read it in the same way, or a draft that costs speed alone would end the proof, or be taken for another law
than the one it drew from. The loop asks behind one prefix at a time. In a wider forward a token that makes
the model overflow spoils the rows before it too (0 · NaN is NaN), so where a row is no number, each is
computed on its own.
"""

from __future__ import annotations

import copy

import torch

from specdec_lib.models.architecture.soundness import drafting, sound_draft, unsound
from specdec_lib.models.wrapper import ModelWrapper


class DraftReader(ModelWrapper):
    """Stands in for the draft model ``model`` wherever its laws are read; it never computes in graphs."""

    def __init__(self, model: ModelWrapper) -> None:
        self.__dict__.update(model.__dict__)
        self._inner = copy.copy(model)  # of its own kind: a table model has another cache
        self.compiled = self._inner.compiled = None

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        """As :meth:`specdec_lib.models.wrapper.ModelWrapper.forward`; a row of no numbers is uniform."""
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

    def new_cache(self, max_length=0):
        """As the model's own."""
        return self._inner.new_cache(max_length)

    def get_cache_length(self, cache):
        """As the model's own."""
        return self._inner.get_cache_length(cache)

    def truncate_cache(self, cache, keep_length):
        """As the model's own."""
        return self._inner.truncate_cache(cache, keep_length)
