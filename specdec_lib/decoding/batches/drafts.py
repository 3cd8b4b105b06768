"""Drafts for the texts of a batch: by one draft model in shared forwards, or by any drafter, text after text.

A draft model is fed for all texts at once, and each text draws its own token from its own chance; one that
wants fewer tokens waits. Other drafters (a lookup, a cascade, one of a user's own) keep a state of each text
and are asked one after the other: what they look up costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from specdec_lib.decoding.batches.rows import open_rows
from specdec_lib.decoding.drafters.base import AskMore, Drafter, DraftState, Proposal, started
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState, DraftSteps
from specdec_lib.decoding.generation import Request
from specdec_lib.models.architecture.soundness import drafting
from specdec_lib.models.base import CausalModel


class AskedDraft(NamedTuple):
    """What one text asks for in a round: up to ``k`` tokens behind ``ids``, 0 for none."""

    ids: list[int]
    k: int
    request: Request


@runtime_checkable
class Remembered(Protocol):
    """What is kept of one text between rounds."""

    def roll_back(self, keep_length: int) -> None:
        """Forget what was seen beyond the first ``keep_length`` tokens of the text."""
        ...


@runtime_checkable
class Drafts(Protocol):
    """Whoever drafts for the rows of a batch."""

    @property
    def states(self) -> Sequence[Remembered]:
        """What is kept of each row."""
        ...

    def propose(self, asked: Sequence[AskedDraft]) -> list[Proposal | None]:
        """A proposal a row, None where none was asked for."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order, from now on."""
        ...


Propose = Callable[[list[int], DraftState, Request, int], Proposal | None]
"""How a decoder asks a drafter's state of one text."""


def open_drafts(drafter: Drafter, requests: Sequence[Request], propose: Propose) -> Drafts:
    """Drafts for texts that begin with their prompts."""
    if (
        isinstance(drafter, DraftModel)
        and type(drafter).start is DraftModel.start
        and drafter.state is DraftModelState
    ):
        return ModelDrafts(drafter.model, requests)
    return SeparateDrafts(drafter, requests, propose)


class SeparateDrafts:
    """Any drafter: a state a text, asked one after the other."""

    def __init__(self, drafter: Drafter, requests: Sequence[Request], propose: Propose) -> None:
        self.states = [started(drafter, list(request.prompt_ids), request.end) for request in requests]
        self._propose = propose

    def propose(self, asked: Sequence[AskedDraft]) -> list[Proposal | None]:
        """What the drafter answers to each row."""
        return [
            self._propose(ids, state, request, k)
            for (ids, k, request), state in zip(asked, self.states, strict=True)
        ]

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order."""
        self.states = [self.states[row] for row in rows]


class DraftRow:
    """What a draft model keeps of one row: how many of its tokens the cache holds."""

    more: AskMore | None = None
    """Asked behind each draft token but the last, if there is one: False ends the draft with that token."""

    def __init__(self) -> None:
        self.cache_length = 0

    def roll_back(self, keep_length: int) -> None:
        """Keep at most ``keep_length`` tokens; the cache is cut before it is fed again."""
        self.cache_length = min(self.cache_length, keep_length)


class ModelDrafts:
    """A draft model: K forwards of a few tokens each for all rows together."""

    def __init__(self, model: CausalModel, requests: Sequence[Request]) -> None:
        self.states = [DraftRow() for _ in requests]
        self._rows, self._device = open_rows(model, [request.end for request in requests]), model.device
        self._nothing: Tensor = torch.empty(0, dtype=torch.long, device=model.device)

    def propose(self, asked: Sequence[AskedDraft]) -> list[Proposal | None]:
        """Each row draws its ``k`` tokens one after the other, all rows at the same time."""
        kept = [state.cache_length for state in self.states]
        if kept != self._rows.lengths:
            self._rows.truncate(kept)
        drawing = {
            row: self._drawing(one, state)
            for row, (one, state) in enumerate(zip(asked, self.states, strict=True))
            if one.k > 0
        }
        while waiting := {row: steps for row, steps in drawing.items() if not steps.is_done}:
            self._step(waiting)
        for state, length in zip(self.states, self._rows.lengths, strict=True):
            state.cache_length = length
        return [drawing[row].proposal if row in drawing else None for row in range(len(asked))]

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order."""
        self.states = [self.states[row] for row in rows]
        self._rows.keep(rows)

    def _drawing(self, asked: AskedDraft, state: DraftRow) -> DraftSteps:
        params, generator = asked.request.params, asked.request.generator
        return DraftSteps(asked.ids, state.cache_length, asked.k, params, generator, self._device, state.more)

    def _step(self, waiting: dict[int, DraftSteps]) -> None:
        """One forward for the rows that wait for a token, and the token of each."""
        rows = range(len(self.states))
        feeds = [waiting[row].feed if row in waiting else self._nothing for row in rows]
        with drafting():
            logits = self._rows.forward(feeds, [int(row in waiting) for row in rows])
        for row, steps in waiting.items():
            steps.take(logits[row][-1])
