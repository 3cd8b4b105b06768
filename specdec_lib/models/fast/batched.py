"""One forward for several texts of different length: padded on the left, masked row by row.

Rows are fed as many tokens as each needs: one of them a prompt, the next a draft of four, a third nothing at
all. Feeds are aligned to the right, so that the last logits of all rows lie in the same columns; what pads a
row is written where no mask shows it. Positions and masks are given explicitly, full ones and those of a
sliding window, so the model's own never take part. A mask has a number for each token and each position it
may see: long prompts are fed in pieces of as many columns as keep it small, where a text alone needs none.

Before a model is trusted with that, rows of different length are run once, together and one by one. A model
that answers differently, or cannot be told positions, runs its rows one after the other, and a line says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from specdec_lib.errors import UnsoundLogits
from specdec_lib.models.architecture.module import (
    cache_name,
    embedding_rows,
    first_position,
    forward_supports,
    positions_behind,
    shares_keys,
    text_config,
)
from specdec_lib.models.architecture.soundness import Watch
from specdec_lib.models.caches.ragged import RaggedCache
from specdec_lib.models.caches.rollback import new_cache, new_ragged_cache
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.products import Products
from specdec_lib.models.fast.rows import padded
from specdec_lib.models.tensors import compute_dtype
from specdec_lib.utils.logging import get_logger

_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}  # of the largest logit; half precision: 0.05
_FULL, _SLIDING = "full_attention", "sliding_attention"
_REHEARSED = ((5, 2, 3), (1, 3, 0), (2, 1, 4))
"""Tokens of three rows in three forwards; behind the second the first two rows are cut by one."""
MOST_MASKED = 2**22
"""Numbers of one mask: 16 MiB in float32. What is wider is fed in pieces, of a column at least."""


class Unbatchable(Exception):
    """Why a model runs its rows one by one, in a few words."""


class BatchedForward:
    """Forwards of one model over several rows.

    Args:
        products: a Transformers causal LM, in the form of matrix products that is chosen when it runs.
        name: the model's, for messages.
    """

    def __init__(self, products: Products, name: str) -> None:
        self.model, self._products, self._name = products.original, products, name
        self._first, self._cache_name = first_position(self.model) or 0, cache_name(self.model)
        self._keeps_logits = forward_supports(self.model, "logits_to_keep")
        self._dtype = compute_dtype(self.model)
        self._supports: bool | None = None  # until it was tried

    def new_cache(self, num_rows: int, max_length: int) -> RaggedCache | None:
        """An empty cache of several rows; None for a model that runs them one by one, which is logged.

        Raises:
            UnsupportedCache: the model carries a state that cannot be rolled back.
        """
        cache = new_ragged_cache(self.model, num_rows, max_length)
        if self._supports is None:
            self._supports = self._try()
        return cache if self._supports else None

    def __call__(
        self, ids: Integer[Tensor, "rows width"], widths: Sequence[int], cache: RaggedCache, keep: int
    ) -> Float[Tensor, "rows kept vocab"]:
        """Logits of the last ``keep`` columns; row i holds ``widths[i]`` tokens at its right end."""
        width, end = ids.shape[1], max(cache.places.ends(widths))
        pieces = _pieces(width, MOST_MASKED // (len(widths) * end))
        if len(pieces) == 1:
            return self._piece(ids, widths, cache, keep, end)
        logits: list[Tensor] = []
        for start, stop in pieces:
            behind = width - stop
            own = [min(max(count - behind, 0), stop - start) for count in widths]
            kept = min(keep - behind, stop - start)
            found = self._piece(functional.pad(ids[:, start:stop], (1, 0)), own, cache, max(kept, 1), end)
            logits += [found] if kept > 0 else []
        return torch.cat(logits, dim=1)

    def _piece(
        self,
        ids: Integer[Tensor, "rows width"],
        widths: Sequence[int],
        cache: RaggedCache,
        keep: int,
        end: int,
    ) -> Float[Tensor, "rows kept vocab"]:
        """Logits of some columns of texts that go on to ``end``.

        Padding has the last position of all: a rope whose factors depend on a text's length takes those of
        the whole text, though the longest row has only begun.
        """
        places = cache.places.prepare(widths, ids.shape[1])
        told: dict[str, Any] = {"logits_to_keep": keep} if self._keeps_logits else {}
        logits = self._products.model(
            input_ids=ids,
            attention_mask=self._mask(places.clamp_min(0), cache.places.shown),
            position_ids=torch.where(places < 0, end - 1, places) + self._first,
            use_cache=True,
            **{self._cache_name: cache, **told},
        ).logits
        cache.places.advance(widths)
        return logits[:, -keep:]

    def _mask(self, places: Integer[Tensor, "rows width"], shown: int) -> Tensor | dict[str, Tensor]:
        """0 for what a token may see and minus infinity for what it may not, ``[rows, 1, width, shown]``."""
        keys, last = torch.arange(shown, device=places.device), places[:, :, None]
        hidden = keys > last
        config: Any = text_config(self.model)
        window, kinds = (
            getattr(config, "sliding_window", None),
            set(getattr(config, "layer_types", None) or ()),
        )
        if not window or (kinds and _SLIDING not in kinds):
            return self._added(hidden)
        sliding = self._added(hidden | (keys <= last - window))
        return {_FULL: self._added(hidden), _SLIDING: sliding} if kinds else sliding

    def _added(self, hidden: Tensor) -> Tensor:
        mask = torch.zeros(hidden.shape, dtype=self._dtype, device=hidden.device)
        return mask.masked_fill_(hidden, -torch.inf)[:, None]

    # -- the first time ---------------------------------------------------------------------------

    def _try(self) -> bool:
        try:
            self._rehearse()
        except Exception as error:  # whatever a model refuses: its rows run one by one, and a line says why
            lines = str(error).strip().splitlines() or ["no message"]
            is_told = isinstance(error, (Unbatchable, UnsoundLogits))
            reason = lines[0] if is_told else f"{type(error).__name__}: {lines[0]}"
            get_logger(__name__).warning(sentences.ROWS_ONE_BY_ONE, model=self._name, reason=reason)
            return False
        return True

    @torch.inference_mode()
    def _rehearse(self) -> None:
        """Three texts together, against each of them alone and without a cache."""
        if not forward_supports(self.model, "position_ids"):
            raise Unbatchable(sentences.CANNOT_BE_TOLD_POSITIONS.format(type(self.model).__name__))
        other = set(getattr(text_config(self.model), "layer_types", None) or ()) - {_FULL, _SLIDING, "dummy"}
        if other:
            kinds = ", ".join(sorted(other))
            raise Unbatchable(sentences.OTHER_LAYERS.format(type(self.model).__name__, kinds))
        device, total = next(self.model.parameters()).device, sum(map(sum, _REHEARSED))
        ids = torch.arange(1, total + 1, device=device) % (embedding_rows(self.model) or total)
        cache = new_ragged_cache(self.model, len(_REHEARSED[0]))
        texts: list[list[int]] = [[] for _ in cache.lengths]
        unused = iter(ids.tolist())
        for turn, widths in enumerate(_REHEARSED):
            fed = [[next(unused) for _ in range(width)] for width in widths]
            ragged = [torch.tensor(feed, dtype=torch.long, device=device) for feed in fed]
            logits = self(padded(ragged), widths, cache, max(widths))
            texts = [text + feed for text, feed in zip(texts, fed, strict=True)]
            for row, text, width in zip(logits, texts, widths, strict=True):
                if width:
                    self._compare(row[-width:], self._alone(text)[-width:])
            if turn == 1:
                texts = [texts[0][:-1], texts[1][:-1], texts[2]]
                cache.truncate([len(text) for text in texts])

    def _alone(self, text: Sequence[int]) -> Float[Tensor, "n vocab"]:
        """Raises UnsoundLogits where they are no numbers, which no comparison would tell."""
        ids = torch.tensor([list(text)], device=next(self.model.parameters()).device)
        told: dict[str, Any] = {}
        if self._first:
            told["position_ids"] = positions_behind(0, len(text), self._first, ids.device)
        if shares_keys(text_config(self.model)):
            told[self._cache_name] = new_cache(self.model)
        logits = self._products.model(input_ids=ids, use_cache=False, **told).logits
        watch = Watch(self._name)
        watch.see(logits, len(text))
        watch.require_sound()
        return logits[0]

    def _compare(self, together: Tensor, alone: Tensor) -> None:
        apart = float((together - alone).abs().amax())
        scale = max(float(alone.abs().amax()), 1e-6)
        if not apart <= _TOLERANCE.get(together.dtype, 0.05) * scale:  # true of NaN
            raise Unbatchable(sentences.TOGETHER_DIFFERS.format(apart))


def _pieces(width: int, most: int) -> list[tuple[int, int]]:
    """``(start, stop)`` of pieces of ``width`` columns that are ``most`` wide, with one of padding, or 2."""
    count = 1 if width <= most else -(-width // max(1, most - 1))
    return [(width * piece // count, width * (piece + 1) // count) for piece in range(count)]
