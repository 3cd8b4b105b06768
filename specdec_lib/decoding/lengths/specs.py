"""Draft lengths that have been read and not opened: plain values, each of which knows how it is opened.

As text each is its plainest spelling, which says the same when it is read again: records and facts keep that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from specdec_lib.decoding.lengths import sentences
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.decoding.draft_length import DraftLength

MOST = 8
"""Tokens a round at most, of a policy that is told nothing else."""
THRESHOLD = 0.4
"""Of the two policies that look at a law: Transformers' ``assistant_confidence_threshold``."""
GAMMA = 0.2
"""The factor of the entropy in AdaEDL."""
LONGEST_TIMED = 64
"""Draft tokens up to which the costs of a draft are measured."""


class LengthCosts(NamedTuple):
    """What rounds cost, in forwards of the target: c, v by K, and o of everything else."""

    c: float
    v: Mapping[int, float]
    overhead: float = 0.0


UNMEASURED = LengthCosts(0.1, {k: 1.0 for k in (1, 2, 3, 4, 6, 8)})
"""Costs for whom nothing was timed: a proof, which no cost decides."""


@dataclass(frozen=True)
class FixedSpec:
    """``k`` tokens in every round."""

    k: int

    def __str__(self) -> str:
        return str(self.k)

    @property
    def most(self) -> int:
        """Draft tokens a round at most."""
        return self.k

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths whose costs matter."""
        return (self.k,)

    def open(self, costs: LengthCosts | None = None, most: int | None = None) -> DraftLength:
        """The policy; with ``most`` no longer than that."""
        from specdec_lib.decoding.draft_length import Fixed

        return Fixed(self.k if most is None else min(self.k, most))


@dataclass(frozen=True)
class SignalSpec:
    """A policy that looks at the law of each draft token: "confidence" or "entropy"."""

    kind: str
    threshold: float = THRESHOLD
    most: int = MOST
    gamma: float = GAMMA

    def __str__(self) -> str:
        more = f",most={self.most}" if self.most != MOST else ""
        more += f",gamma={_plain(self.gamma)}" if self.gamma != GAMMA else ""
        return f"{self.kind}:{_plain(self.threshold)}{more}"

    @property
    def lengths(self) -> tuple[int, ...]:
        """As :attr:`FixedSpec.lengths`."""
        return (self.most,)

    def open(self, costs: LengthCosts | None = None, most: int | None = None) -> DraftLength:
        """As :meth:`FixedSpec.open`."""
        from specdec_lib.decoding.draft_length import Confidence, Entropy

        most = self.most if most is None else min(self.most, most)
        if self.kind == "confidence":
            return Confidence(self.threshold, most)
        return Entropy(self.threshold, most, self.gamma)


@dataclass(frozen=True)
class CostAwareSpec:
    """A :class:`~specdec_lib.decoding.cost_aware.CostAware`, each text of which begins anew: what a text
    becomes must not depend on those before it."""

    most: int = MOST

    def __post_init__(self) -> None:
        if self.most > LONGEST_TIMED:
            raise InvalidArgument(sentences.TOO_LONG_TO_TIME.format(self.most, LONGEST_TIMED, LONGEST_TIMED))

    def __str__(self) -> str:
        return f"cost-aware:most={self.most}" if self.most != MOST else "cost-aware"

    @property
    def lengths(self) -> tuple[int, ...]:
        """As :attr:`FixedSpec.lengths`: 1, 2, 3, 4, 6, 8, 12, … up to ``most``."""
        doublings = range(self.most.bit_length())
        steps = sorted({*(1 << n for n in doublings), *(3 << n for n in doublings)})
        return (*(k for k in steps if k < self.most), self.most)

    def open(self, costs: LengthCosts | None = None, most: int | None = None) -> DraftLength:
        """As :meth:`FixedSpec.open`.

        Args:
            costs: as measured, for all of :attr:`lengths` at least; None for ``UNMEASURED`` ones.
        """
        from specdec_lib.decoding.cost_aware import CostAware

        c, v, overhead = UNMEASURED if costs is None else costs
        limit = self.most if most is None else min(self.most, most)
        known = v if costs is not None else dict.fromkeys(self.lengths, 1.0)
        kept = {k: cost for k, cost in known.items() if k in self.lengths and k <= limit}
        return CostAware(c, kept or {limit: 1.0}, overhead, shared=False)


def _plain(number: float) -> str:
    """A number as people write it, and as it is read again: 0.4, 1, 0.1234567."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


LengthSpec = FixedSpec | SignalSpec | CostAwareSpec
"""A draft length that was read."""
