"""A recorded generation once more, with what both models say about every position of every round.

The rows are computed anew from the text, with the warping stated here: whatever the decoder did with its
caches, its draft or its temperatures has no influence on them. Statistics then compare what the decoder
did with what it should have done. Where no model drafted, q is what its proposals said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.decoding.trace import Trace
from specdec_lib.lossless.doubles.base import DraftReader
from specdec_lib.lossless.replays.proposals import laws_of
from specdec_lib.models.base import CausalModel, is_causal_model


@dataclass(frozen=True)
class ReplayedRound:
    """p and q along a round's draft, one row for each drafted position and one behind them."""

    target_probs: Float[Tensor, "k_plus_1 vocab"]
    draft_probs: Float[Tensor, "k_plus_1 vocab"]
    draft_ids: Integer[Tensor, " k"]
    token_ids: Integer[Tensor, " emitted"]
    num_accepted: int


@torch.inference_mode()
def replay(
    target: CausalModel, draft: CausalModel | Mapping[int, Proposal], trace: Trace, params: SamplingParams
) -> Iterator[ReplayedRound]:
    """The rounds of ``trace`` with the laws of both models; ``params`` without a repetition penalty.

    Args:
        draft: the draft model, or what was proposed behind texts of each length: q is then what was said,
            and behind a draft, where nothing was, every token's alike.
    """
    own = _Rows(target, params)
    is_model = is_causal_model(draft)
    other = _Rows(DraftReader(draft), params) if is_model else _Said(draft, target.vocab_size)
    text = list(trace.prompt_ids)
    for round_ in trace.rounds:
        p, q = (source.along(text, round_.draft_ids) for source in (own, other))
        of_round = (round_.draft_ids, round_.token_ids)
        drafted, emitted = (torch.tensor(ids, dtype=torch.long, device=p.device) for ids in of_round)
        yield ReplayedRound(p, q.to(p.device), drafted, emitted, round_.num_accepted)
        text += round_.token_ids


def short_drafts(trace: Trace, k: int, end: int, context: int | None) -> int:
    """Rounds whose draft was shorter than the loop had use for.

    Args:
        k: draft tokens that were asked for at most.
        end: ids that prompt and text may come to; a round's own token needs one of them.
        context: positions that the draft model sees; None for no limit.
    """
    short, length = 0, len(trace.prompt_ids)
    for round_ in trace.rounds:
        room = end - length - 1 if context is None else min(end - length - 1, context - length + 1)
        short += len(round_.draft_ids) < min(k, room)
        length += len(round_.token_ids)
    return short


class _Said:
    """Laws as proposals gave them, by the length of the text in front."""

    def __init__(self, made: Mapping[int, Proposal], vocab: int) -> None:
        self._made, self._behind = made, torch.full((1, vocab), 1 / vocab)

    def along(self, text: list[int], drafted: list[int]) -> Float[Tensor, "rows vocab"]:
        """The proposal's rows of the drafted positions, and one behind them."""
        if not drafted:
            return self._behind
        rows = laws_of(self._made[len(text)])[: len(drafted)]
        return torch.cat([rows, self._behind.to(rows)])


class _Rows:
    """Laws of one model along a text that grows."""

    def __init__(self, model: CausalModel, params: SamplingParams) -> None:
        self._model, self._params, self._cache = model, params, None

    def along(self, text: list[int], drafted: list[int]) -> Float[Tensor, "rows vocab"]:
        """Laws behind the text and behind each drafted token. What was drafted leaves no trace."""
        model, cache = self._model, self._cache
        feed = torch.tensor([[*text[model.get_cache_length(cache) :], *drafted]], device=model.device)
        logits, cache = model.forward(feed, cache, logits_to_keep=len(drafted) + 1)
        self._cache: Any = model.truncate_cache(cache, len(text) - 1)
        return probs_from_logits(logits[0], self._params)
