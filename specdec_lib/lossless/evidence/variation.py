"""How far are two laws apart? An interval for the total variation, from counts alone.

The frequencies of N samples are some way from their law even where nothing is wrong, so that their distance
says little. An event does better: TV(P, Q) is the largest P(A) − Q(A). One half of the samples names the
event A, the other half, which had no say in it, measures it. That bounds the distance from below and is the
estimate (each half names once, and measures once); from above it is bounded over all cells at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.chi_square import variation_bound

HalfCounts = Integer[np.ndarray, "2 cells"] | Float[np.ndarray, "2 cells"]
"""How often each cell came in the first and in the second half of the samples."""


@dataclass(frozen=True)
class VariationInterval:
    """``low`` ≤ total variation ≤ ``high`` with probability ``confidence``, over the cells that were counted.

    ``estimate`` lies between; it tends to be a little small, since half of the samples may miss the event
    at which the two laws are furthest apart.
    """

    estimate: float
    low: float
    high: float
    num_samples: int
    confidence: float


def interval_to_law(
    halves: HalfCounts, law: Float[np.ndarray, " cells"], confidence: float = 0.9999
) -> VariationInterval:
    """The distance between what was sampled and a known ``law``.

    Half of the error goes to either side: below to two binomial limits (Clopper and Pearson 1934), above to
    :func:`~specdec_lib.lossless.evidence.chi_square.variation_bound`.

    Raises:
        InvalidArgument: an empty half, shapes that differ, or a confidence outside (0, 1).
    """
    halves, law = np.asarray(halves, dtype=np.float64), np.asarray(law, dtype=np.float64)
    _check(halves, law.size, confidence)
    error = (1 - confidence) / 2
    seen, lows = [], []
    for fitted, held in (halves, halves[::-1]):
        event = fitted / fitted.sum() > law
        hits, total, chance = float(held[event].sum()), float(held.sum()), float(law[event].sum())
        seen.append(hits / total - chance)
        lows.append(_least_share(hits, total, error / 2) - chance)
    high = variation_bound(halves.sum(0), law, 1 - error).bound
    return _interval(seen, lows, high, int(halves.sum()), confidence)


def interval_between(ours: HalfCounts, theirs: HalfCounts, confidence: float = 0.9999) -> VariationInterval:
    """The distance between two laws of which both were sampled, also where the samples come in pairs.

    From above: cells that the first halves found thin are pooled, so that the second halves had no say in
    them. Over m cells and n pairs of those, TV ≤ TV(frequencies) + √((m − 1) / n) + √(2 ln(1/δ) / n), for one
    pair, however its two are bound together, moves the distance by 2/n at most (McDiarmid 1989).

    Raises:
        InvalidArgument: an empty half, shapes that differ, or a confidence outside (0, 1).
    """
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    _check(ours, theirs.shape[-1], confidence)
    _check(theirs, ours.shape[-1], confidence)
    error = (1 - confidence) / 2
    seen, lows = [], []
    for fit, held in ((0, 1), (1, 0)):
        event = ours[fit] / ours[fit].sum() > theirs[fit] / theirs[fit].sum()
        hits, total = float(ours[held][event].sum()), float(ours[held].sum())
        others, of = float(theirs[held][event].sum()), float(theirs[held].sum())
        seen.append(hits / total - others / of)
        lows.append(_least_share(hits, total, error / 4) - (1 - _least_share(of - others, of, error / 4)))
    groups = pooled_groups(ours[0] + theirs[0], 20.0)
    first, second = (np.bincount(groups, weights=half) for half in (ours[1], theirs[1]))
    n, cells = min(first.sum(), second.sum()), len(first)
    chance = math.sqrt((cells - 1) / n) + math.sqrt(2 * math.log(1 / error) / n)
    high = 0.5 * float(np.abs(first / first.sum() - second / second.sum()).sum()) + chance
    return _interval(seen, lows, high, int(ours.sum()), confidence)


def pooled_groups(
    counts: Integer[np.ndarray, " cells"] | Float[np.ndarray, " cells"], least: float
) -> Integer[np.ndarray, " cells"]:
    """For each cell the number of its group: the thinnest put together until each group has ``least`` counts.

    Of two samples the counts have to be those of both together: under the hypothesis that both follow one
    law, they say nothing about which is which. Nor may the order of the cells, in which those that one of
    the two has first may stand first: ties are broken by lot.
    """
    groups, number, held = np.zeros(len(counts), dtype=np.int64), 0, 0.0
    lot = np.random.default_rng(0).permutation(len(counts))
    for index in np.lexsort((lot, counts)):
        groups[index] = number
        held += float(counts[index])
        if held >= least:
            number, held = number + 1, 0.0
    return np.minimum(groups, max(0, number - 1))


def _interval(
    seen: list[float], lows: list[float], high: float, num_samples: int, confidence: float
) -> VariationInterval:
    low, high = max(0.0, *lows), min(1.0, high)
    estimate = min(max(sum(seen) / 2, low), max(high, low))
    return VariationInterval(estimate, low, max(high, low), num_samples, confidence)


def _least_share(hits: float, total: float, error: float) -> float:
    """The binomial share that would give ``hits`` or more of ``total`` with probability ``error``."""
    from scipy.stats import beta

    return float(beta.ppf(error, hits, total - hits + 1)) if hits else 0.0


def _check(halves: np.ndarray, cells: int, confidence: float) -> None:
    sound = halves.ndim == 2 and halves.shape == (2, cells) and bool((halves.sum(1) > 0).all())
    if not sound or not 0 < confidence < 1:
        raise InvalidArgument(
            f"variation interval: counts of shape {halves.shape} over {cells} cells, confidence "
            f"{confidence}; pass two halves with a sample each, and a confidence in (0, 1)"
        )
