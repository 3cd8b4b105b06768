"""One cell, measured beside its parts: what a round costs, what it yields, and what is left over.

Costs are in forwards, that is, in T_target(1). A round of K drafts costs K c + v + o of them by its parts;
what it cost when timed follows from the measured speedup. Both arms are held against their parts: a load
that slows both alike, such as another process, cancels in the speedup, and only what slows one of them is
unexplained. Triage, advice, outlook and report all read this one type.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from specdec_lib.bench.explain.sentences import TERMS, rounds_line
from specdec_lib.bench.tables.prediction import overhead
from specdec_lib.bench.tables.rows import Costs, PhaseRow, PredictionRow
from specdec_lib.theory.speedup import break_even_alpha, speedup
from specdec_lib.utils.row import Row

LARGE = 0.05
"""A share of the speedup, or of a time, that is worth a word."""
_AS_MEASURED = ("temperature", "domain", "k", "c", "v", "measured", "low", "high", "has_interval")
"""What a cell takes over from its row of the prediction as it is."""


@dataclass(frozen=True)
class Advice:
    """One thing to know about a cell, or about all K.

    Attributes:
        key: names it for programs: "draft", "width", "overhead", "acceptance", "unexplained", …
        sentence: says it to people; from :mod:`specdec_lib.bench.explain.sentences`.
        numbers: the numbers in the sentence, unrounded.
        gain: speedup to be gained, None where it is no lever.
    """

    key: str
    sentence: str
    numbers: dict[str, float | int]
    gain: float | None = None


@dataclass(frozen=True, eq=False)
class Term(Row):
    """One assumption dropped: the speedup after it, the change it makes (None at first), and its cost in
    forwards a round (None where it is none)."""

    term: str
    speedup: float
    change: float | None
    cost: float | None
    meaning: str


@dataclass(frozen=True)
class Cell:
    """The measured and the predicted parts of one temperature, domain and K.

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
        phases, baseline_phases: profiled rounds of the cell and of the baseline, if there are any.
        repeats_ms: milliseconds of a timed baseline step, one number a repeat.
        advice: the verdict and its checks first, then levers by what they would gain, then facts.
    """

    temperature: float
    domain: str
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
    costs: Costs
    phases: PhaseRow | None = None
    baseline_phases: PhaseRow | None = None
    repeats_ms: Sequence[float] = ()
    advice: list[Advice] = field(default_factory=list)

    @property
    def timed_round(self) -> float:
        """What a round cost when timed, in forwards."""
        return self.timed_step * self.counted / self.measured

    @property
    def rest(self) -> float:
        """What a timed round takes beside its forwards."""
        return self.timed_round - self.k * self.c - self.v

    @property
    def beside(self) -> float:
        """What a round takes beside its forwards: o, or without a profile all that is left, at least 0."""
        return max(0.0, self.rest) if self.overhead is None else self.overhead

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

    @property
    def interval_width(self) -> float:
        """Width of the interval as a share of the speedup; 0 without one."""
        return (self.high - self.low) / self.measured if self.has_interval else 0.0

    @property
    def overhead_parts(self) -> dict[str, float]:
        """Where o goes, in forwards: sampling, roll-back, drafting (beside the draft's forwards), other.

        They add up to the profiled round less its forwards. That, unlike o, may come out below 0, where the
        forwards took longer by themselves than in rounds. Empty without a profile.
        """
        phases, one = self.phases, self.costs.forward_ms
        if phases is None:
            return {}
        spent = math.fsum((phases.draft_ms, phases.verify_ms, phases.sampling_ms, phases.rollback_ms))
        return {
            "sampling": phases.sampling_ms / one,
            "rollback": phases.rollback_ms / one,
            "drafting": (phases.draft_ms - phases.drafted_per_round * self.costs.draft_ms) / one,
            "other": (phases.round_ms - spent) / one,
        }

    @property
    def terms(self) -> list[Term]:
        """From a free draft to the measured speedup, one assumption dropped a row.

        The first speedup and all changes add up to measured.
        """
        steps, said = self._steps(), rounds_line(self.counted, self.expected)
        told = vars(self) | {"width": self.k + 1, "rounds": said}
        before = [None, *(value for _, value, _ in steps)]
        return [
            Term(name, value, None if last is None else value - last, cost, TERMS[name].format_map(told))
            for (name, value, cost), last in zip(steps, before, strict=False)
        ]

    def _steps(self) -> list[tuple[str, float, float | None]]:
        """Name, speedup after it, and cost of each term."""
        k, c, v, o = self.k, self.c, self.v, self.overhead
        formula = speedup(self.alpha, k, c, v)
        steps: list[tuple[str, float, float | None]] = [
            ("free draft", self.expected, 1.0),
            ("draft", speedup(self.alpha, k, c), k * c),
            ("wider forward", formula, v - 1.0),
        ]
        if o is not None:
            formula = speedup(self.alpha, k, c, v, o)
            steps.append(("overhead", formula, o))
        based = formula * self.step
        steps += [
            ("baseline's own", based, None),
            ("rounds as counted", based * self.counted / self.expected, None),
        ]
        if o is None:
            return [*steps, ("overhead and rest", self.measured, self.rest)]
        return [*steps, ("unexplained", self.measured, None)]

    def reached(self, cost: float) -> float:
        """The speedup if a round cost ``cost`` by its parts, and everything else stayed as measured."""
        return self.measured * self.cost / cost

    def said(self, key: str) -> Advice | None:
        """The advice of that key, or None where the numbers do not carry it."""
        return next((advice for advice in self.advice if advice.key == key), None)


def cell_of(
    row: PredictionRow,
    costs: Costs,
    phases: PhaseRow | None = None,
    baseline_phases: PhaseRow | None = None,
    repeats_ms: Sequence[float] = (),
) -> Cell:
    """A cell of its parts, nothing said of it yet.

    Args:
        phases: the cell's own; without them overhead and the unexplained rest are one.
        baseline_phases: of the autoregressive decoder at the same temperature.
        repeats_ms: milliseconds of a timed baseline step, one number a repeat.
    """
    step = row.baseline
    if phases is not None and baseline_phases is not None:
        own = max(0.0, baseline_phases.round_ms - baseline_phases.verify_ms)
        step = 1.0 + own / costs.forward_ms
    return Cell(
        **{name: row[name] for name in _AS_MEASURED},
        alpha=row.alpha_hat,
        overhead=None if phases is None else overhead(phases, costs),
        step=step,
        timed_step=row.baseline,
        expected=row.expected_tokens,
        counted=row.tokens_per_round,
        whole=row.measured_whole,
        costs=costs,
        phases=phases,
        baseline_phases=baseline_phases,
        repeats_ms=repeats_ms,
    )
