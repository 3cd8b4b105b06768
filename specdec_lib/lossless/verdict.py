"""What a check found, and what all of them together say of a pair, in one sentence.

A check passes, rejects, or could not be asked (a rule that cannot be read, a drafter whose drafts cannot be
listed, too few rounds). What was not asked says nothing, and is not counted among those that saw something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from specdec_lib.utils.numbers import percent

Verdict = Literal["pass", "rejected", "not applicable"]
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
    def verdict(self) -> Verdict:
        """In a word or two."""
        return {True: "pass", False: "rejected", None: "not applicable"}[self.passed]

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
    return Check(test, verifier, "–", num_samples, unit, None, why)


def sentence(name: str, found: Sequence[Check]) -> str:
    """What the checks say of the pair, with the power behind it, in one sentence."""
    failed = [check for check in found if check.rejected]
    asked = [check for check in found if check.passed is not None]
    titles = ", ".join(check.title for check in failed)
    if failed and all(check.test == WASTE for check in failed):
        rest = len(asked) - len(failed)
        return f"{name} wastes its draft: {titles} rejected. Its output passed the other {rest} checks."
    if failed:
        return f"{name} is not exact: {titles} rejected."
    return f"{name} is exact, as far as {len(asked)} checks can see{_power(found)}."


def _power(found: Sequence[Check]) -> str:
    """What the counted laws would have shown; each bound holds with its own confidence, so all with less."""
    joint = [check.catches for check in found if check.test == "joint law" and check.catches is not None]
    bounds = [check for check in found if check.test == "distance" and check.bound is not None]
    if not joint or not bounds:
        return ""
    confidence = 1 - sum(1 - (check.confidence or 0.0) for check in bounds)
    return (
        f": behind one prompt, a joint law that is off by {max(joint):.3f} in total variation, over the cells"
        " counted, would have been rejected with 99 % probability, and no event of that law is off by more"
        f" than {max(check.bound or 0.0 for check in bounds):.3f} with {percent(confidence, 2)} confidence"
    )
