"""The tests that a decoder has to survive in a :class:`~specdec_lib.lossless.laws.scenario.Scenario`.

Each trial looks at more and more generations and reports a p-value at every look; where there is nothing
statistical about a mistake the p-value is 1 until it shows and 0 from then on. A decoder that raises where
it should emit is rejected as well. Nothing here knows what, if anything, is wrong with the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch

from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
from specdec_lib.decoding.decoder import Decoder
from specdec_lib.decoding.rejection import PlanMaker, plan_block, plan_tokens
from specdec_lib.lossless import sentences
from specdec_lib.lossless.checks.sampled import pooled_test
from specdec_lib.lossless.evidence.efficiency import efficiency_test, expected_in_round
from specdec_lib.lossless.laws.enumeration import ROUNDING, PlanJudge, error_of
from specdec_lib.lossless.laws.scenario import Scenario
from specdec_lib.profiling.metrics import GenerationResult

SCHEDULE = tuple(50 * 2**i for i in range(8))
"""Numbers of generations after which a trial is looked at: 50 to 6 400."""
LEVEL = 1e-6
"""A p-value below it rejects. So small that many looks at many decoders raise no false alarm."""

_MOST_COUNTED = 1600  # generations of several rounds each: counts need fewer than laws do
_STOPS = ("ca", "bb")


@dataclass(frozen=True)
class Look:
    """What ``num_samples`` generations said."""

    num_samples: int
    p_value: float


@dataclass(frozen=True)
class Case:
    """What is tried: a decoder, where it runs, the seed of its draws, and the plan it should follow."""

    decoder: Decoder
    scenario: Scenario
    seed: int
    plan: PlanMaker = plan_tokens

    def generate(self, index: int, **options: object) -> GenerationResult:
        """The generation of that number, as the scenario asks for it unless ``options`` say otherwise."""
        prompt, number = list(self.scenario.prompt), self.seed * 1_000_003 + index
        settings = {"max_new_tokens": self.scenario.length, "ignore_eos": True, "trace": True} | options
        return _emitted(self.decoder, prompt, seed=number, **asdict(self.scenario.params), **settings)


Trial = Callable[[Case, Sequence[int]], Iterator[Look]]


def exact_law(case: Case, schedule: Sequence[int] = SCHEDULE) -> Iterator[Look]:
    """The law of whole continuations by the plan, summed over all drafts and verdicts; nothing is sampled."""
    scenario = case.scenario
    own, other = (partial(scenario.warped, model) for model in scenario.models)
    difference, _ = error_of(own, other, scenario.length, scenario.k, PlanJudge(case.plan))
    yield Look(0, float(difference < ROUNDING))


def joint_law(case: Case, schedule: Sequence[int] = SCHEDULE) -> Iterator[Look]:
    """Chi-square of whole continuations against the exact law, thin outcomes pooled."""
    scenario = case.scenario
    counts = np.zeros(len(scenario.law))

    def generation(index: int) -> None:
        counts[scenario.outcome(case.generate(index).generated_ids)] += 1

    def p_value() -> float:
        return pooled_test(counts, scenario.law)[0].p_value

    return _looks(generation, p_value, schedule)


def greedy_identity(case: Case, schedule: Sequence[int] = SCHEDULE) -> Iterator[Look]:
    """Ids at temperature 0 against the autoregressive decoder's, from random prompts."""
    baseline = AutoregressiveDecoder(case.decoder.target)
    rng = np.random.default_rng(case.seed)
    differing = []

    def generation(index: int) -> None:
        prompt = rng.integers(case.scenario.vocab, size=3).tolist()
        options = {"max_new_tokens": 12, "temperature": 0.0, "seed": index}
        ours, theirs = (_emitted(one, prompt, **options) for one in (case.decoder, baseline))
        if ours.generated_ids != theirs.generated_ids:
            differing.append(index)

    return _looks(generation, lambda: 0.0 if differing else 1.0, schedule)


def ending(case: Case, schedule: Sequence[int] = SCHEDULE) -> Iterator[Look]:
    """Whether sampled texts end where they should; some are asked for no token, some may stop at a string."""
    broken = []

    def generation(index: int) -> None:
        limit = (0, 3, 9, 14)[index % 4]
        stops = _STOPS if index % 3 == 0 else ()
        result = case.generate(index, max_new_tokens=limit, stop_strings=stops, ignore_eos=False)
        complaint = complaint_about(result, case.scenario, limit, stops)
        if complaint:
            broken.append(complaint)

    return _looks(generation, lambda: 0.0 if broken else 1.0, schedule)


