"""An annotated generation: text and numbers alone, for a reader who has neither the models nor torch.

What :mod:`specdec_lib.lossless.replays.annotation` makes of a recorded one; a line of JSON each. A
distribution is cut to its few likeliest tokens; the rest is added up.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from specdec_lib.errors import RecordError


@dataclass(frozen=True)
class Share:
    """One token under the laws of one position; ``r`` is the law of the token that follows, if one does."""

    token: str
    p: float
    q: float
    r: float = 0.0


@dataclass(frozen=True)
class DraftedToken:
    """One drafted token and its judgement."""

    token: str
    p: float
    q: float
    threshold: float
    """It passes when ``uniform`` is below: min(1, p/q), or h_i of block verification."""
    prefix: float
    """P(at least this many draft tokens stay), given the draft."""
    uniform: float | None
    """The draw; None at temperature 0, which needs none."""
    outcome: str
    """"accepted", "rejected" (the draft was cut here), or "dropped" (drafted behind the cut)."""
    shares: list[Share]


@dataclass(frozen=True)
class Following:
    """The round's own token, which follows the accepted ones."""

    token: str
    kind: str
    """"corrected", "bonus", "autoregressive" (nothing was drafted), or "ended" (in the draft)."""
    mass: float
    """Σ max(scale · p − q, 0), by which the residual is divided; 1 where the law is p itself."""
    shares: list[Share]


@dataclass(frozen=True)
class AnnotatedRound:
    """One round; cache lengths are [before, after the forwards, after the roll-back]."""

    places: list[DraftedToken]
    following: Following
    target_cache: list[int]
    draft_cache: list[int]
    phases_ms: dict[str, float] = field(default_factory=dict)

    @property
    def num_accepted(self) -> int:
        """Draft tokens that stayed."""
        return sum(place.outcome == "accepted" for place in self.places)


@dataclass(frozen=True)
class AnnotatedTrace:
    """The annotated rounds of one generation."""

    title: str
    prompt: list[str]
    rounds: list[AnnotatedRound]
    verifier: str = "token"
    temperature: float = 0.0
    laws_at: float = 1.0
    """Temperature of the laws that are shown; at temperature 0 those of 1, since one bar says little."""
    baseline_ms: float | None = None
    """Milliseconds a token of autoregressive decoding, on the same machine and prompt."""
    baseline_first_ms: float | None = None
    """The same for its first token, which waits for the prompt to be read."""
    choice: dict[str, str] = field(default_factory=dict)
    """By which property, and which value of it, a reader chooses this trace among others."""
    about: dict[str, str | int | float | None] = field(default_factory=dict)
    """Pair, K, seed, machine, date: whatever a caption needs."""

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> AnnotatedTrace:
        """Read what :meth:`to_json` wrote. Raises RecordError for anything else."""
        try:
            raw = json.loads(text)
            return cls(**{**raw, "rounds": [_round_from(row) for row in raw["rounds"]]})
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(
                f"read annotated trace: not one ({error}); pass what AnnotatedTrace.to_json wrote"
            ) from error


def load_annotated(path: str | Path) -> list[AnnotatedTrace]:
    """The annotated traces of a file that holds one JSON document a line.

    Raises:
        RecordError: it cannot be read, or a line of it is no annotated trace.
    """
    try:
        lines = Path(path).read_text(encoding="utf8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"read annotated traces: {path} cannot be read ({error})") from error
    return [AnnotatedTrace.from_json(line) for line in lines if line.strip()]


def _round_from(row: dict[str, Any]) -> AnnotatedRound:
    def shares(rows: list[dict[str, Any]]) -> list[Share]:
        return [Share(**share) for share in rows]

    places = [DraftedToken(**{**place, "shares": shares(place["shares"])}) for place in row["places"]]
    following = Following(**{**row["following"], "shares": shares(row["following"]["shares"])})
    return AnnotatedRound(**{**row, "places": places, "following": following})
