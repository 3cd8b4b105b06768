"""Decoding loops with one mistake each: in the warping, the scores, the cache, or the end of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from specdec_lib.decoding.ending import Ending
from specdec_lib.decoding.generation import Request
from specdec_lib.decoding.rejection import Verdict, verify_tokens
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits, warp_logits
from specdec_lib.decoding.speculative import SpeculativeDecoder

# -- laws ---------------------------------------------------------------------------------------


class _OwnTargetLaw(SpeculativeDecoder):
    """A loop whose distribution of the target is :meth:`target_law`."""

    def target_law(self, logits, params: SamplingParams, history) -> torch.Tensor:
        raise AssertionError("every mutant has its own")

    def _decide(self, ids, proposal, logits, request, picked) -> Verdict:
        if request.params.is_greedy:  # a draft comes without its law then, and the argmax is right
            return super()._decide(ids, proposal, logits, request, picked)
        draft_ids = torch.empty(0, dtype=torch.long) if proposal is None else proposal.ids
        history = torch.cat([torch.tensor(ids), draft_ids]) if request.params.needs_history else None
        target_probs = self.target_law(logits, request.params, history)
        draft_probs = target_probs[:0] if proposal is None else proposal.probs
        return self.verify(target_probs, draft_probs, draft_ids, generator=request.generator)


class TargetUnwarped(_OwnTargetLaw):
    """Warps the draft alone: the target is sampled at temperature 1."""

    def target_law(self, logits, params, history):
        return logits.float().softmax(-1)


class NucleusBeforeTemperature(_OwnTargetLaw):
    """Cuts the nucleus from the distribution before the temperature has shaped it."""

    def target_law(self, logits, params, history):
        cut = warp_logits(logits, replace(params, temperature=1.0))
        return (cut / params.temperature).softmax(-1)


class PenaltyWithoutDraft(_OwnTargetLaw):
    """Penalises repetitions of the emitted text and forgets the drafted prefix."""

    def target_law(self, logits, params, history):
        if history is None:  # no penalty is asked for
            return probs_from_logits(logits, params)
        emitted = history[: len(history) - len(logits) + 1]
        return torch.stack([probs_from_logits(row, params, emitted) for row in logits])


class ReseedsEveryRound(SpeculativeDecoder):
    """Seeds the generator anew at the start of every round."""

    def _propose(self, ids, draft, request):
        request.generator.manual_seed(request.generator.initial_seed())
        return super()._propose(ids, draft, request)


class GreedyByRatio(SpeculativeDecoder):
    """Temperature 0 with the ratio test kept: a draft token that is not the argmax stays by chance."""

    def _decide(self, ids, proposal, logits, request, picked) -> Verdict:
        target_probs = logits.float().softmax(-1)
        drafted = torch.empty(0, dtype=torch.long) if proposal is None else proposal.ids
        draft_probs = None if proposal is None else proposal.probs
        draft_probs = target_probs[:0] if draft_probs is None else draft_probs
        verdict = verify_tokens(target_probs, draft_probs, drafted, generator=request.generator)
        own = int(target_probs[verdict.num_accepted].argmax())
        return Verdict(verdict.num_accepted, own, verdict.kind, verdict.draft_ids)


# -- caches -------------------------------------------------------------------------------------


class _FeedsTheLastToken(SpeculativeDecoder):
    """A loop that trusts its cache, as most do: it feeds the last token, whatever the cache holds."""

    def _pending(self, ids, cache):
        return ids if cache is None else ids[-1:]


class TargetKeepsRejectedTokens(_FeedsTheLastToken):
    """The target's cache is not rolled back after a rejection."""

    def _roll_back(self, cache, keep_length):
        return cache


class RollsBackOneTooFew(_FeedsTheLastToken):
    """The target's cache keeps the rejected token itself."""

    def _roll_back(self, cache, keep_length):
        held = self.target.get_cache_length(cache)
        return self.target.truncate_cache(cache, min(held, keep_length + 1))


class CutsByMinusZero(_FeedsTheLastToken):
    """Cuts with ``[:-0]`` where nothing was rejected, which empties the cache."""

    _lost = 0

    def _rounds(self, request):
        self._lost = 0
        return super()._rounds(request)

    def _roll_back(self, cache, keep_length):
        held = self.target.get_cache_length(cache)
        surplus = held + self._lost - keep_length
        if surplus == 0:
            self._lost = keep_length
        return self.target.truncate_cache(cache, held - surplus if surplus else 0)


# -- the end of the text ------------------------------------------------------------------------


class _OwnEnding(SpeculativeDecoder):
    """A loop whose rule for the end of the text is :attr:`ending`."""

    ending: type[Ending] = Ending

    def _request(self, *arguments, **named) -> Request:
        request = super()._request(*arguments, **named)
        own = self.ending(**{name: getattr(request.ending, name) for name in Ending.__dataclass_fields__})
        return replace(request, ending=own)


class MissesEosInABlock(_OwnEnding):
    """Looks for the end of text at a round's last token alone."""

    class ending(Ending):
        def cut(self, emitted, new_ids):
            *front, last = new_ids
            blind = Ending(self.limit, frozenset(), self.stop_strings, self.decode)
            kept, reason = blind.cut(emitted, front)
            if reason:
                return kept, reason
            tail, reason = super().cut([*emitted, *front], [last])
            return [*kept, *tail], reason


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


class KnowsOneEos(_OwnEnding):
    """Knows the first of several ids that end a text."""

    class ending(Ending):
        def cut(self, emitted, new_ids):
            first = frozenset(sorted(self.eos_token_ids)[:1])
            return Ending(self.limit, first, self.stop_strings, self.decode).cut(emitted, new_ids)


class CountsWhatWasCut(SpeculativeDecoder):
    """Cuts the ids at the end of the text, and not the counts."""

    _verdicts: Sequence[Verdict] = ()

    def _result(self, request, rounds, reason, total, peak_memory_mb):
        for round_, verdict in zip(rounds, self._verdicts, strict=False):
            round_.draft_ids, round_.num_accepted = verdict.draft_ids, verdict.num_accepted
        return super()._result(request, rounds, reason, total, peak_memory_mb)

    def _rounds(self, request):
        self._verdicts = []
        return super()._rounds(request)

    def _record(self, verdict, *lengths_and_picked, **named):
        self._verdicts = [*self._verdicts, verdict]
        return super()._record(verdict, *lengths_and_picked, **named)


class OvershootsTheLimit(_OwnEnding):
    """Emits whole rounds: up to K tokens more than were asked for."""

    class ending(Ending):
        def cut(self, emitted, new_ids):
            return list(new_ids), "length" if len(emitted) + len(new_ids) >= self.limit else None

    def _propose(self, ids, draft, request):
        return draft.propose(list(ids), self.k, request.params, request.generator)


class EmitsOneForNone(_OwnEnding):
    """Asked for no token, emits one."""

    def _request(self, *arguments, **named):
        request = super()._request(*arguments, **named)
        return replace(request, ending=replace(request.ending, limit=max(1, request.ending.limit)))


class LooksBeyondTheContext(SpeculativeDecoder):
    """Drafts K tokens also where fewer places are left in the context."""

    def _propose(self, ids, draft, request):
        return draft.propose(list(ids), self.k, request.params, request.generator)
