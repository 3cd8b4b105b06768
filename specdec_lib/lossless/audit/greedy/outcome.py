"""What a comparison of greedy texts found, and the rule by which it is rounding or a fault.

*Fault*: gaps as wide as these, or as many texts that part, have a probability of ``level`` or less where
rounding alone is at work. *Rounding*: that is not so, the gaps are ten times as likely under rounding as
under a fault or more, and neither such gaps nor so many partings rarer than one in twenty. *Undecided*:
neither; or nothing reads the texts; or what reads them would not have written them; or the first engine
parts from itself about as often.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from specdec_lib.lossless.audit.greedy import sentences
from specdec_lib.lossless.audit.greedy.likelihood import Likelihood, RoundingLaw
from specdec_lib.lossless.verdict import Check, not_applicable
from specdec_lib.theory.speedup import alpha_interval
from specdec_lib.utils.numbers import percent

GreedyVerdict = Literal["identical", "rounding", "fault", "undecided"]
LIKELY = 10.0
"""A ratio from which on a parting is rounding."""
_RARE = 0.05
_STRANGE = 0.1


@dataclass(frozen=True)
class GreedyParting:
    """Where two texts part, and what the weights say of it; None where nothing reads them.

    Attributes:
        prompt, place: which prompt, and the tokens behind it that both texts share.
        ours, theirs: the tokens that follow; None for the end of the text.
        behind: how far the lesser of the two is behind the best logit, in forwards of one token.
        gap, wide_gap: the gap of their logits, in forwards of one token and of K + 1; of an engine that tells
            log-probabilities, their difference.
        top, wide_top: the best logit less the next.
        rounding: what the noise just before the place explains of the gap at most.
        ratio: how many times as likely ``behind`` is under rounding as under a fault.
    """

    prompt: int
    place: int
    ours: int | None
    theirs: int | None
    behind: float | None = None
    gap: float | None = None
    wide_gap: float | None = None
    top: float | None = None
    wide_top: float | None = None
    rounding: float | None = None
    ratio: float | None = None

    @property
    def likelier(self) -> Literal["rounding", "fault", "undecided"]:
        """By the ratio of this parting alone: ten times, or a tenth."""
        if self.ratio is None:
            return "undecided"
        return "rounding" if self.ratio >= LIKELY else "fault" if self.ratio <= 1 / LIKELY else "undecided"


@dataclass(frozen=True)
class GreedyComparison:
    """Two engines at temperature 0.

    Attributes:
        names: of the two.
        num_texts: that were compared, one a prompt.
        partings: one of each text that parts.
        width: of the wider forwards, K + 1.
        level: the chance of a false alarm that was asked for.
        law: the noise that was measured; None without weights.
        likelihood: rounding against a fault; None without weights.
        repeated: texts of the first engine that differ when it is asked again; None where it was not.
        strange: texts in which both write, before they part, what the weights would not.
        dtype: of the weights' logits, in which the noise was measured; None without weights.
        coarser: a dtype that an engine may compute in, and the likelihood by its noise; None where the noise
            of ``dtype`` suffices, or where it is known what engines compute in.
    """

    names: tuple[str, str]
    num_texts: int
    partings: list[GreedyParting]
    width: int
    level: float = 1e-3
    law: RoundingLaw | None = field(default=None, repr=False)
    likelihood: Likelihood | None = field(default=None, repr=False)
    repeated: int | None = None
    strange: int = 0
    dtype: str | None = None
    coarser: tuple[str, Likelihood] | None = field(default=None, repr=False)

    @property
    def share(self) -> float:
        """Of the texts, those that part."""
        return len(self.partings) / self.num_texts

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the share, 95 %."""
        return alpha_interval(len(self.partings), self.num_texts - len(self.partings))

    @property
    def is_of_other_weights(self) -> bool:
        """Whether so many texts are not what the weights would write that they cannot judge them."""
        return self.strange > _STRANGE * self.num_texts

    @property
    def is_excused(self) -> bool:
        """Whether the noise of a coarser dtype, which an engine may compute in, explains what parts."""
        return self.coarser is not None and not _is_rare(self.coarser[1], self.level)

    @property
    def is_unsteady(self) -> bool:
        """Whether the first engine parts from itself, and not clearly less often than from the other."""
        return bool(self.repeated) and self._p_of_difference() > self.level

    def _p_of_difference(self) -> float:
        """Fisher's exact test, one-sided: the other engine parts more often than the first from itself."""
        from scipy.stats import hypergeom

        parted, all_parted = len(self.partings), len(self.partings) + (self.repeated or 0)
        return float(hypergeom.sf(parted - 1, 2 * self.num_texts, all_parted, self.num_texts))

    @property
    def verdict(self) -> GreedyVerdict:
        """By the rule that stands at the top of this file."""
        if not self.partings:
            return "identical"
        found = self.likelihood
        if found is None or self.is_of_other_weights or self.is_unsteady:
            return "undecided"
        if _is_rare(found, self.level):
            return "undecided" if self.is_excused else "fault"
        is_common = min(found.p_of_gaps, found.p_of_rate) > _RARE
        is_likely = found.log_ratio >= math.log(LIKELY) and is_common
        return "rounding" if is_likely else "undecided"

    @property
    def says(self) -> str:
        """The verdict with its evidence, in one sentence."""
        found, verdict, ours = self.likelihood, self.verdict, self.names[0]
        if verdict == "identical":
            bound = percent(self.interval[1], 1)
            return sentences.IDENTICAL.format(ours, self.names[1], self.num_texts, bound)
        parted = sentences.PART.format(ours, self.names[1], len(self.partings), self.num_texts)
        if self.is_unsteady:
            return sentences.UNSTEADY.format(parted, ours, self.repeated)
        if found is None or self.law is None:
            return sentences.NO_WEIGHTS.format(parted)
        if self.is_of_other_weights:
            return sentences.OTHER_WEIGHTS.format(parted, self.strange)
        times = math.exp(min(700.0, found.log_ratio))
        if verdict == "rounding":
            return sentences.ROUNDING.format(parted, f"{times:.2g}", found.num_parted, found.expected)
        if self.is_excused and self.coarser is not None:
            return sentences.BY_DTYPE.format(parted, self.coarser[0], self.dtype)
        if verdict == "undecided":
            return sentences.UNDECIDED.format(parted, times)
        if found.p_of_gaps > self.level / 2:
            return sentences.FAULT_IN_RATE.format(parted, found.num_parted, found.expected, found.p_of_rate)
        worst = min(self.partings, key=lambda one: one.ratio or 0.0)
        place, noise = (worst.prompt + 1, worst.place + 1), self.law.largest / self.law.slack
        return sentences.FAULT_IN_GAPS.format(parted, place[0], place[1], worst.behind, noise)

    @property
    def noise_says(self) -> str:
        """In which dtype the weights judged, and the noise that was measured; "" without weights."""
        if self.law is None or self.dtype is None:
            return ""
        return sentences.NOISE_SAYS.format(self.dtype, self.width, self.law.largest / self.law.slack)

    def checks(self) -> list[Check]:
        """The share, what the gaps and the rate say, and the control."""
        low, high = (percent(share, 1) for share in self.interval)
        share = sentences.SHARE_SAYS.format(percent(self.share, 1), low, high)
        seen, none_parts = sentences.PARTED.format(len(self.partings), self.num_texts), not self.partings
        passed, bound = (True, 0.0) if none_parts else (None, None)
        checks = [Check("share", "", seen, self.num_texts, "texts", passed, share, bound=bound)]
        checks += [self._gaps(), self._rate()]
        if self.repeated is not None:
            seen = sentences.REPEATED.format(self.repeated, self.num_texts)
            steady, bound = (None, None) if self.repeated else (True, 0.0)
            says = sentences.CONTROL_SAYS
            checks.append(Check("control", "", seen, self.num_texts, "texts", steady, says, bound=bound))
        return checks

    def _why_not(self) -> str | None:
        if self.likelihood is None:
            return sentences.WHY_NO_WEIGHTS
        if self.is_of_other_weights:
            return sentences.WHY_OTHER_WEIGHTS
        return sentences.WHY_UNSTEADY if self.is_unsteady else None

    def _passes(self, p_value: float) -> bool | None:
        """None: it does not, and the noise of a coarser dtype excuses it."""
        return True if p_value > self.level / 2 else None if self.is_excused else False

    def _gaps(self) -> Check:
        why, found = self._why_not(), self.likelihood
        if not self.partings or why or found is None:
            return not_applicable("gaps", "", sentences.WHY_NO_PARTING if not self.partings else why or "")
        seen, p_value = sentences.RATIO.format(found.log_ratio), found.p_of_gaps
        passed = self._passes(p_value)
        number = len(self.partings)
        return Check("gaps", "", seen, number, "partings", passed, sentences.GAPS_SAY, p_value=p_value)

    def _rate(self) -> Check:
        why, found = self._why_not(), self.likelihood
        if why or found is None:
            return not_applicable("rate", "", why or "")
        seen = sentences.EXPECTED.format(found.num_parted, found.expected)
        says, p_value = sentences.RATE_SAYS.format(self.width), found.p_of_rate
        passed = self._passes(p_value)
        return Check("rate", "", seen, self.num_texts, "texts", passed, says, p_value=p_value)

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it: counts, evidence, partings, verdict. Infinite numbers are null."""
        found, law = self.likelihood, self.law
        evidence = {} if found is None or law is None else {
            "log_ratio": found.log_ratio, "p_of_gaps": found.p_of_gaps, "expected": found.expected,
            "p_of_rate": found.p_of_rate, "mean_flip": found.mean_flip,
            "largest_noise": law.largest / law.slack, "slack": law.slack, "places": law.places,
        }  # fmt: skip
        told = {
            "names": list(self.names), "num_texts": self.num_texts, "num_parted": len(self.partings),
            "share": self.share, "interval": list(self.interval), "width": self.width, "level": self.level,
            "repeated": self.repeated, "strange": self.strange, "verdict": self.verdict, "says": self.says,
            "dtype": self.dtype, "coarser": None if self.coarser is None else self.coarser[0],
            "noise_says": self.noise_says,
        }  # fmt: skip
        partings = [asdict(one) | {"likelier": one.likelier} for one in self.partings]
        listed = [_finite(one) for one in partings]
        return told | {"evidence": _finite(evidence), "partings": listed} | {
            "checks": [_finite(asdict(check)) | {"verdict": check.verdict} for check in self.checks()]
        }  # fmt: skip


def _is_rare(found: Likelihood, level: float) -> bool:
    return min(found.p_of_gaps, found.p_of_rate) <= level / 2


def _finite(numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in numbers.items()
    }
