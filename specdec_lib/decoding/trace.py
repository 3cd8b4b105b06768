"""What happened in each round, small enough to keep and plain enough to draw.

A :class:`Round` is what the loop yields; a :class:`Trace` is the rounds of one generation with
its prompt, to and from JSON. It holds numbers and ids only; text is the reader's business.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from specdec_lib.decoding import sentences
from specdec_lib.errors import RecordError

RoundKind = Literal["autoregressive", "corrected", "bonus"]


@dataclass
class Round:
    """One round: what was drafted, what was accepted, what followed, and how long it took."""

    token_ids: list[int]
    """Emitted by the round: accepted draft tokens, then the correction or bonus (cut at the text's end)."""
    kind: RoundKind
    draft_ids: list[int] = field(default_factory=list)
    num_accepted: int = 0
    seconds: float = 0.0
    phases_ms: dict[str, float] = field(default_factory=dict)
    """Milliseconds by phase; only in a profiled run."""
    target_cache_length: int = 0
    """Tokens in the target's cache after its roll-back."""
    draft_cache_length: int = 0
    target_picked: list[float] = field(default_factory=list)
    """p of each draft token, when traced."""
    draft_picked: list[float] = field(default_factory=list)
    """q of each draft token, when traced."""
    uniforms: list[float] = field(default_factory=list)
    """The acceptance draws, when traced and sampled."""

    def keep(self, token_ids: list[int]) -> None:
        """Cut the round to the tokens that were emitted before the text ended.

        A round that loses tokens ended inside its accepted draft: what it drafted beyond the end was
        never needed, so it counts neither as drafted nor as accepted.
        """
        if len(token_ids) < len(self.token_ids):
            count = self.num_accepted = len(token_ids)
            for name in ("draft_ids", "target_picked", "draft_picked", "uniforms"):
                setattr(self, name, getattr(self, name)[:count])
        self.token_ids = token_ids


@dataclass
class Trace:
    """The rounds of one generation."""

    prompt_ids: list[int]
    rounds: list[Round]
    decoder: str = ""
    temperature: float = 0.0

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """Read what :meth:`to_json` wrote. Raises RecordError for anything else."""
        try:
            raw: dict[str, Any] = json.loads(text)
            raw["rounds"] = [Round(**row) for row in raw["rounds"]]
            return cls(**raw)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise RecordError(sentences.NO_TRACE.format(error)) from error
