"""What a drafter proposes, and by which law: recorded as it decodes, or asked for at a prefix.

A draft model's law is known for every prefix. Any other drafter is known by its proposals alone: each comes
with the distributions that its tokens are said to be drawn from. Recording them leaves the decoder as it is.
A drafter that always answers a prefix in the same way can be listed; one that draws can only be sampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.drafters.base import (
    Drafter,
    DraftState,
    Proposal,
    checked_proposal,
    require_laws,
    started,
)
from specdec_lib.decoding.drafters.draft_model import DraftSource
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless.doubles.base import DraftReader
from specdec_lib.lossless.replays.likeliest import next_logits
from specdec_lib.models.base import CausalModel, is_causal_model

_ASKED, _MOST_ASKED = 5, 60
"""How often a drafter is asked the same again, with other seeds: at least, and at most where q is broad."""
_BY_CHANCE = 1e-9
"""If a drafter's own q makes its repeating itself less likely than that, it does not draw from q."""


def rows_at(
    target: CausalModel, draft: DraftSource, prompts: Sequence[Sequence[int]], params: SamplingParams
) -> Iterator[tuple[Float[Tensor, " vocab"], Float[Tensor, " vocab"]]]:
    """p and q behind each prompt; prompts behind which a drafter proposes nothing are left out."""
    for prompt in prompts:
        p = probs_from_logits(next_logits(target, prompt), params)
        if is_causal_model(draft):
            q = probs_from_logits(next_logits(DraftReader(draft), prompt), params)
        else:
            made = asked(draft, prompt, (), 1, params, seed=0)
            q = laws_of(made)[0] if len(made.ids) else None
        if q is not None:
            yield p, q.to(p.device, p.dtype)


def asked(
    drafter: Drafter, prompt: Sequence[int], emitted: Sequence[int], k: int, params: SamplingParams, seed: int
) -> Proposal:
    """What a fresh state of ``drafter`` proposes behind ``prompt`` and ``emitted``; it shares no memory."""
    state = started(drafter, list(prompt), len(prompt) + len(emitted) + k + 1)
    generator = torch.Generator(getattr(drafter, "device", "cpu")).manual_seed(seed)
    made = state.propose([*prompt, *emitted], k, params, generator)
    made = checked_proposal(made, drafter.name, k, params, drafter.vocab_size)
    require_laws(made, drafter.name)
    return _copied(made)


def laws_of(made: Proposal) -> Tensor:
    """q of each token, which whoever is asked here has to say."""
    assert made.probs is not None, "proposals that are judged come with their laws"
    return made.probs


def _copied(made: Proposal) -> Proposal:
    """A proposal that stays as it is: a drafter may fill the buffers that it answers from again."""
    return Proposal(made.ids.clone(), None if made.probs is None else made.probs.clone())


class FixedDrafts:
    """The drafts of a drafter that answers the same prefix in the same way, so that they can be listed.

    Args:
        drafter: any; :meth:`is_fixed` says whether it is one.
        prompt: what stands in front of every prefix.
    """

    def __init__(self, drafter: Drafter, prompt: Sequence[int], params: SamplingParams) -> None:
        self._drafter, self._prompt, self._params = drafter, list(prompt), params
        self._known: dict[tuple[tuple[int, ...], int], Proposal] = {}
        self._log_chance = 0.0
        self._varies = False

    def at(self, emitted: tuple[int, ...], k: int) -> Proposal:
        """The proposal of up to ``k`` tokens behind the prompt and ``emitted``."""
        if (emitted, k) not in self._known:
            self._known[emitted, k] = self._ask(emitted, k)
        return self._known[emitted, k]

    def _ask(self, emitted: tuple[int, ...], k: int) -> Proposal:
        """One answer; asked again with other seeds until it varies, or cannot do so any more."""
        first = asked(self._drafter, self._prompt, emitted, k, self._params, seed=0)
        soft = _log_chance(first)
        seed = 0
        while not self._varies and (seed < _ASKED or (soft and seed < _MOST_ASKED and not self._settled)):
            seed += 1
            again = asked(self._drafter, self._prompt, emitted, k, self._params, seed)
            self._varies |= again.ids.tolist() != first.ids.tolist()
            self._log_chance += soft
        return first

    @property
    def _settled(self) -> bool:
        return self._varies or self._log_chance < math.log(_BY_CHANCE)

    @property
    def is_fixed(self) -> bool:
        """Whether all that was asked for came back the same, and not by chance.

        Tokens that are said to be drawn from a broad law, and never change, are not drawn from it: such a
        drafter is listed as it is, and the sum will show what comes of it.
        """
        is_soft = any(_log_chance(proposal) for proposal in self._known.values())
        return not self._varies and (not is_soft or self._settled)


def _log_chance(proposal: Proposal) -> float:
    """The logarithm of the probability of these tokens by their own q; 0 where they are certain, or none."""
    if not len(proposal.ids):
        return 0.0
    picked = laws_of(proposal).double().gather(1, proposal.ids[:, None])
    return float(picked.clamp(1e-300, 1).log().sum())


# -- recording -------------------------------------------------------------------------------------


@dataclass
class Recorder:
    """Stands in for a drafter and keeps each proposal by the length of the text that it follows."""

    drafter: Drafter
    made: dict[int, Proposal] = field(default_factory=dict)

    def __getattr__(self, name: str):
        return getattr(self.drafter, name)

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> DraftState:
        """A new text: what was recorded of the last one is forgotten."""
        self.made = {}
        return _RecordedState(started(self.drafter, list(prompt_ids), end), self.made)


class _RecordedState:
    def __init__(self, state: DraftState, made: dict[int, Proposal]) -> None:
        self._state, self._made = state, made

    def __getattr__(self, name: str):
        return getattr(self._state, name)

    def propose(self, context_ids, k, params, generator) -> Proposal:
        proposal = self._state.propose(context_ids, k, params, generator)
        self._made[len(context_ids)] = _copied(proposal)
        return proposal

    def roll_back(self, keep_length: int) -> None:
        self._state.roll_back(keep_length)


def recorded(decoder: Decoder) -> Recorder | None:
    """Put a :class:`Recorder` in front of the decoder's drafter; None where it has none."""
    holder: Any = decoder
    if getattr(holder, "drafter", None) is None:
        return None
    holder.drafter = recorder = Recorder(holder.drafter)
    return recorder
