"""Every draft length of a session in one table: numbers first, then policies, which decide round by round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.runs import policies_of, runs_of
from specdec_lib.bench.tables.rows import AcceptanceRow, LatencyRow, SpeedupRow
from specdec_lib.bench.tables.summary import acceptance_table, latency_table, speedup_table


@dataclass(frozen=True)
class LengthCell:
    """A temperature, a domain and a draft length: the speedup there, and the acceptance where something was
    drafted. ``policy`` is the name of a draft length that is no number; ``speedup.k`` is its most then."""

    speedup: SpeedupRow
    acceptance: AcceptanceRow | None
    policy: str = ""

    @property
    def length(self) -> str:
        """The draft length as ``--k`` takes it."""
        return self.policy or str(self.speedup.k)


def length_cells(records: Sequence[Record], *, draws: int = 2000) -> list[LengthCell]:
    """Every cell of a session with its baseline: by temperature, by domain, then by draft length."""
    found = [cell for policy in ("", *policies_of(records)) for cell in _cells(records, policy, draws)]
    domains = list(dict.fromkeys(cell.speedup.domain for cell in found))
    return sorted(found, key=lambda cell: (cell.speedup.temperature, domains.index(cell.speedup.domain)))


def latencies(records: Sequence[Record]) -> list[LatencyRow]:
    """Time per output token of the baseline and of every draft length."""
    rows = latency_table(runs_of(records))
    for policy in policies_of(records):
        rows += [row for row in latency_table(runs_of(records, policy)) if row.k]
    return sorted(rows, key=lambda row: row.temperature)


def _cells(records: Sequence[Record], policy: str, draws: int) -> list[LengthCell]:
    runs = runs_of(records, policy)
    accepted = {(row.temperature, row.domain, row.k): row for row in acceptance_table(runs, draws=draws)}
    return [
        LengthCell(row, accepted.get((row.temperature, row.domain, row.k)), policy)
        for row in speedup_table(runs, draws=draws)
    ]
