"""K draft steps with their sampling as one graph: a proposal costs one call, not K.

A draft model is small, so what surrounds its forwards weighs as much as they do: K calls, K samplings, K
times Python. Unrolled, the compiler sees all of it at once. Every loop starts from the last two tokens of
the text (one or two are pending, as the last draft token was or was not kept), so there is one shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn.functional import pad

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.sampling import SamplingParams, invert, probs_from_logits, uniforms
from specdec_lib.models.architecture.soundness import drafting, sound_draft
from specdec_lib.models.base import CausalModel
from specdec_lib.models.caches.fixed import FixedCache, Store
from specdec_lib.models.fast.compiled import CompiledForward
from specdec_lib.models.fast.native.forward import NativeForward
from specdec_lib.models.wrapper import ModelWrapper

CPU = torch.device("cpu")
_FIRST = 2
_MOST_LAYERS = 64
"""Layers of one graph, all steps together: larger ones compile for minutes and gain less."""


class UnrolledDraft:
    """Proposals of a compiled draft model."""

    def __init__(self, model: ModelWrapper, compiled: CompiledForward) -> None:
        self.model, self._compiled = model, compiled
        self._steps = 0
        self._lengths: tuple[int, ...] = (0,)

    def add_lengths(self, *lengths: int) -> None:
        """Drafts of these many tokens get a graph of their own, if it is not too large."""
        fitting = (k for k in lengths if k * self._compiled.num_layers <= _MOST_LAYERS)
        self._lengths = tuple(sorted({*self._lengths, *fitting}))

    def steps(self, length: int, k: int, params: SamplingParams, held: object) -> int:
        """Steps of the graph that drafts ``k`` tokens behind ``length`` ones, whose cache is ``held``.

        The largest so far, so that a few tokens less need no graph of their own, or the least of
        :meth:`add_lengths` that holds ``k``; 0: no graph can do it.
        """
        if not self._compiled.active or not isinstance(held, FixedCache | None):
            return 0
        if self._compiled.native is not None:
            return k if self._is_native(length + k, params) else 0
        if k > max(self._steps, *self._lengths) and k * self._compiled.num_layers <= _MOST_LAYERS:
            self._steps = k
        steps = min((n for n in (*self._lengths, self._steps) if n >= k), default=0)
        limit = self.model.context_length
        fits = limit is None or length + steps <= limit
        return steps if length >= _FIRST and fits and not params.needs_history else 0

    @torch.inference_mode()
    def propose(
        self,
        context_ids: Sequence[int],
        k: int,
        steps: int,
        params: SamplingParams,
        generator: torch.Generator,
        held: FixedCache | None,
    ) -> tuple[Proposal, FixedCache]:
        """``k`` tokens behind ``context_ids``, and the cache, which then lacks the last of them.

        ``steps`` is what :meth:`steps` said. One number is drawn for each of the ``k`` tokens, whatever else
        the graph can do: the same seed gives the same tokens, whoever drafted with this model before.
        """
        if self._compiled.native is not None:
            return self._drawn(self._compiled.native, context_ids, params, uniforms(k, CPU, generator), held)
        device, model = self.model.device, self.model
        before = len(context_ids) - _FIRST
        held = self._compiled.new_cache(len(context_ids)) if held is None else held
        if held.length < before:
            missing = torch.tensor([context_ids[held.length : before]], device=device)
            with drafting():
                model.forward(missing, held, logits_to_keep=1)  # which extends it
        elif held.length > before:
            held = held.truncated(before)
        self._compiled.make_room(held, _FIRST + steps)
        feed = torch.tensor([context_ids[before:]], device=device)
        chances = pad(uniforms(k, device, generator), (0, steps - k))
        key = ("draft", steps, params)
        loop, width = _Loop(model, steps, params).draft_loop, _FIRST + steps - 1
        ids, rows = self._compiled.run(key, loop, held, width, feed, chances)
        held.length = len(context_ids) + k - 1
        return Proposal(ids[:k], None if params.is_greedy else rows[:k]), held

    def _is_native(self, end: int, params: SamplingParams) -> bool:
        """Whether a native loop draws from these laws: a temperature alone warps them, no column is cut."""
        limit = self.model.context_length
        return (
            (params.is_temperature_alone or params == SamplingParams(0.0))
            and self.model.gives_own_columns
            and (limit is None or end <= limit)
        )

    def _drawn(
        self,
        native: NativeForward,
        context_ids: Sequence[int],
        params: SamplingParams,
        chances: Float[Tensor, " k"],
        held: FixedCache | None,
    ) -> tuple[Proposal, FixedCache]:
        """The same by a native loop, which is fed whatever is pending."""
        held = self._compiled.new_cache(len(context_ids)) if held is None else held
        missing = context_ids[held.length : -1]
        if len(missing) > 1 or (missing and not held.length):  # a text begins, or somebody else drafted
            with drafting():
                self.model.forward(torch.tensor([missing], device=CPU), held, logits_to_keep=1)
        self._compiled.make_room(held, len(context_ids) - held.length + len(chances))
        feed = torch.tensor([context_ids[held.length :]], device=CPU)
        ids, rows = native.draft(feed, held.store, held.length, params.temperature, chances)
        held.length = len(context_ids) + len(chances) - 1
        return Proposal(ids, None if params.is_greedy else rows), held


def unrolled_draft(model: CausalModel) -> UnrolledDraft | None:
    """Proposals in one graph, of a model that has graphs; None for one that computes in eager mode."""
    compiled = getattr(model, "compiled", None)
    return None if compiled is None else UnrolledDraft(cast(ModelWrapper, model), compiled)


class _Loop:
    """K steps of a draft model, each with its sampling."""

    def __init__(self, model: ModelWrapper, k: int, params: SamplingParams) -> None:
        self.model, self.k, self.params = model, k, params

    def draft_loop(
        self, ids: Integer[Tensor, "1 first"], chances: Float[Tensor, " k"], store: Store
    ) -> tuple[Integer[Tensor, " k"], Tensor]:
        """Ids, and the distributions ``[k, vocab]`` or, at temperature 0, the largest logits ``[k]``."""
        chosen: list[Tensor] = []
        rows: list[Tensor] = []
        for place in range(self.k):
            logits = sound_draft(self.model.traced_step(ids, store)[0, -1])
            store.frame.start.add_(ids.shape[1])
            if self.params.is_greedy:
                row, token = logits.max(-1)
            else:
                row = probs_from_logits(logits, self.params)
                token = invert(row, chances[place])
            rows.append(row)
            chosen.append(token)
            ids = token.view(1, 1)
        return torch.stack(chosen), torch.stack(rows)
