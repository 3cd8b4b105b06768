"""Do counted outcomes follow a law? Pearson's chi-square, what it would have seen, and a bound on the rest.

A p-value says nothing without the power behind it: "not rejected" at 100 samples is no news. So every
result can state the smallest total-variation distance that this many samples would have caught. Cells too
thin for the chi-square approximation get a Monte-Carlo p-value, from samples drawn under the law itself.

A test that does not reject has not proved equality. :func:`variation_bound` turns the same counts around:
with probability ``confidence`` the total-variation distance between what was sampled and the law is below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Integer

from specdec_lib.errors import InvalidArgument

_THIN = 5.0  # expected counts below this are where the approximation is not trusted (Cochran 1954)
_CHUNK = 2_000


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test: Σ (count − expected)² / expected over the cells, and P(at least that | the law)."""

    statistic: float
    degrees: int
    num_samples: int
    p_value: float
    method: Literal["asymptotic", "Monte Carlo", "impossible outcome"]


def chi_square_test(
    counts: Integer[np.ndarray, " cells"] | Float[np.ndarray, " cells"],
    law: Float[np.ndarray, " cells"],
    *,
    draws: int = 20_000,
    seed: int = 0,
) -> ChiSquare:
    """Test ``counts`` against ``law``.

    Args:
        counts: how often each outcome was seen.
        law: its probability; an outcome of probability 0 that was seen refutes the law outright.
        draws: samples of a Monte-Carlo p-value, used where an expected count is below 5; the smallest
            p-value that they can give is 1 / (draws + 1).

    Raises:
        InvalidArgument: nothing was counted, the shapes differ, or ``law`` is not a distribution.
    """
    counts, law = np.asarray(counts, dtype=np.float64), np.asarray(law, dtype=np.float64)
    _check(counts, law)
    num_samples = int(counts.sum())
    possible = law > 0
    degrees = max(1, int(possible.sum()) - 1)
    if counts[~possible].any():
        return ChiSquare(math.inf, degrees, num_samples, 0.0, "impossible outcome")
    counts, law = counts[possible], law[possible]
    statistic = float(_statistics(counts[None], law)[0])
    if num_samples * law.min() >= _THIN:
        from scipy.stats import chi2

        return ChiSquare(statistic, degrees, num_samples, float(chi2.sf(statistic, degrees)), "asymptotic")
    p_value = _monte_carlo(statistic, law, num_samples, draws, seed)
    return ChiSquare(statistic, degrees, num_samples, p_value, "Monte Carlo")


def pool_thin_cells(
    counts: Float[np.ndarray, " cells"], law: Float[np.ndarray, " cells"], least: float
) -> tuple[Float[np.ndarray, " pooled"], Float[np.ndarray, " pooled"]]:
    """Counts and law with the thinnest cells put together until each expects ``least`` counts or more.

    Cells are joined in order of their probability, which the data do not influence. Outcomes of probability
    0, where there are any, stay apart in a last cell of their own: a single one refutes the law.
    """
    num_samples, impossible = counts.sum(), law == 0
    pooled: list[list[float]] = []
    count = chance = 0.0
    for index in np.argsort(law, kind="stable")[int(impossible.sum()) :]:
        count, chance = count + float(counts[index]), chance + float(law[index])
        if num_samples * chance >= least:
            pooled.append([count, chance])
            count = chance = 0.0
    if chance and pooled:
        pooled[-1][0] += count
        pooled[-1][1] += chance
    cells = pooled or [[count, chance]]
    if impossible.any():
        cells.append([float(counts[impossible].sum()), 0.0])
    table = np.array(cells)
    return table[:, 0], table[:, 1]


@dataclass(frozen=True)
class VariationBound:
    """TV(sampled law, reference) ≤ ``bound`` with probability ``confidence``.

    ``empirical`` is the distance of the relative frequencies; the bound adds what N samples of the law
    itself would show by chance, in expectation (``expected``) and beyond it (``margin``).
    """

    bound: float
    empirical: float
    expected: float
    margin: float
    num_samples: int
    confidence: float


