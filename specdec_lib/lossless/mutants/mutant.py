"""A mutant, what it takes to show its mistake, and how it fares before the trial that should kill it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from specdec_lib.decoding.drafters.draft_model import DraftSource
from specdec_lib.decoding.rejection import PlanMaker, plan_tokens
from specdec_lib.decoding.speculative import SpeculativeDecoder
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.lossless.mutants.trials import LEVEL, SCHEDULE, TRIALS, Case, Look
from specdec_lib.models.base import CausalModel

Build = Callable[[CausalModel, DraftSource, int], SpeculativeDecoder]


@dataclass(frozen=True)
class Mutant:
    """A decoder with one mistake, or (``is_control``) with none."""

    name: str
    mistake: str
    build: Build = field(repr=False)
    trial: str = "joint law"
    traps: tuple[int, ...] = ()
    scenario: Scenario = field(default_factory=Scenario, repr=False)
    plan: PlanMaker = field(default=plan_tokens, repr=False)
    is_control: bool = False
    needs: str = ""
    """What its mistake takes to show, where ``specdec verify --mutant`` on a pair does not have it."""
    issue: str = ""
    """The thread that reported it in somebody's engine, as ``owner/repository#number``."""

    @property
    def verifier(self) -> str:
        """The library's verifier that it stands in for: "token" or "block"."""
        return "token" if self.plan is plan_tokens else "block"

    def looks(self, seed: int, schedule: Sequence[int] = SCHEDULE) -> Iterator[Look]:
        """The trial's looks in the scenario of that seed."""
        scenario = replace(self.scenario, seed=seed)
        decoder = self.build(*scenario.models, scenario.k)
        return TRIALS[self.trial](Case(decoder, scenario, seed, self.plan), schedule)


@dataclass(frozen=True)
class Hunt:
    """How a mutant fared with one seed; ``killed_at`` is the smallest N that rejected it, or None."""

    mutant: Mutant
    seed: int
    looks: list[Look]
    killed_at: int | None

    @property
    def as_it_should(self) -> bool:
        """A mutant died, or a control survived."""
        return (self.killed_at is None) == self.mutant.is_control


def hunt(mutant: Mutant, seed: int, schedule: Sequence[int] = SCHEDULE, level: float = LEVEL) -> Hunt:
    """Look at more and more generations until the trial rejects, or the schedule ends."""
    looks = []
    for look in mutant.looks(seed, schedule):
        looks.append(look)
        if look.p_value < level:
            return Hunt(mutant, seed, looks, look.num_samples)
    return Hunt(mutant, seed, looks, None)


@dataclass(frozen=True)
class Fate:
    """How a mutant fared over several seeds, a hunt each."""

    mutant: Mutant
    hunts: list[Hunt]

    @property
    def as_it_should(self) -> bool:
        """It died, or as a control survived, with every seed."""
        return all(one.as_it_should for one in self.hunts)

    @property
    def killed_at(self) -> list[int]:
        """The smallest N of each hunt that rejected it."""
        return [one.killed_at for one in self.hunts if one.killed_at is not None]
