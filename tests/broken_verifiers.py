"""Verifiers that are wrong in ways that have shipped; the joint-law test has to reject each of them."""

from __future__ import annotations

import torch

from specdec_lib.decoding.rejection import Verdict
from specdec_lib.decoding.sampling import draw


def _first_rejection(target_probs, draft_probs, draft_ids, uniforms, ratio) -> int:
    for n, token in enumerate(draft_ids.tolist()):
        if uniforms[n] >= ratio(target_probs[n, token], draft_probs[n, token]):
            return n
    return len(draft_ids)


def _verify(
    target_probs,
    draft_probs,
    draft_ids,
    generator,
    *,
    correction=lambda p, q, x: (p - q).clamp_min(0),
    ratio=lambda p, q: p / q,
    bonus=lambda target_probs, draft_probs: target_probs[-1],
    shared_uniform=False,
) -> Verdict:
    k = len(draft_ids)
    uniforms = (
        torch.rand(1, generator=generator).expand(k) if shared_uniform else torch.rand(k, generator=generator)
    )
    n = _first_rejection(target_probs, draft_probs, draft_ids, uniforms, ratio)
    if n == k:
        return Verdict(n, int(draw(bonus(target_probs, draft_probs), generator)), "bonus", draft_ids.tolist())
    law = correction(target_probs[n], draft_probs[n], int(draft_ids[n]))
    law = law if law.sum() > 0 else target_probs[n]
    return Verdict(n, int(draw(law, generator)), "corrected", draft_ids.tolist())


def _last_of_the_draft(target_probs, draft_probs):
    return draft_probs[-1] if len(draft_probs) else target_probs[-1]


def correct(p, q, ids, *, generator):
    """The same scalar code with nothing broken: the control."""
    return _verify(p, q, ids, generator)


def residual_is_p(p, q, ids, *, generator):
    """Trap 3: a correction drawn from p."""
    return _verify(p, q, ids, generator, correction=lambda p, q, x: p)


def residual_is_absolute(p, q, ids, *, generator):
    """Trap 3: |p - q|."""
    return _verify(p, q, ids, generator, correction=lambda p, q, x: (p - q).abs())


def residual_is_p_without_x(p, q, ids, *, generator):
    """Trap 3: p with the rejected token zeroed."""
    return _verify(p, q, ids, generator, correction=lambda p, q, x: p.index_fill(0, torch.tensor([x]), 0.0))


def one_uniform_a_round(p, q, ids, *, generator):
    """Trap 4: one uniform decides all positions."""
    return _verify(p, q, ids, generator, shared_uniform=True)


def bonus_from_the_previous_position(p, q, ids, *, generator):
    """Trap 7."""
    return _verify(p, q, ids, generator, bonus=lambda target_probs, draft_probs: target_probs[-2:][0])


def bonus_from_the_draft(p, q, ids, *, generator):
    """Trap 7: from q."""
    return _verify(p, q, ids, generator, bonus=_last_of_the_draft)


def smoothed_ratio(p, q, ids, *, generator):
    """Trap 10: p / (q + eps), with the eps of a careless float16 port."""
    return _verify(p, q, ids, generator, ratio=lambda p, q: p / (q + 0.05))


BROKEN = (
    residual_is_p,
    residual_is_absolute,
    residual_is_p_without_x,
    one_uniform_a_round,
    bonus_from_the_previous_position,
    bonus_from_the_draft,
    smoothed_ratio,
)
