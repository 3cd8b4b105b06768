"""The exact joint law of a real pair's next tokens, made small enough to enumerate and to count.

With sampling cut to the few most probable tokens, a handful of prefixes hold everything that can happen
within a few tokens. Their laws are read off both models once and kept over just the tokens that occur; then
the library's verifiers can be enumerated on real logits, and samples of the loop counted against the law.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from specdec_lib.decoding.drafters.base import Proposal
from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless import sentences
from specdec_lib.lossless.laws.enumeration import DraftLister, Law, Model, Prefix, target_law
from specdec_lib.models.base import CausalModel, is_causal_model

MOST_PREFIXES = 4_000
"""Prefixes that are read at most; a pair whose laws are cut to four tokens takes less than a hundred."""


@runtime_checkable
class KnownDrafts(Protocol):
    """What a drafter that is no model answers behind a prefix, and whether it always answers so."""

    @property
    def is_fixed(self) -> bool: ...

    def at(self, emitted: Prefix, k: int) -> Proposal:
        """The proposal of up to ``k`` tokens behind the prompt and ``emitted``."""
        ...


class SmallLaw:
    """Laws of target and draft behind ``prompt_ids``, over the tokens that can occur within ``length``.

    Args:
        draft: a draft model, whose law is known for every prefix, or what any other drafter answers.
        params: must cut the vocabulary, by ``top_k`` or otherwise; no repetition penalty.
        k: draft tokens a round; a drafter that is no model is asked for as many.
    """

    def __init__(
        self,
        target: CausalModel,
        draft: CausalModel | KnownDrafts,
        prompt_ids: Sequence[int],
        length: int,
        params: SamplingParams,
        k: int = 2,
    ) -> None:
        self.length, self.params, self.k = length, params, k
        self._prompt = list(prompt_ids)
        self._models: dict[str, Any] = {"target": target, "draft": draft}
        self._fixed = None if is_causal_model(draft) else draft
        self._rows: dict[tuple[str, Prefix], torch.Tensor] = {}
        with_drafts = self._reachable(drafting=True)
        reached = self._reachable(drafting=False) if with_drafts is None else with_drafts
        self.is_broad = reached is None
        """Whether even the target alone reaches more than could be listed; nothing can be asked then."""
        why = sentences.WHY_BROAD_TARGET if self.is_broad else sentences.WHY_BROAD_DRAFT
        self.why_broad = why if with_drafts is None else ""
        """Why drafts, or nothing at all, can be listed; "" where everything can."""
        self.token_ids = reached or []

    def target(self, prefix: Prefix) -> Law:
        """p behind ``prefix``, which like the law counts the tokens of ``token_ids``."""
        return self._compressed("target", prefix)

    def draft(self, prefix: Prefix) -> Law:
        """q behind ``prefix``, of a draft model."""
        return self._compressed("draft", prefix)

    @cached_property
    def drafts(self) -> Model | DraftLister | None:
        """What to enumerate drafts by: the model's law, a fixed drafter's answers, or None."""
        if self.why_broad:
            return None
        if self._fixed is None:
            return self.draft
        return _CompressedDrafts(self._fixed, self.token_ids) if self._fixed.is_fixed else None

    @cached_property
    def outcomes(self) -> dict[Prefix, float]:
        """Probability of every continuation of ``length`` tokens, by its real token ids."""
        law = target_law(self.target, self.length)
        return {tuple(self.token_ids[i] for i in ids): chance for ids, chance in law.items()}

    def counted(
        self, samples: Sequence[Sequence[int]]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """(counts, law) over the outcomes, and a last cell of probability 0 for anything else."""
        index = {ids: i for i, ids in enumerate(self.outcomes)}
        counts = np.zeros(len(index) + 1)
        for ids in samples:
            counts[index.get(tuple(ids), len(index))] += 1
        law = np.array([*self.outcomes.values(), 0.0])
        return counts, law / law.sum()

    def _reachable(self, drafting: bool) -> list[int] | None:
        """Tokens that may be emitted, and with ``drafting`` drafted, within the length, in order of ids.

        None where more than ``MOST_PREFIXES`` prefixes would have to be read.
        """
        found: set[int] = set()
        level: set[Prefix] = {()}
        drafted: dict[Prefix, set[int]] = {}
        read = 0
        for _ in range(self.length):
            read += len(level)
            if read > MOST_PREFIXES:
                return None
            following = set()
            for prefix in sorted(level):
                possible = self._possible(prefix, drafted, drafting)
                found |= possible
                following |= {(*prefix, token) for token in possible}
            level = following
        return sorted(found)

    def _possible(self, prefix: Prefix, drafted: dict[Prefix, set[int]], drafting: bool) -> set[int]:
        """Tokens that may follow ``prefix``; those drafted further on are noted in ``drafted``."""
        possible = set(self._full("target", prefix).nonzero()[:, 0].tolist())
        if not drafting:
            return possible
        if self._fixed is None:
            return possible | set(self._full("draft", prefix).nonzero()[:, 0].tolist())
        k = min(self.k, self.length - len(prefix) - 1)
        proposal = self._fixed.at(prefix, k).ids.tolist() if k > 0 else []
        for n, token in enumerate(proposal):
            drafted.setdefault((*prefix, *proposal[:n]), set()).add(token)
        return possible | drafted.get(prefix, set())

    def _full(self, role: str, prefix: Prefix) -> torch.Tensor:
        """The law behind ``prefix`` over the whole vocabulary, read once."""
        if (role, prefix) not in self._rows:
            model = self._models[role]
            ids = torch.tensor([[*self._prompt, *prefix]], device=model.device)
            logits, _ = model.forward(ids, use_cache=False, logits_to_keep=1)
            self._rows[role, prefix] = probs_from_logits(logits[0, -1], self.params).double().cpu()
        return self._rows[role, prefix]

    def _compressed(self, role: str, prefix: Prefix) -> Law:
        row = self._full(role, tuple(self.token_ids[i] for i in prefix))[self.token_ids]
        return (row / row.sum().clamp_min(1e-300)).tolist()  # all 0 behind what no law allows


class _CompressedDrafts:
    """A fixed drafter's answers, with tokens counted as the law counts them."""

    def __init__(self, fixed: KnownDrafts, token_ids: list[int]) -> None:
        self._fixed, self._token_ids = fixed, token_ids
        self._place = {token: place for place, token in enumerate(token_ids)}

    def listed(self, prefix: Prefix, k: int) -> Iterator[tuple[Prefix, list[Law], int]]:
        """The one draft behind ``prefix``."""
        proposal = self._fixed.at(tuple(self._token_ids[i] for i in prefix), k) if k > 0 else None
        if proposal is None or proposal.probs is None or not len(proposal.ids):
            yield (), [], 1
            return
        ids = tuple(self._place[token] for token in proposal.ids.tolist())
        yield ids, [self._law(row) for row in proposal.probs.double().cpu()], 1

    def _law(self, row: torch.Tensor) -> Law:
        """q over the tokens of the law: what it gives to others counts for none of them."""
        return row[self._token_ids].tolist()
