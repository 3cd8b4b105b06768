"""Verifiers with one mistake each, most of them found in somebody's published code.

Token verification is taken apart here, and a mistake is a part replaced: with none replaced it is the control
``correct``. The parts take tensors and plain numbers alike, so that
:mod:`specdec_lib.lossless.mutants.judges` sums over what is sampled here. Arguments and result are those of
:func:`specdec_lib.decoding.rejection.verify_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from specdec_lib.decoding.rejection import Plan, Verdict, plan_block, verify_by
from specdec_lib.decoding.sampling import draw, invert


@dataclass(frozen=True)
class TokenVerifier:
    """Token verification in scalar code, and its ``mistake``."""

    mistake: str
    share: Callable[[Any, Any, Any], Any] = lambda p, q, rejected: (p - q + abs(p - q)) / 2
    """What a token gets of the correction, from its p, its q, and whether it is the one that was rejected."""
    ratio: Callable[[Any, Any], Any] = lambda p, q: p / q
    """Of p(x) and q(x): a token stays with that probability."""
    bonus: Callable[[Any, Any], Any] = lambda target, draft: target[-1]
    """The law behind a whole draft, from all laws of the target and of the draft."""
    row: Callable[[int, int], int] = lambda n, k: n
    """Which of the target's rows n = 0 … K stands for the n-th."""
    shared_uniform: bool = False
    """One uniform decides all positions of a round."""
    reused_uniform: bool = False
    """The uniform that rejected a token draws its replacement."""
    all_residuals: bool = False
    """Something is drawn from the residual of every row, whether it is needed or not."""

    def __call__(self, p: Tensor, q: Tensor, draft_ids: Tensor, *, generator=None) -> Verdict:
        ids, k = draft_ids.tolist(), len(draft_ids)
        p = p[[self.row(n, k) for n in range(k + 1)]]
        if self.all_residuals and k:
            uncovered = (p[:-1] - q).clamp_min(0)
            torch.multinomial(uncovered / uncovered.sum(-1, keepdim=True), 1, generator=generator)
        uniforms = torch.rand(1 if self.shared_uniform else k, generator=generator).expand(k).tolist()
        picked = zip(p[:-1], q, ids, uniforms, strict=True)
        passed = [u < self.ratio(float(own[x]), float(other[x])) for own, other, x, u in picked]
        n = passed.index(False) if False in passed else k
        if n == k:
            return Verdict(n, int(draw(self.bonus(p, q), generator)), "bonus", ids)
        law = self.share(p[n], q[n], one_hot(draft_ids[n], p.shape[-1]))
        law = law if float(law.sum()) > 0 else p[n]
        following = invert(law, torch.tensor(uniforms[n])) if self.reused_uniform else draw(law, generator)
        return Verdict(n, int(following), "corrected", ids)


