"""The roofline: whether a target forward waits for memory or for arithmetic, and what batching changes.

A kernel that does F operations on M bytes takes at least max(F / peak, M / bandwidth) (Williams et al.
2009). Decoding one token reads every weight once for two operations each, far left of the ridge: there,
scoring K + 1 tokens costs what scoring one costs, and speculation is nearly free. A batch of B sequences
moves right; beyond the critical batch B* the extra K tokens are paid in full.

It knows numbers in FLOP, bytes and seconds, and no device: peaks come from a data sheet or a measurement.
"""

from __future__ import annotations

from specdec_lib.theory.checks import positive, quantity, whole
from specdec_lib.theory.speedup import expected_tokens, speedup


def arithmetic_intensity(flops: float, bytes_moved: float) -> float:
    """Operations per byte of traffic, FLOP/byte. A 7B fp16 model: 14e9 / 14e9 = 1.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return positive(flops, "flops") / positive(bytes_moved, "bytes_moved")


def ridge_point(peak_flops: float, bandwidth: float) -> float:
    """The intensity from which arithmetic limits and no longer memory, FLOP/byte.

    ``ridge_point(300e12, 900e9)`` is 333.

    Args:
        peak_flops: FLOP/s.
        bandwidth: bytes/s.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return positive(peak_flops, "peak_flops") / positive(bandwidth, "bandwidth")


def memory_time(bytes_moved: float, bandwidth: float) -> float:
    """Seconds to move the bytes: 14 GB at 900 GB/s take 15.6 ms.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return positive(bytes_moved, "bytes_moved") / positive(bandwidth, "bandwidth")


def compute_time(flops: float, peak_flops: float) -> float:
    """Seconds to do the arithmetic at the peak: 14 GFLOP at 300 TFLOP/s take 0.047 ms.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return positive(flops, "flops") / positive(peak_flops, "peak_flops")


def time_per_token(flops: float, bytes_moved: float, peak_flops: float, bandwidth: float) -> float:
    """Seconds a token on the roofline, max(compute, memory): a lower bound that a real kernel approaches.

    Args:
        flops: operations a token.
        bytes_moved: bytes read and written a token.
        peak_flops: FLOP/s.
        bandwidth: bytes/s.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return max(compute_time(flops, peak_flops), memory_time(bytes_moved, bandwidth))


def utilisation(flops: float, bytes_moved: float, peak_flops: float, bandwidth: float) -> float:
    """Share of the peak arithmetic in use on the roofline, in (0, 1]: intensity over ridge, at most 1.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return min(1.0, arithmetic_intensity(flops, bytes_moved) / ridge_point(peak_flops, bandwidth))


def critical_batch(flops: float, bytes_moved: float, peak_flops: float, bandwidth: float) -> float:
    """B*: how many tokens a forward can score before arithmetic takes longer than reading the weights.

    Ridge point over the intensity of one token, with weights as the only traffic: 333 for the 7B example.

    Raises:
        InvalidArgument: an argument is not positive and finite.
    """
    return ridge_point(peak_flops, bandwidth) / arithmetic_intensity(flops, bytes_moved)


def batch_verify_cost(k: int, batch: int, critical: float) -> float:
    """v(B, K, B*): cost of scoring k + 1 tokens for each of B sequences, over scoring one token for each.

    v = max(1, B (k + 1) / B*) / max(1, B / B*): 1 while the batch is small, k + 1 once B alone fills the
    arithmetic.

    Args:
        k: draft tokens a round.
        batch: B, sequences decoded together.
        critical: B*, see :func:`critical_batch`.

    Raises:
        InvalidArgument: k negative, batch below 1, critical not positive.
    """
    k, batch = whole(k, "k"), whole(batch, "batch", minimum=1)
    critical = positive(critical, "critical")
    return max(1.0, batch * (k + 1) / critical) / max(1.0, batch / critical)


def batch_speedup(
    alpha: float, k: int, c: float, batch: int, critical: float, overhead: float = 0.0
) -> float:
    """Speedup at batch B under the roofline: ``speedup`` with v = :func:`batch_verify_cost`.

    c is taken not to change with the batch. With B* = 200, c = 0.05, alpha = 0.8 and k = 4 it is 2.80 at
    B = 32, 1.87 at 64 and 0.99 at 128: speculation is a tool for small batches.

    Raises:
        InvalidArgument: as :func:`batch_verify_cost` and :func:`~specdec_lib.theory.speedup.speedup` do.
    """
    return speedup(alpha, k, c, batch_verify_cost(k, batch, critical), overhead)


def break_even_batch(alpha: float, k: int, c: float, critical: float, overhead: float = 0.0) -> float:
    """The batch at which a round's tokens are worth just what it costs: S(B) = 1 under the roofline.

    Between B* / (k + 1) and B*, v is B (k + 1) / B*, and S = E / (k c + v + o) falls through 1 at
    B = B* (E - k c - o) / (k + 1). With B* = 200, c = 0.05, alpha = 0.8 and k = 4 that is 126.5. It lies
    below B* whatever alpha is: at B* alone a wide forward costs k + 1, and E is at most that.

    Returns:
        0 where speculation does not pay at any batch, since E <= 1 + k c + o.

    Raises:
        InvalidArgument: as :func:`batch_speedup` does, or k below 1.
    """
    k, critical = whole(k, "k", minimum=1), positive(critical, "critical")
    gain = expected_tokens(alpha, k) - k * quantity(c, "c") - quantity(overhead, "overhead")
    return critical * gain / (k + 1) if gain > 1 else 0.0
