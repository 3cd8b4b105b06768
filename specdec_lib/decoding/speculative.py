"""Speculative decoding: propose, score, verify, roll back, emit (Leviathan et al. 2023, Algorithm 1).

A round drafts K tokens cheaply, scores all of them in one target forward, keeps the longest part
the verifier accepts, and adds one token of the target's own. The output has the law of
:class:`~specdec_lib.decoding.autoregressive.AutoregressiveDecoder`'s, token for token at
temperature 0 in float32. The loop never asks who proposed, which verifier decides, or why K tokens.

Cache invariant between rounds: with n tokens of text, the target's cache holds the first n − 1
(the last one, a correction or bonus, has not been fed yet), the drafter's at most as many.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

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
    checked_proposal,
    lend,
    require_laws,
    started,
)
from specdec_lib.decoding.drafters.draft_model import DraftModelState, DraftSource, as_drafter
from specdec_lib.decoding.generation import Request
from specdec_lib.decoding.rejection import VERIFIERS, Verdict, verify_greedy
from specdec_lib.decoding.sampling import probs_from_logits, warp_logits
from specdec_lib.decoding.trace import Round
from specdec_lib.errors import InvalidArgument, VocabularyMismatch
from specdec_lib.models.base import CausalModel, expect_widths
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

    @torch.inference_mode()
    def _rounds(self, request: Request) -> Iterator[Round]:
        ids, phases = list(request.prompt_ids), request.phases
        cache = self.target.new_cache(request.end)
        draft = started(self.drafter, list(request.prompt_ids), request.end)
        length = started_length(self.length, draft)
        known = type(draft) is DraftModelState or request.params.is_greedy
        while True:
            with phases("draft"):
                lend(draft, self.target, cache)
                room = self._room(ids, request)
                k = wanted(length, room)
                proposal = self._propose(ids, draft, request, k)
                known = known or self._have_laws(proposal)
            with phases("verify"):
                logits, cache = self._score(ids, proposal, cache)
            with phases("sampling"):
                picked: list[list[float]] = [[], []]
                verdict = self._decide(ids, proposal, logits, request, picked)
                self._require_sound()  # the verdict has waited for the device
            with phases("rollback"):
                keep_length = len(ids) + verdict.num_accepted
                if k or room <= 0:  # else nothing was wanted, as in plain decoding, and nothing is to be cut
                    cache = self._roll_back(cache, keep_length)
                draft.roll_back(keep_length)
            length.observe(len(verdict.draft_ids), verdict.num_accepted)
            ids += verdict.token_ids
            yield self._record(verdict, keep_length, getattr(draft, "cache_length", 0), picked)

    def _room(self, ids: list[int], request: Request) -> int:
        """How many draft tokens may still be emitted before the round's own token, and can be drafted."""
        room = request.end - len(ids) - 1
        if self.drafter.context_length is not None:
            room = min(room, self.drafter.context_length - len(ids) + 1)
        return room

    def _propose(self, ids: list[int], draft: DraftState, request: Request, k: int) -> Proposal | None:
        """Up to ``k`` tokens; for none the drafter is not asked, and its cache catches up later."""
        if k <= 0:
            return None
        proposal = draft.propose(list(ids), k, request.params, request.generator)
        return checked_proposal(proposal, self.drafter.name, k, request.params, self.target.vocab_size)

    def _have_laws(self, proposal: Proposal | None) -> bool:
        """Whether the drafter's distributions were looked at: once a text, since it reads whole rows."""
        if proposal is None or not len(proposal.ids):
            return False
        require_laws(proposal, self.drafter.name)
        return True

    def _score(self, ids: list[int], proposal: Proposal | None, cache: Any) -> tuple[Tensor, Any]:
        """Target logits ``[k + 1, vocab]`` after the text and after each draft token, in one forward."""
        device = self.target.device
        feed = torch.tensor([self._pending(ids, cache)], device=device)
        if proposal is None:
            logits, cache = self.target.forward(feed, cache, logits_to_keep=1)
        else:
            feed = torch.cat([feed, proposal.ids.to(device)[None]], dim=1)
            logits, cache = self.target.forward(feed, cache, logits_to_keep=len(proposal.ids) + 1)
        return logits[0], cache

    def _pending(self, ids: list[int], cache: Any) -> list[int]:
        """Tokens of the text that the target's cache does not hold yet."""
        return ids[self.target.get_cache_length(cache) :]

    def _roll_back(self, cache: Any, keep_length: int) -> Any:
        """The target's cache without what was rejected."""
        return self.target.truncate_cache(cache, keep_length)

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
        draft_ids = (
            torch.empty(0, dtype=torch.long, device=logits.device) if proposal is None else proposal.ids
        )
        draft_ids = draft_ids.to(logits.device)
        history = None
        if params.needs_history:
            history = torch.cat([torch.tensor(ids, device=logits.device), draft_ids])
        if params.is_greedy:
            return verify_greedy(warp_logits(logits, params, history).argmax(-1), draft_ids)
        target_probs = probs_from_logits(logits, params, history)
        draft_probs = target_probs[:0]
        if proposal is not None and proposal.probs is not None:
            draft_probs = proposal.probs.to(logits.device)
        if request.trace and proposal is not None:
            picked[:] = [
                plain_numbers(rows.gather(1, draft_ids[:, None])[:, 0])
                for rows in (target_probs[:-1], draft_probs)
            ]
        return self.verify(target_probs, draft_probs, draft_ids, generator=request.generator)

    def _record(
        self,
        verdict: Verdict,
        target_cache_length: int,
        draft_cache_length: int,
        picked: list[list[float]],
    ) -> Round:
        return Round(
            token_ids=verdict.token_ids,
            kind=verdict.kind if verdict.draft_ids else "autoregressive",
            draft_ids=verdict.draft_ids,
            num_accepted=verdict.num_accepted,
            target_cache_length=target_cache_length,
            draft_cache_length=draft_cache_length,
            target_picked=picked[0],
            draft_picked=picked[1],
            uniforms=plain_numbers(verdict.uniforms) if verdict.uniforms is not None and picked[0] else [],
        )
