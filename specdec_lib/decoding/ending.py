"""Where a text ends: an end-of-text id, a stop string, or the number of tokens asked for.

Speculation emits several tokens at once, and any of them may be the last one. The rule is
applied to the tokens in order, so that a speculative decoder stops exactly where an
autoregressive one would. The token that ends the text is kept (as in Hugging Face's generate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from specdec_lib.models.text.ids import Decode, first_to_complete

FinishReason = Literal["length", "eos", "stop"]


@dataclass(frozen=True)
class Ending:
    """The rule of one generation.

    ``limit`` counts emitted tokens; ``decode`` turns ids into text, special tokens included, and is called
    only when there are stop strings. A stop string is looked for in what the emitted ids add to the text of
    ``context``, the prompt's last ids; never in the prompt. Where a stop string and an end-of-text id end at
    the same token, it is the stop string's end: it was asked for.
    """

    limit: int
    eos_token_ids: frozenset[int] = frozenset()
    stop_strings: tuple[str, ...] = ()
    decode: Decode | None = None
    context: tuple[int, ...] = ()

    def cut(self, emitted: Sequence[int], new_ids: Sequence[int]) -> tuple[list[int], FinishReason | None]:
        """What of ``new_ids`` follows ``emitted``, and why the text ends there (None: it goes on)."""
        kept = list(new_ids[: self.limit - len(emitted)])
        reason: FinishReason | None = "length" if len(emitted) + len(kept) >= self.limit else None
        for index, token in enumerate(kept):
            if token in self.eos_token_ids:
                kept, reason = kept[: index + 1], "eos"
                break
        stop = self._first_stop(emitted, kept)
        return (kept[:stop], "stop") if stop is not None else (kept, reason)

    def _first_stop(self, emitted: Sequence[int], new_ids: Sequence[int]) -> int | None:
        """How many of ``new_ids`` it takes until the text holds a stop string; None if it never does."""
        if self.decode is None or not self.stop_strings:
            return None
        return first_to_complete(self.decode, self.context, emitted, new_ids, self.stop_strings)
