"""One optimiser run of a stage, and what it minimises: AdamW, warm-up–flat–decay, bf16 autocast, checkpoints.

What is learned comes as a function from a batch to (loss, other figures): next-token cross-entropy, or
distillation from a target. That is the cross-entropy of the draft under the target's whole distribution
(forward KL up to a constant: Hinton et al. 2015), plus a weighted total-variation term, because
1 - TV(p, q) is the acceptance rate itself (Zhou et al. 2023, DistillSpec). A run that was interrupted
continues from its last checkpoint and sees the batches it would have seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from specdec_lib.training.stage import Stage
from specdec_lib.utils.files import whole_file

LossFunction = Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]]
_AVERAGE_OVER = 100


@dataclass(frozen=True)
class StepReport:
    """What a progress display needs to know after a step."""

    stage: str
    step: int
    num_steps: int
    loss: float
    """Mean of the last 100 steps' losses, in nats a token."""
    learning_rate: float
    tokens_per_second: float
    figures: dict[str, float]


@dataclass
class StageState:
    """Where a stage stands; what its checkpoint holds beside weights and optimiser."""

    step: int = 0
    seconds: float = 0.0
    recent: list[dict[str, float]] = field(default_factory=list)

    def average(self) -> dict[str, float]:
        """Mean of each figure over the last 100 steps."""
        names = self.recent[0] if self.recent else ()
        return {name: float(np.mean([row[name] for row in self.recent])) for name in names}


def optimise(
    stage: Stage,
    model: torch.nn.Module,
    loss_function: LossFunction,
    batch_at: Callable[[int], np.ndarray],
    checkpoint: Path,
    *,
    report: Callable[[StepReport], None],
    checkpoint_every: int = 100,
) -> StageState:
    """Train ``model`` in place through ``stage``; returns its final state (averages, seconds).

    ``loss_function(ids)`` -> (loss, figures); ``batch_at(step)`` -> ``int64[batch, length + 1]``.
    """
    device = next(model.parameters()).device
    optimiser = _adamw(model, stage)
    state = _resume(checkpoint, model, optimiser) or StageState()
    model.train()
    while state.step < stage.num_steps:
        started = time.perf_counter()
        ids = torch.from_numpy(batch_at(state.step)).to(device)
        rate = stage.learning_rate(state.step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        figures = _step(model, optimiser, loss_function, ids)
        seconds = time.perf_counter() - started
        state.step += 1
        state.seconds += seconds
        state.recent = [*state.recent, figures][-_AVERAGE_OVER:]
        averages, speed = state.average(), stage.batch * stage.length / seconds
        loss = averages.pop("loss")
        report(StepReport(stage.name, state.step, stage.num_steps, loss, rate, speed, averages))
        if state.step % checkpoint_every == 0 or state.step == stage.num_steps:
            _save(checkpoint, model, optimiser, state)
    model.eval()
    return state


def _step(model, optimiser, loss_function: LossFunction, ids: Tensor) -> dict[str, float]:
    with torch.autocast(ids.device.type, torch.bfloat16):
        loss, figures = loss_function(ids)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return {"loss": loss.item(), **{key: value.item() for key, value in figures.items()}}


def _adamw(model: torch.nn.Module, stage: Stage) -> torch.optim.AdamW:
    decayed = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    plain = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": decayed, "weight_decay": stage.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=stage.peak_lr, betas=(0.9, 0.95), fused=True)


def _save(path: Path, model, optimiser, state: StageState) -> None:
    kept = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "state": vars(state)}
    with whole_file(path) as file:
        torch.save(kept, file)


def _resume(path: Path, model, optimiser) -> StageState | None:
    if not path.is_file():
        return None
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    return StageState(**saved["state"])


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
