"""Engines that draw whole answers from a law that is written down, and laws to draw from."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Mapping
from itertools import accumulate

import numpy as np

from specdec_lib.lossless.audit.engines import Answer, EngineOutcome, EngineRequest

Coupling = Callable[[int], float]
"""The uniform number that a seed stands for."""


def plain(seed: int) -> float:
    """As most engines: a generator of its own for each seed."""
    return random.Random(seed).random()


def other_stream(seed: int) -> float:
    """Independent of :func:`plain` with the same seed."""
    return random.Random(f"other {seed}").random()


def opposite(seed: int) -> float:
    """As far from :func:`plain` as can be."""
    return 1 - plain(seed)


class DrawnEngine:
    """Answers by a joint law; ``texts`` tells only letters, ``fault`` spoils what it gives."""

    def __init__(
        self,
        law: Mapping[EngineOutcome, float],
        name: str = "drawn",
        uniform: Coupling = plain,
        texts: bool = False,
        fault: Callable[[Answer, EngineRequest], Answer] = lambda answer, request: answer,
    ) -> None:
        self.name = name
        self._outcomes, self._sums = list(law), list(accumulate(law.values()))
        self._uniform, self._texts, self._fault = uniform, texts, fault
        self.asked: list[EngineRequest] = []

    def answer(self, request: EngineRequest) -> Answer:
        self.asked.append(request)
        place = bisect(self._sums, self._uniform(request.seed) * self._sums[-1])
        ids, ended = self._outcomes[min(place, len(self._outcomes) - 1)]
        answer = Answer(None, letters(ids), ended) if self._texts else Answer(ids, "", ended)
        return self._fault(answer, request)


class Rows:
    """A ``NextLaw`` made of random rows: of vocabulary ``vocab``, with or without an end of texts."""

    def __init__(self, seed: int, vocab: int = 3, ends: bool = False, concentration: float = 1.0) -> None:
        self._seed, self._vocab, self._ends, self._concentration = seed, vocab, ends, concentration
        self.asked = 0

    def next_law(self, request: EngineRequest, continuation: tuple[int, ...]) -> dict[int | None, float]:
        self.asked += 1
        rng = np.random.default_rng([self._seed, *request.prompt_ids, 99, *continuation])
        row = rng.dirichlet(np.full(self._vocab + self._ends, self._concentration)).tolist()
        return dict(zip([*range(self._vocab), *([None] if self._ends else [])], row, strict=True))

    def joint(self, request: EngineRequest) -> dict[EngineOutcome, float]:
        """The law of whole answers."""
        law: dict[EngineOutcome, float] = {}

        def walk(prefix: tuple[int, ...], chance: float) -> None:
            for token, share in self.next_law(request, prefix).items():
                text = prefix if token is None else (*prefix, token)
                if token is None or len(text) == request.num_tokens:
                    law[text, token is None] = chance * share
                else:
                    walk(text, chance * share)

        walk((), 1.0)
        return law


def letters(ids: tuple[int, ...]) -> str:
    """What a reader sees of ids."""
    return "".join("abcdefgh"[token] for token in ids)


def moved(law: Mapping[EngineOutcome, float], distance: float) -> dict[EngineOutcome, float]:
    """Another law at that total variation, in the direction that a chi-square sees worst: a share of p."""
    ranked = sorted(law, key=lambda outcome: law[outcome])
    up, half = set(), 0.0
    for outcome in reversed(ranked):  # the largest first, onto the lighter side
        if half + law[outcome] <= 0.5:
            up.add(outcome)
            half += law[outcome]
    share = distance / half, distance / (1 - half)
    found = {one: p * (1 + share[0] if one in up else 1 - share[1]) for one, p in law.items()}
    assert min(found.values()) >= 0 and abs(sum(found.values()) - 1) < 1e-9
    return found
