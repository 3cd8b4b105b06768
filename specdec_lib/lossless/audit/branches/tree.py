"""The tree of a decoder's random choices, visited one replay at a time, the likeliest unvisited branch first.

A replay is told what to choose as far as a branch was seen before, and chooses the likeliest from there on;
what it leaves to the side waits with its mass. So the masses of what came out and of what waits add up to 1
at any time, and what waits bounds how far the law that was summed can be from the true one.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from specdec_lib.errors import NotRepeatable, Unfollowed
from specdec_lib.lossless.audit.branches import sentences

_SAME = 1e-6
"""By how much a probability may differ when it is offered again: float32 forwards on several threads."""
_LEAST = 1e-15
"""Branches of less mass are not kept; they stay in what was not visited."""


@dataclass(frozen=True)
class BranchChoice:
    """One choice on the way to a branch, linked to the one before it."""

    before: BranchChoice | None
    option: int
    chance: float
    num_options: int


def _way_to(last: BranchChoice | None) -> list[BranchChoice]:
    way = []
    while last is not None:
        way.append(last)
        last = last.before
    return way[::-1]


@dataclass
class Path:
    """One replay: what it has to choose first, and what came of the rest."""

    tree: ReplayTree
    told: list[BranchChoice]
    mass: float = 1.0
    depth: int = 0
    last: BranchChoice | None = None

    def choose(self, weights: Sequence[float], what: str) -> int:
        """The option that this replay takes, of options with these weights (any positive sum).

        Raises:
            NotRepeatable: other options than at this place of an earlier replay.
            Unfollowed: weights that are no law.
        """
        total = math.fsum(weights)
        if not 0 < total < math.inf or min(weights) < 0:
            raise Unfollowed(sentences.NO_LAW.format(what, total))
        chances = [weight / total for weight in weights]
        if self.depth < len(self.told):
            choice = self.told[self.depth]
            if choice.num_options != len(chances) or abs(chances[choice.option] - choice.chance) > _SAME:
                raise NotRepeatable(sentences.NOT_REPEATABLE.format(self.tree.num_replays + 1, what))
        else:
            choice = self._branch(chances)
        self.last, self.depth = choice, self.depth + 1
        self.mass *= choice.chance
        return choice.option

    def _branch(self, chances: list[float]) -> BranchChoice:
        """The likeliest option; the others wait in the tree."""
        taken = max(range(len(chances)), key=chances.__getitem__)
        made = {
            option: BranchChoice(self.last, option, chance, len(chances))
            for option, chance in enumerate(chances)
            if chance * self.mass > _LEAST or option == taken
        }
        for option, choice in made.items():
            if option != taken:
                self.tree.wait(choice, self.mass * choice.chance)
        kept = math.fsum(choice.chance for choice in made.values())
        self.tree.dropped += self.mass * max(0.0, 1 - kept)
        return made[taken]

    def again(self) -> Path:
        """The same choices once more, all of them told."""
        return Path(self.tree, _way_to(self.last))

    def end(self, outcome: Hashable) -> None:
        """The replay emitted ``outcome``.

        Raises:
            NotRepeatable: fewer choices than were told.
        """
        if self.depth < len(self.told):
            raise NotRepeatable(sentences.ENDED_EARLY.format(self.tree.num_replays + 1, self.depth))
        self.tree.law[outcome] = self.tree.law.get(outcome, 0.0) + self.mass
        self.tree.num_replays += 1
        self.tree.num_choices = max(self.tree.num_choices, self.depth)


@dataclass
class ReplayTree:
    """What was emitted so far with which probability, and the branches that wait."""

    law: dict[Hashable, float] = field(default_factory=dict)
    num_replays: int = 0
    num_choices: int = 0
    dropped: float = 0.0
    _mass: float = 1.0  # of all that waits, kept as it changes
    _waiting: list[tuple[float, int, BranchChoice | None]] = field(default_factory=lambda: [(-1.0, 0, None)])
    _order: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def unvisited(self) -> float:
        """The mass of all branches that no replay has taken."""
        return self.dropped + (max(0.0, self._mass) if self._waiting else 0.0)

    @property
    def is_done(self) -> bool:
        """Whether no branch waits."""
        return not self._waiting

    def wait(self, choice: BranchChoice, mass: float) -> None:
        """Keep a branch for later."""
        self._mass += mass
        heapq.heappush(self._waiting, (-mass, next(self._order), choice))

    def next_path(self) -> Path:
        """A replay of the likeliest branch that waits, which no longer does."""
        mass, _, last = heapq.heappop(self._waiting)
        self._mass += mass  # which is stored below 0, so that the largest comes first
        return Path(self, _way_to(last))
