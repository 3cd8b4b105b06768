"""Verification: which draft tokens stay, and which token follows them::

    accepted    a draft token x that the target keeps, with probability min(1, p(x) / q(x))
    corrected   the token drawn from the residual where the first draft token was rejected
    bonus       the token drawn from the target after all K draft tokens were accepted

A verifier is a :class:`Plan`, which holds every probability of the verdict and no chance, carried out
with K uniforms and one draw; :mod:`specdec_lib.lossless` sums over the same plans what the loop samples
from them. It knows distributions and ids alone: nothing of models, caches, or who proposed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding import sentences
from specdec_lib.decoding.sampling import draw
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.fast.native.forward import native_verdict
from specdec_lib.utils.numbers import plain_numbers


@dataclass(frozen=True)
class Verdict:
    """The outcome of a round: ``num_accepted`` draft tokens stay and ``next_id`` follows them."""

    num_accepted: int
    next_id: int
    kind: Literal["corrected", "bonus"]
    draft_ids: list[int] = field(default_factory=list, repr=False)
    uniforms: Tensor | None = field(default=None, repr=False, compare=False)

    @property
    def token_ids(self) -> list[int]:
        """What the round emits: the accepted draft tokens and the one that follows."""
        return [*self.draft_ids[: self.num_accepted], self.next_id]


Verifier = Callable[..., Verdict]


@dataclass(frozen=True)
class Plan:
    """How a draft will be judged: everything but the chance.

    Position i (from 1) passes when its own uniform is below ``thresholds[i - 1]``. With ``cut`` "first
    failure" the draft stays up to the position before the first that does not pass, with "last success" up
    to the last that does. After n < K tokens the next comes from norm(max(scales[n] · p_n − q_n, 0)).
    """

    thresholds: Float[Tensor, " k"]
    scales: Float[Tensor, " k_plus_1"]
    cut: Literal["first failure", "last success"]


PlanMaker = Callable[..., Plan]
"""From target_probs [K + 1, V], draft_probs [K, V] and draft_ids [K] to the plan."""


def residual(
    target_probs: Float[Tensor, " vocab"], draft_probs: Float[Tensor, " vocab"]
) -> Float[Tensor, " vocab"]:
    """norm(max(p − q, 0)), the law of a correction (Leviathan et al. 2023, §2.3); p where that sum is 0.

    The sum is 0 only when p = q (then nothing is ever rejected) or by rounding. NaN stays NaN, and is refused
    where a token is drawn.
    """
    positive = (target_probs - draft_probs).clamp_min(0)
    total = positive.sum()
    return torch.where(total == 0, target_probs, positive / torch.where(total == 0, 1, total))


def plan_tokens(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
) -> Plan:
    """Thresholds min(1, p(x_i) / q(x_i)), cut at the first failure (Leviathan et al. 2023, Algorithm 1)."""
    _check_shapes(target_probs, draft_probs, draft_ids)
    thresholds = _ratios(target_probs, draft_probs, draft_ids).clamp_max(1)
    return Plan(thresholds, thresholds.new_ones(len(draft_ids) + 1), "first failure")


def plan_block(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
) -> Plan:
    """Thresholds h_i of Sun et al. 2024, Algorithm 2, cut at the last success, scaled by p_i.

    h_i = Z_i / (Z_i + 1 − p_i) with Z_i = Σ_x max(p_i · p(x | x_≤i) − q(x | x_≤i), 0) for i < K, 0/0 read
    as 1, and h_K = p_K; see :func:`prefix_acceptance` for p_i.
    """
    _check_shapes(target_probs, draft_probs, draft_ids)
    prefix = prefix_acceptance(target_probs, draft_probs, draft_ids)
    inside = prefix[1:-1]
    mass = (inside[:, None] * target_probs[1:-1] - draft_probs[1:]).clamp_min(0).sum(-1)
    rest = mass + 1 - inside
    inner = torch.where(rest > 0, mass / torch.where(rest > 0, rest, 1), 1)
    return Plan(torch.cat([inner, prefix[1:][-1:]]), prefix, "last success")


def prefix_acceptance(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
) -> Float[Tensor, " k_plus_1"]:
    """p_0 = 1, p_i = min(1, p_{i−1} · p(x_i) / q(x_i)): P(at least i draft tokens stay) (Sun et al. 2024)."""
    running = target_probs.new_ones(())
    steps = [running]
    for ratio in _ratios(target_probs, draft_probs, draft_ids):
        running = (running * ratio).clamp_max(1)
        steps.append(running)
    return torch.stack(steps)


def verify_by(
    make_plan: PlanMaker,
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    *,
    generator: torch.Generator | None = None,
) -> Verdict:
    """Carry a plan out: throw the uniforms, cut the draft, draw what follows; of no draft, draw from p."""
    if not len(draft_ids):
        _check_shapes(target_probs, draft_probs, draft_ids)
        return Verdict(0, int(draw(target_probs[0], generator)), "bonus")
    plan = make_plan(target_probs, draft_probs, draft_ids)
    dtype, device = target_probs.dtype, target_probs.device
    uniforms = torch.rand(len(draft_ids), dtype=dtype, device=device, generator=generator)
    passed = uniforms < plan.thresholds
    num_accepted = (_before_first_failure if plan.cut == "first failure" else _last_success)(passed)
    next_id = draw(next_law(plan, target_probs, draft_probs, num_accepted), generator)
    return _verdict(num_accepted, next_id, draft_ids, uniforms)


def verify_tokens(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    *,
    generator: torch.Generator | None = None,
) -> Verdict:
    """Token-by-token rejection sampling (Leviathan et al. 2023, Algorithm 1; Chen et al. 2023, Algorithm 2).

    Draft token x_i stays with probability min(1, p_i(x_i) / q_i(x_i)), each with a uniform of its
    own; the first that does not is replaced by a draw from the residual of its position.

    Args:
        target_probs: p after each of the K + 1 prefixes, warped; float32 or float64.
        draft_probs: q of the K positions, warped in the same way; row i is what ``draft_ids[i]``
            was drawn from (one-hot for a deterministic drafter).
        generator: source of the K uniforms and of the draw; on the tensors' device.

    Raises:
        InvalidArgument: shapes that do not fit each other.
    """
    return verify_by(plan_tokens, target_probs, draft_probs, draft_ids, generator=generator)


def verify_block(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    *,
    generator: torch.Generator | None = None,
) -> Verdict:
    """Block verification (Sun et al. 2024, Algorithm 2): the same law, never fewer tokens in expectation.

    The acceptance of position i depends on the whole prefix; the **last** position whose own test
    succeeds is where the block is cut, whatever failed before it. Arguments and errors as
    :func:`verify_tokens`.
    """
    return verify_by(plan_block, target_probs, draft_probs, draft_ids, generator=generator)


def verify_greedy(target_ids: Integer[Tensor, " k_plus_1"], draft_ids: Integer[Tensor, " k"]) -> Verdict:
    """Verification at temperature 0: draft tokens stay as far as they are the target's own argmax.

    It is :func:`verify_tokens` for one-hot p and q, without making the one-hot rows.
    """
    k = len(draft_ids)
    host: list[int] = plain_numbers(torch.cat([target_ids, draft_ids]))  # the one host synchronisation
    wanted, drafted = host[: k + 1], host[k + 1 :]
    kept = next((place for place in range(k) if wanted[place] != drafted[place]), k)
    return Verdict(kept, wanted[kept], "bonus" if kept == k else "corrected", drafted)


def verify_natively(
    logits: Float[Tensor, "k_plus_1 vocab"],
    temperature: float,
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    generator: torch.Generator | None = None,
) -> Verdict:
    """:func:`verify_tokens` of a CPU's logits at a temperature above 0, by the same numbers, in one call."""
    _check_shapes(logits, draft_probs, draft_ids)
    uniforms = torch.rand(len(draft_ids), generator=generator)
    chance = float(torch.rand((), dtype=torch.float64, generator=generator))
    kept, next_id = native_verdict(logits, temperature, draft_ids, draft_probs, uniforms, chance)
    drafted = plain_numbers(draft_ids)
    return Verdict(kept, next_id, "bonus" if kept == len(drafted) else "corrected", drafted, uniforms)


