"""A text as a draft model of another vocabulary reads it: in its own ids, behind a cache of its own.

The target's ids become bytes, and those the draft's ids; only the end of a text is spelt anew as it grows.
What the cache holds is compared with them id by id, so that whatever was proposed, accepted or spelt
otherwise, it is cut back to what still holds and fed the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.models.architecture.soundness import drafting, sound_draft
from specdec_lib.models.base import CausalModel
from specdec_lib.models.text.translation import Translation
from specdec_lib.utils.numbers import plain_numbers


class ForeignText:
    """One text of a target's, in front of its draft model.

    Args:
        end: the target's ids that prompt and continuation have at most; 0 if nobody knows.
    """

    def __init__(self, model: CausalModel, translation: Translation, end: int = 0) -> None:
        self.model, self.translation = model, translation
        self.ids: list[int] = list(translation.draft.front)
        """The text in the draft's ids, as of the last :meth:`begin`."""
        self._seen: list[int] = []
        self._start, self._is_new = len(self.ids), True
        self._held: list[int] = []
        self._fed: list[Integer[Tensor, "1"]] = []
        limit = model.context_length
        self._cache: Any = model.new_cache(end if limit is None else min(end, limit)) if end else None

    def begin(self, context_ids: Sequence[int]) -> Float[Tensor, " own"] | None:
        """Logits behind the text ``context_ids`` of the target; None where the draft can read no such text.

        It cannot where nothing of it makes text and its tokenizer begins no text by itself, or where it
        fills the draft's context.
        """
        self._follow(list(context_ids))
        if not self.ids or not self.room:
            return None
        self._held += plain_numbers(torch.cat(self._fed)) if self._fed else []
        self._fed = []
        keep = min(_common(self._held, self.ids), len(self.ids) - 1)
        if keep < len(self._held):
            self._cache = self.model.truncate_cache(self._cache, keep)
        pending = self.ids[keep:]
        self._held = list(self.ids)
        return self._forward(torch.tensor([pending], device=self.model.device))

    def feed(self, token: Integer[Tensor, ""]) -> Float[Tensor, " own"] | None:
        """Logits behind one more of the draft's own tokens; None where its context is full."""
        if len(self.ids) + len(self._fed) + 1 > self._limit:
            return None
        self._fed.append(token.view(1))
        return self._forward(token.view(1, 1))

    @property
    def room(self) -> bool:
        """Whether the draft can look at the whole text."""
        return len(self.ids) <= self._limit

    @property
    def _limit(self) -> float:
        limit = self.model.context_length
        return float("inf") if limit is None else limit

    def _forward(self, feed: Integer[Tensor, "1 n"]) -> Float[Tensor, " own"]:
        known = feed.clamp(max=self.model.vocab_size - 1)  # a tokenizer may know more names than its model
        with drafting():
            logits, self._cache = self.model.forward(known, self._cache, logits_to_keep=1)
        return sound_draft(logits[0, -1])

    def _follow(self, context_ids: list[int]) -> None:
        """Bring :attr:`ids` up to ``context_ids``, from the first id that was not seen yet."""
        if context_ids[: len(self._seen)] != self._seen:  # another text, or one that was cut back
            self.ids = list(self.translation.draft.front)
            self._start, self._is_new, self._seen = len(self.ids), True, []
        target, data = self.translation.target.bytes, b""
        for token_id in context_ids[len(self._seen) :]:
            piece = target.of(token_id)
            if piece is None:
                self._extend(data)
                self._name(token_id)
                data = b""
            else:
                data += piece
        self._extend(data)
        self._seen = context_ids

    def _extend(self, data: bytes) -> None:
        if self._is_new and data:
            self._is_new, data = False, data.removeprefix(self.translation.target.bytes.lead)
        if data:
            keep, new = self.translation.draft.continued(self.ids, self._start, data)
            self.ids = self.ids[:keep] + new

    def _name(self, token_id: int) -> None:
        """A special token of the target's is the draft's of the same name, or nothing to it."""
        own = self.translation.names.get(token_id)
        if own is not None and (own not in self.translation.draft.front or len(self.ids) > self._start):
            self.ids.append(own)
        self._start = len(self.ids)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two texts have in common from their beginning on."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next(n for n in range(shorter) if one[n] != other[n])
