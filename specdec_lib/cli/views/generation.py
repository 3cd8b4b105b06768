"""What ``specdec generate`` says of a text: the target's own beside it, and a page of every step.

One run each is an impression; ``specdec bench`` measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.cli.selection import Models
    from specdec_lib.decoding.sampling import SamplingParams
    from specdec_lib.decoding.trace import Round
    from specdec_lib.profiling.metrics import GenerationResult


def result_document(result: GenerationResult, profiled: bool = False) -> dict[str, Any]:
    """A result for ``--json``; without a profile no phase was measured, and so none is said to take 0 ms."""
    return {
        name: value
        for name, value in result.to_dict().items()
        if profiled or not name.endswith("_time_total_ms")
    }


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
        from specdec_lib.bench.records.identity import first_difference

        index = first_difference(self.speculative, self.baseline)
        return None if index < 0 else index

    @property
    def verdict(self) -> str:
        """Whether the texts are one, where they have to be."""
        return sentences.same_texts_line(self.greedy, len(self.baseline.generated_ids), self.first_difference)

    def lines(self) -> list[str]:
        """What a person is told: the baseline, the ratio and what it is worth, the ids."""
        rates = self.speculative.tokens_per_second, self.baseline.tokens_per_second
        return [self.baseline.summary(), sentences.speed_line(self.speedup, *rates), self.verdict]

    def to_dict(self) -> dict[str, object]:
        """For ``--json``; the ids can only be held against each other at temperature 0."""
        same = self.first_difference is None
        return {
            "baseline": result_document(self.baseline),
            "speedup": self.speedup,
            "same_ids": same if self.greedy else None,
            "first_difference": self.first_difference if self.greedy else None,
        }


def steps_page(
    models: Models,
    prompt_ids: Sequence[int],
    rounds: Sequence[Round],
    params: SamplingParams,
    verifier: str,
    about: Mapping[str, object],
) -> str:
    """The page (HTML) of a generation, with what both models say about every token of it.

    Raises:
        InvalidArgument: no rounds.
    """
    from specdec_lib.decoding.trace import Trace
    from specdec_lib.lossless.replays.annotation import annotate
    from specdec_lib.viz.live.step_through import StepThrough

    target, draft = models
    if not rounds:
        raise InvalidArgument("--steps: nothing was generated, so there is nothing to show")
    trace = Trace(list(prompt_ids), list(rounds))
    title = sentences.steps_title(target.name, draft.name, verifier, params.temperature)
    told = annotate(target, draft, trace, params, verifier=verifier, title=title, about=dict(about))
    return StepThrough(told).to_page()
