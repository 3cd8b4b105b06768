"""The exact joint law of a real pair's next tokens, made small enough to enumerate and to count.

With sampling cut to the few most probable tokens, a handful of prefixes hold everything that can happen
within a few tokens. Their laws are read off both models once and kept over just the tokens that occur; then
the library's verifiers can be enumerated on real logits, and samples of the loop counted against the law.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.lossless.enumeration import Law, Prefix, target_law
from specdec_lib.models.wrapper import ModelWrapper


class SmallLaw:
    """Laws of target and draft behind ``prompt_ids``, over the tokens that can occur in ``length`` steps.

    Args:
        params: must cut the vocabulary, by ``top_k`` or otherwise; no repetition penalty.
    """

    def __init__(
        self,
        target: ModelWrapper,
        draft: ModelWrapper,
        prompt_ids: Sequence[int],
        length: int,
        params: SamplingParams,
    ) -> None:
        self.length, self.params = length, params
        self._prompt = list(prompt_ids)
        self._target, self._draft = target, draft
        self._rows: dict[str, dict[tuple[int, ...], torch.Tensor]] = {"target": {}, "draft": {}}
        self.token_ids = self._reachable()

    def target(self, prefix: Prefix) -> Law:
        """p behind ``prefix``, which like the law counts the tokens of ``token_ids``."""
        return self._compressed("target", prefix)

    def draft(self, prefix: Prefix) -> Law:
        """q behind ``prefix``."""
        return self._compressed("draft", prefix)

    @cached_property
    def outcomes(self) -> dict[tuple[int, ...], float]:
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

    def _reachable(self) -> list[int]:
        """Every token that either model may emit within the length, in order of its id."""
        found: set[int] = set()
        level: list[tuple[int, ...]] = [()]
        for _ in range(self.length):
            following = []
            for prefix in level:
                both = self._full("target", prefix) + self._full("draft", prefix)
                possible = both.nonzero()[:, 0].tolist()
                found.update(possible)
                following += [(*prefix, token) for token in possible]
            level = following
        return sorted(found)

    def _full(self, role: str, prefix: tuple[int, ...]) -> torch.Tensor:
        model = self._target if role == "target" else self._draft
        rows = self._rows[role]
        if prefix not in rows:
            ids = torch.tensor([[*self._prompt, *prefix]], device=model.device)
            logits, _ = model.forward(ids, use_cache=False, logits_to_keep=1)
            rows[prefix] = probs_from_logits(logits[0, -1], self.params).double().cpu()
        return rows[prefix]

    def _compressed(self, role: str, prefix: Prefix) -> Law:
        row = self._full(role, tuple(self.token_ids[i] for i in prefix))[self.token_ids]
        return (row / row.sum()).tolist()
