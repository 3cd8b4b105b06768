"""The texts of a batch in front of a model: in one forward where it can, else one after the other.

What cannot run several texts in a forward (a model of one's own with the members of a
:class:`~specdec_lib.models.base.CausalModel` and no other) decodes a batch all the same: its texts are the
same, and nothing is gained. A model whose state cannot be rolled back is refused, as it is for one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.drafters.base import lend
from specdec_lib.models.base import CausalModel, TextRows


def open_rows(model: CausalModel, ends: Sequence[int]) -> TextRows:
    """Empty rows for texts of at most so many tokens each.

    Raises:
        UnsupportedCache: the model keeps a state that cannot be rolled back.
    """
    new_batch = getattr(model, "new_batch", None)
    rows: TextRows | None = None if new_batch is None else new_batch(len(ends), max(ends, default=0))
    return SeparateRows(model, ends) if rows is None else rows


class SeparateRows:
    """Rows of any model, each with a cache and a forward of its own; a text alone is one of these."""

    def __init__(self, model: CausalModel, ends: Sequence[int]) -> None:
        self.model, self._device = model, model.device
        self._caches: list[Any] = [model.new_cache(end) for end in ends]

    @property
    def lengths(self) -> list[int]:
        """Tokens that each row holds."""
        return [self.model.get_cache_length(cache) for cache in self._caches]

    def forward(
        self, feeds: Sequence[Integer[Tensor, " n"]], keep: Sequence[int]
    ) -> list[Float[Tensor, "kept vocab"]]:
        """Logits of the last ``keep[i]`` tokens of each feed; a row that is fed nothing is passed over."""
        logits: list[Tensor] = []
        for row, (feed, count) in enumerate(zip(feeds, keep, strict=True)):
            if not feed.numel():
                logits.append(torch.empty(0, self.model.vocab_size, device=self._device))
                continue
            fed = feed.to(self._device)[None]
            found, self._caches[row] = self.model.forward(fed, self._caches[row], logits_to_keep=count)
            logits.append(found[0])
        return logits

    def lend(self, drafts: Sequence[object]) -> None:
        """Offer each row's cache to the state that drafts for it, until the state's next roll-back."""
        for state, cache in zip(drafts, self._caches, strict=True):
            lend(state, self.model, cache)

    def truncate(self, lengths: Sequence[int]) -> None:
        """Roll each row back to its own length."""
        for row, (cache, length) in enumerate(zip(self._caches, lengths, strict=True)):
            if cache is not None:  # what was never fed may have none that could be cut
                self._caches[row] = self.model.truncate_cache(cache, length)

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order."""
        self._caches = [self._caches[row] for row in rows]
