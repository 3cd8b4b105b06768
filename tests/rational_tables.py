"""Small models of rational probabilities, for laws that are equations."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def rational_model(seed: int, vocab: int, zeros: bool = False):
    """A model of rational probabilities: a row for each prefix, drawn when it is first asked for."""
    rows: dict[tuple[int, ...], list[Fraction]] = {}

    def law(prefix: tuple[int, ...]) -> list[Fraction]:
        if prefix not in rows:
            rng = np.random.default_rng([seed, *(token + 1 for token in prefix)])
            weights = rng.integers(0 if zeros else 1, 9, size=vocab).tolist()
            weights[int(rng.integers(vocab))] += 1  # one at least is possible
            rows[prefix] = [Fraction(weight, sum(weights)) for weight in weights]
        return rows[prefix]

    return law


def without_memory(*law: str):
    """A model that gives every token the same law, written as fractions."""
    row = [Fraction(chance) for chance in law]
    return lambda prefix: row


CLOCK = without_memory("1/3", "2/3"), without_memory("2/3", "1/3")
"""Target and draft of the example that Sun et al. 2024 and the authors of hierarchical decoding both take."""
