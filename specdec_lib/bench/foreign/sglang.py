"""SGLang's numbers: its counters, the ``meta_info`` of an answer, and the line of its log.

By SGLang 0.5.23: ``observability/metrics_collector.py``, ``managers/tokenizer_manager.py`` (``meta_info``),
``managers/scheduler_components/metrics_reporter.py`` (gauges and log: rates of the last interval alone). Its
accept length is completion tokens over verify calls, so the token of the prompt's forward is in it.
"""

from __future__ import annotations

import re
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.bench.foreign.exposition import Exposition
from specdec_lib.bench.foreign.fields import JsonObject, count_of, counts_of, needed_count, positions_of
from specdec_lib.bench.foreign.run import ForeignRun, tally_of
from specdec_lib.errors import RecordError
from specdec_lib.theory.tally import Tally

_NAMES = (
    "spec_verify_calls_total",
    "generation_tokens_total",
    "num_requests_total",
    "spec_num_steps",
    "spec_num_draft_tokens",
    "inter_token_latency_seconds_sum",
    "inter_token_latency_seconds_count",
)
COUNTERS = frozenset(f"sglang:{name}" for name in _NAMES)
"""What is read of a scrape."""
_LINE = re.compile(r"accept len: (\d{1,4}\.\d{1,6}), accept rate: (\d\.\d{1,6})")


def sglang_counters(scrape: Exposition) -> ForeignRun:
    """The run that the counters of ``/metrics`` tell of.

    Raises:
        RecordError: no counter of verify calls, or one that is no count.
    """
    calls = scrape.total("sglang:spec_verify_calls_total")
    if calls is None:
        raise RecordError(sentences.NO_SPECULATION.format(scrape.source, "sglang:spec_verify_calls_total"))
    tokens, requests = (
        scrape.total(f"sglang:{name}_total") for name in ("generation_tokens", "num_requests")
    )
    counts: dict[str, Any] = {"num_drafts": calls, "num_steps": calls, "num_tokens": tokens}
    counts["num_texts"] = requests
    notes = []
    if tokens is not None and requests is not None and tokens >= calls + requests:
        counts["num_accepted_tokens"] = tokens - calls - requests
        notes.append(sentences.ACCEPTED_DERIVED.format(sentences.CUT_TOKENS))
    sets = scrape.series("sglang:spec_verify_calls_total")
    depth, nodes = (_gauge(scrape, f"sglang:spec_num_{name}") for name in ("steps", "draft_tokens"))
    notes += _drafted(counts, calls, depth, nodes)
    if sets > 1:
        notes.append(sentences.ADDED_UP.format(sets))
    taken, timed = (scrape.seconds(f"sglang:inter_token_latency_seconds_{part}") for part in ("sum", "count"))
    token_ms = 1e3 * taken / timed if taken is not None and timed else None
    tally = tally_of(scrape.source, **counts)
    return ForeignRun("sglang", tally, scrape.source, token_ms=token_ms, notes=tuple(notes))


def _gauge(scrape: Exposition, name: str) -> int | None:
    """A gauge that all sets of labels agree on; None where they do not, or it is 0."""
    values = {count_of({name: value}, name, scrape.source) for value in scrape.samples.get(name, {}).values()}
    return values.pop() or None if len(values) == 1 else None


def _drafted(counts: dict[str, Any], calls: int, depth: int | None, nodes: int | None) -> list[str]:
    """Put in what a round drafts: of a chain its tokens; of a tree nothing, with a note."""
    if depth is None:
        return []
    counts["k"] = depth
    if nodes is not None and nodes - 1 > depth:
        return [sentences.A_TREE.format(nodes - 1, depth)]
    counts["num_draft_tokens"] = calls * depth
    return []


def sglang_answer(answer: JsonObject, source: str) -> ForeignRun:
    """The run of one answer's ``meta_info``, or of its ``spec_tokens_details``.

    Raises:
        RecordError: a count is missing or none.
    """
    calls = needed_count(answer, "spec_verify_ct", source, "meta_info")
    tokens = count_of(answer, "completion_tokens", source)
    accepted = count_of(answer, "spec_num_correct_drafts", source)
    proposed = count_of(answer, "spec_num_proposed_drafts", source)
    histogram = counts_of(answer, "spec_correct_drafts_histogram", source)
    counts: dict[str, Any] = {"num_drafts": calls, "num_steps": calls, "num_draft_tokens": proposed}
    counts |= {"num_tokens": tokens, "num_texts": None if tokens is None else 1}
    notes = []
    if accepted is None and tokens is not None and tokens > calls:
        accepted = tokens - calls - 1
        notes.append(sentences.ACCEPTED_DERIVED.format(sentences.CUT_TOKENS))
    counts["num_accepted_tokens"] = accepted
    if histogram and sum(histogram) == calls and sum(j * n for j, n in enumerate(histogram)) == accepted:
        counts["accepted_at"] = positions_of(histogram)
    if proposed is not None and calls and proposed % calls == 0:
        counts["k"] = proposed // calls or None
    return ForeignRun("sglang", tally_of(source, **counts), source, notes=tuple(notes))


def sglang_log(text: str, source: str) -> ForeignRun | None:
    """The run of the last line ``Decode batch, …, accept len: …`` of a log; None where there is none."""
    lines = _LINE.findall(text)
    if not lines:
        return None
    length = float(lines[-1][0])
    notes = (sentences.INTERVAL_ALONE,)
    return ForeignRun("sglang", Tally(), source, told_length=max(1.0, length), notes=notes)
