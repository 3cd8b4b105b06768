"""Several generations of one decoder that go forward together, until the last of them has ended.

Each text is a :class:`~specdec_lib.decoding.generation.Generation` with its own request, and ends by its own
rule; a round of the batch is one round of each text that still goes on. The seconds of a round are those of
the whole batch, as each text waits for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch

from specdec_lib.decoding.generation import Generation, end_source
from specdec_lib.decoding.trace import Round
from specdec_lib.profiling.metrics import GenerationResult

BatchRounds = Iterator[dict[int, Round]]
"""A round of each text that goes on, by its place among the prompts."""
RowsLeft = Callable[[Sequence[int]], list[int]]
"""Which rows go on, of those whose texts are at the places given."""


class Batch(Iterator[dict[int, Round]]):
    """An iterator of rounds, ``{place of the prompt: its round}``, with the results of those that came.

    Args:
        texts: what was asked for, nothing of it decoded yet.
        rounds: makes the source of rounds; it is handed the texts, and leaves out those that have ended.
        device: whose memory is watched.
    """

    def __init__(
        self,
        texts: Sequence[Generation],
        rounds: Callable[[Sequence[Generation]], BatchRounds],
        device: torch.device,
    ) -> None:
        self.texts = list(texts)
        for text in self.texts:
            text.hand_over()
        self.seconds = 0.0
        """Time that rounds took so far: tokens of all texts over it are the batch's throughput."""
        self._source, self._device, self._begun = rounds(self.texts), device, False

    def __iter__(self) -> Batch:
        return self

    def __next__(self) -> dict[int, Round]:
        if all(text.finish_reason is not None for text in self.texts):
            raise StopIteration
        started = time.perf_counter()
        if not self._begun and self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        self._begun = True
        try:
            rounds = next(self._source)
            for place, round_ in rounds.items():
                self.texts[place].add(round_)
        except StopIteration as error:  # would end the texts without a word, as in PEP 479
            self.close()
            raise RuntimeError("a round raised StopIteration in place of decoding") from error
        except BaseException:
            self.close()
            raise
        self._note(rounds, time.perf_counter() - started)
        return rounds

    def close(self) -> None:
        """Decode no further: texts that have not ended are "interrupted", with the rounds so far."""
        for text in self.texts:
            text.close()
        end_source(self._source)

    def results(self) -> list[GenerationResult]:
        """The result of each text, in the order of the prompts; what is left is decoded first."""
        for _ in self:
            pass
        return [text.result() for text in self.texts]

    def _note(self, rounds: dict[int, Round], seconds: float) -> None:
        phases = self.texts[0].request.phases.take()
        for round_ in rounds.values():
            round_.seconds, round_.phases_ms = seconds, dict(phases)
        self.seconds += seconds


def rows_going(texts: Sequence[Generation], places: Sequence[int]) -> list[int]:
    """Which rows go on, of a batch whose rows are the texts at these ``places``."""
    return [row for row, place in enumerate(places) if texts[place].finish_reason is None]
