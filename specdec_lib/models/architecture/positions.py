"""The position of a text's first token, for models whose table of positions does not begin with it.

RoBERTa and its family keep the first rows of their table for padding, and find positions by counting the ids
of a text that are no padding id. To a decoder a padding id is a token as any other: were it skipped, the same
text would have other positions one token at a time than in a block. So these models are told their positions,
as the length of the cache and the beginning of the table give them.
"""

from __future__ import annotations

import torch
from jaxtyping import Integer
from torch import Tensor, nn

_COUNTS_IDS = "create_position_ids_from_input_ids"


def first_position(model: nn.Module) -> int | None:
    """Where the table begins for tokens; None for a model that counts positions from 0 by itself."""
    for module in model.modules():
        padding = getattr(module, "padding_idx", None)
        learned = isinstance(getattr(module, "position_embeddings", None), nn.Embedding)
        if learned and hasattr(module, _COUNTS_IDS) and isinstance(padding, int):
            return padding + 1
    return None


def positions_behind(held: int, width: int, first: int, device: torch.device) -> Integer[Tensor, "1 n"]:
    """Positions of ``width`` tokens behind ``held`` ones, in a table that begins at ``first``."""
    return torch.arange(first + held, first + held + width, device=device)[None]
