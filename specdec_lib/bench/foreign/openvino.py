"""OpenVINO GenAI's numbers: the ``extended_perf_metrics`` of a result of speculative decoding.

By OpenVINO GenAI 2026.4.1 (``SDPerModelsPerfMetrics`` of its Python bindings). The object is read by its
getters (:func:`openvino_document`, to be run where OpenVINO is), and what this makes by everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.bench.foreign.fields import JsonObject, count_of, needed_count, time_of
from specdec_lib.bench.foreign.run import ForeignRun, tally_of
from specdec_lib.errors import RecordError

_COUNTS = ("num_accepted_tokens", "num_draft_tokens", "num_rejected_tokens", "num_generated_tokens")
_MODELS = ("main_model_metrics", "draft_model_metrics")


def openvino_document(metrics: Any) -> dict[str, Any]:
    """``result.extended_perf_metrics`` as plain data, to be written as JSON.

    Counts, and of each model its tokens, its iterations and the milliseconds of one
    (``num_generated_tokens``, ``num_iterations``, ``latency_ms``). A getter that a version lacks is left out.
    """
    told: dict[str, Any] = {name: _got(metrics, name) for name in _COUNTS}
    for model in _MODELS:
        if (part := getattr(metrics, model, None)) is not None:
            durations = getattr(getattr(part, "raw_metrics", None), "m_durations", None)
            told[model] = {
                "num_generated_tokens": _got(part, "num_generated_tokens"),
                "num_iterations": None if durations is None else len(durations),
                "latency_ms": getattr(_got(part, "latency"), "mean", None),
            }
    return {name: value for name, value in told.items() if value is not None}


def _got(metrics: Any, name: str) -> Any:
    getter = getattr(metrics, f"get_{name}", None)
    return None if getter is None else getter()


def openvino_metrics(document: JsonObject, source: str) -> ForeignRun:
    """The run of such a document; names may begin with ``get_``.

    Rounds are the iterations of the main model but the prompt's; ``latency_ms`` is of one, from the third
    token on.

    Raises:
        RecordError: a count is missing or none.
    """
    plain = {name.removeprefix("get_"): value for name, value in document.items()}
    drafted = needed_count(plain, "num_draft_tokens", source, "extended_perf_metrics")
    accepted = needed_count(plain, "num_accepted_tokens", source, "extended_perf_metrics")
    main = _model(plain, source)
    iterations = count_of(main, "num_iterations", source)
    counts: dict[str, Any] = {"num_draft_tokens": drafted, "num_accepted_tokens": accepted}
    counts["num_tokens"] = count_of(plain, "num_generated_tokens", source)
    counts["num_texts"] = None if counts["num_tokens"] is None else 1
    notes = [sentences.NOT_ROUNDS, sentences.ALL_OF_A_BATCH]
    if iterations:
        counts["num_steps"] = iterations - 1
    round_ms = time_of(main, "latency_ms", source)
    tally = tally_of(source, **counts)
    return ForeignRun("openvino", tally, source, round_ms=round_ms, notes=tuple(notes))


def _model(plain: JsonObject, source: str) -> JsonObject:
    main = plain.get("main_model_metrics", {})
    if not isinstance(main, Mapping):
        raise RecordError(sentences.MISSING.format(source, "main_model_metrics", "object"))
    return {str(name).removeprefix("get_"): value for name, value in main.items()}
