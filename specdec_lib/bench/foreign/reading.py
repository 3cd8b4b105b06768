"""A file or an address of another engine's numbers, whatever it is: a scrape, answers, a log.

What it holds is found by its names, never by the file's. Sizes are bounded, and a file is read once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from specdec_lib.bench.foreign import llama_cpp, openvino, sentences, sglang, vllm
from specdec_lib.bench.foreign.exposition import Exposition, read_exposition
from specdec_lib.bench.foreign.run import ForeignRun, pooled_run
from specdec_lib.errors import InvalidArgument, RecordError, ServerFailed, reason_of
from specdec_lib.utils.http.documents import strict_document

MOST_MIB = 16
"""Of a file, or of an answer."""
_MOST_ANSWERS = 100_000
_NO_METRICS = (400, 404, 405, 501)
"""What servers answer that have no ``/metrics``, or were not asked to have them."""
_IS_JSON = re.compile(r"\s*(\{|\[\s*[\[{\]])")  # a line of a log may begin with "[2026-11-29"
_WANTED = {"vllm": vllm.COUNTERS, "sglang": sglang.COUNTERS, "llama.cpp": llama_cpp.COUNTERS}
_OF_COUNTERS: Mapping[str, Callable[[Exposition], ForeignRun]] = {
    "vllm": vllm.vllm_counters,
    "sglang": sglang.sglang_counters,
    "llama.cpp": llama_cpp.llama_counters,
}
_LOGS = (vllm.vllm_log, sglang.sglang_log, llama_cpp.llama_log)


def read_foreign(sources: Sequence[str]) -> ForeignRun:
    """The run that a file or an address tells of; two of them are scrapes, the earlier first.

    Args:
        sources: paths, or addresses with ``http://`` or ``https://``: that of ``/metrics``, or of its server.

    Raises:
        InvalidArgument: neither one nor two, or an address that is none.
        RecordError: nothing known in it, or numbers that cannot be.
        ServerUnavailable, ServerFailed: an address does not answer, or not with that.
    """
    if not 1 <= len(sources) <= 2:
        raise InvalidArgument(f"read_foreign: {len(sources)} sources; give one, or two scrapes of one server")
    texts = [(source, _text_of(source)) for source in sources]
    if len(texts) == 1:
        return run_of_text(texts[0][1], texts[0][0])
    earlier, later = (_scrape(text, source) for source, text in texts)
    return _OF_COUNTERS[later.engine](later.since(earlier))


def run_of_text(text: str, source: str) -> ForeignRun:
    """The run that a text tells of.

    Raises:
        RecordError: nothing known in it, or numbers that cannot be.
    """
    _refuse_page(text, source)
    scrape = read_exposition(text, source, _WANTED)
    if scrape is not None:
        run = _OF_COUNTERS[scrape.engine](scrape)
        notes = (sentences.SINCE_START, *run.notes)
        return replace(run, notes=notes)
    answers = _answers(text, source)
    if answers:
        return pooled_run(answers)
    for read in _LOGS:
        if (run := read(text, source)) is not None:
            return run
    raise RecordError(sentences.UNKNOWN.format(source))


def _refuse_page(text: str, source: str) -> None:
    if text.lstrip()[:1] == "<":
        raise RecordError(sentences.A_PAGE.format(source))


def _scrape(text: str, source: str) -> Exposition:
    _refuse_page(text, source)
    scrape = read_exposition(text, source, _WANTED)
    if scrape is None:
        raise RecordError(sentences.NOT_COUNTERS.format(source))
    return scrape


# -- where it comes from ---------------------------------------------------------------------------


def _text_of(source: str) -> str:
    if source.lower().startswith(("http://", "https://")):
        return _fetched(source)
    path = Path(source)
    try:
        if path.is_dir():
            raise RecordError(sentences.A_FOLDER.format(source))
        with path.open("rb") as file:
            content = file.read((MOST_MIB << 20) + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, RecordError):
            raise
        from specdec_lib.utils.http.address import lacks_scheme

        if lacks_scheme(source):
            raise RecordError(sentences.NO_SCHEME.format(name=source)) from error
        raise RecordError(sentences.UNREADABLE.format(source, reason_of(error))) from error
    if len(content) > MOST_MIB << 20:
        raise RecordError(sentences.TOO_LONG.format(source, MOST_MIB))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(sentences.NOT_TEXT.format(source)) from error


def _fetched(url: str) -> str:
    """What stands at an address; at that of a server, or of its ``/v1``, its ``/metrics``."""
    from specdec_lib.utils.http.client import HttpClient
    from specdec_lib.utils.http.exchange import HttpLimits

    limits = HttpLimits(read=20.0, total=30.0, most_bytes=MOST_MIB << 20, repeats=0)
    base = url.rstrip("/")
    for ending in ("/metrics", "/v1"):
        base = base.removesuffix(ending)
    with HttpClient(base, limits) as client:
        try:
            return client.get_text("/metrics")
        except ServerFailed as error:
            if error.status in _NO_METRICS:
                raise RecordError(
                    sentences.NO_METRICS.format(client.address.shown(), error.status)
                ) from error
            raise


# -- answers in JSON -------------------------------------------------------------------------------


def _answers(text: str, source: str) -> list[ForeignRun]:
    """The runs of all answers in a document, in lines of JSON, or of the last part of a stream."""
    if _IS_JSON.match(text):
        documents = _documents(text, source)
        runs = (run for document in documents for run in _runs_in(document, source))
        found = list(islice(runs, _MOST_ANSWERS + 1))
        if len(found) > _MOST_ANSWERS:
            raise RecordError(sentences.TOO_MANY.format(source, _MOST_ANSWERS))
        return found
    parts = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    runs = [
        run for part in parts if part.startswith("{") for run in _runs_in(_document(part, source), source)
    ]
    if not runs:
        return []
    return [replace(runs[-1], notes=(sentences.LAST_OF_A_STREAM, *runs[-1].notes))]


def _documents(text: str, source: str) -> list[Any]:
    """One document, or one a line."""
    try:
        json.loads(text.strip().splitlines()[0])
        is_lines = len(text.strip().splitlines()) > 1
    except (ValueError, RecursionError):
        is_lines = False
    if not is_lines:
        return [_document(text, source)]
    lines = [line for line in text.splitlines() if line.strip()]
    return [_document(line, source) for line in lines]


def _document(text: str, source: str) -> Any:
    try:
        return strict_document(text)
    except InvalidArgument as error:
        raise RecordError(sentences.BAD_COUNTS.format(source, error)) from error


def _runs_in(document: Any, source: str) -> Iterator[ForeignRun]:
    """The runs in a document: an object that tells of one is not looked into any further."""
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, dict):
            run = _run_of(one, source)
            if run is None:
                waiting.extend(reversed(one.values()))
            else:
                yield run


def _run_of(one: dict[str, Any], source: str) -> ForeignRun | None:
    if isinstance(one.get("speculative_decoding"), dict):
        return vllm.vllm_answer(one, source)
    if "spec_verify_ct" in one:
        return sglang.sglang_answer(one, source)
    if "predicted_n" in one and "predicted_ms" in one:
        return llama_cpp.llama_timings(one, source)
    if {"num_accepted_tokens", "get_num_accepted_tokens"} & one.keys():
        return openvino.openvino_metrics(one, source)
    return None
