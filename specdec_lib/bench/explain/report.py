"""The explanation of a session: its records in, one group a temperature and domain out.

A part that was not measured is left out by name, in ``notes``, and what the rest carries is said all the
same: without a profile, overhead and the unexplained are one; without single forwards, c and v are taken
from the profiled rounds. With neither there is nothing to explain.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from specdec_lib.bench.explain import sentences
from specdec_lib.bench.explain.advice import advised
from specdec_lib.bench.explain.cell import Cell, cell_of
from specdec_lib.bench.explain.lengths import policy_notes
from specdec_lib.bench.explain.outlook import Outlook, look_ahead
from specdec_lib.bench.records.kinds import CostsRecord, Record, of_kind
from specdec_lib.bench.records.runs import ALL_DOMAINS, Run, cells, pool, runs_of, select
from specdec_lib.bench.tables.prediction import costs_of, phase_table, prediction_row
from specdec_lib.bench.tables.rows import Costs, PhaseRow, PredictionRow
from specdec_lib.bench.tables.summary import speedup_row
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.checks import positive

_MOSTLY = 0.8
"""The share of K that a round drafts, on average, for an account of rounds of K to be one of this cell."""


@dataclass(frozen=True)
class Group:
    """One temperature and domain: what the formula could give, and its cells, explained."""

    temperature: float
    domain: str
    outlook: Outlook
    cells: list[Cell]

    @property
    def best(self) -> Cell:
        """The cell with the largest measured speedup."""
        return max(self.cells, key=lambda cell: cell.measured)

    def of_length(self, k: int) -> Cell:
        """The cell of that K. Raises InvalidArgument where there is none."""
        found = next((cell for cell in self.cells if cell.k == k), None)
        if found is None:
            listed = sentences.listed([cell.k for cell in self.cells])
            raise InvalidArgument(f"triage: the session explains no K {k}; choose from {listed}")
        return found


@dataclass(frozen=True)
class Report:
    """A session, explained. ``notes`` say what policies of the draft length reached, and what was not
    measured, and so cannot be said."""

    pair: str
    session: str
    notes: list[str]
    groups: list[Group]


def explain_session(
    records: Sequence[Record],
    *,
    temperature: float | None = None,
    domain: str | None = None,
    k: int | None = None,
    reach: float | None = None,
    draws: int = 2000,
) -> Report:
    """Explain the cells of one session.

    Args:
        records: of one session, see :func:`~specdec_lib.bench.records.runs.newest_session`.
        temperature, k: only these cells; None: all.
        domain: only this one; None: all domains together.
        reach: a speedup to be reached, for which the cost of the draft is told.
        draws: of the bootstrap behind the intervals.

    Raises:
        InvalidArgument: no cell has that temperature, domain or K, or ``reach`` is not positive.
        RecordError: there is no cell that both decoders ran, or neither forwards nor phases were measured.
    """
    if reach is not None:
        reach = positive(reach, "reach")
    runs = runs_of(records)
    wanted = _wanted(cells(runs), temperature, domain, k)
    phases = [row for row in phase_table(records) if row.num_rounds]
    has_costs = any(of_kind(records, CostsRecord))
    costs = costs_of(records) if has_costs else _costs_in_rounds(phases)
    session = _Session(runs, costs, {(row.temperature, row.k): row for row in phases}, draws)
    notes = [] if has_costs else [sentences.NO_FORWARDS]
    groups = []
    for at, of in dict.fromkeys(cell[:2] for cell in wanted):
        chosen = [cell[2] for cell in wanted if cell[:2] == (at, of)]
        groups += session.group(at, of, chosen, reach, notes)
    if not groups:
        raise RecordError(
            f"explain: {'; '.join(notes) or 'no speculative run'}; measure with `specdec bench`"
        )
    for group in groups if k is None else ():
        notes += policy_notes(records, group.temperature, group.domain, group.best.k, draws)
    ks = sorted(costs.v)
    notes += [] if ks == list(range(1, len(ks) + 1)) else [sentences.interpolated(ks)]
    return Report(runs[0].config.model_pair_name, records[0].session, list(dict.fromkeys(notes)), groups)


def _wanted(
    present: Sequence[tuple[float, str, int]], temperature: float | None, domain: str | None, k: int | None
) -> list[tuple[float, str, int]]:
    """The cells that are asked for; an axis on which there is nothing is refused with what there is."""
    if not present:
        raise RecordError("explain: no speculative run among the records; measure with `specdec bench`")
    domains = list(dict.fromkeys(cell[1] for cell in present))
    together = ALL_DOMAINS if ALL_DOMAINS in domains else domains[0]  # of one domain there is no sum
    asked = (temperature, together if domain in (None, ALL_DOMAINS) else domain, k)
    for axis, (name, value) in enumerate(zip(("temperature", "domain", "K"), asked, strict=True)):
        there = list(dict.fromkeys(cell[axis] for cell in present))
        if value is not None and value not in there:
            listed = ", ".join(f"{v:g}" if axis == 0 else str(v) for v in there)
            raise InvalidArgument(f"explain: the session has no {name} {value}; choose from {listed}")
    found = [c for c in present if all(a is None or a == b for a, b in zip(asked, c, strict=True))]
    if not found:
        raise InvalidArgument(
            f"explain: no run has temperature {temperature:g}, domain {asked[1]} and K {k} at once"
        )
    return found


def _costs_in_rounds(phases: Sequence[PhaseRow]) -> Costs:
    """c and v from the profiled rounds, for want of single forwards."""
    total: dict[int, float] = {}
    for row in phases:
        total[row.k] = total.get(row.k, 0.0) + row.num_rounds
    mean = {
        (k, name): sum(row[name] * row.num_rounds for row in phases if row.k == k) / rounds
        for k, rounds in total.items()
        for name in ("verify_ms", "draft_ms", "drafted_per_round")
    }
    one = mean.get((0, "verify_ms"), 0.0)
    drafted = sum(mean[k, "drafted_per_round"] * rounds for k, rounds in total.items())
    if not one or not drafted:
        raise RecordError(
            "explain: neither single forwards nor profiled rounds were measured; the benchmark was stopped "
            "before it came to them (`specdec bench … --resume` goes on), or ran with --no-profile"
        )
    draft_ms = sum(mean[k, "draft_ms"] * rounds for k, rounds in total.items()) / drafted
    target = {k + 1: mean[k, "verify_ms"] for k in sorted(total)}
    v = {k: target[k + 1] / one for k in sorted(total) if k}
    return Costs(None, target, draft_ms, draft_ms / one, v)


@dataclass(frozen=True)
class _Session:
    """What the cells of a session share."""

    runs: list[Run]
    costs: Costs
    phases: dict[tuple[float, int], PhaseRow]
    draws: int

    def group(
        self, temperature: float, domain: str, ks: Sequence[int], reach: float | None, notes: list[str]
    ) -> list[Group]:
        """The cells of one temperature and domain, none where nothing can be said; ``notes`` say why."""
        found: dict[int, Cell] = {}
        for k in sorted(cell[2] for cell in cells(self.runs) if cell[:2] == (temperature, domain)):
            reason, row = self._row(temperature, domain, k)
            if row is not None:
                own, baseline = (self.phases.get((temperature, of)) for of in (k, 0))
                found[k] = cell_of(row, self.costs, own, baseline, self._repeats_ms(temperature, domain))
            elif k in ks:
                notes.append(sentences.LEFT_OUT.format(k=k, temperature=temperature, reason=reason))
        notes += self._not_profiled(temperature, found)
        notes += self._drafted_less(temperature, domain, [k for k in found if k in ks])
        told = [advised(cell, reach) for k, cell in found.items() if k in ks]
        chosen = [run for run in select(self.runs, temperature, domain) if run.k in found]
        alpha = pool(run.result for run in chosen).alpha_hat
        if not told or alpha is None:
            return []
        return [Group(temperature, domain, look_ahead(list(found.values()), alpha, self.costs), told)]

    def _not_profiled(self, temperature: float, ks: Iterable[int]) -> list[str]:
        missing = [k for k in ks if (temperature, k) not in self.phases]
        if missing:
            return [sentences.NO_PROFILE.format(ks=sentences.listed(missing))]
        return [] if (temperature, 0) in self.phases else [sentences.NO_BASELINE]

    def _drafted_less(self, temperature: float, domain: str, ks: Iterable[int]) -> list[str]:
        """A drafter may propose less than it is asked for, or nothing: then K is not what a round costs."""
        told = []
        for k in ks:
            chosen = select(self.runs, temperature, domain, k)
            drafted = sum(run.result.num_draft_tokens or 0 for run in chosen)
            drafted /= sum(run.forwards for run in chosen)
            if drafted < _MOSTLY * k:
                told.append(sentences.DRAFTED_LESS.format(k=k, temperature=temperature, drafted=drafted))
        return told

    def _row(self, temperature: float, domain: str, k: int) -> tuple[str, PredictionRow | None]:
        """A cell's row of the prediction, or why there is none."""
        cell, why = (temperature, domain, k), sentences.WHY_LEFT_OUT
        if k not in self.costs.v:
            return why["forward"].format(width=k + 1), None
        if pool(run.result for run in select(self.runs, *cell)).alpha_hat is None:
            return why["verdicts"], None
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of quotients that are looked at next
            if speedup_row(self.runs, *cell, decode_only=True, draws=1) is None:
                baseline, own = ({r.place for r in select(self.runs, *cell[:2], arm)} for arm in (0, k))
                return why["pairs" if baseline.isdisjoint(own) else "rounds"], None
            phases = self.phases.get((temperature, k))
            row = prediction_row(self.runs, *cell, self.costs, phases, draws=self.draws)
        if row is None or not all(math.isfinite(value) for value in row.values() if isinstance(value, float)):
            return why["interval"], None
        return "", row

    def _repeats_ms(self, temperature: float, domain: str) -> list[float]:
        """Milliseconds of a baseline step, by repeat."""
        spent: dict[int, tuple[float, int]] = {}
        for run in select(self.runs, temperature, domain, k=0):
            seconds, tokens = spent.get(run.repeat, (0.0, 0))
            spent[run.repeat] = seconds + run.decode_seconds, tokens + run.decode_tokens
        return [1e3 * seconds / tokens for seconds, tokens in spent.values() if tokens > 0]
