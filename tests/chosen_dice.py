"""Every way that a generation can go, one after the other: the exact law of the loop as it runs.

Nothing is drawn. Wherever the loop throws dice, the next choice of a script is taken and its chance noted,
and the generation is repeated until no script is left. What comes out with which chance is the law of the
loop itself: its rounds, caches, roll-backs and ends, where a sum over plans takes those for granted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from specdec_lib.decoding import rejection
from specdec_lib.decoding.drafters import draft_model


class ChosenDice:
    """Choices in place of draws; ``chance`` is that of the choices since :meth:`scripts` went on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._script: list[tuple[int, list[float]]] = []
        self._place, self.chance = 0, 1.0
        self._thresholds = torch.empty(0)
        monkeypatch.setattr(torch, "rand", self._uniforms)
        for module in (rejection, draft_model):
            monkeypatch.setattr(module, "draw", self._draw)
        for name in ("plan_tokens", "plan_block"):
            monkeypatch.setattr(rejection, name, self._noting(getattr(rejection, name)))

    def scripts(self) -> Iterator[None]:
        """Once for every script, the dice set back to its beginning."""
        self._script.clear()
        going_on = True
        while going_on:
            self._place, self.chance = 0, 1.0
            yield
            going_on = self._next_script()

    def _next_script(self) -> bool:
        """Another last choice; where there is none, another one before it."""
        while self._script:
            chosen, chances = self._script.pop()
            other = next((n for n in range(chosen + 1, len(chances)) if chances[n]), None)
            if other is not None:
                self._script.append((other, chances))
                return True
        return False

    def _choose(self, chances: Sequence[float]) -> int:
        if self._place == len(self._script):
            first = next(n for n, chance in enumerate(chances) if chance)
            self._script.append((first, list(chances)))
        chosen, known = self._script[self._place]
        assert known == list(chances), "the same choices led elsewhere"
        self._place, self.chance = self._place + 1, self.chance * known[chosen]
        return chosen

    def _draw(self, probs: torch.Tensor, generator: object = None) -> torch.Tensor:
        law = probs.double() / probs.double().sum()
        return torch.tensor(self._choose(law.tolist()))

    def _noting(self, make_plan: Callable) -> Callable:
        """The plan, whose thresholds are what its uniforms are held against."""

        def noted(*rows: torch.Tensor) -> rejection.Plan:
            plan = make_plan(*rows)
            self._thresholds = plan.thresholds
            return plan

        return noted

    def _uniforms(self, count: int, dtype: torch.dtype, **_: object) -> torch.Tensor:
        """Of each, whether its position passes: the least number does, and 1 does not."""
        thresholds, self._thresholds = self._thresholds.tolist(), torch.empty(0)
        assert len(thresholds) == count
        failed = [self._choose([threshold, 1 - threshold]) for threshold in thresholds]
        return torch.tensor(failed, dtype=dtype)


def law_of(generate: Callable[[], tuple[int, ...]], dice: ChosenDice) -> dict[tuple[int, ...], float]:
    """The chance of everything that ``generate`` can return."""
    law: dict[tuple[int, ...], float] = defaultdict(float)
    for _ in dice.scripts():
        law[generate()] += dice.chance
    return law
