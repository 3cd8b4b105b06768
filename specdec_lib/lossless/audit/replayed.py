"""The audit that counts nothing: the law of an engine in this process, summed over every random branch.

A few hundred replays show a deviation of one in a million (the room ``branches``). Plain decoding of the same
engine is the control: where its law is off already, nothing is said of the engine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from specdec_lib.errors import InvalidArgument, NotRepeatable, in_one_line
from specdec_lib.lossless.audit import sentences
from specdec_lib.lossless.audit.branches.replaying import Branches, ReplayedLaw, law_of
from specdec_lib.lossless.audit.replay_report import (
    ROUNDING,
    ReplayCase,
    ReplayFinding,
    ReplayReport,
    report_on,
)

_TIMES_CONTROL = 4
_ENOUGH = 1e-7
_TOLD_EVERY = 20
_DOUBTS = 30
_ANYTHING_ELSE = "anything else"
Progress = Callable[[str], None]


def audit_by_replaying(
    engine: str,
    cases: Sequence[ReplayCase],
    *,
    seconds: float | None = None,
    most_replays: int = 100_000,
    is_lossy: bool = False,
    report: Progress = lambda line: None,
) -> ReplayReport:
    """Sum the law of an engine on every case, and say whether it is the target's.

    Args:
        engine: its name, for the sentence.
        seconds: of all cases together, shared evenly; what is left then stays open, and is said.
        most_replays: of one case. report: called with a line of progress now and then.
        is_lossy: whether it is documented to change the law.

    Raises:
        InvalidArgument: no case. What an engine raises is told in the report, and ends it; an interruption
            from the keyboard ends it too, once something can be said.
    """
    if not cases:
        raise InvalidArgument(sentences.NO_CASES.format(engine))
    begun = time.monotonic()
    each = None if seconds is None else seconds / len(cases)
    found: list[ReplayFinding] = []
    for case in cases:
        try:
            found.append(_tried(case, each, most_replays, partial(_tell, report, engine, case.says)))
        except KeyboardInterrupt:
            if not found:
                raise
            found[-1] = replace(found[-1], interrupted=True)
        if found[-1].raised or found[-1].interrupted:
            break
    told = report_on(engine, found, is_lossy)
    if found[-1].interrupted:
        is_over = seconds is not None and time.monotonic() - begun >= seconds
        says = sentences.TIME_UP if is_over else sentences.INTERRUPTED
        told = replace(told, says=says.format(told.says, len(found), len(cases)))
    return told


def _tell(report: Progress, engine: str, says: str, replays: int, unvisited: float) -> None:
    if replays % _TOLD_EVERY == 0:
        report(sentences.REPLAYING.format(engine, says, replays, unvisited))


def _tried(
    case: ReplayCase, seconds: float | None, most_replays: int, report: Callable[[int, float], None]
) -> ReplayFinding:
    begun = time.monotonic()
    law, rest = case.law()
    found = ReplayFinding(case)
    try:
        if case.plain is not None:  # has half of the time at most, and the engine what is left
            share = None if seconds is None else seconds / 2
            plain = law_of(
                case.plain, most_replays=most_replays, enough=_ENOUGH, seconds=share, report=report
            )
            control = _distances(plain, law, rest)[0]
            found = replace(
                found, plain=plain, control=control, bound=max(ROUNDING, _TIMES_CONTROL * control)
            )
            if control > ROUNDING:
                return found
        left = None if seconds is None else max(0.0, seconds - (time.monotonic() - begun))
        ours, interrupted = _summed(case.decode, most_replays, left, report)
        if ours.num_choices == 0:
            _require_one_text(case.decode)
    except Exception as error:  # whatever an engine raises is told, in a line
        return replace(found, raised=in_one_line(error))
    least, largest = _distances(ours, law, rest)
    return replace(found, least=least, largest=largest, law=ours, interrupted=interrupted)


def _summed(
    decode: Callable[[], Any],
    most_replays: int,
    seconds: float | None,
    report: Callable[[int, float], None],
) -> tuple[ReplayedLaw, bool]:
    """The law as far as it came, and whether somebody interrupted; before the first replay that is raised."""
    with Branches(most_replays, _ENOUGH, seconds, report) as branches:
        try:
            for _ in branches.replays():
                branches.emit(decode())
        except KeyboardInterrupt:
            found = branches.result()
            if not found.num_replays:
                raise
            return replace(found, unvisited=1 - math.fsum(found.law.values())), True
    return branches.result(), False


def _require_one_text(decode: Callable[[], Any]) -> None:
    """A decoder that draws nothing that can be followed may draw elsewhere: then its texts differ.

    Raises:
        NotRepeatable: they do.
    """
    first = decode()
    if any(decode() != first for _ in range(_DOUBTS)):
        raise NotRepeatable(sentences.DRAWS_ELSEWHERE)


def _distances(found: ReplayedLaw, law: Mapping[Any, float], rest: float) -> tuple[float, float]:
    """The least and the largest total variation; outcomes that the law does not list are one."""
    if rest <= 0:
        return found.distance_to(law)
    lumped: dict[Any, float] = {}
    for outcome, mass in found.law.items():
        cell = outcome if outcome in law else _ANYTHING_ELSE
        lumped[cell] = lumped.get(cell, 0.0) + mass
    return replace(found, law=lumped).distance_to({**law, _ANYTHING_ELSE: rest})
