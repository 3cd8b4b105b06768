"""What a counted audit found: the table of its checks, one sentence, and numbers for whoever goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from specdec_lib.lossless.audit.sampled import sentences
from specdec_lib.lossless.audit.sampled.assessment import AuditVerdict
from specdec_lib.lossless.evidence.variation import VariationInterval
from specdec_lib.lossless.verdict import Check
from specdec_lib.utils.numbers import percent

CountingEnd = Literal["counted", "settled early", "deadline", "interrupted"]
"""Why no more was counted: all answers were in, or a look, the clock or somebody ended it."""


@dataclass(frozen=True)
class AuditReport:
    """An audit of ``engine`` against a law, its ``control``, or both.

    Attributes:
        verdict: in words; ``why`` says why nothing could be said, "" where something can.
        checks: the lines of the table, those of the control last.
        num_samples: answers of each engine. looks: numbers of answers at which the checks were made.
        level: an engine that keeps its law is called inexact with a lower probability.
        num_cells: outcomes told apart at last, of ``num_listed`` that the law lists with ``mass`` in all
            (None where no law is told), for ``law_requests`` requests.
        variation: the distance to the law, or to the control where none is told.
        catches: total variation that these answers reject with 99 % probability.
        num_drafted, num_accepted: draft tokens of the engine, where it tells them.
    """

    engine: str
    control: str
    verdict: AuditVerdict
    why: str
    checks: tuple[Check, ...]
    num_samples: int
    looks: tuple[int, ...]
    ended: CountingEnd
    level: float
    num_cells: int
    variation: VariationInterval | None = None
    catches: float | None = None
    num_listed: int | None = None
    mass: float | None = None
    law_requests: int | None = None
    num_drafted: int | None = None
    num_accepted: int | None = None

    @property
    def exit_code(self) -> int:
        """0: exact as far as seen; 1: not exact; 2: it could not be asked."""
        return {"exact as far as seen": 0, "not exact": 1, "not askable": 2}[self.verdict]

    @property
    def says(self) -> str:
        """The verdict in one sentence, with the power behind it."""
        found = self.variation
        if self.why or found is None:
            return sentences.NOT_ASKABLE.format(self.engine, self.why)
        sure = found.confidence
        if self.verdict == "not exact":
            rejected = ", ".join(check.title for check in self.checks if check.rejected)
            distance = sentences.off_by(found.estimate, found.low, found.high)
            return sentences.NOT_EXACT.format(self.engine, rejected, distance, percent(sure, 2))
        seen = sentences.power(self.catches or 1.0, self.num_cells, found.high, sure)
        return sentences.EXACT.format(self.engine, seen) + sentences.cut_short(self.ended, self.num_samples)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, texts and lists, for JSON."""
        plain = asdict(self)
        plain["looks"] = list(self.looks)
        plain["checks"] = [asdict(check) | {"verdict": check.verdict} for check in self.checks]
        return plain | {"says": self.says, "exit_code": self.exit_code}
