"""Speculative decoding: propose, score, verify, roll back, emit (Leviathan et al. 2023, Algorithm 1).

A round drafts K tokens cheaply, scores all of them in one target forward, keeps the longest part
the verifier accepts, and adds one token of the target's own. The output has the law of
:class:`~specdec_lib.decoding.autoregressive.AutoregressiveDecoder`'s, token for token at
temperature 0 in float32. The loop never asks who proposed, which verifier decides, or why K tokens.

Cache invariant between rounds: with n tokens of text, the target's cache holds the first n − 1
(the last one, a correction or bonus, has not been fed yet), the drafter's at most as many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Integer
from torch import Tensor

from specdec_lib.decoding.batches.batch import RowsLeft, rows_going
from specdec_lib.decoding.batches.drafts import (
    AskedDraft,
    DraftRow,
    Drafts,
    Remembered,
    SeparateDrafts,
    open_drafts,
)
from specdec_lib.decoding.batches.rows import SeparateRows, open_rows
from specdec_lib.decoding.batches.texts import SpeculatedText, num_drafted
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.draft_length import (
    DraftLength,
    as_draft_length,
    expect_lengths,
    started_length,
    wanted,
)
from specdec_lib.decoding.drafters.base import (
    Drafter,
    DraftState,
    Proposal,
    borrows,
    checked_proposal,
)
from specdec_lib.decoding.drafters.draft_model import DraftModelState, DraftSource, as_drafter
from specdec_lib.decoding.generation import Generation, Request
from specdec_lib.decoding.rejection import (
    VERIFIERS,
    Verdict,
    verify_greedy,
    verify_natively,
    verify_tokens,
)
from specdec_lib.decoding.sampling import probs_from_logits, warp_logits
from specdec_lib.decoding.trace import Round
from specdec_lib.errors import InvalidArgument, VocabularyMismatch
from specdec_lib.models.base import CausalModel, TextRows, expect_widths
from specdec_lib.models.vocabulary import ForeignDraft
from specdec_lib.utils.numbers import Count, plain_numbers


class SpeculativeDecoder(Decoder):
    """Decodes with a target and a drafter.

    Args:
        target: the model whose distribution the output has.
        drafter: any :class:`~specdec_lib.decoding.drafters.base.Drafter`, or a model, which is
            wrapped in a :class:`~specdec_lib.decoding.drafters.draft_model.DraftModel`; or the ``drafter`` of
            a loaded pair of two vocabularies, which is translated
            (:class:`~specdec_lib.decoding.drafters.translated.TranslatedDraft`).
        k: draft tokens a round, >= 1, or a policy (:mod:`specdec_lib.decoding.draft_length`) that is asked
            before each of them; fewer are drafted where fewer can be used.
        verifier: "token" (Leviathan et al. 2023) or "block" (Sun et al. 2024).

    Raises:
        InvalidArgument: k < 1, an unknown verifier, a drafter that does not keep the protocol.
        VocabularyMismatch: logits of different width.
    """

    def __init__(
        self,
        target: CausalModel,
        drafter: DraftSource | ForeignDraft,
        k: Count | DraftLength = 4,
        verifier: str = "token",
    ) -> None:
        super().__init__(target)
        self.drafter: Drafter = as_drafter(drafter)
        if verifier not in VERIFIERS:
            raise InvalidArgument(
                f"speculative decoder: unknown verifier {verifier!r}; choose from {list(VERIFIERS)}"
            )
        if self.drafter.vocab_size != target.vocab_size:
            raise VocabularyMismatch(
                f"speculative decoder: {self.drafter.name} has {self.drafter.vocab_size} logits, "
                f"{target.name} has {target.vocab_size}; a draft must share its target's vocabulary"
            )
        self.length = as_draft_length(k)
        self.k = self.length.lengths[-1]
        """Draft tokens that a round may have at most."""
        self.verify = VERIFIERS[verifier]
        self.label = f"SD-{self.length.name}"
        expect_widths(target, 1, *(n + 1 for n in self.length.lengths))
        expect_lengths(self.drafter, self.length)

    def _rounds(self, request: Request) -> Iterator[Round]:
        drafts = SeparateDrafts(self.drafter, [request], self._propose)
        rows = SeparateRows(self.target, [request.end])
        for rounds in self._loop([request], rows, drafts, lambda places: [0]):
            yield rounds[0]

    def _batch_rounds(self, texts: Sequence[Generation]) -> Iterator[dict[int, Round]]:
        requests = [text.request for text in texts]
        drafts = open_drafts(self.drafter, requests, self._propose)
        ends = [request.end for request in requests]
        lent = any(map(borrows, drafts.states))  # a cache that all rows share cannot be
        rows = SeparateRows(self.target, ends) if lent else open_rows(self.target, ends)
        return self._loop(requests, rows, drafts, partial(rows_going, texts))

    @torch.inference_mode()
    def _loop(
        self, requests: Sequence[Request], rows: TextRows, drafts: Drafts, left: RowsLeft
    ) -> Iterator[dict[int, Round]]:
        """Rounds of all texts that go on, by their places; a text alone is a batch of one."""
        phases, device, going = requests[0].phases, self.target.device, list(range(len(requests)))
        texts = list(map(self._begun, requests, drafts.states))
        while kept := left(going):
            if len(kept) < len(going):
                rows.keep(kept)
                drafts.keep(kept)
                going, texts = [going[row] for row in kept], [texts[row] for row in kept]
            with phases("draft"):
                proposals = self._drafted(texts, drafts, rows)
            with phases("verify"):
                logits = self._scored(texts, proposals, rows, device)
            with phases("sampling"):
                verdicts = list(map(self._judged, texts, proposals, logits))
                self._require_sound()  # the verdicts have waited for the device
            with phases("rollback"):
                lengths = list(map(SpeculatedText.kept, texts, verdicts))
                if any(map(self._may_need_cut, texts, proposals)):  # else as in plain decoding
                    self._roll_back(rows, lengths)
                for text, length in zip(texts, lengths, strict=True):
                    text.draft.roll_back(length)
            yield dict(zip(going, map(self._settled, texts, verdicts, lengths), strict=True))

    def _may_need_cut(self, text: SpeculatedText, proposal: Proposal | None) -> bool:
        """Unless a policy wanted nothing, in a round that does what plain decoding does."""
        return proposal is not None or text.room <= 0

    def _begun(self, request: Request, draft: Remembered) -> SpeculatedText:
        known = type(draft) in (DraftModelState, DraftRow) or request.params.is_greedy
        length, end = started_length(self.length, draft), request.end - 1
        if self.drafter.context_length is not None:
            end = min(end, self.drafter.context_length + 1)
        return SpeculatedText(request, list(request.prompt_ids), draft, length, end, known)

    def _drafted(
        self, texts: Sequence[SpeculatedText], drafts: Drafts, rows: TextRows
    ) -> list[Proposal | None]:
        """A proposal for each text, of as many tokens as it wants."""
        asked = [AskedDraft(text.ids, wanted(text.length, text.room), text.request) for text in texts]
        if any(one.k for one in asked):
            rows.lend(drafts.states)
        proposals = drafts.propose(asked)
        for text, proposal in zip(texts, proposals, strict=True):
            text.look_at(proposal, self.drafter.name)
        return proposals

    def _propose(self, ids: list[int], draft: DraftState, request: Request, k: int) -> Proposal | None:
        """Up to ``k`` tokens; for none the drafter is not asked, and its cache catches up later."""
        if k <= 0:
            return None
        proposal = draft.propose(list(ids), k, request.params, request.generator)
        return checked_proposal(proposal, self.drafter.name, k, request.params, self.target.vocab_size)

    def _scored(
        self,
        texts: Sequence[SpeculatedText],
        proposals: Sequence[Proposal | None],
        rows: TextRows,
        device: torch.device,
    ) -> list[Tensor]:
        """Target logits ``[k + 1, vocab]`` after each text and after each of its draft tokens."""
        held = zip(texts, proposals, rows.lengths, strict=True)
        feeds = [_feed(self._pending(text.ids, length), proposal, device) for text, proposal, length in held]
        return rows.forward(feeds, [num_drafted(proposal) + 1 for proposal in proposals])

    def _pending(self, ids: list[int], held: int) -> list[int]:
        """Tokens of the text that the target's cache, which holds so many, lacks."""
        return ids[held:]

    def _roll_back(self, rows: TextRows, lengths: list[int]) -> None:
        """The target's caches without what was rejected."""
        rows.truncate(lengths)

    def _judged(self, text: SpeculatedText, proposal: Proposal | None, logits: Tensor) -> Verdict:
        text.picked = [[], []]
        return self._decide(text.ids, proposal, logits, text.request, text.picked)

    def _settled(self, text: SpeculatedText, verdict: Verdict, keep_length: int) -> Round:
        """The round of a verdict, whose tokens are the text's from now on."""
        text.length.observe(len(verdict.draft_ids), verdict.num_accepted)
        text.ids += verdict.token_ids
        thrown = verdict.uniforms if text.picked[0] else None
        return Round(
            token_ids=verdict.token_ids,
            kind=verdict.kind if verdict.draft_ids else "autoregressive",
            draft_ids=verdict.draft_ids,
            num_accepted=verdict.num_accepted,
            target_cache_length=keep_length,
            draft_cache_length=getattr(text.draft, "cache_length", 0),
            target_picked=text.picked[0],
            draft_picked=text.picked[1],
            uniforms=[] if thrown is None else plain_numbers(thrown),
        )

    def _decide(
        self,
        ids: list[int],
        proposal: Proposal | None,
        logits: Tensor,
        request: Request,
        picked: list[list[float]],
    ) -> Verdict:
        """The verdict on the proposal; ``picked`` receives p and q of its tokens when the round is traced."""
        params = request.params
        if proposal is None:
            draft_ids = torch.empty(0, dtype=torch.long, device=logits.device)
        else:
            draft_ids = proposal.ids.to(logits.device)
        history = None
        if params.needs_history:
            history = torch.cat([torch.tensor(ids, device=logits.device), draft_ids])
        if params.is_greedy:
            return verify_greedy(warp_logits(logits, params, history).argmax(-1), draft_ids)
        drawn = None if proposal is None else proposal.probs
        if drawn is not None and self._judges_natively and params.is_temperature_alone and not request.trace:
            return verify_natively(logits, params.temperature, drawn, draft_ids, request.generator)
        target_probs = probs_from_logits(logits, params, history)
        draft_probs = target_probs[:0] if drawn is None else drawn.to(logits.device)
        if request.trace and proposal is not None:
            picked[:] = [
                plain_numbers(rows.gather(1, draft_ids[:, None])[:, 0])
                for rows in (target_probs[:-1], draft_probs)
            ]
        return self.verify(target_probs, draft_probs, draft_ids, generator=request.generator)

    @property
    def _judges_natively(self) -> bool:
        """Whether no law need be made: a native forward's logits are judged as they come."""
        return self.verify is verify_tokens and getattr(self.target, "is_native", False)


def _feed(pending: list[int], proposal: Proposal | None, device: torch.device) -> Integer[Tensor, " n"]:
    feed = torch.tensor(pending, device=device)
    return feed if proposal is None else torch.cat([feed, proposal.ids.to(device)])
