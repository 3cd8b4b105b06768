"""Do two samples follow one law, where nobody tells it? Homogeneity, of independent samples and of pairs.

Two engines that are given the same seeds may answer alike, or oppositely; how, nobody knows. So their
answers are pairs, and what is tested is whether the two margins of a table of pairs are one law (Stuart 1955,
Maxwell 1970), which holds whatever binds the two of a pair together. Cells are pooled by the counts of both
samples together, which under the hypothesis do not know which is which, so that the level is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Integer

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.evidence.chi_square import deviation_caught
from specdec_lib.lossless.evidence.variation import pooled_groups

_LEAST_POOLED = 20.0
"""Counts of both samples together that a cell has at least: ten a sample."""
_CHUNK = 1_000


@dataclass(frozen=True)
class Homogeneity:
    """A test that two samples follow one law.

    ``catches`` is the total variation that is rejected with 99 % probability, 1.0 where none would be: half
    of the two samples' evidence of one sample against a known law, since both sides scatter.
    """

    statistic: float
    degrees: int
    num_cells: int
    num_samples: int
    p_value: float
    catches: float
    method: Literal["asymptotic", "permutation", "nothing to compare"]


def homogeneity_test(
    counts: Integer[np.ndarray, " cells"] | Float[np.ndarray, " cells"],
    others: Integer[np.ndarray, " cells"] | Float[np.ndarray, " cells"],
    level: float = 1e-4,
    *,
    draws: int = 20_000,
    seed: int = 0,
) -> Homogeneity:
    """Pearson's test that two independent samples follow one law; their sizes may differ.

    Args:
        counts, others: how often each outcome was seen in either.
        level: a p-value below it rejects; it makes ``catches``.
        draws: permutations, where fewer than two cells are left after pooling and all are kept therefore.

    Raises:
        InvalidArgument: shapes that differ, or a sample without a count.
    """
    table = np.array([counts, others], dtype=np.float64)
    if table.ndim != 2 or not (table.sum(1) > 0).all() or (table < 0).any():
        raise InvalidArgument(
            f"homogeneity: counts of shape {np.shape(counts)} and {np.shape(others)}; pass one count an "
            "outcome for each of the two, and at least one sample of each"
        )
    table = table[:, table.sum(0) > 0]
    groups = pooled_groups(table.sum(0), _LEAST_POOLED * table.sum() / (2 * table.sum(1).min()))
    pooled = np.array([np.bincount(groups, weights=row) for row in table])
    num = 2 / float((1 / table.sum(1)).sum())
    if pooled.shape[1] > 1:
        from scipy.stats import chi2

        cells = pooled.shape[1]
        statistic = float(_pearson(pooled[None])[0])
        p_value, catches = float(chi2.sf(statistic, cells - 1)), _catches(num, cells, level)
        return Homogeneity(statistic, cells - 1, cells, int(table.sum()), p_value, catches, "asymptotic")
    return _permuted(table, draws, seed)


def paired_test(
    ours: Integer[np.ndarray, " pairs"], theirs: Integer[np.ndarray, " pairs"], level: float = 1e-4
) -> Homogeneity:
    """Stuart and Maxwell's test that both members of a pair follow one law, by their outcomes' numbers.

    D = Σ d over the pairs, d = +1 at the one's outcome and −1 at the other's; D' S⁺ D with S = Σ d d' is
    a chi-square of as many degrees as S has ranks. Pairs that agree add nothing.

    Args:
        ours, theirs: for each pair, the numbers (from 0) of the two outcomes.
        level: a p-value below it rejects; it makes ``catches``, of pairs that are independent or alike.

    Raises:
        InvalidArgument: no pairs, or arrays of different lengths.
    """
    if ours.shape != theirs.shape or not len(ours):
        raise InvalidArgument(
            f"paired test: {len(ours)} and {len(theirs)} outcomes; pass one of each engine a pair"
        )
    from scipy.stats import chi2

    counts = np.bincount(np.concatenate([ours, theirs]))
    groups, inverse = np.unique(pooled_groups(counts, _LEAST_POOLED)[counts > 0], return_inverse=True)
    place = np.zeros(len(counts), dtype=np.int64)
    place[counts > 0] = inverse
    cells, n = len(groups), len(ours)
    if cells < 2:
        return Homogeneity(0.0, 0, cells, n, 1.0, 1.0, "nothing to compare")
    pairs = np.zeros((cells, cells))
    np.add.at(pairs, (place[ours], place[theirs]), 1)
    difference = pairs.sum(1) - pairs.sum(0)
    scatter = np.diag(pairs.sum(1) + pairs.sum(0)) - pairs - pairs.T
    values, vectors = np.linalg.eigh(scatter)
    in_use = values > 1e-9 * max(1.0, float(values.max()))
    degrees = int(in_use.sum())
    catches = _catches(n, cells, level)
    if not degrees:
        return Homogeneity(0.0, 0, cells, n, 1.0, catches, "asymptotic")
    statistic = float(((vectors[:, in_use].T @ difference) ** 2 / values[in_use]).sum())
    return Homogeneity(
        statistic, degrees, cells, n, float(chi2.sf(statistic, degrees)), catches, "asymptotic"
    )


def _catches(num_samples: float, cells: int, level: float) -> float:
    """Of two samples of that size: the difference scatters twice as much as one of them does."""
    return min(1.0, math.sqrt(2.0) * deviation_caught(max(1, int(num_samples)), cells, level))


def _pearson(tables: Float[np.ndarray, "n 2 cells"]) -> Float[np.ndarray, " n"]:
    expected = tables.sum(2, keepdims=True) * tables.sum(1, keepdims=True) / tables.sum((1, 2), keepdims=True)
    parts = np.divide((tables - expected) ** 2, expected, out=np.zeros_like(tables), where=expected > 0)
    return parts.sum((1, 2))


def _permuted(table: Float[np.ndarray, "2 cells"], draws: int, seed: int) -> Homogeneity:
    """P(at least that | who gave which sample is drawn by lot); never 0."""
    cells, total = table.shape[1], int(table.sum())
    if cells < 2:
        return Homogeneity(0.0, 0, cells, total, 1.0, 1.0, "nothing to compare")
    rng, statistic, as_large, left = np.random.default_rng(seed), float(_pearson(table[None])[0]), 0, draws
    margin, first = table.sum(0).astype(np.int64), int(table[0].sum())
    while left > 0:
        drawn = rng.multivariate_hypergeometric(margin, first, size=min(left, _CHUNK)).astype(np.float64)
        tables = np.stack([drawn, margin - drawn], axis=1)
        as_large += int((_pearson(tables) >= statistic * (1 - 1e-12)).sum())
        left -= _CHUNK
    p_value = (1 + as_large) / (1 + draws)
    return Homogeneity(statistic, cells - 1, cells, total, p_value, 1.0, "permutation")
