"""Answers and laws as numbered cells, the same for an engine and its control.

A cell is an outcome behind one of the prompts. Where a law is told, an outcome that it does not list falls
into *anything else* behind the longest continuation that was asked for. Prompts take turns, so that N answers
are N / prompts of each, and the law over all cells is the mean of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer

from specdec_lib.lossless.audit.engines import Answer, EngineOutcome, EngineRequest
from specdec_lib.lossless.audit.sampled.prefixes import PrefixLaw

DecodeIds = Callable[[Sequence[int]], str]
"""Ids behind a prompt to their text."""
AnswerCell = tuple[int, EngineOutcome | tuple[tuple[int, ...], None]]
"""The prompt's number, and the outcome; with None for whether it ended, anything else behind these ids."""
_OVER, _ELSE = -1, -2
"""In the place of a token: the text has ended; the outcome is anything else."""


def answer_cells(
    answers: Sequence[Answer], num_prompts: int, by_text: bool, decode: DecodeIds | None = None
) -> list[AnswerCell]:
    """Each answer's cell; the i-th answer is to the prompt number i modulo ``num_prompts``."""
    outcomes = [_outcome(answer, by_text, decode) for answer in answers]
    return [(index % num_prompts, outcome) for index, outcome in enumerate(outcomes)]


def _outcome(answer: Answer, by_text: bool, decode: DecodeIds | None) -> EngineOutcome:
    if not by_text or answer.ids is None:
        return answer.outcome
    text = answer.text if answer.text or decode is None else decode(answer.ids)
    return text, answer.ended


def wrong_lengths(answers: Sequence[Answer], requests: Sequence[EngineRequest]) -> int:
    """Answers of more tokens than asked for, or of fewer without an end; of those without ids none."""
    wanted = [requests[index % len(requests)].num_tokens for index in range(len(answers))]
    return sum(
        answer.ids is not None and (len(answer.ids) > most or (len(answer.ids) < most and not answer.ended))
        for answer, most in zip(answers, wanted, strict=True)
    )


@dataclass(frozen=True)
class CellTable:
    """The cells that are told apart, in an order of their own.

    Attributes:
        cells: each once.
        law: their probabilities; None where no law is told, and every outcome that came has a cell.
    """

    cells: tuple[AnswerCell, ...]
    law: Float[np.ndarray, " cells"] | None

    @classmethod
    def of_laws(cls, laws: Sequence[PrefixLaw]) -> CellTable:
        """The outcomes of each prompt's law and its anything else; prompts are equally frequent."""
        cells: list[AnswerCell] = []
        chances: list[float] = []
        for number, law in enumerate(laws):
            cells += [(number, outcome) for outcome in law.outcomes]
            cells += [(number, (prefix, None)) for prefix in law.rests]
            chances += [*law.outcomes.values(), *law.rests.values()]
        array = np.array(chances)
        return cls(tuple(cells), array / array.sum())

    @classmethod
    def of_samples(cls, *samples: Sequence[AnswerCell]) -> CellTable:
        """Every cell that came, in an order that does not tell in which sample."""
        return cls(tuple(sorted({cell for sample in samples for cell in sample}, key=repr)), None)

    @cached_property
    def _index(self) -> dict[AnswerCell, int]:
        return {cell: index for index, cell in enumerate(self.cells)}

    def places(self, cells: Sequence[AnswerCell]) -> Integer[np.ndarray, " n"]:
        """The numbers of ``cells``."""
        return np.array([self._place(cell) for cell in cells], dtype=np.int64)

    def _place(self, cell: AnswerCell) -> int:
        if cell in self._index:
            return self._index[cell]
        number, (said, _) = cell
        prefix = () if isinstance(said, str) else said
        while prefix and (number, (prefix, None)) not in self._index:
            prefix = prefix[:-1]
        return self._index[number, (prefix, None)]

    def counts(self, places: Integer[np.ndarray, " n"]) -> Float[np.ndarray, " cells"]:
        """How often each cell is among ``places``."""
        return np.bincount(places, minlength=len(self.cells)).astype(np.float64)

    def halves(self, places: Integer[np.ndarray, " n"]) -> Float[np.ndarray, "2 cells"]:
        """The counts of the first and of the second half, as they came."""
        middle = len(places) // 2
        return np.stack([self.counts(places[:middle]), self.counts(places[middle:])])

    def at_token(self, position: int) -> Integer[np.ndarray, " cells"]:
        """For each cell the number of its group: cells of one prompt with one token at ``position``."""
        groups: dict[tuple[int, int], int] = {}
        return np.array(
            [groups.setdefault((cell[0], _token(cell, position)), len(groups)) for cell in self.cells]
        )


def _token(cell: AnswerCell, position: int) -> int:
    said, ended = cell[1]
    if position < len(said):
        return int(said[position])
    return _ELSE if ended is None else _OVER
