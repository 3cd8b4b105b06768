"""One look at what was counted: every check, and what they say together.

The level is shared. A look spends a part of it, and so does each kind of check, so that an engine that keeps
the law is called inexact with a probability below the level, however many looks there are. An engine
is convicted by the law that was told only while its control, which shares everything with it but the draft,
surely keeps that law; the comparison of the two needs no law.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.sampled import checks, sentences
from specdec_lib.lossless.audit.sampled.cells import (
    AnswerCell,
    CellTable,
    DecodeIds,
    answer_cells,
    wrong_lengths,
)
from specdec_lib.lossless.audit.sampled.prefixes import PrefixLaw
from specdec_lib.lossless.audit.sampled.validity import differs_from_control, why_not_askable
from specdec_lib.lossless.evidence.repeats import expected_distinct
from specdec_lib.lossless.evidence.variation import VariationInterval
from specdec_lib.lossless.verdict import Check, not_applicable
from specdec_lib.utils.numbers import percent

AuditVerdict = Literal["exact as far as seen", "not exact", "not askable"]

SHARES = {
    "joint law": 0.4,
    "two samples": 0.3,
    "distance": 0.1,
    "tokens": 0.1,
    "uniformity": 0.1,
}
"""Of the level, by kind of check. Without a law the comparison has the joint law's share as well."""
LEAST_ANSWERS = 40
"""Answers of each engine below which nothing is said."""


@dataclass(frozen=True)
class PairedAnswers:
    """What both engines answered to the same requests and seeds, in order; ``requests`` take turns."""

    engine: str
    requests: Sequence[EngineRequest]
    ours: Sequence[Answer]
    theirs: Sequence[Answer]
    decode: DecodeIds | None = None

    @cached_property
    def by_text(self) -> bool:
        """Whether either engine tells no ids; texts are compared then."""
        return any(answer.ids is None for answers in (self.ours, self.theirs) for answer in answers)

    @cached_property
    def cells(self) -> tuple[list[AnswerCell], list[AnswerCell]]:
        """The cells of the engine's answers and of the control's."""
        ours, theirs = (
            answer_cells(answers, len(self.requests), self.by_text, self.decode)
            for answers in (self.ours, self.theirs)
        )
        return ours, theirs

    @property
    def num_tokens(self) -> int:
        """Asked for in each answer."""
        return self.requests[0].num_tokens


@dataclass(frozen=True)
class Assessment:
    """What a look found: ``why`` nothing could be said, and whether it is ``settled``, whatever else comes.

    ``catches`` is the total variation that the joint law or, without one, the comparison rejects with 99 %
    probability, over ``num_cells`` cells.
    """

    verdict: AuditVerdict
    why: str
    checks: tuple[Check, ...]
    variation: VariationInterval | None
    catches: float | None
    num_cells: int
    settled: bool


def assess(
    samples: PairedAnswers, laws: Sequence[PrefixLaw] | None, level: float, spends: float = 1.0, seed: int = 0
) -> Assessment:
    """Check both engines.

    Args:
        laws: of each request; None where nobody tells them.
        spends: the part of ``level`` that is this look's; bounds hold with 1 − ``level`` over all looks.
        seed: of the uniform numbers that smooth p-values.
    """
    if len(samples.ours) < LEAST_ANSWERS:
        why = sentences.few_answers(len(samples.ours))
        return Assessment("not askable", why, (), None, None, 0, False)
    return _Look(samples, laws, level, spends, seed).assessment()


