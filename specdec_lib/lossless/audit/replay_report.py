"""What summed laws say: a line a case, a verdict, and one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from specdec_lib.lossless.audit import sentences
from specdec_lib.lossless.audit.branches.replaying import ReplayedLaw
from specdec_lib.lossless.verdict import Check
from specdec_lib.utils.numbers import counted

ROUNDING = 1e-5
"""Total variation that float32 forwards of other widths may leave between two summed laws."""
SMALL = 0.05
"""Mass not visited that still leaves something to be said: no event can be off by more."""
ReplayVerdict = Literal["exact", "exact as far as seen", "not exact", "open", "not askable"]


@dataclass(frozen=True)
class ReplayCase:
    """One thing to try an engine on.

    Attributes:
        says: what it is, in a few words. num_tokens: of each text.
        law: the target's probability by outcome, and that of outcomes which are not listed.
        decode, plain: one text of the engine, and of plain decoding by the same; what they return are
            outcomes. Without a control, None.
        label: which case it is, in a table of several.
    """

    says: str
    num_tokens: int
    law: Callable[[], tuple[Mapping[Any, float], float]]
    decode: Callable[[], Any]
    plain: Callable[[], Any] | None = None
    label: str = ""


@dataclass(frozen=True)
class ReplayFinding:
    """One case: the least and the largest distance of the engine, and the control's; or what was raised."""

    case: ReplayCase
    bound: float = ROUNDING
    control: float = 0.0
    least: float = 0.0
    largest: float = 1.0
    law: ReplayedLaw | None = None
    plain: ReplayedLaw | None = None
    raised: str = ""
    interrupted: bool = False

    @property
    def passed(self) -> bool | None:
        if self.law is None or self.control > ROUNDING:
            return None
        if self.least > self.bound:
            return False
        return True if self.largest <= max(self.bound, SMALL) else None


@dataclass(frozen=True)
class ReplayReport:
    """What all cases of an engine found.

    Attributes:
        engine: whose law. says: the verdict in one sentence.
        checks: a line a case, and one for its control. distance: the largest that is proved.
        open_mass: the largest mass that no replay visited. num_replays: decodings in all.
        is_lossy: whether it is documented to change the law.
    """

    engine: str
    verdict: ReplayVerdict
    says: str
    checks: tuple[Check, ...]
    distance: float
    open_mass: float
    num_replays: int
    is_lossy: bool = False

    @property
    def exit_code(self) -> int:
        """0: exact, or all but a little of it is; 1: not exact; 2: it could not be asked, or settled."""
        return {"exact": 0, "exact as far as seen": 0, "not exact": 1}.get(self.verdict, 2)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, texts and lists, for JSON."""
        checks = [asdict(check) | {"verdict": check.verdict} for check in self.checks]
        return asdict(self) | {"checks": checks, "exit_code": self.exit_code}


def report_on(engine: str, found: Sequence[ReplayFinding], is_lossy: bool) -> ReplayReport:
    checks = [check for one in found for check in _checks_of(one)]
    worst = max(one.least for one in found)
    open_mass = max((one.law.unvisited for one in found if one.law), default=1.0)
    replays = sum(one.law.num_replays for one in found if one.law)
    verdict, says = _verdict_on(engine, found, open_mass, replays)
    if verdict == "not exact" and is_lossy:
        says = sentences.LOSSY.format(says)
    return ReplayReport(engine, verdict, says, tuple(checks), worst, open_mass, replays, is_lossy)


def _verdict_on(
    engine: str, found: Sequence[ReplayFinding], open_mass: float, replays: int
) -> tuple[ReplayVerdict, str]:
    control = max(one.control for one in found)
    raised = next((one.raised for one in found if one.raised), "")
    if any(one.passed is False for one in found):
        return "not exact", sentences.NOT_EXACT.format(engine, max(one.least for one in found))
    if control > ROUNDING:
        return "not askable", sentences.CONTROL_FAILS.format(engine, control)
    if raised:
        return "not askable", sentences.RAISED.format(engine, raised.removesuffix("."))
    if all(one.largest <= one.bound for one in found):
        bound = 10 ** math.ceil(math.log10(max(one.largest for one in found) or 1e-16))
        return "exact", sentences.EXACT.format(engine, bound)
    if open_mass <= SMALL:
        return "exact as far as seen", sentences.BOUNDED.format(engine, open_mass, replays)
    return "open", sentences.OPEN.format(engine, open_mass, replays)


def _checks_of(found: ReplayFinding) -> list[Check]:
    case, checks = found.case, []
    if found.raised:
        says = sentences.BROKE.format(case.says, found.raised)
        checks.append(Check(sentences.EXACT_LAW, case.label, "–", 0, "replays", None, says))
    elif found.law is not None:
        closed = found.largest - found.least < ROUNDING
        seen = sentences.DISTANCE.format(found.largest)
        if not closed:
            seen = sentences.BETWEEN.format(found.least, found.largest)
        choices = counted(found.law.num_choices, "choice")
        says = sentences.LAW_SAYS.format(case.says, case.num_tokens, choices)
        number, bound = found.law.num_replays, max(found.bound, found.largest if found.passed else 0.0)
        checks.append(
            Check(sentences.EXACT_LAW, case.label, seen, number, "replays", found.passed, says, bound=bound)
        )
    if found.plain is not None:
        seen, number = sentences.DISTANCE.format(found.control), found.plain.num_replays
        passed = found.control <= ROUNDING
        checks.append(
            Check(
                sentences.CONTROL_LAW, case.label, seen, number, "replays", passed, case.says, bound=ROUNDING
            )
        )
    return checks