VERIFIERS: dict[str, Verifier] = {"token": verify_tokens, "block": verify_block}
PLANS: dict[str, PlanMaker] = {"token": plan_tokens, "block": plan_block}


def next_law(
    plan: Plan,
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    num_accepted: Integer[Tensor, ""],
) -> Float[Tensor, " vocab"]:
    """Law of the token after those that stay: the scaled residual, or p after a whole draft."""
    row = num_accepted.reshape(1)
    whole = num_accepted == draft_probs.shape[0]
    scale = torch.where(whole, plan.scales.new_ones(()), plan.scales.index_select(0, row)[0])
    padded = torch.cat([draft_probs, torch.zeros_like(target_probs[:1])])  # q = 0 behind the draft
    return residual(target_probs.index_select(0, row)[0] * scale, padded.index_select(0, row)[0])


def _before_first_failure(passed: Tensor) -> Tensor:
    return passed.long().cumprod(0).sum()


def _last_success(passed: Tensor) -> Tensor:
    """Position (from 1) of the last success, 0 where there is none."""
    positions = torch.arange(passed.shape[0] + 1, device=passed.device)
    return (positions * torch.cat([passed.new_ones(1), passed])).amax()


def _ratios(target_probs: Tensor, draft_probs: Tensor, draft_ids: Tensor) -> Tensor:
    """p(x_i) / q(x_i); a token that q gives no chance was not drawn from q, and is refused: 0."""
    picked = draft_ids[:, None]
    target_picked = target_probs[:-1].gather(1, picked)[:, 0]
    draft_picked = draft_probs.gather(1, picked)[:, 0]
    possible = draft_picked > 0
    return torch.where(possible, target_picked / torch.where(possible, draft_picked, 1), 0)


def _check_shapes(target_probs: Tensor, draft_probs: Tensor, draft_ids: Tensor) -> None:
    k, vocab = draft_ids.shape[0], target_probs.shape[-1]
    if target_probs.shape != (k + 1, vocab) or draft_probs.shape != (k, vocab):
        found = list(target_probs.shape), list(draft_probs.shape)
        raise InvalidArgument(sentences.ODD_TABLES.format(k, k + 1, k, found[0], found[1]))


def _verdict(num_accepted: Tensor, next_id: Tensor, draft_ids: Tensor, uniforms: Tensor | None) -> Verdict:
    """The verdict, by the round's one host synchronisation."""
    host: list[int] = plain_numbers(torch.cat([torch.stack([num_accepted, next_id]), draft_ids]))
    kind = "bonus" if host[0] == draft_ids.shape[0] else "corrected"
    return Verdict(host[0], host[1], kind, host[2:], uniforms)
