"""Verifiers with one mistake each, most of them found in somebody's published code.

They share one scalar skeleton, which with nothing broken is the control :func:`correct`. Arguments and
result are those of :func:`specdec_lib.decoding.rejection.verify_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from specdec_lib.decoding.rejection import Plan, Verdict, plan_block, prefix_acceptance
from specdec_lib.decoding.sampling import draw


def _leftover(p: Tensor, q: Tensor, token: int) -> Tensor:
    return (p - q).clamp_min(0)


def _target_row(target_probs: Tensor, draft_probs: Tensor) -> Tensor:
    return target_probs[-1]


def _verify(
    target_probs: Tensor,
    draft_probs: Tensor,
    draft_ids: Tensor,
    generator: torch.Generator | None,
    *,
    correction: Callable[[Tensor, Tensor, int], Tensor] = _leftover,
    ratio: Callable[[Any, Any], Any] = lambda p, q: p / q,
    bonus: Callable[[Tensor, Tensor], Tensor] = _target_row,
    shared_uniform: bool = False,
    reused_uniform: bool = False,
) -> Verdict:
    ids = draft_ids.tolist()
    uniforms = torch.rand(1 if shared_uniform else len(ids), generator=generator).tolist()
    uniforms = uniforms * len(ids) if shared_uniform else uniforms
    picked = zip(target_probs[:-1], draft_probs, ids, uniforms, strict=True)
    passed = [u < ratio(float(p[x]), float(q[x])) for p, q, x, u in picked]
    n = passed.index(False) if False in passed else len(ids)
    if n == len(ids):
        return Verdict(n, int(draw(bonus(target_probs, draft_probs), generator)), "bonus", ids)
    law = correction(target_probs[n], draft_probs[n], ids[n])
    law = law if float(law.sum()) > 0 else target_probs[n]
    following = _inverted(law, uniforms[n]) if reused_uniform else int(draw(law, generator))
    return Verdict(n, following, "corrected", ids)


def _inverted(law: Tensor, uniform: float) -> int:
    cumulative = (law / law.sum()).cumsum(0)
    return min(int(torch.searchsorted(cumulative, torch.tensor([uniform]), right=True)), len(law) - 1)


def correct(p, q, ids, *, generator=None):
    """Nothing is broken: the control of all the others."""
    return _verify(p, q, ids, generator)


def residual_is_p(p, q, ids, *, generator=None):
    """The correction is drawn from p."""
    return _verify(p, q, ids, generator, correction=lambda p, q, x: p)


def residual_is_absolute(p, q, ids, *, generator=None):
    """The correction is drawn from |p − q|."""
    return _verify(p, q, ids, generator, correction=lambda p, q, x: (p - q).abs())


def residual_is_p_without_x(p, q, ids, *, generator=None):
    """The correction is drawn from p with the rejected token struck out."""
    return _verify(p, q, ids, generator, correction=lambda p, q, x: p.index_fill(0, torch.tensor([x]), 0.0))


def residual_is_not_clamped(p, q, ids, *, generator=None):
    """max(p − q, 0) has lost its max: the negative part is subtracted again from what follows."""
    return _verify(
        p,
        q,
        ids,
        generator,
        correction=lambda p, q, x: (p - q).cumsum(0).clamp_min(0).diff(prepend=p[:1] * 0),
    )


def one_uniform_a_round(p, q, ids, *, generator=None):
    """One uniform decides all positions of a round."""
    return _verify(p, q, ids, generator, shared_uniform=True)


def correction_reuses_the_uniform(p, q, ids, *, generator=None):
    """The uniform that rejected the token also draws its replacement."""
    return _verify(p, q, ids, generator, reused_uniform=True)


def bonus_from_the_previous_position(p, q, ids, *, generator=None):
    """The bonus is drawn from the target's last row but one."""
    return _verify(p, q, ids, generator, bonus=lambda target_probs, draft_probs: target_probs[-2:][0])


def bonus_from_the_draft(p, q, ids, *, generator=None):
    """The bonus is drawn from q."""
    return _verify(p, q, ids, generator, bonus=lambda target, draft: draft[-1] if len(draft) else target[-1])


