"""Acceptance over temperature, at the places that decoding visits: computed from p and q, not counted.

The texts of all temperatures are written as one batch, by the target alone: speculation has the same law, so
it would visit such texts too. At each place β = Σ min(p, q) is known exactly; what is left to chance is which
places there are. This knows nothing of rounds, K, or time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from transformers.cache_utils import DynamicCache

from specdec_lib.decoding.sampling import SamplingParams, probs_from_logits
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.module import cache_name
from specdec_lib.models.architecture.soundness import drafting
from specdec_lib.models.base import CausalModel
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False)
class OverlapRow(Row):
    """α = E[β] at one temperature, and the interval of two standard errors over the texts."""

    temperature: float
    alpha: float
    low: float
    high: float


@torch.inference_mode()
def overlap_by_temperature(
    target: ModelWrapper,
    draft: CausalModel,
    prompts: Sequence[Sequence[int]],
    temperatures: Sequence[float],
    num_tokens: int,
    seed: int = 0,
) -> list[OverlapRow]:
    """α = E[β] along texts that the target writes itself, one row a temperature.

    Args:
        target, draft: of one vocabulary, warped alike by the temperature.
        prompts: token ids, all of one length, so that a batch of them needs no padding.
        num_tokens: tokens to write behind each prompt; ends of text are ignored.

    Raises:
        InvalidArgument: prompts of several lengths, fewer than two of them, no token wanted, or logits of
            different widths.
    """
    lengths = {len(prompt) for prompt in prompts}
    if len(prompts) < 2 or len(lengths) != 1 or num_tokens < 1 or target.vocab_size != draft.vocab_size:
        raise InvalidArgument(
            f"overlap by temperature: {len(prompts)} prompts of lengths {sorted(lengths)}, {num_tokens} "
            f"tokens, {target.vocab_size} and {draft.vocab_size} logits; pass two prompts at least, all of "
            "one length, one token at least, and two models of one vocabulary"
        )
    settings = [SamplingParams(temperature) for temperature in temperatures]
    ids, target_rows = _written(target, torch.tensor(prompts), settings, num_tokens, seed)
    draft_rows = _judged(draft, ids[:, :-1], num_tokens)
    each = (rows.chunk(len(settings)) for rows in (target_rows, draft_rows))
    per_setting = zip(*each, settings, strict=True)
    return [_row(params, p, q.to(p.device)) for p, q, params in per_setting]


def _written(
    target: ModelWrapper, prompts: Integer[Tensor, "n length"], settings: list, num_tokens: int, seed: int
) -> tuple[Integer[Tensor, "texts longer"], Float[Tensor, "texts num_tokens vocab"]]:
    """Texts of all settings, setting by setting, and the target's logits of the written tokens."""
    generator = torch.Generator(target.device).manual_seed(seed)
    ids = prompts.repeat(len(settings), 1).to(target.device)
    kept = {cache_name(target.model): DynamicCache(config=target.config)}
    feed, rows = ids, []
    for _ in range(num_tokens):
        rows.append(target.model(input_ids=feed, use_cache=True, **kept).logits[:, -1])
        laws = zip(rows[-1].chunk(len(settings)), settings, strict=True)
        probs = torch.cat([probs_from_logits(part, params) for part, params in laws])
        feed = torch.multinomial(probs, 1, generator=generator)
        ids = torch.cat([ids, feed], dim=1)
    return ids, torch.stack(rows, dim=1)


def _judged(
    draft: CausalModel, ids: Integer[Tensor, "texts length"], num_tokens: int
) -> Float[Tensor, "texts num_tokens vocab"]:
    """The draft's logits of the tokens behind the last ``num_tokens`` places, text by text."""
    with drafting():
        texts = ids.to(draft.device)[:, None]
        rows = [draft.forward(text, use_cache=False, logits_to_keep=num_tokens)[0] for text in texts]
    return torch.cat(rows)


def _row(
    params: SamplingParams,
    target_logits: Float[Tensor, "n num_tokens vocab"],
    draft_logits: Float[Tensor, "n num_tokens vocab"],
) -> OverlapRow:
    p, q = (probs_from_logits(logits, params) for logits in (target_logits, draft_logits))
    per_text = torch.minimum(p, q).sum(-1).mean(-1).double()
    alpha, error = float(per_text.mean()), float(per_text.std()) / math.sqrt(len(per_text))
    low, high = max(0.0, alpha - 2 * error), min(1.0, alpha + 2 * error)
    return OverlapRow(params.temperature, alpha, low, high)