correct = TokenVerifier("Nothing is broken: the control of all the others.")
residual_is_p = TokenVerifier("The correction is drawn from p.", share=lambda p, q, rejected: p)
residual_is_absolute = TokenVerifier(
    "The correction is drawn from |p − q|.", share=lambda p, q, rejected: abs(p - q)
)
residual_is_p_without_x = TokenVerifier(
    "The correction is drawn from p with the rejected token struck out.",
    share=lambda p, q, rejected: p * (1 - rejected),
)
residual_is_not_clamped = TokenVerifier(
    "max(p − q, 0) has lost its max: the negative part is subtracted again from what follows.",
    share=lambda p, q, rejected: (p - q).cumsum(0).clamp_min(0).diff(prepend=p[:1] * 0),
)
one_uniform_a_round = TokenVerifier("One uniform decides all positions of a round.", shared_uniform=True)
correction_reuses_the_uniform = TokenVerifier(
    "The uniform that rejected the token also draws its replacement.", reused_uniform=True
)
bonus_from_the_previous_position = TokenVerifier(
    "The bonus is drawn from the target's last row but one.", bonus=lambda target, draft: target[-2:][0]
)
bonus_from_the_draft = TokenVerifier(
    "The bonus is drawn from q.", bonus=lambda target, draft: draft[-1] if len(draft) else target[-1]
)
correction_from_the_draft = TokenVerifier(
    "The correction is drawn from q, so that what only the residual can give hardly comes.",
    share=lambda p, q, rejected: q,
)
smoothed_ratio = TokenVerifier(
    "p / (q + ε), against a division by zero that cannot happen; the ε of a careless half-precision port.",
    ratio=lambda p, q: p / (q + 0.1),
)
clamped_ratio = TokenVerifier(
    'The acceptance probability is kept above a floor, "for stability".', ratio=lambda p, q: max(p / q, 0.25)
)
accepts_typical_tokens = TokenVerifier(
    "A draft token stays where p alone finds it probable enough, whatever q was (typical acceptance).",
    ratio=lambda p, q: int(p > 0.2),
)
equal_to_the_targets_draw = TokenVerifier(
    "A draft token stays only where a draw from p is the same: exact, and Σ p·q in the place of Σ min(p, q).",
    ratio=lambda p, q: p,
    share=lambda p, q, rejected: p * (1 - rejected),
)
draws_again_where_unequal = TokenVerifier(
    "A draft token stays where a draw from p is the same; where it is not, another draw from p follows.",
    ratio=lambda p, q: p,
    share=lambda p, q, rejected: p,
)
accepts_everything = TokenVerifier("The draft is not verified at all.", ratio=lambda p, q: 1)
ratio_is_upside_down = TokenVerifier(
    "min(1, q / p): the letters of the two papers, mixed.", ratio=lambda p, q: q / p if p else 1
)
rows_are_off_by_one = TokenVerifier(
    "Each draft token is judged by the target's row of the position behind it.",
    row=lambda n, k: min(n + 1, k),
)
residuals_of_all_rows = TokenVerifier(
    "Residuals are normalised for every row at once: where p = q that is 0/0, and the draw fails.",
    all_residuals=True,
)


@dataclass(frozen=True)
class BlockVerifier:
    """Block verification (Sun et al. 2024, Algorithm 2) in scalar code, and its ``mistake``."""

    mistake: str
    early_break: bool = False
    """The first test that fails ends the draft, not the last that succeeds."""
    clamped: bool = True
    """The running product of the ratios is kept at 1 or below."""

    def plan(self, p: Tensor, q: Tensor, draft_ids: Tensor) -> Plan:
        """Thresholds and scales, position by position."""
        prefix, thresholds = [1.0], []
        for n, x in enumerate(draft_ids.tolist()):
            if n:
                mass = float((prefix[n] * p[n] - q[n]).clamp_min(0).sum())
                rest = mass + 1 - prefix[n]
                thresholds.append(mass / rest if rest > 0 else 1.0)
            product = prefix[n] * float(p[n][x] / q[n][x])
            prefix.append(min(1.0, product) if self.clamped else product)
        passing = torch.tensor([*thresholds, *prefix[1:][-1:]], dtype=torch.float64).clamp_max(1)
        cut = "first failure" if self.early_break else "last success"
        return Plan(passing, torch.tensor(prefix, dtype=p.dtype), cut)

    def __call__(self, p: Tensor, q: Tensor, draft_ids: Tensor, *, generator=None) -> Verdict:
        return verify_by(self.plan, p, q, draft_ids, generator=generator)


block = BlockVerifier("Block verification with nothing broken: a control.")
block_breaks_early = BlockVerifier(
    "Block verification that stops at the first test that fails, as token verification does.",
    early_break=True,
)
block_without_clamp = BlockVerifier("Block verification whose running product may exceed one.", clamped=False)


def plan_block_with_token_residual(p, q, ids) -> Plan:
    """Block verification that corrects from max(p − q, 0) in the place of max(p_τ · p − q, 0)."""
    plan = plan_block(p, q, ids)
    return replace(plan, scales=torch.ones_like(plan.scales))


def plan_block_with_prefix_thresholds(p, q, ids) -> Plan:
    """Block verification that tests each position against p_i itself."""
    plan = plan_block(p, q, ids)
    return replace(plan, thresholds=plan.scales[1:])
