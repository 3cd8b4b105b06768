"""Verification: which draft tokens stay, and which token follows them.

    accepted    a draft token x that the target keeps, with probability min(1, p(x) / q(x))
    corrected   the token drawn from the residual where the first draft token was rejected
    bonus       the token drawn from the target after all K draft tokens were accepted

A verifier takes the target's K + 1 distributions and the draft's K, and returns a
:class:`Verdict`; the tokens it emits have exactly the target's law. It knows distributions
and ids alone: nothing of models, caches, temperatures, or who proposed the draft.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.decoding.sampling import draw
from specdec_lib.errors import InvalidArgument


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


def residual(
    target_probs: Float[Tensor, " vocab"], draft_probs: Float[Tensor, " vocab"]
) -> Float[Tensor, " vocab"]:
    """norm(max(p − q, 0)), the law of a correction (Leviathan et al. 2023, §2.3); p where that sum is 0.

    The sum is 0 only when p = q (then nothing is ever rejected) or by rounding.
    """
    positive = (target_probs - draft_probs).clamp_min(0)
    total = positive.sum()
    return torch.where(total > 0, positive / torch.where(total > 0, total, 1), target_probs)


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
        target_probs: p after each of the K + 1 prefixes, warped.
        draft_probs: q of the K positions, warped in the same way; row i is what ``draft_ids[i]``
            was drawn from (one-hot for a deterministic drafter).
        generator: source of the K uniforms and of the draw; on the tensors' device.

    Raises:
        InvalidArgument: shapes that do not fit each other.
    """
    k = _check_shapes(target_probs, draft_probs, draft_ids)
    uniforms = torch.rand(k, dtype=target_probs.dtype, device=target_probs.device, generator=generator)
    target_picked = target_probs[:-1].gather(1, draft_ids[:, None])[:, 0]
    draft_picked = draft_probs.gather(1, draft_ids[:, None])[:, 0]
    accepted = uniforms * draft_picked < target_picked  # u < p / q without dividing by zero
    num_accepted = accepted.long().cumprod(0).sum()
    next_id = draw(_next_law(target_probs, draft_probs, num_accepted), generator)
    return _verdict(num_accepted, next_id, draft_ids, uniforms)


def verify_block(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
    *,
    generator: torch.Generator | None = None,
) -> Verdict:
    """Block verification (Sun et al. 2024, Algorithm 2): the same law, never fewer tokens in expectation.

    The acceptance of position i depends on the whole prefix through p_i = min(1, p_{i−1} · p(x_i) / q(x_i));
    the **last** position whose own test succeeds is where the block is cut, whatever failed before it.
    Arguments and errors as :func:`verify_tokens`.
    """
    k = _check_shapes(target_probs, draft_probs, draft_ids)
    uniforms = torch.rand(k, dtype=target_probs.dtype, device=target_probs.device, generator=generator)
    prefix = prefix_acceptance(target_probs, draft_probs, draft_ids)
    mass = (prefix[1:k, None] * target_probs[1:k] - draft_probs[1:]).clamp_min(0).sum(-1)
    rest = mass + 1 - prefix[1:k]
    inner = torch.where(rest > 0, mass / torch.where(rest > 0, rest, 1), 1)
    thresholds = torch.cat([inner, prefix[k:]]) if k else prefix[:0]
    passed = uniforms < thresholds
    num_accepted = (
        (passed * torch.arange(1, k + 1, device=passed.device)).amax() if k else prefix.new_zeros(()).long()
    )
    scale = torch.where(num_accepted == k, prefix.new_ones(()), prefix[num_accepted])
    next_id = draw(_next_law(target_probs, draft_probs, num_accepted, scale), generator)
    return _verdict(num_accepted, next_id, draft_ids, uniforms)


def prefix_acceptance(
    target_probs: Float[Tensor, "k_plus_1 vocab"],
    draft_probs: Float[Tensor, "k vocab"],
    draft_ids: Integer[Tensor, " k"],
) -> Float[Tensor, " k_plus_1"]:
    """p_0 = 1, p_i = min(1, p_{i−1} · p(x_i) / q(x_i)): P(at least i draft tokens stay) (Sun et al. 2024)."""
    picked = draft_ids[:, None]
    ratios = target_probs[:-1].gather(1, picked)[:, 0] / draft_probs.gather(1, picked)[:, 0]
    running = target_probs.new_ones(())
    steps = [running]
    for ratio in ratios:
        running = (running * ratio).clamp_max(1)
        steps.append(running)
    return torch.stack(steps)


def verify_greedy(target_ids: Integer[Tensor, " k_plus_1"], draft_ids: Integer[Tensor, " k"]) -> Verdict:
    """Verification at temperature 0: draft tokens stay as far as they are the target's own argmax.

    It is :func:`verify_tokens` for one-hot p and q, without making the one-hot rows.
    """
    accepted = target_ids[:-1] == draft_ids
    num_accepted = accepted.long().cumprod(0).sum()
    return _verdict(num_accepted, target_ids[num_accepted], draft_ids, None)


VERIFIERS: dict[str, Verifier] = {"token": verify_tokens, "block": verify_block}


def _check_shapes(target_probs: Tensor, draft_probs: Tensor, draft_ids: Tensor) -> int:
    k, vocab = draft_ids.shape[0], target_probs.shape[-1]
    if target_probs.shape != (k + 1, vocab) or draft_probs.shape != (k, vocab):
        raise InvalidArgument(
            f"verify: {k} draft ids need target_probs [{k + 1}, vocab] and draft_probs [{k}, vocab], got "
            f"{list(target_probs.shape)} and {list(draft_probs.shape)}"
        )
    return k


def _next_law(
    target_probs: Tensor, draft_probs: Tensor, num_accepted: Tensor, scale: Tensor | float = 1.0
) -> Tensor:
    """Law of the token after the accepted ones: the residual, or p after a whole draft (q = 0 there)."""
    padded = torch.cat([draft_probs, torch.zeros_like(target_probs[:1])])
    chosen = target_probs.index_select(0, num_accepted.reshape(1))[0] * scale
    return residual(chosen, padded.index_select(0, num_accepted.reshape(1))[0])


def _verdict(num_accepted: Tensor, next_id: Tensor, draft_ids: Tensor, uniforms: Tensor | None) -> Verdict:
    """The round's one host synchronisation."""
    host = torch.cat([torch.stack([num_accepted, next_id]), draft_ids]).tolist()
    kind = "bonus" if host[0] == draft_ids.shape[0] else "corrected"
    return Verdict(host[0], host[1], kind, host[2:], uniforms)
