"""The forward as the model's own code runs it: any width, any cache of Transformers.

What a model cannot be fed is found out by feeding it, once for a text and once for several tokens behind a
cache, and refused in one line; a model that has run raises what it raises.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from transformers.cache_utils import Cache

from specdec_lib.errors import InvalidArgument, is_out_of_memory
from specdec_lib.models.architecture.causal import (
    cannot_be_fed,
    cannot_be_fed_several,
    require_causal,
    require_rows,
)
from specdec_lib.models.architecture.module import cache_name, forward_supports
from specdec_lib.models.architecture.positions import first_position, positions_behind
from specdec_lib.models.fast.products import Products


class EagerForward:
    """Forwards of one model, in the form of matrix products that is chosen when it runs.

    Args:
        name: the model's, for messages.
    """

    def __init__(self, products: Products, name: str) -> None:
        self.model, self._products, self._name = products.original, products, name
        self._keeps_logits = forward_supports(self.model, "logits_to_keep")
        self._cache_name = cache_name(self.model)
        self.first = first_position(self.model)
        """Where the model's table of positions begins for tokens; None if it counts from 0 by itself."""
        self._is_causal = self._has_run = self._supports_several = False  # until it was looked at

    def __call__(
        self, ids: Integer[Tensor, "1 n"], held: int, cache: Cache | None, use_cache: bool, keep: int
    ) -> Float[Tensor, "1 kept vocab"]:
        """Logits of ``ids`` behind the ``held`` tokens of a cache, of the last ``keep`` where it can do that.

        Raises:
            InvalidArgument: a model that has not run yet and cannot be run like this, in one line.
        """
        options: dict[str, Any] = {} if cache is None else {self._cache_name: cache}
        if self._keeps_logits:
            options["logits_to_keep"] = keep
        if self.first is not None:
            options["position_ids"] = positions_behind(held, ids.shape[1], self.first, ids.device)
        if not self._has_run:
            require_rows(self.model, self._name, ids)
        several = ids.shape[1] > 1 and held > 0  # what a round feeds
        try:
            logits = self._products.model(input_ids=ids, use_cache=use_cache, **options).logits
        except Exception as error:
            if is_out_of_memory(error) or (self._supports_several if several else self._has_run):
                raise
            refused = cannot_be_fed_several if several else cannot_be_fed
            raise InvalidArgument(refused(self.model, self._name, error)) from error
        self._has_run, self._supports_several = True, self._supports_several or several
        return logits

    def require_causal(self, device: torch.device, vocab_size: int) -> None:
        """Feed the model two texts of a few tokens the first time, to see that it is causal.

        Raises InvalidArgument: it is not.
        """
        if not self._is_causal:
            require_causal(self.model, self._name, device, vocab_size)
            self._is_causal = True
