"""Where a text ends: an end-of-text id, a stop string, or the number of tokens asked for.

Speculation emits several tokens at once, and any of them may be the last one. The rule is
applied to the tokens in order, so that a speculative decoder stops exactly where an
autoregressive one would. The token that ends the text is kept (as in Hugging Face's generate).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["length", "eos", "stop"]


@dataclass(frozen=True)
class Ending:
    """The rule of one generation.

    ``limit`` counts emitted tokens; ``decode`` turns emitted ids into text and is called only
    when there are stop strings. A stop string is looked for in the emitted text, the prompt excluded.
    """

    limit: int
    eos_token_ids: frozenset[int] = frozenset()
    stop_strings: tuple[str, ...] = ()
    decode: Callable[[Sequence[int]], str] | None = None

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
        if not self.stop_strings or not self._stops([*emitted, *new_ids]):
            return None
        for count in range(1, len(new_ids) + 1):
            if self._stops([*emitted, *new_ids[:count]]):
                return count
        return None

    def _stops(self, ids: Sequence[int]) -> bool:
        text = self.decode(ids)
        return any(stop in text for stop in self.stop_strings)
