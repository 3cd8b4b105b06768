"""A sweep at work: what is left of a plan is run, and each cell is kept as soon as it is done.

How cells are run, here one after the other or on a cluster, is the runner's to know; what comes of one is
kept in the same way. A cell that fails is told and leaves the others alone; a folder that cannot be written
to ends the sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.sweep import sentences
from specdec_lib.bench.sweep.folder import SweepFolder
from specdec_lib.bench.sweep.identity import library_has_changed
from specdec_lib.bench.sweep.plan import Planned, SweepPlan
from specdec_lib.bench.sweep.running import CellFailed, CellOrder, Done, run_cell
from specdec_lib.errors import SpecDecError

Outcomes = Iterator[tuple[CellOrder, Done | CellFailed]]
"""What came of each cell, in the order in which they end."""
CellRunner = Callable[[Sequence[CellOrder]], Outcomes]


@runtime_checkable
class Listener(Protocol):
    """Who is told how far a sweep is."""

    def is_done(self, planned: Planned, record: CellRecord) -> None:
        """A cell is done, and kept."""

    def failed(self, planned: Planned, why: str, notebook: Path | None) -> None:
        """A cell failed; ``notebook`` is as it stopped."""


@dataclass
class SweepOutcome:
    """What a sweep came to: keys."""

    recorded: list[str] = field(default_factory=list[str])
    """Done before."""
    done: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])


def run_sweep(plan: SweepPlan, folder: SweepFolder, runner: CellRunner, listener: Listener) -> SweepOutcome:
    """Run the cells of ``plan`` that ``folder`` does not have.

    Raises:
        SweepNotSaved: the folder cannot be written to; what is done stays done.
    """
    known = {one.order.key: one for one in plan.planned}
    before = folder.done()
    outcome = SweepOutcome(recorded=[key for key in known if key in before])
    left = [one.order for key, one in known.items() if key not in before]
    folder.write_plan(plan.to_dict())
    for order, came in runner(left):
        planned = known[order.key]
        if isinstance(came, Done):
            folder.add(came)
            outcome.done.append(order.key)
            listener.is_done(planned, came.record)
            continue
        folder.require_room()
        notebook = folder.keep_failed(order.key, came.notebook)
        outcome.failed.append(order.key)
        listener.failed(planned, str(came), notebook)
    return outcome


def run_here(
    work: Path, begins: Callable[[CellOrder], Any] | None = None, stream: Any = None, kernels: Any = None
) -> CellRunner:
    """A runner that runs cells one after the other, in this process and one kernel each.

    Args:
        work: where they are made. begins: called with each cell before it starts.
        stream, kernels: as :func:`~specdec_lib.bench.sweep.running.run_cell` takes them.

    Raises:
        SpecDecError: in the runner: the library's files were changed, so that nobody knows what a cell ran.
    """

    def run(orders: Iterable[CellOrder]) -> Outcomes:
        for order in orders:
            if begins is not None:
                begins(order)
            try:
                came = run_cell(order, work, stream, kernels)
            except CellFailed as error:
                came = error
            if library_has_changed():
                raise SpecDecError(sentences.LIBRARY_CHANGED)
            yield order, came

    return run
