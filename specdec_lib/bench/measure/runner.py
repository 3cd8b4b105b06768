"""The one loop of every measurement: blocks of arms, back to back, in rotating order.

All arms of a block run one after the other, so that whatever slows the machine slows them alike, and each
block starts one arm further on, so that no arm always runs first. Records are appended as soon as their block
is done. An arm that raises is refused by name and by reason, which is recorded too, and the others go on;
when the session is resumed it stays refused. What a block asks, and what is kept of it, its caller knows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from specdec_lib.bench.measure.arm import AnyResult, Arm, Engine, Job
from specdec_lib.bench.measure.grid import rotated
from specdec_lib.bench.measure.resume import refusals
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.kinds import AnyRecord, ArmRecord, Record, of_kind
from specdec_lib.bench.records.parts import RecordedArm
from specdec_lib.decoding.drafters.own import own_failure
from specdec_lib.errors import SpecDecError, UnsoundLogits, first_line
from specdec_lib.profiling.timer import cuda_sync_time

_LONGEST_REASON = 200


@runtime_checkable
class Turn(Protocol):
    """A block, as far as the loop knows it: its place in the whole order, from 0."""

    @property
    def turn(self) -> int: ...


AnyTurn = TypeVar("AnyTurn", bound=Turn)
Used = TypeVar("Used")


@dataclass(frozen=True)
class Outcome(Generic[AnyResult]):
    """What came of one arm in one block.

    Attributes:
        turn: its place among the arms that ran. new_graphs: what torch compiled meanwhile.
    """

    arm: Arm[AnyResult]
    result: AnyResult
    turn: int
    new_graphs: int


def print_progress(line: str) -> None:
    """One line of progress, at once."""
    print(f"[bench] {line}", flush=True)


class Runner:
    """Runs arms for one session, and keeps its records.

    Args:
        session: what the records are appended to. pair: its name, for the records of arms.
        report: called with a line where an arm is refused.
        recorded: what the session holds already; arms that it refused are not run again.

    Attributes:
        records: all of the session, those before included, in the order of the file.
    """

    def __init__(
        self, session: Session, pair: str, report: Callable[[str], None], recorded: Iterable[Record] = ()
    ) -> None:
        self.session, self.pair, self.report = session, pair, report
        self.records: list[Record] = list(recorded)
        self._engines: dict[Arm[Any], Engine[Any]] = {}

    def allowed(self, arms: Iterable[Arm[AnyResult]]) -> list[Arm[AnyResult]]:
        """Those of ``arms`` that are not refused."""
        refused = {(record.decoder, record.arm.facts_hash) for record in refusals(self.records)}
        return [arm for arm in arms if not refused & {(arm.name, arm.facts.hash), (arm.name, None)}]

    def warm_up(self, arm: Arm[Any], jobs: Iterable[Job]) -> RecordedArm | None:
        """Make the engine of ``arm`` and let it do ``jobs``, which is recorded nowhere; None: it is refused.

        Where a job of a compiled arm compiled something, it is done once more: the difference is the time
        that compiling took.

        Raises:
            UnsoundLogits: no arm says anything then, and none is refused.
        """
        return self._unless_refused(arm, lambda engine: _warmed(arm, engine, jobs))

    def run(
        self,
        blocks: Sequence[AnyTurn],
        arms: Callable[[AnyTurn], Iterable[Arm[AnyResult]]],
        job: Callable[[AnyTurn], Job],
        kept: Callable[[AnyTurn, list[Outcome[AnyResult]]], list[AnyRecord]],
    ) -> Iterator[tuple[AnyTurn, list[AnyRecord], float]]:
        """Run ``blocks`` one by one, each by all of its arms that are not refused.

        Args:
            arms: of a block, in the order of turn 0. job: what a block asks of each of them.
            kept: the records of a block, made of what came of it.

        Yields:
            Each block that is done, its records as they were appended, and the seconds that are likely left.

        Raises:
            UnsoundLogits: some logits are no numbers; of that block nothing is kept.
            RecordError: nothing can be appended; the blocks before are kept.
        """
        start = time.perf_counter()
        for done, block in enumerate(blocks, start=1):
            outcomes: list[Outcome[AnyResult]] = []
            for arm in rotated(self.allowed(arms(block)), block.turn):
                outcome = self._outcome(arm, job(block), len(outcomes))
                outcomes += [] if outcome is None else [outcome]
            records = self.append(kept(block, outcomes))
            yield block, records, (time.perf_counter() - start) * (len(blocks) / done - 1)

    def of_kind(self, kind: type[AnyRecord]) -> list[AnyRecord]:
        """The session's records of one kind."""
        return list(of_kind(self.records, kind))

    def append(self, records: Sequence[AnyRecord]) -> list[AnyRecord]:
        """Append ``records`` to the session, all or none; returns them as written."""
        written = self.session.append(records)
        self.records += written
        return written

    def append_arm(self, name: str, told: RecordedArm) -> None:
        """One record of kind ``arm``: what is to be said of the arm of that name."""
        self.append([ArmRecord(pair=self.pair, decoder=name, arm=told)])

    def _outcome(self, arm: Arm[AnyResult], job: Job, turn: int) -> Outcome[AnyResult] | None:
        before = compiled_graphs()
        result = self._unless_refused(arm, lambda engine: engine(*job))
        return None if result is None else Outcome(arm, result, turn, compiled_graphs() - before)

    def _unless_refused(self, arm: Arm[AnyResult], use: Callable[[Engine[AnyResult]], Used]) -> Used | None:
        """What comes of using the arm's engine, made if need be; None: the arm is refused."""
        try:
            if arm not in self._engines:
                self._engines[arm] = arm.make()
            return use(self._engines[arm])
        except UnsoundLogits:
            raise
        except Exception as error:  # a measurement must not end because one arm cannot run
            self._engines.pop(arm, None)
            reason = _reason(error)
            self.report(f"{arm.name} is refused: {reason}")
            self.append_arm(arm.name, replace(RecordedArm.of(arm.facts), refused=reason))
            return None


def _warmed(arm: Arm[Any], engine: Engine[Any], jobs: Iterable[Job]) -> RecordedArm:
    """The arm, with the seconds that the jobs took, and how many of them were spent compiling."""
    total = compiling = 0.0
    for job in jobs:
        before = compiled_graphs()
        first = _seconds(engine, job)
        total += first
        if arm.facts.compiled and compiled_graphs() > before:
            compiling += max(0.0, first - _seconds(engine, job))
    told = RecordedArm.of(arm.facts)
    return replace(told, warm_up_seconds=round(total, 6), compile_seconds=round(compiling, 6))


def _seconds(engine: Engine[Any], job: Job) -> float:
    start = cuda_sync_time()
    engine(*job)
    return cuda_sync_time() - start


def compiled_graphs() -> int:
    """Graphs that torch has compiled in this process, 0 where its compiler was never loaded."""
    utils = sys.modules.get("torch._dynamo.utils")
    return 0 if utils is None else int(utils.counters["stats"]["unique_graphs"])


def _reason(error: Exception) -> str:
    """One line: what was raised, and the first line of what it says; and where a drafter's own code did."""
    name = "" if isinstance(error, SpecDecError) else f"{type(error).__name__}: "
    return (own_failure(error) or f"{name}{first_line(str(error))}")[:_LONGEST_REASON]
