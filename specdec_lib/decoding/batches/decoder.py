"""The part of a decoder that is asked for several texts at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from specdec_lib.decoding.batches.asking import AskedRow, BatchPrompts, rows_asked
from specdec_lib.decoding.batches.batch import Batch
from specdec_lib.decoding.generation import Generation, Request
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.trace import Round
from specdec_lib.models.base import CausalModel
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.utils.numbers import Count, Number


class BatchDecoder(ABC):
    """Decodes texts side by side, by the rounds of a decoder that subclasses write."""

    target: CausalModel

    def generate_batch(
        self,
        prompts: BatchPrompts,
        max_new_tokens: Count | Sequence[Count],
        params: SamplingParams | Number | None = None,
        *,
        seed: Count | Sequence[Count] | None = None,
        **options: Any,
    ) -> list[GenerationResult]:
        """Continue several prompts at once: one result each, in their order.

        Every row is the text that :meth:`~specdec_lib.decoding.decoder.Decoder.generate` gives for its prompt
        and its seed (but for ties that rounding decides), whatever its neighbours are; a row that has ended
        leaves the batch. A result's seconds are those of the rounds in which its text took part.

        Args:
            prompts: a list of what ``generate`` takes, or what a tokenizer returns for several texts.
            max_new_tokens: for all rows, or a list of one for each.
            seed: row i is decoded with ``seed + i``; a list says each row's own, None draws them.
            options: as in ``generate``, for all rows.

        Raises:
            InvalidArgument: as ``generate``, naming the row.
            UnsupportedCache: a model whose state cannot be rolled back.
        """
        return self.start_batch(prompts, max_new_tokens, params, seed=seed, **options).results()

    def start_batch(
        self,
        prompts: BatchPrompts,
        max_new_tokens: Count | Sequence[Count],
        params: SamplingParams | Number | None = None,
        *,
        seed: Count | Sequence[Count] | None = None,
        **options: Any,
    ) -> Batch:
        """As :meth:`generate_batch`, round by round: an iterator of rounds by row, with ``results()``."""
        asked = rows_asked(prompts, max_new_tokens, seed)
        texts = [self._row(row, params, options) for row in asked]
        return Batch(texts, self._batch_rounds, self.target.device)

    @abstractmethod
    def _rounds(self, request: Request) -> Iterator[Round]:
        """Rounds of one text without end: the caller stops when the text ends."""

    def _batch_rounds(self, texts: Sequence[Generation]) -> Iterator[dict[int, Round]]:
        """Rounds by place among ``texts``, of those that have not ended; the caller adds them to the texts.

        Here each text has forwards of its own; a decoder that can share them says so by a method of its own.
        """
        sources = {place: self._rounds(text.request) for place, text in enumerate(texts)}
        while going := [place for place, text in enumerate(texts) if text.finish_reason is None]:
            yield {place: next(sources[place]) for place in going}

    @abstractmethod
    def _row(self, row: AskedRow, params: Any, options: dict[str, Any]) -> Generation:
        """The generation of one row, not begun."""
