"""How far can the output law be from the target's, at most? A bound that holds with a stated confidence.

A test that does not reject has not proved equality. This turns the same counts around: with probability
``confidence`` the total-variation distance between what was sampled and the law is below the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from specdec_lib.errors import InvalidArgument


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
