"""Does a text end where it should? Greedy texts of the pair, ended at every place where they can be.

A decoder that emits blocks has to look for the end inside of them: an end-of-text id (of several), a stop
string that begins in one round and ends in the next, the limit, the end of the context. The text without any
end is known, so where each end cuts it is known too, and all of it runs on remembered forwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.lossless import sentences
from specdec_lib.lossless.doubles.base import StandIn
from specdec_lib.models.base import CausalModel, with_text
from specdec_lib.profiling.metrics import GenerationResult


class EndingModel(StandIn):
    """Stands in for ``model`` with ends of text and a context of its own; notes the longest text it saw."""

    def __init__(self, model: CausalModel) -> None:
        super().__init__(model)
        self.eos_token_ids = ()
        self.longest = 0

    def forward(self, input_ids, past_key_values=None, use_cache=True, logits_to_keep=0):
        """The model's own logits; how long the text has become is noted."""
        held = self.get_cache_length(past_key_values)
        self.longest = max(self.longest, held + input_ids.shape[1])
        return self._inner.forward(input_ids, past_key_values, use_cache, logits_to_keep)


@dataclass(frozen=True)
class End:
    """One way to end a text: what to ask for, and how many tokens are right."""

    length: int
    reason: str
    limit: int
    eos_token_ids: tuple[int, ...] = ()
    stop: str | None = None
    context: int | None = None
    """Tokens that the context has room for behind the prompt."""


def ends_of(model: CausalModel, ids: Sequence[int]) -> Iterator[End]:
    """Ends at every place of the text ``ids`` that one of its kind can cut."""
    for limit in (0, 1, len(ids) // 2):
        yield End(limit, "length", limit)
    for room in range(max(1, len(ids) - 6), len(ids)):
        yield End(room, "length", len(ids), context=room)
    stranger = next(token for token in range(len(ids) + 1) if token not in ids)
    for place, token in enumerate(ids):
        if token not in ids[:place]:
            yield End(place + 1, "eos", len(ids), eos_token_ids=tuple(sorted((stranger, token))))
    if getattr(model, "tokenizer", None) is not None:
        yield from _stops(model, ids)


def _stops(model: CausalModel, ids: Sequence[int]) -> Iterator[End]:
    """The text of each token with the letter before it: it may begin in one round and end in the next.

    Each ends the text where it first stands, which the texts of the ids say.
    """
    decode = with_text(model, "endings").decode
    texts = [decode(ids[:count]) for count in range(len(ids) + 1)]
    for before, text in pairwise(texts):
        stop = text[len(before) - 1 :] if before and text.startswith(before) else ""
        if len(stop) > 1 and stop[0].isalnum() and stop.isascii() and stop.isprintable():
            first = next(count for count, shown in enumerate(texts) if stop in shown)
            yield End(first, "stop", len(ids), stop=stop)


def complaint(decoder: Decoder, prompt: Sequence[int], ids: Sequence[int], end: End) -> str | None:
    """What is wrong with where ``decoder``, on an :class:`EndingModel`, ends; None where nothing is."""
    target = cast(EndingModel, decoder.target)
    target.eos_token_ids, target.longest = end.eos_token_ids, 0
    context = target.context_length
    if end.context is not None:
        target.context_length = len(prompt) + end.context
    try:
        result = decoder.generate(
            list(prompt), end.limit, 0.0, stop_strings=end.stop and [end.stop], seed=0, trace=True
        )
        return _wrong(result, ids, end, target.longest, target.context_length)
    finally:
        target.context_length = context


def _wrong(
    result: GenerationResult, ids: Sequence[int], end: End, longest: int, context: int | None
) -> str | None:
    if result.generated_ids != list(ids[: end.length]):
        return sentences.TOKENS_ARE_WRONG.format(len(result.generated_ids), end.length, end.reason)
    if end.limit and result.finish_reason != end.reason:
        return sentences.REASON_IS_WRONG.format(result.finish_reason, end.reason)
    if len(result.per_token_latencies) != end.length:
        return sentences.CUT_LATENCIES
    rounds = result.trace.rounds if result.trace else []
    told = sum(len(r.token_ids) - r.num_accepted for r in rounds) + (result.num_accepted_draft_tokens or 0)
    if told != end.length or any(r.num_accepted > len(r.token_ids) for r in rounds):
        return sentences.CUT_COUNTS
    if context is not None and longest > context:
        return sentences.BEYOND_CONTEXT.format(longest, context)
    return None
