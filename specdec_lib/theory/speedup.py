"""How many tokens a round of speculative decoding emits, and how much faster that is.

One round drafts K tokens, scores them in one target forward, and emits the accepted prefix plus
one token more (a correction or the bonus). With every draft token accepted independently with
probability alpha, the length N of a round follows a truncated geometric law on 1..K+1
(Leviathan et al. 2023, section 3); everything here is an expectation under that law.

It refuses to know about models, tensors and clocks: costs enter as ratios to one target forward
of one token (c, v, overhead), which :mod:`specdec_lib.profiling` measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.checks import Probs, distribution, positive, probability, quantity, whole
from specdec_lib.theory.intervals import share_interval

_TIE = 1e-12  # speedups closer than this, relatively, are one and the same: the smaller k wins


def acceptance_rate(target_probs: Probs, draft_probs: Probs) -> float:
    """Probability that a draft token drawn from ``draft_probs`` is accepted at one position.

    beta = sum_x min(p(x), q(x)) = 1 - TV(p, q) (Leviathan et al. 2023, theorem 3.5). The mass of the
    residual max(p - q, 0) is 1 - beta.

    Args:
        target_probs: p, shape (vocab,), after warping.
        draft_probs: q, shape (vocab,), after the same warping.

    Raises:
        InvalidArgument: shapes differ, or an argument is not a distribution.
    """
    target = distribution(target_probs, "target_probs")
    draft = distribution(draft_probs, "draft_probs")
    if target.shape != draft.shape:
        raise InvalidArgument(
            f"acceptance_rate compares two distributions over one vocabulary: got shapes {target.shape} "
            f"and {draft.shape}; translate the vocabularies first"
        )
    return min(1.0, float(np.minimum(target, draft).sum()))


def round_length_law(alpha: float, k: int) -> Float[np.ndarray, " k_plus_1"]:
    """P(N = 1), …, P(N = k + 1): the law of the number of tokens one round emits, shape (k + 1,).

    P(N = n) = alpha^(n-1) (1 - alpha) for n <= k, and alpha^k for n = k + 1 (all accepted, plus the
    bonus). :func:`expected_tokens` and :func:`tokens_variance` are its mean and its variance.

    Raises:
        InvalidArgument: alpha outside [0, 1], or k negative.
    """
    alpha, k = probability(alpha, "alpha"), whole(k, "k")
    law = alpha ** np.arange(k + 1, dtype=np.float64)
    law[:k] *= 1.0 - alpha
    return law


def expected_tokens(alpha: float, k: int) -> float:
    """Tokens a round emits on average, the correction or the bonus included.

    E[N] = (1 - alpha^(k+1)) / (1 - alpha), and k + 1 at alpha = 1 (Leviathan et al. 2023, equation 1).
    ``expected_tokens(0.8, 4)`` is 3.3616.

    Raises:
        InvalidArgument: alpha outside [0, 1], or k negative.
    """
    alpha, k = probability(alpha, "alpha"), whole(k, "k")
    if alpha == 1.0:
        return float(k + 1)
    if alpha == 0.0 or k == 0:
        return 1.0
    return -math.expm1((k + 1) * math.log(alpha)) / (1.0 - alpha)  # no cancellation near alpha = 1


def expected_accepted(alpha: float, k: int) -> float:
    """Draft tokens a round accepts on average, alpha + … + alpha^k: the bonus is excluded.

    Raises:
        InvalidArgument: alpha outside [0, 1], or k negative.
    """
    alpha, k = probability(alpha, "alpha"), whole(k, "k")
    return alpha * expected_tokens(alpha, k - 1) if k > 0 else 0.0


def tokens_variance(alpha: float, k: int) -> float:
    """Variance of the number of tokens a round emits, E[N^2] - E[N]^2.

    E[N^2] = sum_{j=0..k} (2j + 1) alpha^j; the sum below is over squared deviations instead, which does
    not cancel near alpha = 1.

    Raises:
        InvalidArgument: alpha outside [0, 1], or k negative.
    """
    law = round_length_law(alpha, k)
    deviation = np.arange(1, law.size + 1) - expected_tokens(alpha, k)
    return float(law @ deviation**2)


def speedup(alpha: float, k: int, c: float, v: float = 1.0, overhead: float = 0.0) -> float:
    """Speed of speculative over autoregressive decoding, E[N] / (k c + v + overhead).

    A ratio of expectations: over many rounds, tokens over time tends to it (renewal-reward), while the
    expectation of tokens / time has no such meaning. With v = 1 and overhead = 0 this is theorem 3.8 of
    Leviathan et al. 2023. ``speedup(0.8, 4, 0.05)`` is 2.80.

    Args:
        alpha: E[beta], in [0, 1].
        k: draft tokens a round.
        c: T_draft(1) / T_target(1), for **one** draft forward.
        v: T_target(k + 1) / T_target(1); 1 while the target is bound by memory traffic.
        overhead: everything else in a round, in units of T_target(1).

    Raises:
        InvalidArgument: alpha outside [0, 1]; k, c or overhead negative; v not positive.
    """
    cost = whole(k, "k") * quantity(c, "c") + positive(v, "v") + quantity(overhead, "overhead")
    return expected_tokens(alpha, k) / cost


def optimal_k(
    alpha: float, c: float, verify_slope: float = 0.0, overhead: float = 0.0, k_max: int = 64
) -> int:
    """The k in 1..k_max with the largest speedup, or 0 where none exceeds 1: do not speculate.

    The target's forward of k + 1 tokens costs v(k) = 1 + verify_slope * k. Ties go to the smaller k.
    With overhead = 0, no k helps exactly when alpha <= c + verify_slope. ``optimal_k(0.8, 0.05)`` is 8.

    Raises:
        InvalidArgument: alpha outside [0, 1]; c, verify_slope, overhead or k_max negative.
    """
    alpha, slope = probability(alpha, "alpha"), quantity(verify_slope, "verify_slope")
    c, overhead = quantity(c, "c"), quantity(overhead, "overhead")
    best_k, best = 0, 1.0
    for k in range(1, whole(k_max, "k_max") + 1):
        candidate = speedup(alpha, k, c, 1.0 + slope * k, overhead)
        if candidate > best * (1.0 + _TIE):
            best_k, best = k, candidate
    return best_k


def break_even_alpha(k: int, c: float, v: float = 1.0, overhead: float = 0.0) -> float | None:
    """The smallest alpha at which speculating with k tokens is no slower, or None where no alpha is enough.

    Solves E[N] = k c + v + overhead by bisection, to 1e-12. ``break_even_alpha(4, 0.5)`` is 0.741.

    Raises:
        InvalidArgument: k, c or overhead negative; v not positive.
    """
    return smallest_share(lambda alpha: speedup(alpha, k, c, v, overhead) >= 1.0)


def smallest_share(is_enough: Callable[[float], bool]) -> float | None:
    """The smallest number in [0, 1] that is enough, by bisection to 1e-12, or None where not even 1 is.

    ``is_enough`` has to hold of every number above one of which it holds.
    """
    if not is_enough(1.0):
        return None
    if is_enough(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2.0
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def draft_cost_for(
    target_speedup: float, alpha: float, k: int, v: float = 1.0, overhead: float = 0.0
) -> float | None:
    """The largest c at which k tokens a round reach ``target_speedup``, or None where a free draft does not.

    Solves ``speedup(alpha, k, c, v, overhead) = target_speedup`` for c: (E[N] / S - v - overhead) / k.
    ``draft_cost_for(2.80, 0.8, 4)`` is 0.05.

    Raises:
        InvalidArgument: target_speedup or v not positive; alpha outside [0, 1]; k below 1; overhead negative.
    """
    left = expected_tokens(alpha, whole(k, "k", minimum=1)) / positive(target_speedup, "target_speedup")
    left -= positive(v, "v") + quantity(overhead, "overhead")
    return left / k if left >= 0.0 else None


def expected_rounds(num_tokens: int, alpha: float, k: int) -> float:
    """Target forwards needed on average to emit exactly ``num_tokens`` tokens.

    The last round is cut, so this exceeds num_tokens / E[N]. Conditioning on the first round,
    R(n) = 1 + sum_j P(N = j) R(n - j) with R(m) = 0 for m <= 0; shrinking k in the last rounds does not
    change it, because only min(N, n) counts. ``expected_rounds(2, alpha, k)`` is 2 - alpha for k >= 1.

    Raises:
        InvalidArgument: alpha outside [0, 1]; num_tokens or k negative.
    """
    law = round_length_law(alpha, k)
    num_tokens = whole(num_tokens, "num_tokens")
    rounds = np.zeros(num_tokens + 1)
    for n in range(1, num_tokens + 1):
        reach = min(law.size, n)
        rounds[n] = 1.0 + law[:reach] @ rounds[n - reach : n][::-1]
    return float(rounds[num_tokens])


def estimate_alpha(num_accepted: int, num_rejecting_rounds: int) -> float:
    """Maximum-likelihood alpha: accepted / (accepted + rounds that contain a rejection).

    Each round shows its accepted tokens and at most one rejection; what follows a rejection was never
    judged. Dividing by the number of drafted tokens instead counts those as failures and is biased low.

    Raises:
        InvalidArgument: a count is negative, or both are 0 (nothing was judged).
    """
    accepted = whole(num_accepted, "num_accepted")
    rejecting = whole(num_rejecting_rounds, "num_rejecting_rounds")
    if accepted + rejecting == 0:
        raise InvalidArgument("estimate_alpha needs a judged draft token: got 0 accepted, 0 rejections")
    return accepted / (accepted + rejecting)


def alpha_interval(num_accepted: int, num_rejecting_rounds: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for alpha, of ``z`` standard deviations: 95 % at 1.96.

    It takes the judgements of one text as draws of one coin; several texts differ by more than that.

    Raises:
        InvalidArgument: as :func:`estimate_alpha`.
    """
    estimate_alpha(num_accepted, num_rejecting_rounds)
    return share_interval(num_accepted, num_accepted + num_rejecting_rounds, z)


def operations_factor(alpha: float, k: int, c_ops: float = 0.0) -> float:
    """Arithmetic of speculative over autoregressive decoding, per token: (k c_ops + k + 1) / E[N].

    Theorem 3.11 of Leviathan et al. 2023; c_ops is the draft's operations per token over the target's.
    It is at least 1 at c_ops = 0: speculation buys time with arithmetic.

    Raises:
        InvalidArgument: alpha outside [0, 1]; k or c_ops negative.
    """
    k = whole(k, "k")
    return (k * quantity(c_ops, "c_ops") + k + 1) / expected_tokens(alpha, k)
