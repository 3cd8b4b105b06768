"""One optimiser run of a stage: AdamW, warm-up–flat–decay, bf16 autocast, checkpoints, resume.

What is learned comes as a function from a batch to (loss, other figures). A run that was
interrupted continues from its last checkpoint and sees the batches it would have seen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from specdec_lib.training.recipe import Stage

LossFunction = Callable[[torch.Tensor], tuple[torch.Tensor, dict[str, torch.Tensor]]]
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
    recent: list[dict[str, float]] | None = None

    def average(self) -> dict[str, float]:
        """Mean of each figure over the last 100 steps."""
        recent = self.recent or []
        return {key: float(np.mean([row[key] for row in recent])) for key in (recent[0] if recent else {})}


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
    state = _resume(checkpoint, model, optimiser) or StageState(recent=[])
    model.train()
    while state.step < stage.num_steps:
        started = time.perf_counter()
        ids = torch.from_numpy(batch_at(state.step)).to(device)
        for group in optimiser.param_groups:
            group["lr"] = stage.learning_rate(state.step)
        figures = _step(model, optimiser, loss_function, ids)
        seconds = time.perf_counter() - started
        state.step += 1
        state.seconds += seconds
        state.recent = [*(state.recent or []), figures][-_AVERAGE_OVER:]
        averages = state.average()
        report(
            StepReport(
                stage.name,
                state.step,
                stage.num_steps,
                averages.pop("loss"),
                stage.learning_rate(state.step - 1),
                stage.batch * stage.length / seconds,
                averages,
            )
        )
        if state.step % checkpoint_every == 0 or state.step == stage.num_steps:
            _save(checkpoint, model, optimiser, state)
    model.eval()
    return state


def _step(model, optimiser, loss_function: LossFunction, ids: torch.Tensor) -> dict[str, float]:
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
    groups = [
        {"params": decayed, "weight_decay": stage.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=stage.peak_lr, betas=(0.9, 0.95), fused=True)


def _save(path: Path, model, optimiser, state: StageState) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "state": vars(state)}, part)
    os.replace(part, path)


def _resume(path: Path, model, optimiser) -> StageState | None:
    if not path.is_file():
        return None
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    return StageState(**saved["state"])
