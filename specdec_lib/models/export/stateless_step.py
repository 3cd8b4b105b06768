"""One forward of a Llama-like model as a function of its cache: what a tracer can follow from end to end.

Transformers' caches are objects that change; a graph has inputs and outputs alone. The layers are the model's
own, so that the arithmetic is theirs.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel


class GrowingCache:
    """What a layer of Transformers asks of a cache, and no more: keys and values behind those there are."""

    def __init__(self, past: tuple[Tensor, ...]) -> None:
        self.held = list(past)

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        for place, new in ((2 * layer, keys), (2 * layer + 1, values)):
            self.held[place] = torch.cat([self.held[place], new], dim=2)
        return self.held[2 * layer], self.held[2 * layer + 1]


class StepOfModel(nn.Module):
    """One forward behind a cache: logits, and the cache as it is then."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.whole: Any = model

    def forward(
        self,
        input_ids: Int[Tensor, "rows width"],
        attention_mask: Int[Tensor, "rows total"],
        position_ids: Int[Tensor, "rows width"],
        *past: Float[Tensor, "rows heads held size"],
    ) -> tuple[Tensor, ...]:
        inner = self.whole.model
        hidden = inner.embed_tokens(input_ids)
        mask = _mask(input_ids.shape[1], attention_mask)
        turned = inner.rotary_emb(hidden, position_ids=position_ids)
        cache = GrowingCache(past)
        for layer in inner.layers:
            hidden = layer(
                hidden,
                attention_mask=mask,
                position_ids=position_ids,
                past_key_values=cache,
                position_embeddings=turned,
            )
        return self.whole.lm_head(inner.norm(hidden)), *cache.held


def _mask(width: int, attention_mask: Int[Tensor, "rows total"]) -> Float[Tensor, "rows 1 width total"]:
    """Added to scores: nothing for what a token sees, the lowest number for what is behind it or padding."""
    total = attention_mask.shape[1]
    seen = torch.arange(total)[None, :] <= torch.arange(width)[:, None] + (total - width)
    allowed = seen[None, None] & (attention_mask[:, None, None, :] != 0)
    return torch.where(allowed, 0.0, torch.finfo(torch.float32).min)