class _Look:
    """The checks of one look, and what they say."""

    def __init__(
        self,
        samples: PairedAnswers,
        laws: Sequence[PrefixLaw] | None,
        level: float,
        spends: float,
        seed: int,
    ) -> None:
        self.samples, self.level, self.seed, self.confidence = samples, level * spends, seed, 1 - level
        self.laws, self.why_no_law = _usable(samples, laws)
        self.table = CellTable.of_laws(self.laws) if self.laws else CellTable.of_samples(*samples.cells)
        self.ours, self.theirs = (self.table.places(cells) for cells in samples.cells)

    def assessment(self) -> Assessment:
        """All checks, and the verdict."""
        control, (first, cells), others = [*self._of_control()], self._first(), [*self._others()]
        variation, distance = checks.check_distance(
            self.table, self.ours, self.theirs, self.level * SHARES["distance"], self.confidence
        )
        own = [first, *others, distance]
        engine, answers = self.samples.engine, self.samples.ours
        why, settled = why_not_askable(engine, own, control, self._witnesses, answers)
        convicted = any(check.rejected for check in own)
        verdict: AuditVerdict = "not exact" if convicted else "exact as far as seen"
        found = [first, *([] if self.laws else [self._no_law()]), *others, distance, *control]
        catches = first.catches if first.passed is not None else None
        if not why and not convicted and (catches or 1.0) >= 1:
            why = sentences.WHY_POWERLESS.format(engine, len(answers))
        verdict = "not askable" if why else verdict
        settled = settled or (convicted and not why and differs_from_control(own))
        return Assessment(verdict, why, tuple(found), variation, catches, cells, settled)

    def _first(self) -> tuple[Check, int]:
        """The check of whole answers that decides: against the law or, where none is told, the control."""
        share = SHARES["joint law"]
        if self.laws is None:
            return self._pairs(share + SHARES["two samples"])
        return checks.check_counted_law(self.table, self.ours, self._law_says, self.level * share)

    def _pairs(self, share: float) -> tuple[Check, int]:
        says = sentences.TWO_SAMPLES_SAYS.format(self.samples.num_tokens)
        return checks.check_pairs(self.ours, self.theirs, says, self.level * share)

    @property
    def _law_says(self) -> str:
        mass = 1 - sum(law.rest for law in self.laws or ()) / max(1, len(self.laws or ()))
        return sentences.JOINT_LAW_SAYS.format(self.samples.num_tokens, percent(mass, 1))

    def _no_law(self) -> Check:
        return not_applicable("joint law", "", self.why_no_law, "answers", len(self.samples.ours))

    def _others(self) -> Iterator[Check]:
        samples, level = self.samples, self.level
        if self.laws is not None:
            yield self._pairs(SHARES["two samples"])[0]
        if samples.by_text:
            yield not_applicable("uniformity", "", sentences.WHY_NO_IDS)
        else:
            yield from self._by_token(self.ours, self.theirs, samples.ours)
        wrong = wrong_lengths(samples.ours, samples.requests)
        yield checks.check_lengths(wrong, len(samples.ours), not samples.by_text)
        yield checks.check_order(samples.cells[0], len(samples.requests), level * _ORDER)
        yield checks.check_distinct(samples.cells[0], self._expected_distinct(samples.cells[1]))

    def _by_token(
        self, ours: checks.CellNumbers, theirs: checks.CellNumbers, answers: Sequence[Answer]
    ) -> Iterator[Check]:
        """Each token by itself and, where a law is told, each given those before it."""
        level, length = self.level * SHARES["tokens"], self.samples.num_tokens
        yield from checks.check_tokens(self.table, ours, theirs, length, level)
        if self.laws is not None:
            yield checks.check_p_values(answers, self.laws, self.level * SHARES["uniformity"], self.seed)

    def _witnesses(self) -> dict[str, float]:
        """What the control would be told by the checks of a law that its engine faces."""
        if self.laws is None:
            return {}
        joint = checks.check_counted_law(self.table, self.theirs, "", self.level)[0]
        told = {"joint law": joint.p_value or 0.0, "distance": joint.p_value or 0.0}
        if not self.samples.by_text:
            twins = self._by_token(self.theirs, self.ours, self.samples.theirs)
            told |= {check.test: check.p_value or 0.0 for check in twins}
        return told

    def _of_control(self) -> Iterator[Check]:
        samples, level, who = self.samples, self.level, sentences.CONTROL
        wrong = wrong_lengths(samples.theirs, samples.requests)
        yield checks.check_lengths(wrong, len(samples.theirs), not samples.by_text, who)
        yield checks.check_order(samples.cells[1], len(samples.requests), level * _ORDER, who)
        yield checks.check_distinct(samples.cells[1], self._expected_distinct(samples.cells[0]), who)
        if self.laws is not None:
            share = level * _CONTROL
            yield checks.check_counted_law(self.table, self.theirs, self._law_says, share, who=who)[0]

    def _expected_distinct(self, others: Sequence[AnswerCell]) -> float:
        if self.laws is None:
            return float(len(set(others)))
        each = len(self.samples.ours) // len(self.laws)
        return sum(expected_distinct(law.outcomes.values(), each) for law in self.laws)


_CONTROL, _ORDER = 0.4, 0.2
"""Of the level: what the control's law spends, and the order of each engine's answers. None convicts."""


def _usable(
    samples: PairedAnswers, laws: Sequence[PrefixLaw] | None
) -> tuple[Sequence[PrefixLaw] | None, str]:
    """The laws in the words of the answers, ids or texts; or why there are none."""
    if laws is None:
        return None, sentences.WHY_NO_LAW
    if not samples.by_text:
        return laws, ""
    if samples.decode is None:
        return None, sentences.WHY_NO_TOKENIZER
    if (rest := max(law.rest for law in laws)) > 0:
        return None, sentences.WHY_TEXTS.format(rest)
    decode = samples.decode
    return [law.by_text(decode) for law in laws], ""
