"""One run of somebody else's engine, as far as it tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.tally import Tally


@dataclass(frozen=True)
class ForeignRun:
    """What an engine counted and timed.

    Attributes:
        engine: "vllm", "sglang", "llama.cpp", "openvino", "transformers".
        tally: its counts, under the names of :class:`~specdec_lib.theory.tally.Tally`.
        source: where they were read.
        version: the engine's, where it says so.
        round_ms: time of a round (of a step, where some drafted nothing) by its own clock; token_ms: of an
            output token behind the first. With other requests beside it, a round waits for theirs.
        told_length: a mean acceptance length (bonus included) that came without counts.
        notes: conventions of the engine that change what its numbers mean.
    """

    engine: str
    tally: Tally
    source: str = ""
    version: str | None = None
    round_ms: float | None = None
    token_ms: float | None = None
    told_length: float | None = None
    notes: tuple[str, ...] = ()

    def with_length(self, k: int | None) -> ForeignRun:
        """The run with ``k`` draft tokens a draft; what is told already stays.

        Raises:
            RecordError: the drafted tokens are no whole number of drafts of ``k``.
            InvalidArgument: k below 1.
        """
        tally = self.tally
        if k is None or tally.k == k:
            return self
        drafts, drafted, more = tally.num_drafts, tally.num_draft_tokens, ()
        if drafts is None and drafted is not None:
            if k < 1 or drafted % k:
                raise RecordError(sentences.NOT_DIVISIBLE.format(drafted, k))
            drafts, more = drafted // k, (sentences.TAKEN_AS.format(k),)
            if tally.num_accepted_tokens is not None and tally.num_steps is not None:
                drafts = min(drafts, tally.num_steps)
        made = tally_of(self.source, **_told(tally) | {"k": k, "num_drafts": drafts})
        kept = [note for note in self.notes if note != sentences.NOT_ROUNDS or not more]
        return replace(self, tally=made, notes=(*kept, *more))


def tally_of(source: str, **counts: Any) -> Tally:
    """The tally of somebody else's counts.

    Raises:
        RecordError: they contradict each other.
    """
    try:
        return Tally(**counts)
    except InvalidArgument as error:
        raise RecordError(sentences.BAD_COUNTS.format(source, error)) from error


def pooled_run(runs: Sequence[ForeignRun]) -> ForeignRun:
    """The answers of one engine together; times are weighted by what they are of.

    Raises:
        InvalidArgument: there are none.
    """
    if len(runs) == 1:
        return runs[0]
    tally = Tally.pooled([run.tally for run in runs])
    notes = tuple(dict.fromkeys(note for run in runs for note in run.notes))
    versions = {run.version for run in runs}
    return ForeignRun(
        runs[0].engine,
        tally,
        runs[0].source,
        versions.pop() if len(versions) == 1 else None,
        _weighted([(run.round_ms, run.tally.num_steps or run.tally.num_drafts) for run in runs]),
        _weighted([(run.token_ms, run.tally.num_tokens) for run in runs]),
        notes=notes,
    )


def _weighted(times: Sequence[tuple[float | None, int | None]]) -> float | None:
    """Total time over total number; None where one of them lacks either."""
    known = [(ms, n) for ms, n in times if ms is not None and n is not None]
    total = sum(n for _, n in known)
    return sum(ms * n for ms, n in known) / total if total and len(known) == len(times) else None


def _told(tally: Tally) -> dict[str, Any]:
    return {name: getattr(tally, name) for name in tally.__dataclass_fields__}
