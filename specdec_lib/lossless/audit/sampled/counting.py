"""The audit that counts: an engine, its control, a law where somebody tells it, and a verdict.

Engine and control are asked in turn, with the same requests and seeds, so that whatever drifts drifts for
both. There are three looks: at a quarter, a half, and all of the answers; what is far off ends early.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest, NextLaw
from specdec_lib.lossless.audit.sampled import sentences
from specdec_lib.lossless.audit.sampled.assessment import (
    LEAST_ANSWERS,
    SHARES,
    Assessment,
    PairedAnswers,
    assess,
)
from specdec_lib.lossless.audit.sampled.cells import DecodeIds
from specdec_lib.lossless.audit.sampled.prefixes import PrefixLaw, expand_law
from specdec_lib.lossless.audit.sampled.report import AuditReport, CountingEnd
from specdec_lib.lossless.evidence.chi_square import samples_to_catch
from specdec_lib.utils.numbers import counted

LOOKS = ((0.25, 0.1), (0.5, 0.2), (1.0, 0.7))
"""Part of the answers, and part of the level that the look there spends: together the whole."""
_MOST_SEED = 2**31 - 1
_MOST_ANSWERS = 10_000_000
_TOLD_EVERY = 100
AskBoth = Callable[
    [AskedEngine, AskedEngine, Sequence[EngineRequest]], tuple[Sequence[Answer], Sequence[Answer]]
]
"""The answers of the control and of the engine to several requests, in their order."""
_LAW_TIME = 0.5
"""Part of the deadline after which the law is no longer asked."""


def one_by_one(
    control: AskedEngine, engine: AskedEngine, requests: Sequence[EngineRequest]
) -> tuple[list[Answer], list[Answer]]:
    """Ask engines that answer one request at a time, in turn."""
    both = [(control.answer(request), engine.answer(request)) for request in requests]
    return [theirs for theirs, _ in both], [ours for _, ours in both]


def audit_by_counting(
    engine: AskedEngine,
    control: AskedEngine,
    law: NextLaw | None,
    requests: EngineRequest | Sequence[EngineRequest],
    num_samples: int = 4_000,
    level: float = 1e-4,
    seed: int = 0,
    *,
    decode: DecodeIds | None = None,
    mass: float = 0.99,
    most_requests: int = 200,
    deadline: float | None = None,
    ask: AskBoth = one_by_one,
    at_a_time: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> AuditReport:
    """Ask both, count, and say whether ``engine`` keeps the law.

    Args:
        control: plain decoding of the same engine.
        law: who tells the law of one token; None compares engine and control alone.
        requests: one, or several prompts of one length that take turns; their seeds are set here.
        num_samples: answers of each at most.
        level: probability below which an engine that keeps the law is called inexact.
        seed: everything random follows from it.
        decode: ids to text, where an engine tells no ids and the law does.
        mass, most_requests: how far the law is expanded, in all, by ``expand_law``.
        deadline: seconds, after which what was counted is judged; so it is where somebody interrupts.
        ask: how both are asked ``at_a_time`` requests; servers take several at once.
        report: called with a line of progress now and then.

    Raises:
        InvalidArgument: no request, requests of different lengths, fewer than 40 samples or more than ten
            million, a level outside (0, 1), or a law that is none. Whatever an engine raises ends the audit.
    """
    asked = [requests] if isinstance(requests, EngineRequest) else list(requests)
    _check(asked, num_samples, level)
    clock = _Clock(deadline)
    laws = None
    try:
        if law is not None:
            laws = _laws_of(law, asked, mass, most_requests, clock, report)
    except KeyboardInterrupt:
        clock.interrupted = True
    run = _Run(engine, control, asked, _seeds(num_samples, seed), clock, report, ask, max(1, at_a_time))
    spent, looks = 0.0, []
    assessment, ended = None, "counted"
    for part, share in LOOKS:
        run.ask_until(max(1, int(part * num_samples)))
        stopped = clock.stopped
        share = 1 - spent if stopped else share
        assessment = assess(run.samples(decode), laws, level, share, seed)
        spent, looks = spent + share, [*looks, len(run.ours)]
        if stopped or assessment.settled:
            ended = stopped or ("settled early" if part < 1 else "counted")
            break
    assert assessment is not None
    return _report_of(run, assessment, laws, tuple(looks), ended, level)


def samples_wanted(deviation: float, num_cells: int, level: float = 1e-4) -> int:
    """Answers of each engine with which a joint law off by ``deviation`` is found with 99 % probability.

    What :func:`~specdec_lib.lossless.evidence.chi_square.samples_to_catch` says at the part of ``level`` that
    the last look leaves to the joint law.

    Raises:
        InvalidArgument: a deviation or level outside (0, 1), or fewer than two cells.
    """
    return samples_to_catch(deviation, num_cells, level * LOOKS[-1][1] * SHARES["joint law"])


@dataclass
class _Clock:
    """When to stop asking: after ``deadline`` seconds, or once somebody interrupted."""

    deadline: float | None
    interrupted: bool = False
    begun: float = field(default_factory=lambda: time.monotonic())

    def is_over(self, part: float = 1.0) -> bool:
        return self.deadline is not None and time.monotonic() - self.begun >= part * self.deadline

    @property
    def stopped(self) -> CountingEnd | None:
        if self.is_over():  # also where that is why somebody interrupted
            return "deadline"
        return "interrupted" if self.interrupted else None


@dataclass
class _Run:
    """Answers of both, pair by pair."""

    engine: AskedEngine
    control: AskedEngine
    requests: list[EngineRequest]
    seeds: list[int]
    clock: _Clock
    report: Callable[[str], None]
    ask: AskBoth
    at_a_time: int
    ours: list[Answer] = field(default_factory=list)
    theirs: list[Answer] = field(default_factory=list)

    def ask_until(self, number: int) -> None:
        """Go on to so many pairs, or until the clock says that it is enough; half a pair is dropped."""
        while len(self.ours) < number and self.clock.stopped is None:
            done = len(self.ours)
            if done % _TOLD_EVERY < self.at_a_time:
                self.report(sentences.COUNTING.format(done, len(self.seeds), self.engine.name))
            asked = [
                replace(self.requests[place % len(self.requests)], seed=self.seeds[place])
                for place in range(done, min(number, done + self.at_a_time))
            ]
            try:
                theirs, ours = self.ask(self.control, self.engine, asked)
            except KeyboardInterrupt:
                self.clock.interrupted = True
                return
            self.theirs += theirs
            self.ours += ours

    def samples(self, decode: DecodeIds | None) -> PairedAnswers:
        """What there is so far."""
        return PairedAnswers(self.engine.name, self.requests, tuple(self.ours), tuple(self.theirs), decode)


def _seeds(num_samples: int, seed: int) -> list[int]:
    """Different ones with nothing in common: some generators make similar streams of neighbours."""
    return random.Random(seed).sample(range(1, _MOST_SEED), num_samples)


def _laws_of(
    law: NextLaw,
    requests: Sequence[EngineRequest],
    mass: float,
    most_requests: int,
    clock: _Clock,
    report: Callable[[str], None],
) -> list[PrefixLaw]:
    each = max(1, most_requests // len(requests))
    return [
        expand_law(law, request, mass, each, lambda: clock.is_over(_LAW_TIME), report) for request in requests
    ]


def _report_of(
    run: _Run,
    found: Assessment,
    laws: Sequence[PrefixLaw] | None,
    looks: tuple[int, ...],
    ended: CountingEnd,
    level: float,
) -> AuditReport:
    drafted, accepted = (
        [number for answer in run.ours if (number := getattr(answer, name)) is not None]
        for name in ("num_drafted", "num_accepted")
    )
    return AuditReport(
        engine=run.engine.name,
        control=run.control.name,
        verdict=found.verdict,
        why=found.why,
        checks=found.checks,
        num_samples=len(run.ours),
        looks=looks,
        ended=ended,
        level=level,
        num_cells=found.num_cells,
        variation=found.variation,
        catches=found.catches,
        num_listed=sum(len(one.outcomes) for one in laws) if laws else None,
        mass=1 - sum(one.rest for one in laws) / len(laws) if laws else None,
        law_requests=sum(one.num_requests for one in laws) if laws else None,
        num_drafted=sum(drafted) if drafted else None,
        num_accepted=sum(accepted) if accepted else None,
    )


def _check(requests: Sequence[EngineRequest], num_samples: int, level: float) -> None:
    if not requests:
        raise InvalidArgument(sentences.NO_REQUESTS)
    lengths = sorted({request.num_tokens for request in requests})
    if len(lengths) > 1:
        raise InvalidArgument(sentences.ODD_LENGTHS.format(" and ".join(map(str, lengths))))
    if not LEAST_ANSWERS <= num_samples <= _MOST_ANSWERS or not 0 < level < 1:
        most = counted(_MOST_ANSWERS, "sample")
        raise InvalidArgument(sentences.ODD_NUMBERS.format(num_samples, level, LEAST_ANSWERS, most))
