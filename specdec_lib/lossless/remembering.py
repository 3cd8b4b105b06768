"""A model that answers each question once: real logits, and samples by the tens of thousands.

A statistical test of a real pair runs the same short text again and again. This wrapper remembers the
logits by what was asked (the ids in the cache, the ids fed, how many rows), so the decoding loop, the
drafter, the sampling and the verifier run for real each time while the forwards are computed once. Its
cache is the tuple of ids that were fed: a loop which leaves rejected tokens in it asks other questions, and
gets the answers to those. Whether a real cache rolls back is another test (:mod:`specdec_lib.lossless.caches`).
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.wrapper import ModelWrapper

_MOST = 20_000


class RememberingModel(ModelWrapper):
    """Stands in for ``model`` wherever a ModelWrapper is taken.

    Args:
        model: who computes what has not been asked before, in one forward without a cache.
        most: answers to keep; the oldest are forgotten.
    """

    def __init__(self, model: ModelWrapper, most: int = _MOST) -> None:
        self.__dict__.update(model.__dict__)
        self._inner, self._most = model, most
        self._answers: OrderedDict[tuple[tuple[int, ...], int], Tensor] = OrderedDict()
        self.num_computed = 0

    @torch.inference_mode()
    def forward(
        self,
        input_ids: Integer[Tensor, "..."],
        past_key_values: tuple[int, ...] | None = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> tuple[Float[Tensor, "1 kept vocab"], tuple[int, ...] | None]:
        """As :meth:`ModelWrapper.forward`; the cache is a tuple of ids."""
        text = (*(past_key_values or ()), *input_ids[0].tolist())
        rows = logits_to_keep or input_ids.shape[1]
        key = (text, rows)
        if key not in self._answers:
            self.num_computed += 1
            ids = torch.tensor([text], device=self.device)
            self._answers[key] = self._inner.forward(ids, use_cache=False, logits_to_keep=rows)[0]
            if len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return self._answers[key], text if use_cache else None

    def truncate_cache(self, cache: tuple[int, ...] | None, keep_length: int) -> tuple[int, ...] | None:
        """The first ``keep_length`` ids. Raises InvalidArgument outside ``[0, length]``."""
        length = self.get_cache_length(cache)
        if not 0 <= keep_length <= length:
            raise InvalidArgument(f"truncate_cache: keep_length {keep_length} is outside [0, {length}]")
        return None if cache is None else cache[:keep_length]

    def get_cache_length(self, cache: tuple[int, ...] | None) -> int:
        """Ids in the cache; 0 for None."""
        return 0 if cache is None else len(cache)
