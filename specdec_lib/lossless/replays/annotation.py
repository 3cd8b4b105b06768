"""A recorded generation with the whole argument of every round: p, q, the draw, the residual, the clock.

A :class:`~specdec_lib.decoding.trace.Trace` says what was decided. :func:`annotate` computes anew what both
models think at every position, and adds what the decision was made from: thresholds, uniforms, the law of the
token that follows, cache lengths before and after, milliseconds. Everything is text and numbers, for a reader
who has neither the models nor torch. A distribution is cut to its few likeliest tokens; the rest is added up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding.rejection import PLANS, Plan, prefix_acceptance
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.trace import Round, Trace
from specdec_lib.errors import RecordError
from specdec_lib.lossless.replays.replay import replay
from specdec_lib.models.wrapper import ModelWrapper

SHOWN_TOKENS = 5
_DIGITS = 5


@dataclass(frozen=True)
class Share:
    """One token under the laws of one position; ``r`` is the law of the token that follows, if one does."""

    token: str
    p: float
    q: float
    r: float = 0.0


@dataclass(frozen=True)
class Place:
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

    places: list[Place]
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
    about: dict[str, Any] = field(default_factory=dict)
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


def annotate(
    target: ModelWrapper,
    draft: ModelWrapper,
    trace: Trace,
    params: SamplingParams,
    *,
    verifier: str = "token",
    title: str = "",
    **more: Any,
) -> AnnotatedTrace:
    """Annotate what ``generate(…, trace=True, profile=True)`` recorded with these two models.

    Args:
        params: the sampling of the run, without a repetition penalty.
        verifier: "token" or "block", as in the run.
        more: further fields of :class:`AnnotatedTrace`: its baseline, choice and about.
    """
    greedy, text_of = params.is_greedy, partial(_text_of, target)
    shown = SamplingParams(1.0) if greedy else params
    length, held, rounds = len(trace.prompt_ids), (0, 0), []
    for step, laws in zip(trace.rounds, replay(target, draft, trace, shown), strict=True):
        k = len(step.draft_ids)
        annotated = annotate_round(
            laws.target_probs,
            laws.draft_probs[:k],
            step,
            text_of,
            verifier=verifier,
            greedy=greedy,
            text_length=length,
            held=held,
        )
        rounds.append(annotated)
        length += len(step.token_ids)
        held = (step.target_cache_length, step.draft_cache_length)
    return AnnotatedTrace(
        title=title,
        prompt=[text_of(token) for token in trace.prompt_ids],
        rounds=rounds,
        verifier=verifier,
        temperature=params.temperature,
        laws_at=shown.temperature,
        **more,
    )


def _text_of(model: ModelWrapper, token: int) -> str:
    return f"<{token}>" if model.tokenizer is None else model.token_text(token)


def annotate_round(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    step: Round,
    text_of: Callable[[int], str],
    *,
    verifier: str = "token",
    greedy: bool = False,
    text_length: int = 1,
    held: tuple[int, int] = (0, 0),
) -> AnnotatedRound:
    """Annotate one round from the rows it was judged by; ``text_of`` gives the text of a token id.

    Args:
        greedy: the verdict compared argmaxes; the rows are shown and nothing is derived from them.
        text_length: tokens of text before the round.
        held: tokens in the target's cache and in the draft's before the round.
    """
    k = len(step.draft_ids)
    draft_ids = torch.tensor(step.draft_ids, dtype=torch.long, device=target_probs.device)
    plan = PLANS[verifier](target_probs, draft_probs, draft_ids)
    prefix = prefix_acceptance(target_probs, draft_probs, draft_ids)[1:].tolist()
    thresholds = plan.thresholds.tolist()
    if greedy:
        thresholds = [float(x == y) for x, y in zip(target_probs[:k].argmax(-1), draft_ids, strict=True)]
        prefix = torch.tensor(thresholds).cumprod(0).tolist()
    places = [
        Place(
            token=text_of(token),
            p=_rounded(target_probs[i, token]),
            q=_rounded(draft_probs[i, token]),
            threshold=_rounded(thresholds[i]),
            prefix=_rounded(prefix[i]),
            uniform=_rounded(step.uniforms[i]) if step.uniforms else None,
            outcome=_outcome(i, step.num_accepted),
            shares=_shares(text_of, target_probs[i], draft_probs[i], keep=(token,)),
        )
        for i, token in enumerate(step.draft_ids)
    ]
    return AnnotatedRound(
        places=places,
        following=_following(plan, target_probs, draft_probs, step, text_of, greedy),
        target_cache=[held[0], text_length + k, step.target_cache_length],
        draft_cache=[held[1], text_length + k - 1 if k else held[1], step.draft_cache_length],
        phases_ms=_phases(step),
    )


def _following(plan: Plan, target_probs, draft_probs, step: Round, text_of, greedy: bool) -> Following:
    """The law of the token that follows, and the token."""
    kept = step.num_accepted
    if kept == len(step.token_ids):
        return Following("", "ended", 0.0, [])
    token = step.token_ids[-1]
    whole = kept == len(draft_probs)
    target_row = target_probs[kept]
    draft_row = torch.zeros_like(target_row) if whole else draft_probs[kept]
    if whole or greedy:
        law, mass = target_row, 1.0
    else:
        positive = (float(plan.scales[kept]) * target_row - draft_row).clamp_min(0)
        mass = float(positive.sum())
        law = positive / mass if mass > 0 else target_row
    shares = _shares(text_of, target_row, draft_row, law, keep=(token,))
    return Following(text_of(token), step.kind, _rounded(mass), shares)


def _shares(text_of, target_row, draft_row, law=None, keep: Sequence[int] = ()) -> list[Share]:
    """The likeliest tokens under either law, those to keep among them, and the rest as one ("…")."""
    rows = [target_row, draft_row, torch.zeros_like(target_row) if law is None else law]
    likeliest = torch.stack(rows).amax(0).topk(min(SHOWN_TOKENS, len(target_row))).indices.tolist()
    chosen = [*dict.fromkeys([*keep, *likeliest])][:SHOWN_TOKENS]
    chosen.sort(key=lambda token: -float(target_row[token]))
    shares = [Share(text_of(x), *(_rounded(row[x]) for row in rows)) for x in chosen]
    if len(chosen) < len(target_row):
        rest = [max(0.0, float(row.sum() - row[chosen].sum())) for row in rows]
        shares.append(Share("…", *map(_rounded, rest)))
    return shares


def _outcome(place: int, num_accepted: int) -> str:
    if place < num_accepted:
        return "accepted"
    return "rejected" if place == num_accepted else "dropped"


def _phases(step: Round) -> dict[str, float]:
    """Milliseconds by phase; what no phase accounts for is "other"."""
    phases = {name: round(ms, 3) for name, ms in step.phases_ms.items()}
    if phases:
        phases["other"] = round(max(0.0, 1e3 * step.seconds - sum(phases.values())), 3)
    return phases


def _rounded(value: Any) -> float:
    return float(f"{float(value):.{_DIGITS}g}")


def _round_from(row: dict[str, Any]) -> AnnotatedRound:
    def shares(rows: list[dict[str, Any]]) -> list[Share]:
        return [Share(**share) for share in rows]

    places = [Place(**{**place, "shares": shares(place["shares"])}) for place in row["places"]]
    following = Following(**{**row["following"], "shares": shares(row["following"]["shares"])})
    return AnnotatedRound(**{**row, "places": places, "following": following})
