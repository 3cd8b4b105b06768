"""Drafters with one mistake each, and two odd ones with none: the controls.

All draft with a :class:`~specdec_lib.models.base.CausalModel`, as the library's own drafter does.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState
from specdec_lib.decoding.sampling import draw, probs_from_logits

_IMPROBABLE = 0.3


class TemperedDraft(DraftModel):
    """A control: drafts at half of the temperature, and says so. Less is accepted; nothing is wrong."""

    class state(DraftModelState):
        def propose(self, context_ids, k, params, generator):
            cooler = replace(params, temperature=params.temperature / 2)
            return super().propose(context_ids, k, cooler, generator)


class OneHotArgmaxDraft(DraftModel):
    """A control: drafts the argmax, and says that nothing else was possible."""

    class state(DraftModelState):
        def _choose(self, logits, params, history, generator, probs):
            token = logits.argmax(-1)
            probs.append(torch.nn.functional.one_hot(token, logits.shape[-1]).float())
            return token


class PausesAfterImprobable(DraftModel):
    """A control: ends the draft behind a token that it finds improbable, and keeps the token."""

    class state(DraftModelState):
        def propose(self, context_ids, k, params, generator):
            proposal = super().propose(context_ids, k, params, generator)
            if proposal.probs is None:  # at temperature 0 nothing is drawn, and nothing improbable
                return proposal
            picked = proposal.probs.gather(1, proposal.ids[:, None])[:, 0]
            improbable = (picked < _IMPROBABLE).nonzero()
            end = int(improbable[0]) + self.kept_behind if len(improbable) else k
            return Proposal(proposal.ids[:end], proposal.probs[:end])

        kept_behind = 1


class DropsImprobable(PausesAfterImprobable):
    """Drops a token that it has drawn because its own probability is low."""

    class state(PausesAfterImprobable.state):
        kept_behind = 0


class ArgmaxWithSoftLaw(DraftModel):
    """Drafts the argmax and reports the softmax, as if the token had been drawn from it."""

    class state(DraftModelState):
        def _choose(self, logits, params, history, generator, probs):
            soft = replace(params, temperature=params.temperature or 1.0)
            probs.append(probs_from_logits(logits, soft, history))
            return logits.argmax(-1)


class ReportsUnwarped(DraftModel):
    """Draws from the warped law and reports the raw one."""

    class state(DraftModelState):
        def _choose(self, logits, params, history, generator, probs):
            probs.append(logits.float().softmax(-1))
            return draw(probs_from_logits(logits, params, history), generator)


class WarpsTwice(DraftModel):
    """Applies the temperature twice, and says so: exact, and rejected more often than need be."""

    class state(DraftModelState):
        def propose(self, context_ids, k, params, generator):
            twice = replace(params, temperature=params.temperature**2)
            return super().propose(context_ids, k, twice, generator)


class DrawsInHalfPrecision(DraftModel):
    """Draws from bfloat16 logits and reports the law of the float32 ones."""

    class state(DraftModelState):
        def _choose(self, logits, params, history, generator, probs):
            probs.append(probs_from_logits(logits, params, history))
            return draw(probs_from_logits(logits.bfloat16(), params, history), generator)


class ForgetsItsLastToken(DraftModel):
    """Feeds the text's last token alone: after a fully accepted round its cache lacks a token."""

    class state(DraftModelState):
        def propose(self, context_ids, k, params, generator):
            held = self.cache_length
            seen = context_ids if held == 0 else [*context_ids[:held], context_ids[-1]]
            return super().propose(seen, k, params, generator)


class KeepsRejectedTokens(DraftModel):
    """Never rolls back: rejected tokens stay in its cache, and the text goes on behind them."""

    class state(DraftModelState):
        def roll_back(self, keep_length):
            pass

        def propose(self, context_ids, k, params, generator):
            held = self.cache_length
            if held == 0:
                return super().propose(context_ids, k, params, generator)
            imagined = [*context_ids, *[0] * held][:held]  # only its length and what follows are looked at
            return super().propose([*imagined, context_ids[-1]], k, params, generator)


class DraftsOneFewer(DraftModel):
    """Drafts K − 1 tokens where K were asked for."""

    class state(DraftModelState):
        def propose(self, context_ids, k, params, generator):
            return super().propose(context_ids, max(1, k - 1), params, generator)
