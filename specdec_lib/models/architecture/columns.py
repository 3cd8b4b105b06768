"""The columns of the logits: as many as asked for, in the order of the ids, some of them never drawn.

Models of one tokenizer may pad their vocabularies differently, and a draft may have ids that mean something
else to its target. Missing and masked columns are minus infinity; columns beyond the width are cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional


class Columns:
    """The width of one model's logits.

    Args:
        own: columns that the model's head gives.
        width: columns to give.
        masked_ids: ids whose columns are minus infinity; those beyond the width are dropped.
    """

    def __init__(self, own: int, width: int, masked_ids: Sequence[int], device: torch.device) -> None:
        self.own, self.width = own, width
        self.masked_ids = tuple(token_id for token_id in masked_ids if token_id < width)
        self._mask = self._true_at_masked(device) if self.masked_ids else None

    def _true_at_masked(self, device: torch.device) -> Tensor:
        mask = torch.zeros(self.width, dtype=torch.bool)
        mask[list(self.masked_ids)] = True
        return mask.to(device)

    def known(self, input_ids: Integer[Tensor, "1 n"]) -> Integer[Tensor, "1 n"]:
        """Ids that the embedding holds; a padding id of a wider partner becomes the last of them."""
        return input_ids.clamp(max=self.own - 1) if self.width > self.own else input_ids

    def of(self, logits: Float[Tensor, "1 n own"]) -> Float[Tensor, "1 n vocab"]:
        """Logits of the width asked for; the missing and the masked columns are minus infinity."""
        missing = self.width - logits.shape[-1]
        logits = logits if missing == 0 else functional.pad(logits, (0, missing), value=-torch.inf)
        return logits if self._mask is None else logits.masked_fill(self._mask, -torch.inf)