def smoothed_ratio(p, q, ids, *, generator=None):
    """p / (q + ε), against a division by zero that cannot happen; the ε of a careless half-precision port."""
    return _verify(p, q, ids, generator, ratio=lambda p, q: p / (q + 0.1))


def clamped_ratio(p, q, ids, *, generator=None):
    """The acceptance probability is kept above a floor, "for stability"."""
    return _verify(p, q, ids, generator, ratio=lambda p, q: max(p / q, 0.25))


def accepts_typical_tokens(p, q, ids, *, generator=None):
    """A draft token stays where p alone finds it probable enough, whatever q was (typical acceptance)."""
    return _verify(p, q, ids, generator, ratio=lambda p, q: float(p > 0.2))


def accepts_everything(p, q, ids, *, generator=None):
    """The draft is not verified at all."""
    return _verify(p, q, ids, generator, ratio=lambda p, q: 1.0)


def ratio_is_upside_down(p, q, ids, *, generator=None):
    """min(1, q / p): the letters of the two papers, mixed."""
    return _verify(p, q, ids, generator, ratio=lambda p, q: q / p if p else 1.0)


def rows_are_off_by_one(p, q, ids, *, generator=None):
    """Each draft token is judged by the target's row of the position behind it."""
    return _verify(torch.cat([p[1:], p[-1:]]), q, ids, generator)


def residuals_of_all_rows(p, q, ids, *, generator=None):
    """Residuals are normalised for every row at once: where p = q that is 0/0, and the draw fails."""
    if len(ids):
        uncovered = (p[:-1] - q).clamp_min(0)
        torch.multinomial(uncovered / uncovered.sum(-1, keepdim=True), 1, generator=generator)
    return _verify(p, q, ids, generator)


def _verify_block(p, q, ids, generator, *, early_break=False, clamped=True) -> Verdict:
    """Sun et al. 2024, Algorithm 2, in scalar code."""
    k, drafted = len(ids), ids.tolist()
    prefix = prefix_acceptance(p, q, ids).tolist() if clamped else _running_products(p, q, drafted)
    thresholds = []
    for n in range(1, k):
        mass = float((prefix[n] * p[n] - q[n]).clamp_min(0).sum())
        rest = mass + 1 - prefix[n]
        thresholds.append(mass / rest if rest > 0 else 1.0)
    uniforms = torch.rand(k, generator=generator).tolist()
    passed = [u < h for u, h in zip(uniforms, [*thresholds, *prefix[1:][-1:]], strict=True)]
    if early_break:
        n = passed.index(False) if False in passed else k
    else:
        n = max((i + 1 for i, success in enumerate(passed) if success), default=0)
    if n == k:
        return Verdict(n, int(draw(p[-1], generator)), "bonus", drafted)
    law = (prefix[n] * p[n] - q[n]).clamp_min(0)
    law = law if float(law.sum()) > 0 else p[n]
    return Verdict(n, int(draw(law, generator)), "corrected", drafted)


def _running_products(p, q, drafted) -> list[float]:
    products = [1.0]
    for n, x in enumerate(drafted):
        products.append(products[-1] * float(p[n][x] / q[n][x]))
    return products


def block(p, q, ids, *, generator=None):
    """Block verification with nothing broken: a control."""
    return _verify_block(p, q, ids, generator)


def block_breaks_early(p, q, ids, *, generator=None):
    """Block verification that stops at the first test that fails, as token verification does."""
    return _verify_block(p, q, ids, generator, early_break=True)


def block_without_clamp(p, q, ids, *, generator=None):
    """Block verification whose running product may exceed one."""
    return _verify_block(p, q, ids, generator, clamped=False)


def plan_block_with_token_residual(p, q, ids) -> Plan:
    """Block verification that corrects from max(p − q, 0) in the place of max(p_τ · p − q, 0)."""
    plan = plan_block(p, q, ids)
    return replace(plan, scales=torch.ones_like(plan.scales))


def plan_block_with_prefix_thresholds(p, q, ids) -> Plan:
    """Block verification that tests each position against p_i itself."""
    plan = plan_block(p, q, ids)
    return replace(plan, thresholds=plan.scales[1:])
