"""vLLM's numbers: its counters, what an answer tells of one request, and the line of its log.

By vLLM 0.32: ``v1/spec_decode/metrics.py`` (counters and log), ``v1/metrics/stats.py`` (a request's
histogram, and when its latencies are taken), ``v1/core/sched/scheduler.py`` (which rounds are counted: those
with a draft, each with all tokens that were accepted, also those behind an end of text).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.bench.foreign.exposition import Exposition, speculation_counts
from specdec_lib.bench.foreign.fields import JsonObject, counts_of, needed_count, positions_of, time_of
from specdec_lib.bench.foreign.run import ForeignRun, tally_of
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.tally import Tally

_SPEC = "vllm:spec_decode_num_"
_LATENCY, _DECODE = "vllm:inter_token_latency_seconds", "vllm:request_decode_time_seconds"
_LENGTH = "vllm:request_generation_tokens"
COUNTERS = frozenset(
    (
        *(f"{_SPEC}{name}_total" for name in ("drafts", "draft_tokens", "accepted_tokens")),
        f"{_SPEC}accepted_tokens_per_pos_total",
        "vllm:generation_tokens_total",
        "vllm:time_to_first_token_seconds_count",
        *(f"{name}_{part}" for name in (_LATENCY, _DECODE, _LENGTH) for part in ("sum", "count")),
    )
)
"""What is read of a scrape."""
_LINE = re.compile(
    r"SpecDecoding metrics: Mean acceptance length: ([\d.]{1,12}), .{0,120}?Accepted: (\d{1,15}) tokens, "
    r"Drafted: (\d{1,15}) tokens, Per-position acceptance rate: ([\d., ]{0,4000})"
)
_ARE_SHARES = re.compile(r"(\d\.\d{1,6}, )*\d\.\d{1,6}(, )?")
_EXACT = 1000
"""Drafts below which a share of three decimals is one count."""


def vllm_counters(scrape: Exposition) -> ForeignRun:
    """The run that the counters of ``/metrics`` tell of.

    Raises:
        RecordError: no counter of speculation, or one that is no count.
    """
    counts, said = speculation_counts(scrape, _SPEC)
    notes = [sentences.BEHIND_THE_END, sentences.STEP_OF_A_ROUND, *said]
    counts["num_tokens"] = scrape.total("vllm:generation_tokens_total")
    counts["num_texts"] = scrape.total("vllm:time_to_first_token_seconds_count")
    steps = scrape.total(f"{_LATENCY}_count")
    if steps is not None and steps >= counts["num_drafts"]:
        counts["num_steps"] = steps
    else:
        notes.append(sentences.NO_PLAIN_ROUNDS if steps is None else sentences.ONE_MOMENT.format("steps"))
    if (sets := scrape.series(f"{_SPEC}drafts_total")) > 1:
        notes.append(sentences.ADDED_UP.format(sets))
    taken = scrape.seconds(f"{_LATENCY}_sum")
    round_ms = 1e3 * taken / steps if steps and taken is not None else None
    tally = tally_of(scrape.source, **counts)
    return ForeignRun("vllm", tally, scrape.source, None, round_ms, _token_ms(scrape), notes=tuple(notes))


def _token_ms(scrape: Exposition) -> float | None:
    """Decoding time over tokens behind each request's first, of requests that are done."""
    taken, done = scrape.seconds(f"{_DECODE}_sum"), scrape.total(f"{_DECODE}_count")
    tokens = scrape.seconds(f"{_LENGTH}_sum")
    if taken is None or done is None or tokens is None or tokens <= done:
        return None
    return 1e3 * taken / (tokens - done)


def vllm_answer(answer: JsonObject, source: str) -> ForeignRun:
    """The run of one answer with ``metrics.speculative_decoding`` (``--per-request-spec-decode-metrics``).

    Raises:
        RecordError: a count is missing or none.
    """
    where = "metrics.speculative_decoding"
    told = answer["speculative_decoding"]
    accepted, drafted = (
        counts_of(told, f"per_step_{name}", source, 10**7) for name in ("accepted", "drafted")
    )
    more: dict[str, Any] = {"k": needed_count(told, "num_spec_tokens", source, where) or None}
    if accepted is not None and drafted is not None and len(accepted) == len(drafted):
        try:
            tally = Tally.of_rounds(zip(accepted, drafted, strict=True), **more)
        except InvalidArgument as error:
            raise RecordError(sentences.BAD_COUNTS.format(source, error)) from error
    else:
        histogram = counts_of(told, "acceptance_histogram", source)
        counts = {
            "num_drafts": needed_count(told, "num_spec_steps", source, where),
            "num_draft_tokens": needed_count(told, "num_draft_tokens", source, where),
            "num_accepted_tokens": needed_count(told, "num_accepted_draft_tokens", source, where),
            "accepted_at": None if histogram is None else positions_of(histogram),
        }
        tally = tally_of(source, **counts, **more)
    token_ms = time_of(answer, "mean_itl_ms", source)
    return ForeignRun("vllm", tally, source, token_ms=token_ms, notes=(sentences.BEHIND_THE_END,))


def vllm_log(text: str, source: str) -> ForeignRun | None:
    """The run of all lines ``SpecDecoding metrics: …`` of a log, added up; None where there is none.

    Each line counts its own interval. Drafts are not printed: they follow from the drafted tokens where these
    are k each, else from the mean.

    Raises:
        RecordError: the numbers of a line contradict each other.
    """
    tallies = [_of_line(found.groups(), source) for found in _LINE.finditer(text)]
    if not tallies:
        return None
    notes = (sentences.ROUNDS_FROM_MEAN.format(2), sentences.NO_PLAIN_ROUNDS, sentences.BEHIND_THE_END)
    return ForeignRun("vllm", Tally.pooled(tallies), source, notes=notes)


def _of_line(told: Sequence[str], source: str) -> Tally:
    length, accepted, drafted = told[0], int(told[1]), int(told[2])
    shares = [share for share in told[3].replace(" ", "").rstrip(",.").split(",") if share]
    k = len(shares) or None
    mean = float(length) if re.fullmatch(r"\d+(\.\d+)?", length) else 0.0
    by_mean = accepted / (mean - 1.0) if mean > 1.0 else None
    drafts = drafted // k if k and drafted % k == 0 else None
    if drafts is None or (by_mean is not None and abs(mean - 1.0 - accepted / max(1, drafts)) > 0.006):
        drafts = drafted if by_mean is None else round(by_mean)
    counts = {
        "num_drafts": min(drafts, drafted),
        "num_draft_tokens": drafted,
        "num_accepted_tokens": accepted,
    }
    at = tuple(round(float(share) * drafts) for share in shares) if _ARE_SHARES.fullmatch(told[3]) else ()
    if k and drafts < _EXACT and sum(at) == accepted:
        return tally_of(source, **counts, k=k, accepted_at=at)
    return tally_of(source, **counts, k=k)
