"""A draft length from costs and counts: drafts while the next token's gain exceeds its cost, or not at all.

The costs c, v(K) and o of a round are measured beforehand; the acceptance is the text's own. Each judged
draft token is a trial, and what is known of an acceptance is a Beta law, begun by one trial of either
outcome. The first place of a draft has a law of its own: behind a token that stayed acceptance is another, of
a looked-up draft most of all. The length is that of the largest E[N] / (K c + v(K) + o), so that a further
token would cost more than it brings (Leviathan et al. 2023, theorem 3.8; :mod:`specdec_lib.theory.drafts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from specdec_lib.decoding import sentences
from specdec_lib.decoding.draft_length import LengthState
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import positive, quantity, whole
from specdec_lib.theory.drafts import draft_speedup

LENGTHS = (1, 2, 3, 4, 6, 8)
"""Draft lengths to choose from where no v(K) says which were measured."""
MEMORY = 200.0
"""Judged draft tokens after which one counts e times less, in a text and from text to text."""
FROM_OTHERS = 32.0
"""Judged draft tokens that all earlier texts together count as, at most."""
FROM_FIRST = 4.0
"""Trials of the places behind the first that the first place's acceptance counts as."""
FIRST_REST, LONGEST_REST = 16, 256
"""Plain rounds before a probe: doubled with each probe that was rejected."""


@dataclass(frozen=True)
class BetaLaw:
    """What an acceptance may be, after ``a`` trials that were accepted and ``b`` that were rejected."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def above(self, deviations: float) -> float:
        """So many standard deviations above the mean."""
        deviation = math.sqrt(self.mean * (1 - self.mean) / (self.a + self.b + 1))
        return min(1.0, self.mean + deviations * deviation)


@dataclass
class Trials:
    """Draft tokens that were accepted and rejected, later ones counting for more."""

    accepted: float = 0.0
    rejected: float = 0.0

    def add(self, accepted: int, rejected: int) -> None:
        """What a verdict showed."""
        fade = math.exp(-(accepted + rejected) / MEMORY)
        self.accepted = self.accepted * fade + accepted
        self.rejected = self.rejected * fade + rejected

    def at_most(self, count: float) -> Trials:
        """The same share of fewer trials."""
        weight = min(1.0, count / max(count, self.accepted + self.rejected))
        return Trials(weight * self.accepted, weight * self.rejected)


@dataclass
class Judged:
    """What rounds showed: trials of the first place of a draft, and of the places behind it."""

    first: Trials = field(default_factory=Trials)
    later: Trials = field(default_factory=Trials)

    def add(self, drafted: int, accepted: int) -> None:
        """A round's verdict; draft tokens behind a rejection were never judged."""
        self.first.add(min(accepted, 1), int(not accepted))
        self.later.add(max(accepted - 1, 0), int(0 < accepted < drafted))

    def at_most(self, count: float) -> Judged:
        """The same shares of fewer trials."""
        return Judged(self.first.at_most(count), self.later.at_most(count))

    def laws(self) -> tuple[BetaLaw, BetaLaw]:
        """The acceptance at the first place, and behind it."""
        first = BetaLaw(1 + self.first.accepted, 1 + self.first.rejected)
        a, b = FROM_FIRST * first.mean, FROM_FIRST * (1 - first.mean)
        return first, BetaLaw(a + self.later.accepted, b + self.later.rejected)


class CostAware:
    """Drafts while that pays, by measured costs and the text's own acceptance; else decodes plainly.

    A text drafts nothing from the round on in which no length is faster than plain decoding even with
    acceptances one standard deviation above their means. After 16 plain rounds it drafts a single token, to
    see whether that has changed; each time that this token is rejected it waits twice as long, up to 256
    rounds, and where it is accepted the next round drafts one too, until the counts say otherwise.

    Args:
        c: T_draft(1) / T_target(1).
        v: T_target(K + 1) / T_target(1) by K, as ``Costs.v`` of a session has it; its K are the lengths that
            rounds may have. None: ``LENGTHS``, at no cost.
        overhead: everything else in a round that drafts, in T_target(1).
        baseline: a round of plain decoding, in T_target(1).
        shared: begin a text with what earlier ones showed. A seed then gives the same tokens only after the
            same texts (their law is the target's in any case).

    Raises:
        InvalidArgument: a cost that is negative or no number, v or baseline not positive, no length, or a
            length below 1.
    """

    name = "cost-aware"
    reads_laws = False

    def __init__(
        self,
        c: float,
        v: Mapping[int, float] | None = None,
        overhead: float = 0.0,
        baseline: float = 1.0,
        shared: bool = True,
    ) -> None:
        costs: Mapping[int, float] = dict.fromkeys(LENGTHS, 1.0) if v is None else v
        if not costs:
            raise InvalidArgument(sentences.NO_WIDTHS)
        self.v = {whole(k, "a length of v", 1): positive(costs[k], f"v({k})") for k in sorted(costs)}
        self.c, self.overhead = quantity(c, "c"), quantity(overhead, "overhead")
        self.baseline, self.shared = positive(baseline, "baseline"), shared
        self.others = Judged()
        """What all texts so far showed."""

    def __repr__(self) -> str:
        return f"CostAware(c={self.c:g}, v={self.v}, overhead={self.overhead:g}, baseline={self.baseline:g})"

    @property
    def lengths(self) -> tuple[int, ...]:
        """The K of ``v``."""
        return tuple(self.v)

    def start(self) -> LengthState:
        """A text that begins with what is known of others, as a few trials of its own."""
        return CostAwareState(self, self.others.at_most(FROM_OTHERS) if self.shared else Judged())

    def best(self, first: BetaLaw, later: BetaLaw) -> int:
        """The fastest length with such acceptances at the first place and behind it; 0 where none may pay."""
        behind = self.lengths[-1] - 1
        hoped = [first.above(1.0), *[later.above(1.0)] * behind]
        if all(self._speedup(hoped, k) * self.baseline <= 1 for k in self.v):
            return 0
        places = [first.mean, *[later.above(0.5)] * behind]  # of which only drafts that reach them tell
        return max(self.v, key=lambda k: self._speedup(places, k))

    def _speedup(self, places: list[float], k: int) -> float:
        return draft_speedup(places[:k], k * self.c, self.v[k], self.overhead)


class CostAwareState:
    """What :class:`CostAware` knows of one text: its trials, and how long it has not drafted.

    Args:
        judged: trials with which the text begins.
    """

    def __init__(self, policy: CostAware, judged: Judged) -> None:
        self.judged, self._policy = judged, policy
        self._rested, self._rest = 0, FIRST_REST
        self._best = self._length = policy.best(*judged.laws())

    def wants(self, drafted: int, law: Float[Tensor, " vocab"] | None = None) -> bool:
        """Up to the length that was chosen before the round: what is drafted tells nothing of acceptance."""
        return drafted < self._length

    def observe(self, drafted: int, accepted: int) -> None:
        """Count the round's trials, and choose the next length."""
        if drafted:
            self._judge(drafted, accepted)
        elif not self._length:
            self._rested += 1
        self._length = self._best
        if not self._best and self._rested >= self._rest:
            self._length = self._policy.lengths[0]

    def _judge(self, drafted: int, accepted: int) -> None:
        self.judged.add(drafted, accepted)
        self._policy.others.add(drafted, accepted)
        if not self._best and accepted < drafted:
            self._rested, self._rest = 0, min(2 * self._rest, LONGEST_REST)
        self._best = self._policy.best(*self.judged.laws())
        if self._best:
            self._rested, self._rest = 0, FIRST_REST
