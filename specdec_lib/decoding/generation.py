"""One generation while it happens: a checked request, rounds as they come, a clock, and the result so far.

Every way of decoding stands on :class:`Generation`: ``generate`` runs it to its end, ``stream`` hands out its
rounds. What the consumer does between two rounds is not decoding, and is not counted. A timed run never
synchronises to measure; ``profile=True`` is the separate run that does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch

from specdec_lib.decoding.ending import Ending
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.decoding.trace import Round, Trace
from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.profiling.timer import CUDATimer

PHASES = ("draft", "verify", "sampling", "rollback")

_UNTIMED = nullcontext()

MakeResult = Callable[["Request", list[Round], str, float, float | None], GenerationResult]


class PhaseClock:
    """Milliseconds by phase of the current round; does nothing at all unless enabled."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.current: dict[str, float] = {}

    def __call__(self, phase: str) -> AbstractContextManager[None]:
        return self._measure(phase) if self.enabled else _UNTIMED

    @contextmanager
    def _measure(self, phase: str) -> Generator[None, None, None]:
        with CUDATimer(phase) as timer:
            yield
        self.current[phase] = self.current.get(phase, 0.0) + timer.elapsed_ms

    def take(self) -> dict[str, float]:
        """The phases measured since the last call."""
        taken, self.current = self.current, {}
        return taken


@dataclass(frozen=True)
class Request:
    """One generation, checked."""

    prompt_ids: list[int]
    params: SamplingParams
    ending: Ending
    generator: torch.Generator
    phases: PhaseClock
    trace: bool

    @property
    def end(self) -> int:
        """Length of prompt and continuation together when nothing stops earlier."""
        return len(self.prompt_ids) + self.ending.limit


class Generation(Iterator[Round]):
    """An iterator of rounds, each cut at the text's end, with the result of those that came.

    Args:
        request: what was asked for.
        source: rounds without end, as a decoder makes them.
        device: whose memory is watched (on a GPU, where two open generations share one peak).
        make_result: the decoder's maker of results.
    """

    def __init__(
        self, request: Request, source: Iterator[Round], device: torch.device, make_result: MakeResult
    ) -> None:
        self.request = request
        self.rounds: list[Round] = []
        self.finish_reason: str | None = None if request.ending.limit else "length"
        """Why the text ended; None while it goes on."""
        self._source: Iterator[Round] | None = source
        self._device, self._make_result = device, make_result
        self._emitted: list[int] = []

    def __iter__(self) -> Generation:
        return self

    def __next__(self) -> Round:
        if self.finish_reason is not None:
            raise StopIteration
        if self._source is None:
            raise InvalidArgument(
                "generation: the text is a row of a batch, which decodes it; go on with the batch, or take "
                "its results()"
            )
        started = time.perf_counter()
        if not self.rounds and self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        try:
            round_ = next(self._source)
            self.add(round_)
        except StopIteration as error:  # would end the text without a word, as in PEP 479
            self.close()
            raise RuntimeError("a round raised StopIteration in place of decoding") from error
        except BaseException:
            self.close()
            raise
        round_.seconds, round_.phases_ms = time.perf_counter() - started, self.request.phases.take()
        return round_

    def add(self, round_: Round) -> None:
        """The text's next round, whoever decoded it: what lies beyond the text's end is cut off."""
        kept, reason = self.request.ending.cut(self._emitted, round_.token_ids)
        round_.keep(kept)
        self._emitted += kept
        self.rounds.append(round_)
        if reason is not None:
            self.finish_reason = reason
            self._let_go()

    def hand_over(self) -> None:
        """Let somebody else decode the text, and :meth:`add` its rounds."""
        self._let_go()
        self._source = None

    def close(self) -> None:
        """Decode no further: caches are let go, and the result is that of the rounds so far."""
        self.finish_reason = self.finish_reason or "interrupted"
        self._let_go()

    def result(self) -> GenerationResult:
        """The result of the whole text, of which the rest is decoded first.

        After :meth:`close`, or an interrupt in the middle of a round, it is the result of the rounds that
        came, and its ``finish_reason`` is "interrupted".
        """
        for _ in self:
            pass
        cuda = self._device.type == "cuda"
        peak = torch.cuda.max_memory_allocated(self._device) / 2**20 if cuda else None
        total = sum(round_.seconds for round_ in self.rounds)
        return self._make_result(self.request, self.rounds, self.finish_reason or "interrupted", total, peak)

    def _let_go(self) -> None:
        end_source(self._source)
        self._source = iter(())


def end_source(source: object) -> None:
    """Let a source of rounds go of its caches; what is no generator has nothing to let go of."""
    close = getattr(source, "close", None)
    if close is not None:
        close()


def result_of(
    request: Request,
    rounds: list[Round],
    reason: str,
    total: float,
    peak_memory_mb: float | None,
    label: str = "",
) -> GenerationResult:
    """The one maker of results: ids, seconds and counts of ``rounds``.

    Args:
        total: seconds of decoding.
        peak_memory_mb: MiB on the GPU; None elsewhere, where nobody watches.
        label: the decoder's, for the trace.
    """
    drafted = [round_ for round_ in rounds if round_.draft_ids]
    spent = {phase: sum(r.phases_ms.get(phase, 0.0) for r in rounds) for phase in PHASES}
    return GenerationResult(
        generated_ids=[token for round_ in rounds for token in round_.token_ids],
        per_token_latencies=[r.seconds / len(r.token_ids) for r in rounds for _ in r.token_ids],
        total_time=total,
        peak_memory_mb=peak_memory_mb,
        time_to_first_token=rounds[0].seconds if rounds else 0.0,
        drafted_per_round=[len(round_.draft_ids) for round_ in drafted],
        accepted_per_round=[round_.num_accepted for round_ in drafted],
        num_plain_rounds=len(rounds) - len(drafted) if drafted else 0,
        finish_reason=reason,
        trace=Trace(request.prompt_ids, list(rounds), label, request.params.temperature)
        if request.trace
        else None,
        draft_time_total_ms=spent["draft"],
        verify_time_total_ms=spent["verify"],
        sampling_time_total_ms=spent["sampling"],
        rollback_time_total_ms=spent["rollback"],
    )
