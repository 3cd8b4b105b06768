"""What the optimiser minimises: next-token cross-entropy, and distillation from a target.

Distillation uses the cross-entropy of the draft under the target's whole distribution (forward
KL up to a constant: Hinton et al. 2015), plus a weighted total-variation term, because
1 - TV(p, q) is the acceptance rate itself (Zhou et al. 2023, DistillSpec).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def next_token_loss(
    logits: Float[Tensor, "batch length vocab"], next_ids: Int[Tensor, "batch length"]
) -> Tensor:
    """Mean cross-entropy in nats a token."""
    return F.cross_entropy(logits.float().flatten(0, 1), next_ids.flatten())


def distillation_loss(
    draft_logits: Float[Tensor, "batch length vocab"],
    target_logits: Float[Tensor, "batch length vocab"],
    tv_weight: float,
) -> tuple[Tensor, Tensor]:
    """(loss, mean acceptance rate Σ min(p, q) at temperature 1), both means over tokens.

    loss = cross-entropy of q under p, in nats, + ``tv_weight`` · TV(p, q).
    """
    target_probs = target_logits.float().softmax(-1)
    draft_log_probs = draft_logits.float().log_softmax(-1)
    cross_entropy = -(target_probs * draft_log_probs).sum(-1).mean()
    acceptance = torch.minimum(target_probs, draft_log_probs.exp()).sum(-1).mean()
    return cross_entropy + tv_weight * (1.0 - acceptance), acceptance.detach()
