"""The explanation of a session: its records in, one group a temperature and domain out.

A part that was not measured is left out by name, in ``notes``, and what the rest carries is said all the
same: without a profile, overhead and the unexplained are one; without single forwards, c and v are taken
from the profiled rounds. With neither there is nothing to explain.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specdec_lib.bench.explain.accounts import accounts_of
from specdec_lib.bench.explain.explanation import Explanation, explain_cell
from specdec_lib.bench.explain.outlook import Outlook, look_ahead
from specdec_lib.bench.records.runs import ALL_DOMAINS, Run, cells, pool, runs_of, select
from specdec_lib.bench.records.schema import Record
from specdec_lib.bench.tables.prediction import costs_of, phase_table, prediction_row
from specdec_lib.bench.tables.summary import Table, speedup_row
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.checks import positive

_NO_FORWARDS = (
    "single forwards were not timed: c and v are taken from the profiled rounds, where a draft's forward and "
    "what drafting takes beside it cannot be separated"
)
_NO_BASELINE = (
    "the baseline was not profiled: what its steps take beside their forwards is not told from load"
)


_MOSTLY = 0.8
"""The share of K that a round drafts, on average, for an account of rounds of K to be one of this cell."""


@dataclass(frozen=True)
class Group:
    """One temperature and domain: what the formula could give, and its cells, explained."""

    temperature: float
    domain: str
    outlook: Outlook
    cells: list[Explanation]

    @property
    def best(self) -> Explanation:
        """The cell with the largest measured speedup."""
        return max(self.cells, key=lambda cell: cell.measured)


@dataclass(frozen=True)
class Report:
    """A session, explained. ``notes`` say what was not measured, and so cannot be said."""

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
    phases = [row for row in phase_table(records) if row["num_rounds"]]
    has_costs = any(record["kind"] == "costs" for record in records)
    costs = costs_of(records) if has_costs else _costs_in_rounds(phases)
    session = _Session(runs, costs, {(row["temperature"], row["k"]): row for row in phases}, draws)
    notes = [] if has_costs else [_NO_FORWARDS]
    groups = []
    for at, of in dict.fromkeys(cell[:2] for cell in wanted):
        chosen = [cell[2] for cell in wanted if cell[:2] == (at, of)]
        groups += session.group(at, of, chosen, reach, notes)
    if not groups:
        raise RecordError(
            f"explain: {'; '.join(notes) or 'no speculative run'}; measure with `specdec bench`"
        )
    notes += _interpolated(costs)
    return Report(runs[0].config.model_pair_name, records[0]["session"], list(dict.fromkeys(notes)), groups)


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


def _costs_in_rounds(phases: Table) -> dict[str, Any]:
    """c and v from the profiled rounds, for want of single forwards, as ``costs_of`` returns them."""
    total: dict[int, float] = {}
    for row in phases:
        total[row["k"]] = total.get(row["k"], 0.0) + row["num_rounds"]
    mean = {
        (k, name): sum(row[name] * row["num_rounds"] for row in phases if row["k"] == k) / rounds
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
    return {
        "context_length": None,
        "target_ms": target,
        "draft_ms": draft_ms,
        "c": draft_ms / one,
        "v": {k: target[k + 1] / one for k in sorted(total) if k},
    }


def _interpolated(costs: Mapping[str, Any]) -> list[str]:
    ks = sorted(costs["v"])
    if ks == list(range(1, len(ks) + 1)):
        return []
    listed = ", ".join(map(str, ks))
    if len(ks) == 1:
        return [f"v was measured at K = {listed}; below it is interpolated, beyond it nothing is said"]
    return [f"v was measured at K = {listed}; between them it is interpolated, beyond them nothing is said"]


@dataclass(frozen=True)
class _Session:
    """What the cells of a session share."""

    runs: list[Run]
    costs: dict[str, Any]
    phases: dict[tuple[float, int], dict[str, Any]]
    draws: int

    def group(
        self, temperature: float, domain: str, ks: Sequence[int], reach: float | None, notes: list[str]
    ) -> list[Group]:
        """The cells of one temperature and domain, none where nothing can be said; ``notes`` say why."""
        rows = {}
        for k in sorted(cell[2] for cell in cells(self.runs) if cell[:2] == (temperature, domain)):
            reason, row = self.row(temperature, domain, k)
            if row is not None:
                rows[k] = row
            elif k in ks:
                notes.append(f"K = {k} at temperature {temperature:g} is left out: {reason}")
        notes += self._not_profiled(temperature, rows)
        notes += self._drafted_less(temperature, domain, [k for k in rows if k in ks])
        explained = [
            explain_cell(
                row,
                self.costs,
                self.phases.get((temperature, k)),
                baseline_phases=self.phases.get((temperature, 0)),
                repeats_ms=self._repeats_ms(temperature, domain),
                reach=reach,
            )
            for k, row in rows.items()
            if k in ks
        ]
        if not explained:
            return []
        return [Group(temperature, domain, self._outlook(temperature, domain, rows), explained)]

    def _not_profiled(self, temperature: float, ks: Iterable[int]) -> list[str]:
        missing = [k for k in ks if (temperature, k) not in self.phases]
        if missing:
            listed = ", ".join(map(str, missing))
            return [f"no profile at K = {listed}: overhead and what is unexplained cannot be separated"]
        return [] if (temperature, 0) in self.phases else [_NO_BASELINE]

    def _drafted_less(self, temperature: float, domain: str, ks: Iterable[int]) -> list[str]:
        """A drafter may propose less than it is asked for, or nothing: then K is not what a round costs."""
        told = []
        for k in ks:
            chosen = [run for run in select(self.runs, temperature, domain) if run.k == k]
            drafted = sum(run.result.num_draft_tokens for run in chosen) / sum(run.forwards for run in chosen)
            if drafted < _MOSTLY * k:
                told.append(
                    f"at K = {k}, T = {temperature:g}, rounds drafted {drafted:.2f} tokens on average; "
                    f"they cost less, and give less, than the rounds of {k} that the account is made for"
                )
        return told

    def row(self, temperature: float, domain: str, k: int) -> tuple[str, dict[str, Any] | None]:
        """A cell's row of the prediction, or why there is none."""
        cell = temperature, domain, k
        if k not in self.costs["v"]:
            return f"the forward of {k + 1} tokens was not timed", None
        if pool(run.result for run in select(self.runs, *cell[:2]) if run.k == k).alpha_hat is None:
            return "no draft token was judged", None
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of quotients that are looked at next
            speeds = speedup_row(self.runs, *cell, decode_only=True, draws=1)
            if speeds is None:
                return self._untimed(*cell), None
            phases = self.phases.get((temperature, k))
            row = prediction_row(self.runs, *cell, self.costs, phases, draws=self.draws)
        if not all(math.isfinite(value) for value in row.values() if isinstance(value, float)):
            return "its times hold no interval", None
        return "", row

    def _untimed(self, temperature: float, domain: str, k: int) -> str:
        """Why a cell has no speedup."""
        ran: dict[int, set[tuple[str, str, int]]] = {0: set(), k: set()}
        for run in select(self.runs, temperature, domain):
            ran.setdefault(run.k, set()).add((run.config.prompt_domain, run.prompt_id, run.repeat))
        both = ran[0] & ran[k]
        return "nothing was timed after the first round" if both else "no prompt was run by both decoders"

    def _outlook(self, temperature: float, domain: str, rows: Mapping[int, dict[str, Any]]) -> Outlook:
        accounts = [
            accounts_of(row, self.costs, self.phases.get((temperature, k)), self.phases.get((temperature, 0)))
            for k, row in rows.items()
        ]
        chosen = [run for run in select(self.runs, temperature, domain) if run.k in rows]
        return look_ahead(accounts, pool(run.result for run in chosen).alpha_hat, self.costs)

    def _repeats_ms(self, temperature: float, domain: str) -> list[float]:
        """Milliseconds of a baseline step, by repeat."""
        spent: dict[int, list[tuple[float, int]]] = {}
        for run in select(self.runs, temperature, domain):
            if run.k == 0:
                spent.setdefault(run.repeat, []).append((run.decode_seconds, run.decode_tokens))
        totals = [tuple(map(sum, zip(*runs, strict=True))) for runs in spent.values()]
        return [1e3 * seconds / tokens for seconds, tokens in totals if tokens > 0]
