"""Decoding loops with one mistake each: in the warping, the scores, the cache, or the end of the text."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.ending import Ending
from specdec_lib.decoding.rejection import Verdict, verify_tokens
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits, warp_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.decoding.trace import Round

# -- laws ---------------------------------------------------------------------------------------


class _OwnTargetLaw(SpeculativeDecoder):
    """A loop whose distribution of the target, behind the text ``ids``, is :meth:`target_law`."""

    def target_law(self, logits, params: SamplingParams, ids: list[int]) -> Tensor:
        raise AssertionError("every mutant has its own")

    def _decide(self, ids, proposal, logits, request, picked) -> Verdict:
        if request.params.is_greedy:  # a draft comes without its law then, and the argmax is right
            return super()._decide(ids, proposal, logits, request, picked)
        target_probs = self.target_law(logits, request.params, ids)
        return self.verify(target_probs, *_drafted(proposal, target_probs), generator=request.generator)


def _drafted(proposal: Proposal | None, target_probs: Tensor) -> tuple[Tensor, Tensor]:
    """The distributions and the ids of a proposal; of none, no rows and no ids."""
    if proposal is None:
        return target_probs[:0], torch.empty(0, dtype=torch.long)
    return target_probs[:0] if proposal.probs is None else proposal.probs, proposal.ids


class TargetUnwarped(_OwnTargetLaw):
    """Warps the draft alone: the target is sampled at temperature 1."""

    def target_law(self, logits, params, ids):
        return logits.float().softmax(-1)


class NucleusBeforeTemperature(_OwnTargetLaw):
    """Cuts the nucleus from the distribution before the temperature has shaped it."""

    def target_law(self, logits, params, ids):
        cut = warp_logits(logits, replace(params, temperature=1.0))
        return (cut / params.temperature).softmax(-1)


class PenaltyWithoutDraft(_OwnTargetLaw):
    """Penalises repetitions of the emitted text and forgets the drafted prefix."""

    def target_law(self, logits, params, ids):
        return torch.stack([probs_from_logits(row, params, ids) for row in logits])


class ReseedsEveryRound(SpeculativeDecoder):
    """Seeds the generator anew at the start of every round."""

    def _propose(self, ids, draft, request, k):
        request.generator.manual_seed(request.generator.initial_seed())
        return super()._propose(ids, draft, request, k)


class GreedyByRatio(SpeculativeDecoder):
    """Temperature 0 with the ratio test kept: a draft token that is not the argmax stays by chance."""

    def _decide(self, ids, proposal, logits, request, picked) -> Verdict:
        target_probs = logits.float().softmax(-1)
        drafted = _drafted(proposal, target_probs)
        verdict = verify_tokens(target_probs, *drafted, generator=request.generator)
        return replace(verdict, next_id=int(target_probs[verdict.num_accepted].argmax()))


# -- caches -------------------------------------------------------------------------------------


class _FeedsTheLastToken(SpeculativeDecoder):
    """A loop that trusts its cache, as most do: it feeds the last token, whatever the cache holds."""

    def _pending(self, ids, held):
        return ids[-1:] if held else ids


class TargetKeepsRejectedTokens(_FeedsTheLastToken):
    """The target's cache is not rolled back after a rejection."""

    def _roll_back(self, rows, lengths):
        pass


class RollsBackOneTooFew(_FeedsTheLastToken):
    """The target's cache keeps the rejected token itself."""

    def _roll_back(self, rows, lengths):
        one_more = [min(held, length + 1) for held, length in zip(rows.lengths, lengths, strict=True)]
        rows.truncate(one_more)


class CutsByMinusZero(_FeedsTheLastToken):
    """Cuts with ``[:-0]`` where nothing was rejected, which empties the cache."""

    _lost = 0

    def _rounds(self, request):
        self._lost = 0
        return super()._rounds(request)

    def _pending(self, ids, held):
        return super()._pending(ids, held + self._lost)  # a cache that it has emptied is full to it

    def _roll_back(self, rows, lengths):
        (held,), (length,) = rows.lengths, lengths
        surplus = held + self._lost - length
        if surplus == 0:
            self._lost = length
        rows.truncate([held - surplus if surplus else 0])


# -- the end of the text ------------------------------------------------------------------------


class _OwnEnding(SpeculativeDecoder):
    """A loop whose rule for the end of the text is :attr:`ending`."""

    ending: type[Ending] = Ending

    def _ending(self, *asked) -> Ending:
        return self.ending(**vars(super()._ending(*asked)))


class MissesEosInABlock(_OwnEnding):
    """Looks for the end of text at a round's last token alone."""

    class ending(Ending):
        def cut(self, emitted, new_ids):
            blind = Ending(self.limit, frozenset(), self.stop_strings, self.decode)
            kept, reason = blind.cut(emitted, new_ids)
            is_whole = len(kept) == len(new_ids)
            ends = is_whole and kept[-1] in self.eos_token_ids and reason != "stop"
            return kept, "eos" if ends else reason


class MissesStopInABlock(_OwnEnding):
    """Looks for a stop string at the text's very end alone."""

    class ending(Ending):
        def _first_stop(self, emitted, new_ids):
            if not self.stop_strings or self.decode is None:
                return None
            text = self.decode([*emitted, *new_ids])
            return len(new_ids) if text.endswith(self.stop_strings) else None


class MissesStopAcrossRounds(_OwnEnding):
    """Looks for a stop string within the tokens of one round."""

    class ending(Ending):
        def _first_stop(self, emitted, new_ids):
            return super()._first_stop([], new_ids)


class KnowsOneEos(SpeculativeDecoder):
    """Knows the first of several ids that end a text."""

    def _ending(self, *asked):
        ending = super()._ending(*asked)
        return replace(ending, eos_token_ids=frozenset(sorted(ending.eos_token_ids)[:1]))


class CountsWhatWasCut(SpeculativeDecoder):
    """Cuts the ids at the end of the text, and not the counts."""

    class round(Round):
        def keep(self, token_ids):
            self.token_ids = token_ids

    def _settled(self, text, verdict, keep_length):
        return self.round(**vars(super()._settled(text, verdict, keep_length)))


class EmitsOneForNone(SpeculativeDecoder):
    """Asked for no token, emits one."""

    def _ending(self, *asked):
        ending = super()._ending(*asked)
        return replace(ending, limit=max(1, ending.limit))


class LooksBeyondTheContext(SpeculativeDecoder):
    """Drafts K tokens also where fewer places are left in the context."""

    def _propose(self, ids, draft, request, k):
        return draft.propose(list(ids), self.k, request.params, request.generator)


class OvershootsTheLimit(_OwnEnding, LooksBeyondTheContext):
    """Emits whole rounds: up to K tokens more than were asked for."""

    class ending(Ending):
        def cut(self, emitted, new_ids):
            return list(new_ids), "length" if len(emitted) + len(new_ids) >= self.limit else None
