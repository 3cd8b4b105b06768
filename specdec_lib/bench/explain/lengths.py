"""What policies of the draft length reached, beside the best of the lengths that are numbers.

The formula that the rest of the report accounts with is of rounds of one K, so of a policy there is no
account: what can be said is how near it comes to who had known the best K beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.runs import policies_of, runs_of
from specdec_lib.bench.tables.rows import SpeedupRow
from specdec_lib.bench.tables.summary import shown_interval, speedup_row


def policy_notes(
    records: Sequence[Record], temperature: float, domain: str, best_k: int, draws: int = 2000
) -> list[str]:
    """A sentence for each policy that a cell ran, without its first round, as all that is explained.

    Args:
        best_k: the fastest of the draft lengths that are numbers.
    """
    cell = temperature, domain
    best = speedup_row(runs_of(records), *cell, best_k, decode_only=True, draws=draws)
    notes = []
    for policy in policies_of(records):
        runs = runs_of(records, policy)
        most = max(run.k for run in runs)
        row = speedup_row(runs, *cell, most, decode_only=True, draws=draws)
        if row is not None and best is not None:
            notes.append(_said(policy, row, best))
    return notes


def _said(policy: str, row: SpeedupRow, best: SpeedupRow) -> str:
    place = f"{policy} at temperature {row.temperature:g}, {row.domain}"
    return (
        f"{place}: {row.speedup:.2f}× ({shown_interval(row)}), {row.speedup / best.speedup:.2f} of the best "
        f"fixed length, K = {best.k}"
    )
