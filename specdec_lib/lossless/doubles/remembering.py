"""A model that answers each question once: real logits, and samples by the tens of thousands.

A statistical test of a real pair runs the same short text again and again. This model remembers the
logits behind each prefix, so the decoding loop, the drafter, the sampling and the verifier run for real
each time while every forward is computed once. Its cache is the tuple of ids that were fed: a loop that
leaves rejected tokens in it asks about another text, and gets that text's logits. A row is always computed
in the same way, so in half precision too the law is one and the same. Whether a real cache rolls back is
for another test.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.doubles.base import StandIn
from specdec_lib.models.architecture.soundness import Watch
from specdec_lib.models.base import CausalModel

_MOST = 4_000


class RememberingModel(StandIn):
    """Stands in for ``model`` in every sampling.

    Args:
        model: who computes what has not been asked before, in one forward without a cache.
        most: rows to keep; the oldest are forgotten.
    """

    def __init__(self, model: CausalModel, most: int = _MOST) -> None:
        super().__init__(model)
        self._most, self._watch = most, Watch(model.name)
        self._rows: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    @torch.inference_mode()
    def forward(
        self,
        input_ids: Integer[Tensor, "..."],
        past_key_values: tuple[int, ...] | None = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> tuple[Float[Tensor, "1 kept vocab"], tuple[int, ...] | None]:
        """The model's own logits; the cache is a tuple of ids."""
        text = (*(past_key_values or ()), *input_ids[0].tolist())
        kept = min(logits_to_keep or input_ids.shape[1], input_ids.shape[1])
        rows = [self._row(text[:end]) for end in range(len(text) - kept + 1, len(text) + 1)]
        logits = torch.stack(rows)[None]
        self._watch.see(logits, len(text))  # what a draft was asked for is remembered as it came
        return logits, text if use_cache else None

    def _row(self, text: tuple[int, ...]) -> Float[Tensor, " vocab"]:
        """Logits behind ``text``."""
        if text not in self._rows:
            ids = torch.tensor([text], device=self.device)
            self._rows[text] = self._inner.forward(ids, use_cache=False, logits_to_keep=1)[0][0, -1]
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)
        return self._rows[text]

    def new_cache(self, max_length: int = 0) -> None:
        """None: the empty cache."""

    def truncate_cache(self, cache: tuple[int, ...] | None, keep_length: int) -> tuple[int, ...] | None:
        """The first ``keep_length`` ids. Raises InvalidArgument outside ``[0, length]``."""
        length = self.get_cache_length(cache)
        if not 0 <= keep_length <= length:
            raise InvalidArgument(f"truncate_cache: keep_length {keep_length} is outside [0, {length}]")
        return None if cache is None else cache[:keep_length]

    def get_cache_length(self, cache: tuple[int, ...] | None) -> int:
        """Ids in the cache; 0 for None."""
        return 0 if cache is None else len(cache)

    def require_sound(self) -> None:
        """Raise UnsoundLogits for what was asked for since the last call, remembered or not."""
        self._watch.require_sound()
