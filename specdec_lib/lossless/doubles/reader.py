"""A draft model as a proof reads it: what it says may be nonsense, and the verdict stands all the same.

The loop asks a draft inside :func:`~specdec_lib.models.architecture.soundness.drafting` and passes what comes
back through :func:`~specdec_lib.models.architecture.soundness.sound_draft`. Whoever computes q anew has to
read it in the same way, or a draft that costs speed alone would end the proof, or be taken for another law
than the one it drew from. The loop asks behind one prefix at a time. In a wider forward a token that makes
the model overflow spoils the rows before it too (0 · NaN is NaN), so where a row is no number, each is
computed on its own.
"""

from __future__ import annotations

import torch

from specdec_lib.lossless.doubles.base import StandIn, in_eager_mode
from specdec_lib.models.architecture.soundness import drafting, sound_draft, unsound
from specdec_lib.models.base import CausalModel


class DraftReader(StandIn):
    """Stands in for the draft model ``model`` wherever its laws are read; it never computes in graphs."""

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
