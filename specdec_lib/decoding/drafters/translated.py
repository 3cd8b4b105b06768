"""A draft model of another vocabulary, translated by the bytes of its tokens.

*Token by token* (TLI, Timor et al. 2025, Algorithm 4): the draft's law is cut to the byte strings that both
vocabularies have, ids of the same bytes are added up, and what is drawn from it is verified by it. The
target's law is never touched.

*By text* (SLEM, same paper, Algorithm 3): the draft speaks its own tokens, and the target's tokenizer spells
what it said in the place where it stands. The tokens go to the verifier as certain (one-hot). That is exact
whatever they were made of, chance included, as long as it is not the verifier's: given the proposal, a token
is kept with probability p and else replaced by one of norm(p without it), which together is p.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from specdec_lib.decoding.drafters.base import Proposal, certain
from specdec_lib.decoding.drafters.foreign import ForeignText
from specdec_lib.decoding.sampling import SamplingParams, draw, probs_from_logits, warp_logits
from specdec_lib.models.base import expect_widths, require_model
from specdec_lib.models.text.spelling import num_waiting
from specdec_lib.models.text.translation import Level
from specdec_lib.models.vocabulary import ForeignDraft


class TranslatedDraft:
    """Proposes what a draft model of another vocabulary says, in its target's tokens.

    Args:
        draft: the model, and how its tokens are translated.
        level: "token" or "text"; None takes for greedy and for sampled texts what is expected to have more
            accepted (:meth:`~specdec_lib.models.text.translation.Translation.level`).
        sampled: by text, draw the draft's tokens as the text's own are drawn. Its likeliest ones, the
            default, are accepted more often, since no q is there that would forgive a drawn one.
    """

    context_length: int | None = None
    """The draft's own is in other tokens: where it is full, nothing is proposed."""

    def __init__(self, draft: ForeignDraft, level: Level | None = None, sampled: bool = False) -> None:
        self.model = require_model(draft.model, "draft model")
        self.translation, self.vocab_size, self.name = draft.translation, draft.vocab_size, draft.name
        self.device = self.model.device
        self.sampled, self.vocabulary = sampled, SharedTokens(draft)
        self._level: Level | None = level
        expect_widths(self.model, 1, 2)

    def level(self, greedy: bool) -> Level:
        """The way in which a text is drafted."""
        return self.translation.level(greedy) if self._level is None else self._level

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> TranslatedState:
        """A new text, which the draft has not read yet."""
        return TranslatedState(self, ForeignText(self.model, self.translation, end))


class SharedTokens:
    """The tokens that draft and target both have, as tensors."""

    def __init__(self, draft: ForeignDraft) -> None:
        width, own, device = draft.vocab_size, draft.model.vocab_size, draft.model.device
        forth = torch.full((own,), -1)
        known = torch.tensor(draft.translation.forth[:own], dtype=torch.long)
        forth[: len(known)] = torch.where(known < width, known, -1)
        self.missing: Bool[Tensor, " own"] = (forth < 0).to(device)
        """Ids of the draft that are never drafted."""
        self.forth: Integer[Tensor, " own"] = forth.clamp_min(0).to(device)
        back = torch.zeros(width, dtype=torch.long)
        pairs = [(to, at) for to, at in draft.translation.back.items() if to < width and at < own]
        if pairs:
            places, ids = torch.tensor(pairs).unbind(1)
            back[places] = ids
        self.back: Integer[Tensor, " vocab"] = back.to(device)
        """The draft's id of each shared id of the target."""
        self.width, self.any = width, bool(pairs)

    def law(self, probs: Float[Tensor, " own"]) -> Float[Tensor, " vocab"]:
        """A law over the draft's ids as one over the target's: ids of the same bytes are added up."""
        return probs.new_zeros(self.width).index_add(0, self.forth, probs)


class TranslatedState:
    """What a :class:`TranslatedDraft` knows of one text: the text in the draft's ids, and a cache of them."""

    def __init__(self, drafter: TranslatedDraft, text: ForeignText) -> None:
        self._drafter, self._text = drafter, text

    def roll_back(self, keep_length: int) -> None:
        """Nothing: the cache is compared with each text that is drafted for, and cut back to it."""

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """Up to ``k`` of the target's tokens; fewer where the draft's context, or what it says, ends."""
        by_token = self._drafter.level(params.is_greedy) == "token"
        logits = self._text.begin(context_ids)
        if logits is None or (by_token and not self._drafter.vocabulary.any):
            return self._certain([], params)
        if by_token:
            return self._by_token(logits, k, params, generator)
        return self._certain(self._by_text(logits, list(context_ids), k, params, generator), params)

    def _by_token(
        self, logits: Tensor | None, k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        vocabulary = self._drafter.vocabulary
        history = self._history(params)
        ids: list[Tensor] = []
        rows: list[Tensor] = []
        while logits is not None and len(ids) < k:
            logits = logits.masked_fill(vocabulary.missing, -torch.inf)
            if params.is_greedy:
                ids.append(vocabulary.forth[warp_logits(logits, params, history).argmax(-1)])
            else:
                rows.append(vocabulary.law(probs_from_logits(logits, params, history)))
                ids.append(draw(rows[-1], generator))
            own = vocabulary.back[ids[-1]]
            history = None if history is None else torch.cat([history, own.view(1)])
            logits = self._text.feed(own) if len(ids) < k else None
        return Proposal(torch.stack(ids), torch.stack(rows) if rows else None)

    def _by_text(
        self,
        logits: Tensor | None,
        context_ids: list[int],
        k: int,
        params: SamplingParams,
        generator: torch.Generator,
    ) -> list[int]:
        """What the draft says, in at most ``k`` of the target's tokens, for at most ``k`` + 1 of its own."""
        history, bytes_of = self._history(params), self._drafter.translation.draft.bytes.of
        data, ids, spoken = b"", [], 0
        while logits is not None and len(ids) < k and spoken <= k:
            if self._drafter.sampled and not params.is_greedy:
                own = draw(probs_from_logits(logits, params, history), generator)
            else:
                own = warp_logits(logits, params, history).argmax(-1)
            piece = bytes_of(int(own))
            if not piece:  # an end: nothing can follow that would change what was said
                return self._spelt(context_ids, data, ended=True)[:k]
            data, spoken = data + piece, spoken + 1
            ids = self._spelt(context_ids, data)
            history = None if history is None else torch.cat([history, own.view(1)])
            logits = self._text.feed(own) if len(ids) < k and spoken <= k else None
        return ids[:k]

    def _spelt(self, context_ids: list[int], data: bytes, ended: bool = False) -> list[int]:
        """``data`` in the target's tokens, as far as more text will hardly change them.

        The beginning of a character waits for its end, and a last token that may go on is left out.
        """
        translation = self._drafter.translation
        before = translation.target.bytes.join(context_ids[-4:])
        whole = data[: max(0, len(data) - num_waiting(before + data))]
        if not whole:
            return []
        ids = translation.target.behind(context_ids, whole)
        if ids and not ended and ids[-1] in translation.unfinished:
            ids = ids[:-1]
        width = self._drafter.vocab_size
        return ids[: next((n for n, token_id in enumerate(ids) if token_id >= width), len(ids))]

    def _certain(self, ids: list[int], params: SamplingParams) -> Proposal:
        return certain(ids, self._drafter.vocab_size, self._drafter.device, params)

    def _history(self, params: SamplingParams) -> Any:
        """The text in the draft's ids, where its law depends on them."""
        return torch.tensor(self._text.ids, device=self._drafter.device) if params.needs_history else None
