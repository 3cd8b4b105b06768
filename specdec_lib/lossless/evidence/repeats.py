"""Are answers that should be independent so? A counted law says nothing where one answer knows another.

A server that remembers repeats itself soon: too many of its answers equal the one just before, or one a few
before that. How many would do so in any order of the same answers follows from these alone; nothing has to be
known of their law. What no order shows is a seed that is fixed: then there are too few different answers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from specdec_lib.errors import InvalidArgument

LAGS = 8
"""How far back an answer is compared."""
_FEW = 500.0
"""Equal neighbours expected below which the tail is Poisson's: the normal law's is too thin there."""


@dataclass(frozen=True)
class SerialDependence:
    """How many answers equal the one ``lag`` before, of which lag most speaks for dependence.

    ``p_value`` allows for having looked at several lags; ``expected`` is the mean over all orders.
    """

    lag: int
    equal: int
    expected: float
    num_pairs: int
    p_value: float


def serial_test(sequences: Sequence[Sequence[Hashable]], lags: int = LAGS) -> SerialDependence:
    """Test that the order of each sequence of answers is one among all its orders.

    The number of equal neighbours has a known mean and variance over the orders of a sequence. Its tail is
    taken from the normal law or, where few are expected, from Poisson's, whichever is the larger.

    Args:
        sequences: answers to one question each, in the order in which they came.
        lags: neighbours of distance 1 to ``lags`` are looked at.

    Raises:
        InvalidArgument: no sequence of two answers.
    """
    if not any(len(sequence) > 1 for sequence in sequences):
        raise InvalidArgument("serial test: no question has two answers; pass at least one that has")
    found = [_at_lag(sequences, lag) for lag in range(1, lags + 1)]
    likeliest = min((one for one in found if one.num_pairs), key=lambda one: one.p_value)
    asked = sum(one.num_pairs > 0 for one in found)
    p_value = min(1.0, asked * likeliest.p_value)
    return SerialDependence(likeliest.lag, likeliest.equal, likeliest.expected, likeliest.num_pairs, p_value)


def expected_distinct(law: Iterable[float], num_samples: int) -> float:
    """How many different outcomes ``num_samples`` samples of a law show on average."""
    return sum(1 - (1 - min(1.0, chance)) ** num_samples for chance in law)


def _at_lag(sequences: Sequence[Sequence[Hashable]], lag: int) -> SerialDependence:
    from scipy.stats import norm, poisson

    equal, mean, variance, pairs = 0, 0.0, 0.0, 0
    for sequence in sequences:
        count = len(sequence) - lag
        if count < 1:
            continue
        own_mean, own_variance = _over_orders(list(Counter(sequence).values()), lag)
        equal += sum(a == b for a, b in zip(sequence, sequence[lag:], strict=False))
        mean, variance, pairs = mean + own_mean, variance + own_variance, pairs + count
    if variance <= 1e-9:
        return SerialDependence(lag, equal, mean, pairs, 1.0)
    normal = float(norm.sf((equal - mean - 0.5) / math.sqrt(variance)))
    rare = float(poisson.sf(equal - 1, mean)) if mean < _FEW else 0.0
    return SerialDependence(lag, equal, mean, pairs, min(1.0, max(normal, rare)))


def _over_orders(counts: Sequence[int], lag: int) -> tuple[float, float]:
    """Mean and variance of the number of equal pairs at ``lag``, over all orders of these answers."""
    n = sum(counts)
    twos, threes, fours = (sum(math.perm(count, size) for count in counts) for size in (2, 3, 4))
    other_twos = twos**2 - sum(math.perm(count, 2) ** 2 for count in counts)
    pair = twos / math.perm(n, 2)
    pairs, chains = n - lag, max(0, n - 2 * lag)
    triple = threes / math.perm(n, 3) if n > 2 else 0.0
    apart = (fours + other_twos) / math.perm(n, 4) if n > 3 else 0.0
    square = pairs * pair + 2 * chains * triple + (pairs * (pairs - 1) - 2 * chains) * apart
    return pairs * pair, max(0.0, square - (pairs * pair) ** 2)
