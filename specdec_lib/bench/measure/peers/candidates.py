"""Transformers' assisted generation, counted: it tells nobody how many candidates it took.

Every mode of it asks a candidate generator for drafts (``get_candidates``) and tells it what came of them
(``update_candidate_strategy``). Both are watched, whoever drafts: a draft model, prompt lookup, early exit,
multi-token heads. What Transformers itself calls matches is one too few where the last token that it keeps is
a candidate (an end of text, or the length): so the kept tokens are compared with the candidates instead.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
import transformers
from torch import nn

from specdec_lib.bench.foreign.run import ForeignRun
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.tally import Tally


class CountedCandidates:
    """Counts the rounds of every assisted ``model.generate`` inside a ``with`` block.

    Args:
        model: the target, a Transformers model that generates.

    Attributes:
        rounds: (accepted, drafted, was cut) of each round so far. A round is cut where the text ended inside
            its accepted tokens: it shows no rejection.
        num_tokens: emitted in them.

    Raises:
        InvalidArgument: a model without assisted generation.
    """

    def __init__(self, model: nn.Module) -> None:
        if not callable(getattr(model, "_get_candidate_generator", None)):
            raise InvalidArgument(f"CountedCandidates: {type(model).__name__} has no assisted generation")
        self.model: Any = model
        self.rounds: list[tuple[int, int, bool]] = []
        self.num_tokens = 0

    def __enter__(self) -> CountedCandidates:
        make = self.model._get_candidate_generator

        def watched(*given: Any, **named: Any) -> Any:
            return self._watch(make(*given, **named))

        self.model._get_candidate_generator = watched
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.model._get_candidate_generator

    def _watch(self, generator: Any) -> Any:
        """The generator itself, as ``generate`` asks for its type, with both methods watched."""
        get, update = generator.get_candidates, generator.update_candidate_strategy
        asked: list[tuple[int, list[int]]] = []

        def get_candidates(input_ids: torch.Tensor, *given: Any, **named: Any) -> Any:
            found = get(input_ids, *given, **named)
            length = input_ids.shape[1]
            asked[:] = [(length, found[0][0, length:].tolist())]
            return found

        def update_candidate_strategy(input_ids: torch.Tensor, *given: Any, **named: Any) -> Any:
            if asked:
                length, drafted = asked.pop()
                self._count(drafted, input_ids[0, length:].tolist())
            return update(input_ids, *given, **named)

        generator.get_candidates = get_candidates
        generator.update_candidate_strategy = update_candidate_strategy
        return generator

    def _count(self, drafted: list[int], kept: list[int]) -> None:
        differ = (
            place for place, (one, other) in enumerate(zip(drafted, kept, strict=False)) if one != other
        )
        accepted = next(differ, min(len(drafted), len(kept)))
        self.rounds.append((accepted, len(drafted), accepted == len(kept)))
        self.num_tokens += len(kept)

    def run(self) -> ForeignRun:
        """What was counted so far. The first round of a text reads its prompt, and drafts like any other."""
        lengths = {drafted for _, drafted, _ in self.rounds if drafted}
        k = lengths.pop() if len(lengths) == 1 else None
        tally = Tally.of_rounds(self.rounds, num_tokens=self.num_tokens, num_texts=0, k=k)
        return ForeignRun("transformers", tally, "generate", transformers.__version__)
