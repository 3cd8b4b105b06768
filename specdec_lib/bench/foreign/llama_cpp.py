"""llama.cpp's numbers: its server's counters, the ``timings`` of an answer, and the lines of its logs.

By llama.cpp 11434: ``tools/server/server-task.cpp`` (counters), ``server-common.cpp`` (``timings``),
``server-context.cpp`` (what is counted, and the log), ``examples/speculative`` (``n_drafted``, ``n_accept``).
A draft of fewer than ``n-min`` tokens is discarded and counts nowhere.
"""

from __future__ import annotations

import re
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.bench.foreign.exposition import Exposition, speculation_counts
from specdec_lib.bench.foreign.fields import JsonObject, count_of, needed_count, time_of
from specdec_lib.bench.foreign.run import ForeignRun, pooled_run, tally_of
from specdec_lib.errors import RecordError

_SPEC = "llamacpp:spec_decode_num_"
_TOKENS, _SECONDS = "llamacpp:tokens_predicted_total", "llamacpp:tokens_predicted_seconds_total"
COUNTERS = frozenset(
    (
        *(f"{_SPEC}{name}_total" for name in ("drafts", "draft_tokens", "accepted_tokens")),
        f"{_SPEC}accepted_tokens_per_pos_total",
        _TOKENS,
        _SECONDS,
    )
)
"""What is read of a scrape."""
_ROUNDED = 10**6
_ACCEPTANCE = re.compile(
    r"draft acceptance(?: rate)? = [\d.]{1,12} \( {0,12}(\d{1,15}) accepted / {0,12}(\d{1,15}) generated\)"
    r"(?:, mean (?:len|acceptance length) = {0,12}([\d.]{1,12}))?"
)
_EVAL = re.compile(r"(?<!prompt) eval time = {0,20}([\d.]{1,20}) ms / {0,12}(\d{1,15}) tokens")
_EXAMPLE = re.compile(r"\b(n_draft|n_predict|n_drafted|n_accept) {1,6}= {0,6}(\d{1,15})")
_DECODED = re.compile(r"decoded {1,12}(\d{1,15}) tokens in {1,12}([\d.]{1,20}) seconds")


def llama_counters(scrape: Exposition) -> ForeignRun:
    """The run that the counters of ``/metrics`` (``--metrics``) tell of.

    Raises:
        RecordError: no counter of speculation, nothing drafted, or one that is no count.
    """
    counts, said = speculation_counts(scrape, _SPEC)
    if not counts["num_draft_tokens"]:
        raise RecordError(sentences.NOT_DRAFTED.format(scrape.source, "llama.cpp"))
    notes = [sentences.BEHIND_THE_END, sentences.NO_PLAIN_ROUNDS, sentences.REPLAYS]
    if max(counts["num_draft_tokens"], counts["num_accepted_tokens"], counts["num_drafts"]) >= _ROUNDED:
        notes.append(sentences.SIX_DIGITS)
    notes += said
    tokens, taken = scrape.total(_TOKENS), scrape.seconds(_SECONDS)
    counts["num_tokens"] = tokens
    token_ms = 1e3 * taken / tokens if tokens and taken is not None else None
    if token_ms is not None:
        notes.append(sentences.FIRST_TOKEN_TIMED)
    tally = tally_of(scrape.source, **counts)
    return ForeignRun("llama.cpp", tally, scrape.source, token_ms=token_ms, notes=tuple(notes))


def llama_timings(timings: JsonObject, source: str) -> ForeignRun:
    """The run of one answer's ``timings``: tokens, drafted and accepted ones, no rounds.

    Raises:
        RecordError: a count is missing or none; nothing was drafted.
    """
    tokens = needed_count(timings, "predicted_n", source, "timings")
    drafted, accepted = (count_of(timings, name, source) for name in ("draft_n", "draft_n_accepted"))
    if not drafted or accepted is None:
        raise RecordError(sentences.NOT_DRAFTED.format(source, "timings"))
    counts = {
        "num_tokens": tokens,
        "num_texts": 1,
        "num_draft_tokens": drafted,
        "num_accepted_tokens": accepted,
    }
    notes = [sentences.NOT_ROUNDS]
    if tokens > accepted:  # each round behind the prompt's own emits one token that was not drafted
        counts["num_steps"] = tokens - 1 - accepted
        notes.append(sentences.ROUNDS_FROM_TOKENS)
    token_ms = time_of(timings, "predicted_per_token_ms", source)
    return ForeignRun("llama.cpp", tally_of(source, **counts), source, token_ms=token_ms, notes=tuple(notes))


def llama_log(text: str, source: str) -> ForeignRun | None:
    """The run that a log tells of: the server's lines of all requests, or what the examples print at the end.

    Raises:
        RecordError: its numbers contradict each other.
    """
    requests, timed = list(_ACCEPTANCE.finditer(text)), _EVAL.findall(text)
    if requests:
        times = timed if len(timed) == len(requests) else [None] * len(requests)
        return pooled_run([_of_request(one, time, source) for one, time in zip(requests, times, strict=True)])
    told = {name: int(number) for name, number in _EXAMPLE.findall(text)}
    return _of_example(told, text, source) if {"n_drafted", "n_accept"} <= told.keys() else None


def _of_request(found: re.Match[str], time: tuple[str, str] | None, source: str) -> ForeignRun:
    accepted, drafted = int(found[1]), int(found[2])
    counts: dict[str, Any] = {"num_draft_tokens": drafted, "num_accepted_tokens": accepted}
    notes = [sentences.NOT_ROUNDS]
    mean = _number(found[3])
    if mean is not None and mean > 1.0 and accepted:
        counts["num_drafts"] = min(drafted, round(accepted / (mean - 1.0)))
        notes = [sentences.ROUNDS_FROM_MEAN.format(2), sentences.NO_PLAIN_ROUNDS, sentences.REPLAYS]
    token_ms, tokens = None, None if time is None else int(time[1])
    if time is not None and tokens and tokens > 1 and (taken := _number(time[0])) is not None:
        counts |= {"num_tokens": tokens, "num_texts": 1}
        token_ms = taken / (tokens - 1)
    return ForeignRun("llama.cpp", tally_of(source, **counts), source, token_ms=token_ms, notes=tuple(notes))


def _of_example(told: dict[str, int], text: str, source: str) -> ForeignRun:
    counts = {"num_draft_tokens": told["n_drafted"], "num_accepted_tokens": told["n_accept"]}
    notes = [sentences.NOT_ROUNDS]
    predicted = told.get("n_predict")
    if predicted is not None and predicted > told["n_accept"]:
        counts |= {"num_tokens": predicted, "num_steps": predicted - told["n_accept"]}
        notes.append(sentences.ROUNDS_FROM_TOKENS)
    decoded = _DECODED.search(text)
    taken = None if decoded is None else _number(decoded[2])
    per_token = decoded is not None and taken is not None and int(decoded[1])
    token_ms = 1e3 * (taken or 0.0) / per_token if per_token else None
    return ForeignRun("llama.cpp", tally_of(source, **counts), source, token_ms=token_ms, notes=tuple(notes))


def _number(written: str | None) -> float | None:
    return float(written) if written and re.fullmatch(r"\d+(\.\d+)?", written) else None
