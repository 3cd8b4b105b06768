"""A recorded generation with the whole argument of every round: p, q, the draw, the residual, the clock.

A :class:`~specdec_lib.decoding.trace.Trace` says what was decided. :func:`annotate` computes anew what both
models think at every position, and adds what the decision was made from: thresholds, uniforms, the law of the
token that follows, cache lengths before and after, milliseconds. What comes of it is plain data
(:mod:`specdec_lib.lossless.replays.annotated`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding.rejection import PLANS, Plan, prefix_acceptance
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.trace import Round, Trace
from specdec_lib.lossless.replays.annotated import (
    AnnotatedRound,
    AnnotatedTrace,
    DraftedToken,
    Following,
    Share,
)
from specdec_lib.lossless.replays.replay import replay
from specdec_lib.models.base import CausalModel

SHOWN_TOKENS = 5
_DIGITS = 5


def annotate(
    target: CausalModel,
    draft: CausalModel,
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
        more: further fields of :class:`~specdec_lib.lossless.replays.annotated.AnnotatedTrace`: its baseline,
            choice and about.
    """
    greedy, text_of = params.is_greedy, partial(_text_of, target)
    shown = SamplingParams(1.0) if greedy else params
    told = partial(annotate_round, text_of=text_of, verifier=verifier, greedy=greedy)
    length, held, rounds = len(trace.prompt_ids), (0, 0), []
    for round_, laws in zip(trace.rounds, replay(target, draft, trace, shown), strict=True):
        rows = (laws.target_probs, laws.draft_probs[: len(round_.draft_ids)])
        rounds.append(told(*rows, round_, text_length=length, held=held))
        length += len(round_.token_ids)
        held = (round_.target_cache_length, round_.draft_cache_length)
    prompt = [text_of(token) for token in trace.prompt_ids]
    return AnnotatedTrace(title, prompt, rounds, verifier, params.temperature, shown.temperature, **more)


def _text_of(model: Any, token: int) -> str:
    return f"<{token}>" if getattr(model, "tokenizer", None) is None else model.token_text(token)


def annotate_round(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    round_: Round,
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
    k, kept = len(round_.draft_ids), round_.num_accepted
    draft_ids = torch.tensor(round_.draft_ids, dtype=torch.long, device=target_probs.device)
    plan = PLANS[verifier](target_probs, draft_probs, draft_ids)
    prefix = prefix_acceptance(target_probs, draft_probs, draft_ids)[1:].tolist()
    thresholds = plan.thresholds.tolist()
    if greedy:
        thresholds = [float(x == y) for x, y in zip(target_probs[:k].argmax(-1), draft_ids, strict=True)]
        prefix = torch.tensor(thresholds).cumprod(0).tolist()
    places = [
        DraftedToken(
            token=text_of(token),
            p=_rounded(target_probs[i, token]),
            q=_rounded(draft_probs[i, token]),
            threshold=_rounded(thresholds[i]),
            prefix=_rounded(prefix[i]),
            uniform=_rounded(round_.uniforms[i]) if round_.uniforms else None,
            outcome="accepted" if i < kept else "rejected" if i == kept else "dropped",
            shares=_shares(text_of, target_probs[i], draft_probs[i], keep=(token,)),
        )
        for i, token in enumerate(round_.draft_ids)
    ]
    return AnnotatedRound(
        places=places,
        following=_following(plan, target_probs, draft_probs, round_, text_of, greedy),
        target_cache=[held[0], text_length + k, round_.target_cache_length],
        draft_cache=[held[1], text_length + k - 1 if k else held[1], round_.draft_cache_length],
        phases_ms=_phases(round_),
    )


def _following(plan: Plan, target_probs, draft_probs, round_: Round, text_of, greedy: bool) -> Following:
    """The law of the token that follows, and the token."""
    kept = round_.num_accepted
    if kept == len(round_.token_ids):
        return Following("", "ended", 0.0, [])
    token = round_.token_ids[-1]
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
    return Following(text_of(token), round_.kind, _rounded(mass), shares)


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


def _phases(round_: Round) -> dict[str, float]:
    """Milliseconds by phase; what no phase accounts for is "other"."""
    phases = {name: round(ms, 3) for name, ms in round_.phases_ms.items()}
    if phases:
        phases["other"] = round(max(0.0, 1e3 * round_.seconds - sum(phases.values())), 3)
    return phases


def _rounded(value: Any) -> float:
    return float(f"{float(value):.{_DIGITS}g}")
