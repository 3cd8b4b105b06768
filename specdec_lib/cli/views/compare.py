"""``specdec generate --compare``: the same text by the target alone, and what speculation gained in this run.

One run each is an impression; ``specdec bench`` measures. Results are compared here, rounds are not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences

if TYPE_CHECKING:
    from specdec_lib.profiling.metrics import GenerationResult


@dataclass(frozen=True)
class Comparison:
    """A speculative run beside the baseline's for the same prompt, length and sampling."""

    speculative: GenerationResult
    baseline: GenerationResult
    greedy: bool

    @property
    def speedup(self) -> float | None:
        """Ratio of the rates in tokens a second; None where one of them is none."""
        rates = self.speculative.tokens_per_second, self.baseline.tokens_per_second
        return rates[0] / rates[1] if all(rates) else None

    @property
    def first_difference(self) -> int | None:
        """Index of the first token that differs; None where the texts are the same."""
        ours, theirs = self.speculative.generated_ids, self.baseline.generated_ids
        if ours == theirs:
            return None
        differing = (
            index for index, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]
        )
        return next(differing, min(len(ours), len(theirs)))

    @property
    def verdict(self) -> str:
        """Whether the texts are one, where they have to be."""
        return sentences.same_texts(self.greedy, len(self.baseline.generated_ids), self.first_difference)

    def lines(self) -> list[str]:
        """What a person is told: the baseline, the ratio and what it is worth, the ids."""
        rates = self.speculative.tokens_per_second, self.baseline.tokens_per_second
        return [self.baseline.summary(), sentences.speed_ratio(self.speedup, *rates), self.verdict]

    def to_dict(self) -> dict[str, object]:
        """For ``--json``; the ids can only be held against each other at temperature 0."""
        same = self.first_difference is None
        return {
            "baseline": result_document(self.baseline),
            "speedup": self.speedup,
            "same_ids": same if self.greedy else None,
            "first_difference": self.first_difference if self.greedy else None,
        }


def result_document(result: GenerationResult, profiled: bool = False) -> dict[str, Any]:
    """A result for ``--json``; without a profile no phase was measured, and so none is said to take 0 ms."""
    return {
        name: value
        for name, value in result.to_dict().items()
        if profiled or not name.endswith("_time_total_ms")
    }
