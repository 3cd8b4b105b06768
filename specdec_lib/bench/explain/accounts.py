"""The accounts of one cell: what a round costs, what it yields, and what is left over.

Costs are in forwards, that is, in T_target(1). A round of K drafts costs K c + v + o of them by its parts;
what it cost when timed follows from the measured speedup. Both arms are held against their parts: a load
that slows both alike, such as another process, cancels in the speedup, and only what slows one of them is
unexplained. It knows rows of :mod:`specdec_lib.bench.tables.prediction`, and no records.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.bench.tables.prediction import overhead
from specdec_lib.bench.tables.summary import Table
from specdec_lib.theory.speedup import break_even_alpha, speedup


@dataclass(frozen=True)
class Accounts:
    """The measured parts of one cell.

    Attributes:
        alpha, c, v: as everywhere.
        overhead: o; None where no profile tells it from what is unexplained.
        step: what a baseline step costs: one forward, and what a profiled step takes beside it. Without a
            profile it is what the timed step cost.
        timed_step: what it cost when timed.
        expected, counted: tokens a round, for a constant alpha and as counted.
        measured, low, high: the speedup after the first round, and its interval.
        has_interval: False where one prompt alone was run, also of one domain among others.
        whole: the speedup of whole runs, first round included.
        target_ms: milliseconds of one forward.
    """

    k: int
    alpha: float
    c: float
    v: float
    overhead: float | None
    step: float
    timed_step: float
    expected: float
    counted: float
    measured: float
    low: float
    high: float
    has_interval: bool
    whole: float
    target_ms: float

    @property
    def timed_round(self) -> float:
        """What a round cost when timed, in forwards."""
        return self.timed_step * self.counted / self.measured

    @property
    def beside(self) -> float:
        """What a round takes beside its forwards: o, or without a profile all that is left, at least 0."""
        return (
            max(0.0, self.timed_round - self.k * self.c - self.v) if self.overhead is None else self.overhead
        )

    @property
    def cost(self) -> float:
        """K c + v + o."""
        return self.k * self.c + self.v + self.beside

    @property
    def predicted(self) -> float | None:
        """S = E / (K c + v + o); None without o."""
        return None if self.overhead is None else speedup(self.alpha, self.k, self.c, self.v, self.overhead)

    @property
    def accounted(self) -> float | None:
        """The speedup that the parts add up to: the prediction, the baseline's own, the rounds as counted."""
        return None if self.overhead is None else self.step * self.counted / self.cost

    @property
    def unexplained(self) -> float | None:
        """Measured over accounted, less 1: below 0 the rounds are slower than their parts."""
        return None if self.accounted is None else self.measured / self.accounted - 1.0

    @property
    def break_even(self) -> float | None:
        """The alpha at which this K is as fast as the baseline; None where none is enough."""
        return break_even_alpha(self.k, self.c / self.step, self.v / self.step, self.beside / self.step)

    def reached(self, cost: float) -> float:
        """The speedup if a round cost ``cost`` by its parts, and everything else stayed as measured."""
        return self.measured * self.cost / cost

    def terms(self) -> Table:
        """From a free draft to the measured speedup, one assumption dropped a row.

        Returns:
            Rows of term, speedup (after it), change (against the row before; None at first), cost (forwards
            a round; None where it is none), meaning. The first speedup and all changes add up to measured.
        """
        steps = self._steps()
        values = [value for _, value, _, _ in steps]
        changes = [None, *(after - before for before, after in itertools.pairwise(values))]
        return [
            {"term": name, "speedup": value, "change": change, "cost": cost, "meaning": meaning}
            for (name, value, cost, meaning), change in zip(steps, changes, strict=True)
        ]

    def _steps(self) -> list[tuple[str, float, float | None, str]]:
        k, c, v, step = self.k, self.c, self.v, self.step
        steps: list[tuple[str, float, float | None, str]] = [
            ("free draft", self.expected, 1.0, f"E = {self.expected:.2f} tokens a forward"),
            ("draft", speedup(self.alpha, k, c), k * c, f"{k} drafts at c = {c:.3f}"),
            (
                "wider forward",
                speedup(self.alpha, k, c, v),
                v - 1.0,
                f"verifying {k + 1} tokens: v = {v:.2f}",
            ),
        ]
        if self.overhead is not None:
            steps.append(
                ("overhead", self.predicted, self.overhead, f"o = {self.overhead:.2f} beside forwards")
            )
        before = steps[-1][1]
        steps += [
            ("baseline's own", before * step, None, f"a baseline step costs {step:.2f}"),
            (
                "rounds as counted",
                before * step * self.counted / self.expected,
                None,
                f"{self.counted:.2f} a round, not {self.expected:.2f}",
            ),
        ]
        if self.overhead is None:
            rest = self.timed_round - k * c - v
            return [*steps, ("overhead and rest", self.measured, rest, "inseparable without a profile")]
        return [*steps, ("unexplained", self.measured, None, "what the timed runs show")]


def accounts_of(
    row: Mapping[str, Any],
    costs: Mapping[str, Any],
    phases: Mapping[str, Any] | None = None,
    baseline_phases: Mapping[str, Any] | None = None,
) -> Accounts:
    """The accounts of a cell.

    Args:
        row: of :func:`~specdec_lib.bench.tables.prediction.prediction_row`.
        costs: of :func:`~specdec_lib.bench.tables.prediction.costs_of`.
        phases, baseline_phases: rows of :func:`~specdec_lib.bench.tables.prediction.phase_table`, of the cell
            and of the autoregressive decoder beside it.
    """
    one = costs["target_ms"][1]
    step = row["baseline"]
    if phases is not None and baseline_phases is not None:
        step = 1.0 + max(0.0, baseline_phases["round_ms"] - baseline_phases["verify_ms"]) / one
    return Accounts(
        k=row["k"],
        alpha=row["alpha_hat"],
        c=row["c"],
        v=row["v"],
        overhead=None if phases is None else overhead(phases, costs),
        step=step,
        timed_step=row["baseline"],
        expected=row["expected_tokens"],
        counted=row["tokens_per_round"],
        measured=row["measured"],
        low=row["low"],
        high=row["high"],
        has_interval=row.get("has_interval", row["num_prompts"] > 1),
        whole=row["measured_whole"],
        target_ms=one,
    )


def overhead_parts(phases: Mapping[str, Any], costs: Mapping[str, Any]) -> dict[str, float]:
    """Where o goes, in forwards: sampling, roll-back, drafting (beside the draft's forwards), other.

    They add up to the profiled round less its forwards. That, unlike o, may come out below 0, where the
    forwards took longer by themselves than in rounds.
    """
    one = costs["target_ms"][1]
    spent = math.fsum(phases[f"{name}_ms"] for name in ("draft", "verify", "sampling", "rollback"))
    return {
        "sampling": phases["sampling_ms"] / one,
        "rollback": phases["rollback_ms"] / one,
        "drafting": (phases["draft_ms"] - phases["drafted_per_round"] * costs["draft_ms"]) / one,
        "other": (phases["round_ms"] - spent) / one,
    }
