"""A small language model as the drafter: K forwards of one token each.

Its cache holds the text up to the token before its last proposal. After a fully accepted round
that is one token short, so the next round's first forward is fed two pending tokens; after a
rejection the cache is cut back to the accepted part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.drafters.base import AskMore, Drafter, Proposal, checked_drafter
from specdec_lib.decoding.drafters.translated import TranslatedDraft
from specdec_lib.decoding.drafters.unrolled import UnrolledDraft, unrolled_draft
from specdec_lib.decoding.sampling import SamplingParams, draw, probs_from_logits, warp_logits
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.soundness import drafting, sound_draft
from specdec_lib.models.base import CausalModel, expect_widths, is_causal_model, require_model
from specdec_lib.models.vocabulary import ForeignDraft


class DraftModelState:
    """What a :class:`DraftModel` knows of one text: a cache."""

    more: AskMore | None = None
    """Asked behind each draft token but the last, if there is one: False ends the draft with that token."""

    def __init__(self, model: CausalModel, unrolled: UnrolledDraft | None = None, end: int = 0) -> None:
        self.model, self._unrolled = model, unrolled
        self._cache: Any = model.new_cache(end) if end else None

    def roll_back(self, keep_length: int) -> None:
        """Keep at most ``keep_length`` tokens in the cache."""
        if self.cache_length > keep_length:
            self._cache = self.model.truncate_cache(self._cache, keep_length)

    @property
    def cache_length(self) -> int:
        """Tokens that the cache holds."""
        return self.model.get_cache_length(self._cache)

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """Draw ``k`` tokens one after the other; nothing leaves the device, unless ``more`` looks.

        Raises InvalidArgument for k < 1, or a cache ahead of ``context_ids`` (``roll_back`` is missing).
        """
        pending = context_ids[self.cache_length :]
        if k < 1 or not pending:
            raise InvalidArgument(sentences.NOT_ROLLED_BACK.format(k, len(context_ids), self.cache_length))
        unrolled = self._unrolled if self.more is None else None
        if unrolled is not None and (steps := unrolled.steps(len(context_ids), k, params, self._cache)):
            proposal, self._cache = unrolled.propose(context_ids, k, steps, params, generator, self._cache)
            return proposal
        device = self.model.device
        steps = DraftSteps(
            context_ids, self.cache_length, k, params, generator, device, self.more, self._choose
        )
        while not steps.is_done:
            with drafting():
                logits, self._cache = self.model.forward(steps.feed[None], self._cache, logits_to_keep=1)
            steps.take(logits[0, -1])
        return steps.proposal

    def _choose(
        self,
        logits: Tensor,
        params: SamplingParams,
        history: Tensor | None,
        generator: torch.Generator,
        probs: list[Tensor],
    ) -> Tensor:
        return choose(logits, params, history, generator, probs)


def choose(
    logits: Float[Tensor, " vocab"],
    params: SamplingParams,
    history: Integer[Tensor, " length"] | None,
    generator: torch.Generator,
    probs: list[Tensor],
) -> Integer[Tensor, ""]:
    """A draft token: the argmax at temperature 0, else a draw from the law that ``probs`` receives."""
    if params.is_greedy:
        return warp_logits(logits, params, history).argmax(-1)
    probs.append(probs_from_logits(logits, params, history))
    return draw(probs[-1], generator)


class DraftSteps:
    """A proposal in the making: what a model is to be fed next, and what was drawn so far.

    Args:
        context_ids: the text, of which the model's cache holds the first ``held`` tokens.
        more: asked behind each draft token but the last, if there is one.
        choose: draws a token, as :func:`choose` does.
    """

    def __init__(
        self,
        context_ids: Sequence[int],
        held: int,
        k: int,
        params: SamplingParams,
        generator: torch.Generator,
        device: torch.device,
        more: AskMore | None = None,
        choose: Callable[..., Tensor] = choose,
    ) -> None:
        self.feed: Integer[Tensor, " n"] = torch.tensor(list(context_ids[held:]), device=device)
        """Tokens that follow what the cache holds."""
        self.is_done = k < 1
        self._k, self._params, self._generator, self._more, self._choose = k, params, generator, more, choose
        self._history = torch.tensor(list(context_ids), device=device) if params.needs_history else None
        self._ids: list[Tensor] = []
        self._probs: list[Tensor] = []

    def take(self, logits: Float[Tensor, " vocab"]) -> None:
        """Draw a token from the logits behind what was fed; nothing leaves the device, but for ``more``."""
        row = sound_draft(logits)
        token = self._choose(row, self._params, self._history, self._generator, self._probs)
        self._ids.append(token)
        self.is_done = len(self._ids) >= self._k
        if self._more is not None and not self.is_done:
            law = (
                self._probs[-1] if self._probs else warp_logits(row, self._params, self._history).softmax(-1)
            )
            self.is_done = not self._more(len(self._ids), law)
        self.feed = token.view(1)
        if self._history is not None:
            self._history = torch.cat([self._history, self.feed])

    @property
    def proposal(self) -> Proposal:
        """The tokens that were drawn, and their laws; at temperature 0 there are none."""
        return Proposal(torch.stack(self._ids), torch.stack(self._probs) if self._probs else None)


class DraftModel:
    """Proposes with a :class:`~specdec_lib.models.base.CausalModel`, warped like the target."""

    state: type[DraftModelState] = DraftModelState
    """What it keeps of a text; a drafter that draws otherwise overrides that class's ``propose``."""

    def __init__(self, model: CausalModel) -> None:
        self.model = require_model(model, "draft model")
        self.vocab_size = model.vocab_size
        self.context_length = model.context_length
        self.device = model.device
        self.name = model.name
        self._unrolled = unrolled_draft(model)
        expect_widths(model, 1, 2)

    def expect_lengths(self, *lengths: int) -> None:
        """Drafts of these many tokens will come often: where the model is compiled, each gets a graph."""
        if self._unrolled is not None:
            self._unrolled.add_lengths(*lengths)

    def __init_subclass__(cls) -> None:
        """Refuse methods that nobody would call."""
        stray = sorted({"propose", "roll_back", "reset"} & set(vars(cls)))
        if stray:
            raise InvalidArgument(
                sentences.BELONGS_TO_A_STATE.format(cls.__name__, ", ".join(stray), cls.__name__)
            )

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> DraftModelState:
        """An empty cache with room for ``end`` tokens, so that it is allocated once."""
        return self.state(self.model, self._unrolled, end)


DraftSource = CausalModel | Drafter
"""What a decoder is given to draft with: a draft model, or anything else that drafts."""


def as_drafter(draft: object) -> Drafter:
    """``draft``, if it is a drafter; a draft model becomes one, translated where its vocabulary is another.

    Raises:
        InvalidArgument: it is neither.
    """
    draft = translated(draft)
    return DraftModel(draft) if is_causal_model(draft) else checked_drafter(draft)


def translated(draft: Any) -> Any:
    """``draft`` itself, or what translates it where its vocabulary is another than its target's."""
    return TranslatedDraft(draft) if isinstance(draft, ForeignDraft) else draft
