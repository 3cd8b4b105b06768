"""Rounding or a fault: how likely a gap is under either, and how many texts rounding makes part.

Both kinds of parting choose a place of a text. Rounding takes it with the probability that noise reaches the
gap there; a fault takes any place alike. So the density of gaps cancels in their ratio, which is the chance
of a flip at that gap over the mean chance at any place. By Markov's inequality a ratio of 1/t or less has
probability 1/t at most where rounding alone is at work, and one of t or more where a fault alone is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

_TAIL = 4
"""Beyond the largest noise seen, its probability falls with this power, as Student's law of 4 degrees does.

The embedded target's falls like that from one pair in a hundred to one in a thousand (its quantiles are 1.8
times apart in bfloat16, 1.7 in float32), since some places round more than others.
"""
_FRACTIONS = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares of the partings that may be a fault's, where others are ties."""


@dataclass(frozen=True)
class RoundingLaw:
    """How far rounding moves two logits against each other.

    Attributes:
        noise: what was measured of it, of any sign and order.
        places: at how many places; several pairs of one place are not independent.
        unit: the least that has to be allowed for, a unit in the last place of the largest logit.
        slack: what was measured is multiplied by it: an engine rounds in another order than our forwards do.
    """

    noise: Float[np.ndarray, " pairs"] = field(repr=False)
    places: int
    unit: float
    slack: float = 2.0

    @property
    def largest(self) -> float:
        """The largest noise that was measured, or the unit, times the slack."""
        return max(self.slack * float(np.abs(self.noise).max(initial=0.0)), self.unit)

    def flips(self, gaps: Float[np.ndarray, " gaps"] | Sequence[float]) -> Float[np.ndarray, " gaps"]:
        """The chance that rounding makes up for each gap: of two tokens alike, one half.

        Noise that equals the gap leaves two logits equal; then either may be taken.
        """
        gaps = np.asarray(gaps, dtype=np.float64)
        seen = np.sort(self.slack * np.abs(self.noise))
        reaching = [len(seen) - np.searchsorted(seen, gaps, side) for side in ("left", "right")]
        counted = (reaching[0] + reaching[1]) / (4 * max(1, len(seen)))
        beyond = (self.largest / np.maximum(gaps, self.largest)) ** _TAIL / (2 * (self.places + 1))
        return np.maximum(counted, beyond)


@dataclass(frozen=True)
class Likelihood:
    """Rounding against a fault, over all partings.

    Attributes:
        ratios: of each parting, how many times as likely its gap is under rounding.
        mean_flip: the mean chance of a flip at a place of the texts.
        parting: of each text, the chance that rounding makes it part somewhere. Places of equal logits are
            left out: there either token is right, and which is taken is a convention, not noise.
        num_parted: texts that part elsewhere than at equal logits.
    """

    ratios: Float[np.ndarray, " partings"]
    mean_flip: float
    parting: Float[np.ndarray, " texts"]
    num_parted: int

    @property
    def log_ratio(self) -> float:
        """The natural logarithm of the product of the ratios."""
        with np.errstate(divide="ignore"):
            return float(np.log(self.ratios).sum())

    @property
    def p_of_gaps(self) -> float:
        """P(ratios as small as these) under rounding, at most.

        Against it stands that some of the partings are a fault's and the others ties. The likelihood of that,
        over the likelihood of rounding, has mean 1 under rounding for every share of them, and for several
        shares on average; so one over it bounds the probability, by Markov's inequality.
        """
        with np.errstate(divide="ignore"):
            logs = [np.log1p(share * (1 / self.ratios - 1)).sum() for share in _FRACTIONS]
        return float(np.exp(-max(0.0, np.logaddexp.reduce(logs) - np.log(len(logs)))))

    @property
    def expected(self) -> float:
        """Texts that rounding alone makes part on average, elsewhere than at equal logits."""
        return float(self.parting.sum())

    @property
    def p_of_rate(self) -> float:
        """P(as many texts part there, or more) under rounding: the tail of a Poisson-binomial law."""
        return at_least(self.parting, self.num_parted)


def likelihood_of(
    law: RoundingLaw, gaps_of_texts: Sequence[Float[np.ndarray, " places"]], behind: Sequence[float]
) -> Likelihood:
    """From the gaps of each text, and how far a token that was taken is behind the best, of each parting."""
    chances = [law.flips(gaps) for gaps in gaps_of_texts]
    mean = float(np.concatenate(chances).mean()) if chances else 0.0
    apart = [np.where(gaps > 0, flips, 0.0) for gaps, flips in zip(gaps_of_texts, chances, strict=True)]
    parting = np.array([1 - np.prod(1 - flips) for flips in apart])
    ratios = law.flips(behind) / mean if len(behind) else np.zeros(0)
    num_parted = sum(gap > 0 for gap in behind)
    return Likelihood(np.asarray(ratios, dtype=np.float64), mean, parting, num_parted)


def at_least(chances: Float[np.ndarray, " trials"] | Sequence[float], number: int) -> float:
    """P(at least ``number`` of independent trials succeed), each with its own chance."""
    if number <= 0:
        return 1.0
    law = np.ones(1)
    for chance in chances:
        law = np.convolve(law, [1 - chance, chance])
    return float(min(1.0, law[number:].sum()))
