"""The forward as the model's own code runs it: any width, any cache of Transformers.

What a model cannot be fed is found out by feeding it, once for a text and once for several tokens behind a
cache, and refused in one line; a model that has run raises what it raises.

Decoding needs logits that depend on what came before and on nothing else. An encoder that was loaded as a
language model, or one whose configuration leaves attention open to both sides, gives other logits for a
prefix when what follows changes: two texts of a few tokens that share a prefix show it, whatever the
configuration says.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from transformers.cache_utils import Cache

from specdec_lib.errors import InvalidArgument, in_one_line, is_out_of_memory
from specdec_lib.models.architecture.module import (
    LanguageModel,
    cache_name,
    embedding_rows,
    first_position,
    forward_supports,
    needs_mask,
    positions_behind,
)
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.products import Products

_SHARED = 3
_TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}  # of the largest difference of two logits; else 0.05


class EagerForward:
    """Forwards of one model, in the form of matrix products that is chosen when it runs.

    Args:
        name: the model's, for messages.
    """

    def __init__(self, products: Products, name: str) -> None:
        self.model, self._products, self._name = products.original, products, name
        self._keeps_logits = forward_supports(self.model, "logits_to_keep")
        self._cache_name, self._needs_mask = cache_name(self.model), needs_mask(self.model)
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
        if self._needs_mask:
            options["attention_mask"] = ids.new_ones(1, held + ids.shape[1])
        if not self._has_run:
            self._require_rows(ids)
        several = ids.shape[1] > 1 and held > 0  # what a round feeds
        try:
            logits = self._products.model(input_ids=ids, use_cache=use_cache, **options).logits
        except Exception as error:
            if is_out_of_memory(error) or (self._supports_several if several else self._has_run):
                raise
            raise InvalidArgument(_cannot_be_fed(self.model, self._name, several, error)) from error
        self._has_run, self._supports_several = True, self._supports_several or several
        return logits

    def _require_rows(self, ids: Tensor) -> None:
        """Refuse ids that the embedding has no row for: a GPU would stop at them for good."""
        rows = embedding_rows(self.model)
        if rows is None or ids.device.type == "meta":
            return
        beyond = ids[(ids < 0) | (ids >= rows)]
        if beyond.numel():
            raise InvalidArgument(
                sentences.ID_WITHOUT_ROW.format(_called(self.model, self._name), int(beyond[0]), rows)
            )

    def require_causal(self, device: torch.device, vocab_size: int) -> None:
        """See once that the model is causal; raises as the function :func:`require_causal` does."""
        if not self._is_causal:
            require_causal(self.model, self._name, device, vocab_size)
            self._is_causal = True


@torch.inference_mode()
def require_causal(model: LanguageModel, name: str, device: torch.device, vocab_size: int) -> None:
    """Feed two texts of a common prefix and compare its logits: about what one token costs.

    Raises:
        InvalidArgument: the logits of the prefix depend on what follows, or the model cannot be run.
    """
    rows = embedding_rows(model)
    text = torch.arange(1, _SHARED + 3, device=device) % min(vocab_size, vocab_size if rows is None else rows)
    other = torch.cat([text[:_SHARED], text[_SHARED:].flip(0)])
    try:
        first, second = _logits(model, torch.stack([text, other]))
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise InvalidArgument(_cannot_be_fed(model, name, False, error)) from error
    apart = (first - second)[:_SHARED].float().abs().amax()
    scale = (first.amax() - first.amin()).float()
    if apart > _TOLERANCE.get(first.dtype, 0.05) * scale:  # false for NaN, which forward refuses
        raise InvalidArgument(sentences.NOT_CAUSAL.format(_called(model, name)))


def _logits(model: LanguageModel, texts: Tensor) -> Tensor:
    """Both at once, or one after the other for a model that takes a single sequence."""
    try:
        return model(input_ids=texts, use_cache=False).logits
    except Exception:
        return torch.cat([model(input_ids=row[None], use_cache=False).logits for row in texts])


def _cannot_be_fed(model: LanguageModel, name: str, several: bool, error: Exception) -> str:
    """The line about a first forward that failed: of a text, or of several tokens behind a cache."""
    called, said = _called(model, name), in_one_line(error)
    if several:
        return sentences.ONE_TOKEN_AT_A_TIME.format(called, said)
    return sentences.NEEDS_MORE_THAN_IDS.format(called, said)


def _called(model: LanguageModel, name: str) -> str:
    """The name and, where it is another, the class."""
    kind = type(model).__name__
    return name if name == kind else f"{name} ({kind})"