def variation_bound(
    counts: Integer[np.ndarray, " cells"] | Float[np.ndarray, " cells"],
    law: Float[np.ndarray, " cells"],
    confidence: float = 0.9999,
) -> VariationBound:
    """Bound the distance between the law that gave ``counts`` and ``law``.

    By the triangle inequality TV(P, law) ≤ TV(frequencies, law) + TV(frequencies, P). The second term has
    an expectation of at most ½ √((m − 1) / N) over m cells (Jensen), and one sample changes it by at most
    1/N, so it exceeds that by √(ln(1/δ) / 2N) with probability δ at most (McDiarmid 1989).

    Raises:
        InvalidArgument: no samples, shapes that differ, or a confidence outside (0, 1).
    """
    counts, law = np.asarray(counts, dtype=np.float64), np.asarray(law, dtype=np.float64)
    num_samples = counts.sum()
    if counts.shape != law.shape or not num_samples > 0 or not 0 < confidence < 1:
        raise InvalidArgument(
            f"variation bound: counts {counts.shape} with sum {num_samples:g}, law {law.shape}, confidence "
            f"{confidence}; pass one count an outcome, a sample at least, and a confidence in (0, 1)"
        )
    empirical = 0.5 * float(np.abs(counts / num_samples - law).sum())
    expected = 0.5 * math.sqrt((counts.size - 1) / num_samples)
    margin = math.sqrt(math.log(1 / (1 - confidence)) / (2 * num_samples))
    bound = min(1.0, empirical + expected + margin)
    return VariationBound(bound, empirical, expected, margin, int(num_samples), confidence)


def samples_to_catch(deviation: float, num_cells: int, level: float = 1e-4, power: float = 0.99) -> int:
    """N with which a total-variation distance of ``deviation`` is rejected with probability ``power``.

    Among all laws at that distance the hardest to see has Σ (p' − p)² / p = 4 · deviation² (Cauchy and
    Schwarz), so the non-centrality is at least 4 N deviation².

    Raises:
        InvalidArgument: a deviation, level or power outside (0, 1), or fewer than two cells.
    """
    _check_power(deviation, num_cells, level, power)
    return math.ceil(_noncentrality(num_cells - 1, level, power) / (4 * deviation**2))


def deviation_caught(num_samples: int, num_cells: int, level: float = 1e-4, power: float = 0.99) -> float:
    """The smallest total-variation distance that ``num_samples`` reject with probability ``power``.

    The inverse of :func:`samples_to_catch`; 1.0 where nothing could be seen.

    Raises:
        InvalidArgument: no samples, a level or power outside (0, 1), or fewer than two cells.
    """
    _check_power(0.5, num_cells, level, power)
    if num_samples < 1:
        raise InvalidArgument(f"power: num_samples is {num_samples}; pass at least 1")
    return min(1.0, math.sqrt(_noncentrality(num_cells - 1, level, power) / (4 * num_samples)))


@lru_cache(maxsize=1_000)
def _noncentrality(degrees: int, level: float, power: float) -> float:
    """The λ at which a non-central chi-square exceeds the critical value with probability ``power``."""
    from scipy.optimize import brentq
    from scipy.stats import chi2, ncx2

    critical = chi2.isf(level, degrees)
    upper = 1.0
    while ncx2.sf(critical, degrees, upper) < power:
        upper *= 2
    root: Any = brentq(lambda nc: ncx2.sf(critical, degrees, nc) - power, 1e-9, upper)
    return float(root)


def _statistics(counts: np.ndarray, law: np.ndarray) -> np.ndarray:
    expected = counts.sum(axis=1, keepdims=True) * law
    return ((counts - expected) ** 2 / expected).sum(axis=1)


def _monte_carlo(statistic: float, law: np.ndarray, num_samples: int, draws: int, seed: int) -> float:
    """(1 + simulated statistics at least as large) / (1 + simulations): never 0, and valid at any N."""
    rng, as_large, left = np.random.default_rng(seed), 0, draws
    while left > 0:
        simulated = rng.multinomial(num_samples, law / law.sum(), size=min(left, _CHUNK)).astype(np.float64)
        as_large += int((_statistics(simulated, law) >= statistic * (1 - 1e-12)).sum())
        left -= _CHUNK
    return (1 + as_large) / (1 + draws)


def _check(counts: np.ndarray, law: np.ndarray) -> None:
    if counts.shape != law.shape or counts.ndim != 1 or not counts.sum() > 0:
        raise InvalidArgument(
            f"chi-square: counts of shape {counts.shape} and sum {counts.sum():g} against a law of shape "
            f"{law.shape}; pass one count an outcome, and at least one sample"
        )
    if (law < 0).any() or abs(law.sum() - 1) > 1e-6:
        raise InvalidArgument(f"chi-square: the law sums to {law.sum():.8g}; pass a distribution")


def _check_power(deviation: float, num_cells: int, level: float, power: float) -> None:
    inside = all(0 < value < 1 for value in (deviation, level, power))
    if not inside or num_cells < 2:
        raise InvalidArgument(
            f"power: deviation {deviation}, level {level}, power {power}, {num_cells} cells; "
            "pass three numbers between 0 and 1, and at least two cells"
        )
