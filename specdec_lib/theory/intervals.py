"""Intervals from counts alone: a share of trials, and tokens over rounds.

Both take trials, or rounds, as draws of one law. Texts differ by more than that, so over many texts the truth
is wider; where texts are told apart, ``bench.tables.bootstrap`` draws them.
"""

from __future__ import annotations

import math

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import quantity, whole


def share_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share, of ``z`` standard deviations: 95 % at 1.96 (Wilson 1927).

    ``share_interval(8, 10)`` is about (0.49, 0.94); it stays within [0, 1] and has a width at 0 and at 1.

    Raises:
        InvalidArgument: no trial, or more successes than trials.
    """
    n, k = whole(trials, "trials", minimum=1), whole(successes, "successes")
    if k > n:
        raise InvalidArgument(f"share_interval: {k} successes of {n} trials; pass at most as many as trials")
    share, z = k / n, quantity(z, "z")
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio_interval(
    above: float, below: float, squares: tuple[float, float, float], rounds: int, z: float = 1.96
) -> tuple[float, float] | None:
    """The interval of ``above / below``, two totals over rounds, by the delta method; None below two rounds.

    The variance of y − r x over rounds, r the ratio, is what one of them adds; the mean of x turns it into
    that of the ratio (Cochran 1977, section 6.4).

    Args:
        above, below: the totals of y and of x.
        squares: the totals of y², x y and x².
        rounds: how many rounds there were.

    Raises:
        InvalidArgument: a total is negative or not finite, or nothing is below.
    """
    n = whole(rounds, "rounds")
    if quantity(below, "below") == 0.0:
        raise InvalidArgument("ratio_interval: nothing to divide by; pass a positive total below")
    if n < 2:
        return None
    ratio = quantity(above, "above") / below
    y2, xy, x2 = (quantity(total, "a total of squares") for total in squares)
    spread = max(0.0, y2 - 2.0 * ratio * xy + ratio * ratio * x2) / (n - 1)
    half = quantity(z, "z") * math.sqrt(spread / n) / (below / n)
    return ratio - half, ratio + half