def complaint_about(
    result: GenerationResult, scenario: Scenario, limit: int, stops: Sequence[str]
) -> str | None:
    """What is wrong with where a text ends, in a few words; None where nothing is."""
    ids, eos = result.generated_ids, set(scenario.eos_token_ids)
    if scenario.context_length is not None:
        limit = min(limit, scenario.context_length - len(scenario.prompt))
    target, _ = scenario.models
    before = target.decode(ids[:-1])
    last_round = (result.num_accepted_draft_tokens or 0) + _own_tokens(result)
    reason, ends = result.finish_reason, bool(eos & set(ids[-1:]))
    checks = {
        sentences.MORE_THAN_ASKED: len(ids) > limit,
        sentences.END_IN_THE_MIDDLE: bool(eos & set(ids[:-1])),
        sentences.STOP_IN_THE_MIDDLE: any(stop in before for stop in stops),
        sentences.NOT_THE_LIMIT: reason == "length" and len(ids) != limit,
        sentences.END_WITHOUT_TOKEN: reason == "eos" and not ends,
        sentences.END_THAT_ENDS_NOTHING: ends and reason == "length" and len(ids) < limit,
        sentences.LATENCY_WITHOUT_TOKEN: len(result.per_token_latencies) != len(ids),
        sentences.CUT_COUNTS: last_round - len(ids) not in (0, 1) and bool(ids),
    }
    return next((name for name, wrong in checks.items() if wrong), None)


def _own_tokens(result: GenerationResult) -> int:
    """Tokens of the target's own: one a round, drafted or not."""
    undrafted = [r for r in result.trace.rounds if not r.draft_ids] if result.trace else []
    return len(result.accepted_per_round) + sum(len(r.token_ids) for r in undrafted)


def efficiency(case: Case, schedule: Sequence[int] = SCHEDULE) -> Iterator[Look]:
    """Accepted draft tokens a round against what the two exact laws allow."""
    scenario = case.scenario
    accepted: list[int] = []
    expected: list[float] = []
    missing = []

    @cache  # a table model looks at the last two tokens
    def mean(text: tuple[int, ...], drafted: tuple[int, ...]) -> float:
        return _expected(case, text, drafted)

    def generation(index: int) -> None:
        left, text = 3 * scenario.length, ()
        result = case.generate(index, max_new_tokens=left)
        for round_ in result.trace.rounds:
            intended = min(scenario.k, left - len(text) - 1)
            if len(round_.draft_ids) != intended:
                missing.append(index)
            accepted.append(round_.num_accepted)
            expected.append(mean(text[-2:], tuple(round_.draft_ids)))
            text = (*text, *round_.token_ids)

    def p_value() -> float:
        return 0.0 if missing else efficiency_test(accepted, expected).p_value

    return _looks(generation, p_value, [n for n in schedule if n <= _MOST_COUNTED])


def _expected(case: Case, text: tuple[int, ...], drafted: tuple[int, ...]) -> float:
    if not drafted:
        return 0.0
    scenario = case.scenario
    target, draft = scenario.models
    prefixes = [(*text, *drafted[:n]) for n in range(len(drafted) + 1)]
    p = torch.tensor([scenario.warped(target, prefix) for prefix in prefixes])
    q = torch.tensor([scenario.warped(draft, prefix) for prefix in prefixes[:-1]])
    return expected_in_round(p, q, torch.tensor(drafted), "block" if case.plan is plan_block else "token")


TRIALS: dict[str, Trial] = {
    "exact law": exact_law,
    "joint law": joint_law,
    "greedy identity": greedy_identity,
    "ending": ending,
    "efficiency": efficiency,
}


class _Broke(Exception):
    """A decoder raised where it should have emitted."""


def _emitted(decoder: Decoder, prompt: list[int], **options: Any) -> GenerationResult:
    try:
        return decoder.generate(prompt, **options)
    except Exception as error:  # whatever a broken decoder breaks on
        raise _Broke from error


def _looks(
    generation: Callable[[int], None], p_value: Callable[[], float], schedule: Sequence[int]
) -> Iterator[Look]:
    """Generate up to each number of the schedule in turn; a decoder that raises is rejected at once."""
    done = 0
    for num_samples in schedule:
        for index in range(done, num_samples):
            try:
                generation(index)
            except _Broke:
                yield Look(index + 1, 0.0)
                return
        done = num_samples
        yield Look(num_samples, p_value())
