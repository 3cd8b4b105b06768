"""Why is mine slower, or faster, than it should be? One cell of a benchmark, explained.

:func:`explain_cell` is a pure function from measured parts: the accounts of the cell
(:mod:`specdec_lib.bench.explain.accounts`), whether they explain what was measured
(:mod:`specdec_lib.bench.explain.diagnosis`), and what would make it faster
(:mod:`specdec_lib.bench.explain.advice`). :mod:`specdec_lib.bench.explain.report` does it for a session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.bench.explain.accounts import Accounts, accounts_of
from specdec_lib.bench.explain.advice import Advice, levers
from specdec_lib.bench.explain.diagnosis import diagnose
from specdec_lib.bench.tables.summary import Table
from specdec_lib.utils.numbers import percent

TOO_MUCH = 0.5
"""An unexplained share of the speedup above which no lever is told: its gain would rest on that."""


@dataclass(frozen=True)
class Explanation:
    """One cell: predicted against measured, the difference term by term, and what follows from it.

    Attributes:
        overhead, predicted, accounted, unexplained: None where no profile tells overhead from the rest.
        step, timed_step: a baseline step by its parts and as timed, in forwards.
        terms: as :meth:`~specdec_lib.bench.explain.accounts.Accounts.terms` returns them.
        advice: the verdict and its checks first, then levers by what they would gain, then facts.
    """

    temperature: float
    domain: str
    k: int
    alpha: float
    c: float
    v: float
    overhead: float | None
    predicted: float | None
    accounted: float | None
    measured: float
    low: float
    high: float
    has_interval: bool
    unexplained: float | None
    step: float
    timed_step: float
    terms: Table
    advice: list[Advice]

    def said(self, key: str) -> Advice | None:
        """The advice of that key, or None where the numbers do not carry it."""
        return next((advice for advice in self.advice if advice.key == key), None)


def explain_cell(
    row: Mapping[str, Any],
    costs: Mapping[str, Any],
    phases: Mapping[str, Any] | None = None,
    *,
    baseline_phases: Mapping[str, Any] | None = None,
    repeats_ms: Sequence[float] = (),
    reach: float | None = None,
) -> Explanation:
    """Predicted against measured for one cell.

    Args:
        row: of :func:`~specdec_lib.bench.tables.prediction.prediction_row`.
        costs: of :func:`~specdec_lib.bench.tables.prediction.costs_of`.
        phases: the cell's row of :func:`~specdec_lib.bench.tables.prediction.phase_table`, or None: then
            overhead and the unexplained rest are one.
        baseline_phases: the row of the autoregressive decoder at the same temperature.
        repeats_ms: milliseconds of a timed baseline step, one number a repeat.
        reach: a speedup to be reached, for which the cost of the draft is told.
    """
    a = accounts_of(row, costs, phases, baseline_phases)
    advice = diagnose(a, phases, baseline_phases, repeats_ms)
    if a.unexplained is not None and abs(a.unexplained) > TOO_MUCH:
        advice.append(_no_levers(a.unexplained))
    else:
        advice += levers(a, costs, phases, reach)
    return _explanation(row, a, advice)


def _no_levers(unexplained: float) -> Advice:
    sentence = (
        f"With {percent(abs(unexplained))} unexplained, what another K or a cheaper draft would gain is not "
        "told: measure again, on a quiet machine, with more prompts and repeats."
    )
    return Advice("check_first", sentence, {"unexplained": unexplained})


def _explanation(row: Mapping[str, Any], a: Accounts, advice: list[Advice]) -> Explanation:
    return Explanation(
        temperature=row["temperature"],
        domain=row["domain"],
        k=a.k,
        alpha=a.alpha,
        c=a.c,
        v=a.v,
        overhead=a.overhead,
        predicted=a.predicted,
        accounted=a.accounted,
        measured=a.measured,
        low=a.low,
        high=a.high,
        has_interval=a.has_interval,
        unexplained=a.unexplained,
        step=a.step,
        timed_step=a.timed_step,
        terms=a.terms(),
        advice=advice,
    )
