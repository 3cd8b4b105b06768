"""A small world in which mutants are tried: two table models, a prompt, sampling settings, an exact law.

The draft is right about half of the time, so that every branch of a round is taken often. Each scenario
comes out of a seed; the tables of one seed have nothing to do with those of another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless.laws.enumeration import Law, Prefix
from specdec_lib.lossless.laws.table_model import TableModel

_FLOOR = 0.15  # share of the uniform law in every row: no outcome so rare that it cannot be counted


@dataclass(frozen=True)
class Scenario:
    """Two models and a task.

    ``offset`` is added to every logit of both: it changes no law, and makes half precision as coarse as
    it is for models whose logits are that large. ``pattern`` is a law of the target and one of the draft, of
    which every row is a permutation: for mistakes that rows drawn by chance would hardly show.
    """

    seed: int = 0
    params: SamplingParams = field(default_factory=lambda: SamplingParams(temperature=0.7))
    vocab: int = 4
    length: int = 4
    k: int = 2
    draft_error: float = 0.75
    offset: float = 0.0
    prompt: tuple[int, ...] = (1, 2)
    eos_token_ids: tuple[int, ...] = ()
    context_length: int | None = None
    pattern: tuple[Law, Law] | None = None

    @cached_property
    def models(self) -> tuple[TableModel, TableModel]:
        """The target and the draft."""
        target, draft = self._rows
        limits = {"eos_token_ids": self.eos_token_ids, "context_length": self.context_length}
        options: dict[str, Any] = limits | {"offset": self.offset}
        return TableModel(target, name="target", **options), TableModel(draft, name="draft", **options)

    @property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.seed)
        shape = (self.vocab, self.vocab)
        if self.pattern is not None:
            orders = rng.permuted(np.broadcast_to(np.arange(self.vocab), (*shape, self.vocab)), axis=-1)
            target, draft = (np.array(law)[orders] for law in self.pattern)
            return target, draft
        own, noise = (rng.dirichlet(np.full(self.vocab, 0.7), size=shape) for _ in range(2))
        target, noise = ((1 - _FLOOR) * rows + _FLOOR / self.vocab for rows in (own, noise))
        return target, (1 - self.draft_error) * target + self.draft_error * noise

    def warped(self, model: TableModel, continuation: Prefix = ()) -> Law:
        """The law, after warping, of the token that follows the prompt and ``continuation``."""
        key = (model.name, continuation)
        if key not in self._laws:
            history = [*self.prompt, *continuation]
            logits = model.forward(torch.tensor([history]), logits_to_keep=1)[0][0, -1]
            self._laws[key] = probs_from_logits(logits.double(), self.params, history).tolist()
        return self._laws[key]

    @cached_property
    def _laws(self) -> dict[tuple[str, Prefix], Law]:
        return {}

    @cached_property
    def law(self) -> Float[np.ndarray, " outcomes"]:
        """The exact joint law of the next ``length`` tokens of the target, in C order."""
        target, _ = self.models
        law = np.ones(1)
        prefixes: list[Prefix] = [()]
        for _ in range(self.length):
            rows = np.array([self.warped(target, prefix) for prefix in prefixes])
            law = (law[:, None] * rows).ravel()
            prefixes = [(*prefix, token) for prefix in prefixes for token in range(self.vocab)]
        return law / law.sum()

    def outcome(self, ids: list[int]) -> int:
        """Where a continuation of ``length`` tokens stands in :attr:`law`."""
        index = 0
        for token in ids:
            index = index * self.vocab + token
        return index
