"""``specdec generate --compare``: the same text by the target alone, and what speculation gained in this run.

Both are run once for a few tokens before, so that neither pays for cold memory or a compiler. One run each
is an impression; ``specdec bench`` measures. It knows results, and no rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from specdec_lib.decoding.decoder import Decoder
    from specdec_lib.profiling.metrics import GenerationResult

WARM_UP = 16
"""Tokens of the runs before."""


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
        if not self.greedy:
            return "both texts are sampled, so they differ by chance"
        if self.first_difference is None:
            return f"both runs gave the same {counted(len(self.baseline.generated_ids), 'token id')}"
        return (
            f"the ids of the two runs differ from token {self.first_difference + 1} on: a near tie that a "
            "forward of several tokens rounds otherwise, or a fault; `specdec verify` tells which"
        )

    def lines(self) -> list[str]:
        """What a person is told: the baseline, the ratio and what it is worth, the ids."""
        return [self.baseline.summary(), f"{self._ratio}; `specdec bench` measures many runs", self.verdict]

    @property
    def _ratio(self) -> str:
        if self.speedup is None:
            return "the two runs have no ratio of speeds, since one of them was too short to be timed"
        rates = self.speculative.tokens_per_second, self.baseline.tokens_per_second
        return (
            f"with the draft this run was {self.speedup:.2f} times as fast as the target alone "
            f"({rates[0]:.1f} against {rates[1]:.1f} tokens/s, one run each)"
        )

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


def warm_up(
    decoders: Sequence[Decoder], prompt_ids: list[int], length: int, options: Mapping[str, Any]
) -> None:
    """Run each decoder for a few tokens of the same text."""
    for decoder in decoders:
        decoder.generate(prompt_ids, min(length, WARM_UP), **options)
