"""A benchmark of two decoders on a machine whose pace changes while it runs, simulated.

Both decoders have a true pace. Whatever the machine does (it gets warm, a neighbour comes and goes)
multiplies it, at the moment at which a run happens; so the order of the runs decides whom it hits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

PACE_MS = {"plain": 10.0, "speculative": 5.0}
"""Milliseconds a token on an undisturbed machine: the true speedup is 2."""
TOKENS = 64
"""Tokens a run."""

Drift = Callable[[float], float]
"""By how much everything is slower, at so many seconds after the start."""


@dataclass(frozen=True)
class SimulatedRun:
    """One run: its decoder, the second at which it began, and the milliseconds that a token took."""

    decoder: str
    at: float
    ms: float


def warming(at: float) -> float:
    """A machine that loses half of its pace in the first minute, steadily."""
    return 1 + 0.5 * at / 60


def simulate_benchmark(
    order: Iterable[str], drift: Drift, seed: int = 0, noise: float = 0.03
) -> list[SimulatedRun]:
    """The runs of the decoders in that order, one directly after the other.

    Args:
        order: names out of :data:`PACE_MS`.
        drift: what the machine does.
        noise: standard deviation of a run's own time, as a share of it.
    """
    runs: list[SimulatedRun] = []
    rng, at = np.random.default_rng(seed), 0.0
    for name in order:
        middle = at + TOKENS * PACE_MS[name] / 2000
        ms = PACE_MS[name] * drift(middle) * (1 + noise * rng.standard_normal())
        runs.append(SimulatedRun(name, at, ms))
        at += TOKENS * ms / 1000
    return runs


def simulated_speedup(runs: Sequence[SimulatedRun]) -> float:
    """What such a benchmark reports: time of the plain runs over that of the speculative ones."""
    total = {name: sum(run.ms for run in runs if run.decoder == name) for name in PACE_MS}
    return total["plain"] / total["speculative"]
