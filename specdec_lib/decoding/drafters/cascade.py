"""Several drafters, one behind the other: each round is drafted by the first that has something to say.

A lookup is free and often silent; behind it a model drafts the rounds that are left to it, and catches up
with the tokens that it was not asked for. Who drafts is settled before a token is drawn, so the law of what
is drafted is that of the drafter alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from specdec_lib.decoding.draft_length import DrawsStepByStep
from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.drafters.base import (
    AskMore,
    Drafter,
    DraftState,
    Proposal,
    borrows,
    certain,
    checked_proposal,
    lend,
    require_laws,
    started,
    tell_lengths,
)
from specdec_lib.decoding.drafters.draft_model import DraftModelState, DraftSource, as_drafter
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument, VocabularyMismatch
from specdec_lib.models.base import CausalModel


class Cascade:
    """``A > B > …``: A where it proposes something, else B, and so on. All on one device, that of the first
    that has one.

    Args:
        drafters: at least one drafter or draft model, all of one width.
        name: for messages and records; None joins theirs.

    Raises:
        InvalidArgument: none, or one that does not keep the protocol.
        VocabularyMismatch: of different width.
    """

    def __init__(self, *drafters: DraftSource, name: str | None = None) -> None:
        self.drafters: tuple[Drafter, ...] = tuple(map(as_drafter, drafters))
        if not self.drafters:
            raise InvalidArgument(sentences.NO_DRAFTERS)
        first = self.drafters[0]
        for other in self.drafters:
            if other.vocab_size != first.vocab_size:
                raise VocabularyMismatch(
                    sentences.TWO_TARGETS.format(first.name, first.vocab_size, other.name, other.vocab_size)
                )
        self.vocab_size = first.vocab_size
        devices = (getattr(drafter, "device", None) for drafter in self.drafters)
        self.device = next((device for device in devices if device is not None), torch.device("cpu"))
        limits = [drafter.context_length for drafter in self.drafters]
        self.context_length = None if None in limits else max(limit for limit in limits if limit is not None)
        self.name = " > ".join(drafter.name for drafter in self.drafters) if name is None else name

    def expect_lengths(self, *lengths: int) -> None:
        """Drafts of these many tokens will come often, of whichever drafter."""
        for drafter in self.drafters:
            tell_lengths(drafter, *lengths)

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> CascadeState:
        """A state of each drafter."""
        states = [started(drafter, list(prompt_ids), end) for drafter in self.drafters]
        return CascadeState(self.drafters, states, self.device)


class CascadeState:
    """One text, as each drafter of a cascade knows it."""

    def __init__(
        self, drafters: Sequence[Drafter], states: Sequence[DraftState], device: torch.device
    ) -> None:
        self.device = device
        self._parts = list(zip(drafters, states, strict=True))
        self._known = [type(state) is DraftModelState for state in states]
        """Whose laws need not be looked at any more."""

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """What the first drafter proposes that proposes anything: ids ``[n]``, and none where all are silent.

        A drafter whose context ends here is passed over. Errors are those of the drafters.
        """
        proposal = certain([], self._parts[0][0].vocab_size, self.device, params)
        for index, (drafter, state) in enumerate(self._parts):
            limit = drafter.context_length
            room = k if limit is None else min(k, limit - len(context_ids) + 1)
            if room < 1:
                continue
            proposal = state.propose(list(context_ids), room, params, generator)
            proposal = checked_proposal(proposal, drafter.name, room, params, drafter.vocab_size)
            if len(proposal.ids):
                self._look_at(index, proposal, params)
                break
        return proposal

    @property
    def borrows(self) -> bool:
        """Whether one of them drafts behind the target's cache."""
        return any(borrows(state) for _, state in self._parts)

    def borrow(self, target: CausalModel, cache: Any) -> None:
        """Lend the target's cache to those that draft behind it."""
        for _, state in self._parts:
            lend(state, target, cache)

    def roll_back(self, keep_length: int) -> None:
        """Each forgets what it saw beyond the first ``keep_length`` tokens."""
        for _, state in self._parts:
            state.roll_back(keep_length)

    @property
    def more(self) -> AskMore | None:
        """Asked behind each token by those that draw step by step."""
        return next((state.more for _, state in self._parts if isinstance(state, DrawsStepByStep)), None)

    @more.setter
    def more(self, ask: AskMore | None) -> None:
        for _, state in self._parts:
            if isinstance(state, DrawsStepByStep):
                state.more = ask

    @property
    def cache_length(self) -> int:
        """Tokens that the fullest cache among them holds."""
        return max(getattr(state, "cache_length", 0) for _, state in self._parts)

    def _look_at(self, index: int, proposal: Proposal, params: SamplingParams) -> None:
        """The distributions of each drafter are looked at once a text, as the loop does with a lone one."""
        if not self._known[index] and not params.is_greedy:
            require_laws(proposal, self._parts[index][0].name)
            self._known[index] = True
