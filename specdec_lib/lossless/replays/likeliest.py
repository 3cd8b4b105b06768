"""The likeliest next tokens behind a text: at several temperatures, and behind each warper in turn.

Rows are what the figures of ``specdec_lib.viz.chapters`` take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.models.base import CausalModel, with_text
from specdec_lib.utils.row import Row

OTHERS = "all others"
"""The token text of what is not shown one by one."""
_LABELS = {
    "repetition_penalty": "penalty {:g}",
    "temperature": "T = {:g}",
    "top_k": "top-k {}",
    "top_p": "top-p {:g}",
    "min_p": "min-p {:g}",
}  # in the order in which the library applies them


@dataclass(frozen=True, eq=False)
class TemperatureRow(Row):
    """The probability of a token, told by its text, at a temperature."""

    temperature: float
    token: str
    probability: float


@dataclass(frozen=True, eq=False)
class StageRow(Row):
    """The probability of a token, told by its text (or :data:`OTHERS`), behind a stage of warping."""

    stage: str
    token: str
    probability: float


@torch.inference_mode()
def next_logits(model: CausalModel, ids: Sequence[int]) -> Float[Tensor, " vocab"]:
    """What the model says of the token behind ``ids``."""
    text = torch.tensor([list(ids)], device=model.device)
    return model.forward(text, use_cache=False, logits_to_keep=1)[0][0, -1]


def likeliest_by_temperature(
    model: CausalModel, ids: Sequence[int], temperatures: Sequence[float], num_tokens: int = 8
) -> list[TemperatureRow]:
    """The same tokens at each temperature, the likeliest first."""
    logits = next_logits(model, ids)
    chosen = logits.topk(num_tokens).indices.tolist()
    laws = {t: probs_from_logits(logits, SamplingParams(t)) for t in temperatures}
    return [
        TemperatureRow(t, with_text(model, "likeliest").decode([i]), float(law[i]))
        for t, law in laws.items()
        for i in chosen
    ]


def likeliest_by_stage(
    model: CausalModel, ids: Sequence[int], params: SamplingParams, num_tokens: int = 9
) -> list[StageRow]:
    """What each warper of ``params`` leaves of the law.

    The first stage is the model's own law; each further one applies one warper more, in the library's order.
    """
    logits = next_logits(model, ids)
    chosen = logits.topk(num_tokens).indices.tolist()
    rows: list[StageRow] = []
    for stage, applied in _stages(params):
        law = probs_from_logits(logits, applied, ids)
        shares = {with_text(model, "likeliest").decode([i]): float(law[i]) for i in chosen}
        shares[OTHERS] = 1 - sum(shares.values())
        rows += [StageRow(stage, token, share) for token, share in shares.items()]
    return rows


def _stages(params: SamplingParams) -> list[tuple[str, SamplingParams]]:
    """The warpers of ``params`` that do something, added one at a time, under their names."""
    applied = SamplingParams()
    stages = [("the model", applied)]
    for name, label in _LABELS.items():
        value = getattr(params, name)
        if value != getattr(SamplingParams(), name):
            applied = replace(applied, **{name: value})
            stages.append((label.format(value), applied))
    return stages
