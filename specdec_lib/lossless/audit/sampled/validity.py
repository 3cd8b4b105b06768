"""When nothing can be said of an engine: draws that are not independent, and a law that its control breaks.

An engine is convicted by the law that was told only where its control, which shares everything with it but
the draft, keeps that law well. That a control was not rejected is not enough: a law that is a little off
would be rejected for the one and not for the other as often as chance has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from specdec_lib.lossless.audit.engines import Answer
from specdec_lib.lossless.audit.sampled import sentences
from specdec_lib.lossless.verdict import Check

_DOUBTFUL = 0.05
"""A control whose p-value is below it is no witness for a law that convicts an engine."""
_DIFFERENT = 0.01
"""But for engines that differ from their control by as small a p-value: then the law is not to blame."""
_INVALID = {
    ("joint law", True): sentences.CONTROL_FAILS,
    ("lengths", True): sentences.CONTROL_LENGTHS,
    ("order", True): sentences.DEPENDENT,
    ("order", False): sentences.DEPENDENT,
    ("seeds", True): sentences.REPEATED,
    ("seeds", False): sentences.REPEATED,
}
"""Checks that, rejected, leave nothing to be said, by whether they are the control's."""


def why_not_askable(
    engine: str,
    own: Sequence[Check],
    control: Sequence[Check],
    witnesses: Callable[[], Mapping[str, float]],
    answers: Sequence[Answer],
) -> tuple[str, bool]:
    """Why nothing can be said of ``engine``, "" where something can; and whether more answers change nothing.

    Args:
        own, control: what the checks of either found.
        witnesses: tells by check of a law the p-value of the control; of none where no law is told.
        answers: the engine's.
    """
    for who, found in ((sentences.THE_CONTROL, control), (engine, own)):
        for check in found:
            template = _INVALID.get((check.test, found is control))
            if check.rejected and template is not None:
                return template.format(who, check.statistic), True
    rejected = [check.test for check in own if check.rejected]
    if rejected and not differs_from_control(own) and (told := witnesses()):
        doubted = [told.get(test, 1.0) for test in rejected]
        if max(doubted) < _DOUBTFUL:
            return sentences.CONTROL_DOUBTFUL.format(max(doubted), engine), False
    drafted = [answer.num_drafted for answer in answers if answer.num_drafted is not None]
    if drafted and not sum(drafted) and not rejected:
        return sentences.NEVER_DRAFTED.format(engine), False
    return "", False


def differs_from_control(own: Sequence[Check]) -> bool:
    """Whether the engine is surely another than its control, as one that is far off is, or has another fault.

    Before the last look nobody is convicted by the law alone: the control may not have had the time to fail.
    """
    compared = next((check.p_value for check in own if check.test == "two samples"), None)
    faulty = any(check.rejected for check in own if check.test == "lengths")
    return faulty or (compared is not None and compared < _DIFFERENT)
