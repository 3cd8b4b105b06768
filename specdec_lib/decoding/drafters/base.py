"""What a drafter is: something that proposes K tokens and says what it drew them from.

A drafter keeps whatever state it likes (a cache, a suffix index) and keeps it in step through
``reset`` and ``roll_back``. Its ``probs`` must be the very distributions its ids were drawn
from; a deterministic drafter returns one-hot rows. The loop never asks who proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.sampling import SamplingParams


@dataclass(frozen=True)
class Proposal:
    """Draft tokens and their distributions; at temperature 0 no distributions are needed (None)."""

    ids: Integer[Tensor, " k"]
    probs: Float[Tensor, "k vocab"] | None


@runtime_checkable
class Drafter(Protocol):
    """The interface of the decoding loop to its drafter."""

    vocab_size: int
    """Width of ``probs``: the target's logits must have the same."""
    context_length: int | None
    """Positions the drafter can look at; None for no limit."""
    name: str

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """Up to ``k`` >= 1 tokens that may follow ``context_ids`` (prompt and all emitted), or none."""
        ...

    def reset(self, max_length: int = 0) -> None:
        """Forget everything: a new text begins, of at most ``max_length`` tokens (0: nobody knows)."""
        ...

    def roll_back(self, keep_length: int) -> None:
        """Forget what was seen beyond the first ``keep_length`` tokens of the text."""
        ...
