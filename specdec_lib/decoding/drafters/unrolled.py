"""K draft steps with their sampling as one graph: a proposal costs one call, not K.

A draft model is small, so what surrounds its forwards weighs as much as they do: K calls, K samplings, K
times Python. Unrolled, the compiler sees all of it at once. Every loop starts from the last two tokens of
the text (one or two are pending, as the last draft token was or was not kept), so there is one shape.

It refuses to know what happens to a proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import no_type_check

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.sampling import SamplingParams, invert, probs_from_logits, uniforms
from specdec_lib.models.static_cache import FixedCache, Store
from specdec_lib.models.wrapper import ModelWrapper

_FIRST = 2
_MOST_LAYERS = 64
"""Layers of one graph, all steps together: larger ones compile for minutes and gain less."""


class UnrolledDraft:
    """Proposals of a compiled draft model."""

    def __init__(self, model: ModelWrapper) -> None:
        self.model = model
        self._k = 0
        self._loop = cache(lambda k, params: _loop(model, k, params))

    def takes(self, length: int, k: int, params: SamplingParams, held: object) -> bool:
        """Whether the graph can draft ``k`` tokens behind ``length`` ones, whose cache is ``held``."""
        compiled = self.model.compiled
        if compiled is None or not compiled.active or not isinstance(held, FixedCache | None):
            return False
        if k > self._k and k * compiled.num_layers <= _MOST_LAYERS:
            self._k = k
        limit = self.model.context_length
        fits = limit is None or length + self._k <= limit
        return k <= self._k and length >= _FIRST and fits and not params.needs_history

    @torch.inference_mode()
    def propose(
        self,
        context_ids: Sequence[int],
        k: int,
        params: SamplingParams,
        generator: torch.Generator,
        held: FixedCache | None,
    ) -> tuple[Proposal, FixedCache]:
        """``k`` tokens behind ``context_ids``, and the cache, which then lacks the last of them."""
        device, model = self.model.device, self.model
        before = len(context_ids) - _FIRST
        held = model.new_cache(len(context_ids)) if held is None else held
        if held.length < before:
            missing = torch.tensor([context_ids[held.length : before]], device=device)
            _, held = model.forward(missing, held, logits_to_keep=1)
        elif held.length > before:
            held = held.truncated(before)
        model.compiled.make_room(held, _FIRST + self._k)
        feed = torch.tensor([context_ids[before:]], device=device)
        chances = uniforms(self._k, device, generator)
        key = ("draft", self._k, params)
        loop, width = self._loop(self._k, params), _FIRST + self._k - 1
        ids, rows = model.compiled.run(key, loop, held, width, feed, chances)
        held.length = len(context_ids) + k - 1
        return Proposal(ids[:k], None if params.is_greedy else rows[:k]), held


def _loop(model: ModelWrapper, k: int, params: SamplingParams) -> Callable[..., tuple[Tensor, Tensor]]:
    @no_type_check  # traced
    def draft_loop(
        ids: Integer[Tensor, "1 first"], chances: Float[Tensor, " k"], store: Store
    ) -> tuple[Integer[Tensor, " k"], Tensor]:
        """Ids, and the distributions ``[k, vocab]`` or, at temperature 0, the largest logits ``[k]``."""
        chosen, rows = [], []
        for step in range(k):
            logits = model.traced_step(ids, store)[0, -1]
            store.frame.start.add_(ids.shape[1])
            if params.is_greedy:
                row, token = logits.max(-1)
            else:
                row = probs_from_logits(logits, params)
                token = invert(row, chances[step])
            rows.append(row)
            chosen.append(token)
            ids = token.view(1, 1)
        return torch.stack(chosen), torch.stack(rows)

    return draft_loop
