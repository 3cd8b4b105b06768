"""Rows of a wrapped model in one forward: what each is fed, its logits, and how far it is rolled back.

Logits leave here as they leave the wrapper for one text: of its width, looked at, and refused where the
texts lie on both sides of a longrope. How a forward runs several rows is
:mod:`specdec_lib.models.fast.batched`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.ropes import RopeBorder
from specdec_lib.models.architecture.soundness import Watch, in_draft
from specdec_lib.models.caches.ragged import RaggedCache
from specdec_lib.models.fast import sentences
from specdec_lib.models.vocabulary import Columns

RowsForward = Callable[[Tensor, Sequence[int], RaggedCache, int], Tensor]


class BatchedRows:
    """Rows of a :class:`~specdec_lib.models.wrapper.ModelWrapper`: one forward for all of them.

    Args:
        forward: of ids ``[rows, width]``, tokens of each row, cache, and columns to give logits of.
        columns, watch, border: the wrapper's: logits of its width, looked at, on one side of a longrope.
    """

    def __init__(
        self,
        forward: RowsForward,
        cache: RaggedCache,
        columns: Columns,
        watch: Watch,
        border: RopeBorder | None,
    ) -> None:
        self.cache = cache
        self._forward, self._columns, self._watch, self._border = forward, columns, watch, border

    @property
    def lengths(self) -> list[int]:
        """Tokens that each row holds."""
        return self.cache.lengths

    @torch.inference_mode()
    def forward(
        self, feeds: Sequence[Integer[Tensor, " n"]], keep: Sequence[int]
    ) -> list[Float[Tensor, "kept vocab"]]:
        """Logits of the last ``keep[i]`` tokens of each feed, in the order of the rows.

        Raises:
            InvalidArgument: not one feed a row, nothing to feed, more logits asked for than tokens fed, or
                rows on both sides of the length at which the factors of a longrope change.
            UnsoundLogits: as :meth:`~specdec_lib.models.wrapper.ModelWrapper.forward`.
        """
        widths = [len(feed) for feed in feeds]
        self._check(widths, keep)
        ids = self._columns.known(padded([feed.to(self.cache.places.flat.device) for feed in feeds]))
        logits = self._columns.of(self._forward(ids, widths, self.cache, max(1, *keep)))
        kept = [row[len(row) - count :] for row, count in zip(logits, keep, strict=True)]
        for row, end in zip(kept, self.lengths, strict=True):
            if len(row):
                self._watch.see(row[None], end)
        return kept

    def lend(self, drafts: Sequence[object]) -> None:
        """Nothing: no row has a cache of its own."""

    def truncate(self, lengths: Sequence[int]) -> None:
        """Roll each row back to its own length: nothing is copied.

        Raises:
            InvalidArgument: not one length a row, or one outside ``[0, length]`` of its row.
        """
        if len(lengths) != len(self.lengths) or any(
            not 0 <= length <= held for length, held in zip(lengths, self.lengths, strict=False)
        ):
            raise InvalidArgument(sentences.ODD_LENGTHS_OF_ROWS.format(list(lengths), self.lengths))
        self.cache.truncate(lengths)

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order."""
        self.cache.keep(rows)

    def _check(self, widths: Sequence[int], keep: Sequence[int]) -> None:
        fits = len(widths) == len(keep) == len(self.lengths) and max(widths, default=0) > 0
        if not fits or any(not 0 <= count <= width for count, width in zip(keep, widths, strict=True)):
            raise InvalidArgument(sentences.ODD_FEEDS.format(list(widths), list(keep), len(self.lengths)))
        if self._border is not None and not in_draft():
            ends = [held + width for held, width in zip(self.lengths, widths, strict=True)]
            self._border.require_one_side_of_a_batch(self._watch.name, self.lengths, ends)


def padded(feeds: Sequence[Integer[Tensor, " n"]]) -> Integer[Tensor, "rows width"]:
    """Feeds of any width in one tensor, aligned to the right; what pads them is never seen."""
    width = max(len(feed) for feed in feeds)
    return torch.stack([functional.pad(feed, (width - len(feed), 0)) for feed in feeds])
