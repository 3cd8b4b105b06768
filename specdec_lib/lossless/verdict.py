"""What a check found, and what all of them together say of a pair.

A check passes, rejects, or could not be asked (a rule that cannot be read, a drafter whose drafts cannot be
listed, too few rounds). What was not asked says nothing, and is not counted among those that saw something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from specdec_lib.lossless import sentences

CheckVerdict = Literal["pass", "rejected", "not applicable"]
WASTE = "efficiency"
"""The check that asks for speed; all others ask for the law."""


@dataclass(frozen=True)
class Check:
    """One line of the verdict.

    ``statistic`` is what was computed, as text; ``num_samples`` counts ``unit``; ``passed`` is None where
    the check could not be asked, and else exactly one of ``p_value`` and ``bound`` decided. ``catches`` is
    the smallest deviation that would have been seen with 99 % probability (None where every deviation
    would, or where nothing is drawn), ``confidence`` that of a bound.
    """

    test: str
    verifier: str
    statistic: str
    num_samples: int
    unit: str
    passed: bool | None
    says: str
    p_value: float | None = None
    bound: float | None = None
    catches: float | None = None
    confidence: float | None = None

    @property
    def verdict(self) -> CheckVerdict:
        """In a word or two."""
        if self.passed is None:
            return "not applicable"
        return "pass" if self.passed else "rejected"

    @property
    def rejected(self) -> bool:
        """Whether it found something wrong; a check that could not be asked has not."""
        return self.passed is False

    @property
    def title(self) -> str:
        """The test, and the verifier where it is one's own."""
        return f"{self.test} ({self.verifier})" if self.verifier else self.test


def not_applicable(test: str, verifier: str, why: str, unit: str = "", num_samples: int = 0) -> Check:
    """A check that could not be asked, and ``why``."""
    return Check(test, verifier, sentences.NOTHING_SEEN, num_samples, unit, None, why)


def bounded_check(
    test: str, verifier: str, difference: float, bound: float, num_samples: int, unit: str, says: str
) -> Check:
    """A check of a ``difference`` that has to stay within ``bound``."""
    seen = sentences.DIFFERENCE.format(difference)
    return Check(test, verifier, seen, num_samples, unit, difference <= bound, says, bound=bound)


def verdict_on(name: str, found: Sequence[Check]) -> str:
    """What the checks say of the pair, with the power behind it, in one sentence."""
    failed = [check for check in found if check.rejected]
    asked = sum(check.passed is not None for check in found)
    titles = ", ".join(check.title for check in failed)
    if not failed:
        return sentences.EXACT.format(name, asked, _power(found))
    if all(check.test == WASTE for check in failed):
        return sentences.WASTES.format(name, titles, asked - len(failed))
    return sentences.NOT_EXACT.format(name, titles)


def _power(found: Sequence[Check]) -> str:
    """What the counted laws would have shown; each bound holds with its own confidence, so all with less."""
    joint = [one.catches for one in found if one.test == "joint law" and one.catches is not None]
    distances = [one for one in found if one.test == "distance"]
    bounds = [(one.bound, one.confidence or 0.0) for one in distances if one.bound is not None]
    if not joint or not bounds:
        return ""
    confidence = 1 - sum(1 - sure for _, sure in bounds)
    return sentences.joint_power(max(joint), max(bound for bound, _ in bounds), confidence)
