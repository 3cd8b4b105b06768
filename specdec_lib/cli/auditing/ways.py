"""Three ways to ask an engine: its law summed over branches, its answers counted, its greedy texts compared.

All statistics are :mod:`specdec_lib.lossless.audit`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from specdec_lib.cli.auditing import sentences
from specdec_lib.cli.auditing.bench import AuditBench
from specdec_lib.cli.auditing.engine_names import MODE, is_function, is_server
from specdec_lib.cli.auditing.order import AuditOrder
from specdec_lib.cli.auditing.watch import CallWatch
from specdec_lib.cli.selection import busy
from specdec_lib.errors import InvalidArgument, LawNotTold, ServerFailed

if TYPE_CHECKING:
    from specdec_lib.lossless.audit.engines import AskedEngine, EngineRequest, NextLaw
    from specdec_lib.lossless.audit.greedy.outcome import GreedyComparison
    from specdec_lib.lossless.audit.replay_report import ReplayReport
    from specdec_lib.lossless.audit.sampled.report import AuditReport

_GREEDY_PROMPTS = 30
_AT_A_TIME = 8
_MANY_DRAFTED = 200
"""Draft tokens of which some are accepted, of whatever drafts at all well."""
_NUM_TOKENS, _TEMPERATURE = 3, 0.8
"""Of an answer whose law is asked, where the order names none."""
_NUM_DRAFTED, _LIKELIEST = 2, 4
"""K, and the top-k that an engine here is cut to, where its law is summed."""
_NOT_SUPPORTED = (400, 422, 501)
"""Of HTTP: a server's way to say that it does not take a field."""
_Report = Callable[[str], None]


def run_audit(order: AuditOrder, other: str | None) -> tuple[Any, list[str]]:
    """The report of an audit, or with ``other`` of a comparison, and what a reader should know beside it."""
    beside = tuple(name for name in (order.plain, other) if name is not None)
    with busy("auditing …") as report, AuditBench(order, beside) as bench:
        if other is not None:
            return compare_texts(bench, other, report), bench.notices
        with CallWatch(order.minutes * 60) as watch:
            bench.watch = watch
            try:
                return (sum_law if order.sums else count_answers)(bench, report), bench.notices
            except KeyboardInterrupt:
                if not watch.ended:
                    raise
                raise InvalidArgument(
                    sentences.NO_ANSWER_IN_TIME.format(order.engine, order.minutes)
                ) from None


def sum_law(bench: AuditBench, report: _Report) -> ReplayReport:
    """The law of an engine in this process, over every random branch."""
    order = bench.order
    limits: dict[str, Any] = {"seconds": order.minutes * 60, "report": report}
    if order.engine.startswith(MODE):
        from specdec_lib.lossless.audit.hugging_face import auditing, modes

        mode = modes.find_mode(order.engine)
        trials = _own_trials(bench, mode) if order.names_models else _small_trials(bench, mode)
        return auditing.audit_mode(mode, trials, **limits)
    from specdec_lib.lossless.audit.replayed import audit_by_replaying

    engine, control = _opened_both(bench)
    order = bench.order
    order = bench.order = replace(order, k=order.k or _NUM_DRAFTED, top_k=order.top_k or _LIKELIEST)
    asked = bench.requests(order.tokens or _NUM_TOKENS, order.temperature or _TEMPERATURE)
    cases = [_case(bench, engine, control, request) for request in asked]
    return audit_by_replaying(engine.name, cases, **limits)


def _opened_both(bench: AuditBench) -> tuple[AskedEngine, AskedEngine]:
    """The engine and its control, and the order as functions can be asked it."""
    from specdec_lib.cli.auditing.untold import law_asked_of

    order = bench.order
    both = bench.opened(order.engine), bench.control(order.engine)
    bench.order, said = law_asked_of(both, order)
    bench.notices += said
    if bench.watch is None:
        return both
    engine, control = (bench.watch.watched(one) if is_function(one.name) else one for one in both)
    return engine, control


def _small_trials(bench: AuditBench, mode: Any) -> list[Any]:
    from specdec_lib.lossless.audit.hugging_face.modes import small_trials

    asked = {"num_tokens": bench.order.tokens, "k": bench.order.k}
    more: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return [replace(trial, **more) for trial in small_trials(mode)]


def _own_trials(bench: AuditBench, mode: Any) -> list[Any]:
    from specdec_lib.lossless.audit.hugging_face.modes import pair_trials

    order, (target, draft) = bench.order, bench.models
    tokens, temperature = order.tokens or _NUM_TOKENS, order.temperature or _TEMPERATURE
    k, top_k = order.k or _NUM_DRAFTED, order.top_k or _LIKELIEST
    prompts = [request.prompt_ids for request in bench.requests(tokens, temperature)]
    drafts = getattr(draft, "model", None)
    trials = pair_trials(mode, target.model, drafts, prompts, k, temperature, top_k)
    return [replace(trial, num_tokens=tokens) for trial in trials]


def _case(bench: AuditBench, engine: AskedEngine, control: AskedEngine, request: EngineRequest) -> Any:
    from specdec_lib.lossless.audit.replay_report import ReplayCase
    from specdec_lib.lossless.audit.sampled.prefixes import expand_law
    from specdec_lib.lossless.audit.sampled.weights import WeightsLaw

    def law() -> tuple[Any, float]:
        found = expand_law(WeightsLaw(bench.models.target), request, mass=1.0, most_requests=2_000)
        return found.outcomes, found.rest

    length, temperature = len(request.prompt_ids), request.temperature
    says = sentences.BEHIND_PROMPT.format(length, temperature, request.top_k)
    seeds = count()  # another one each time: a draw that the seed decides, unseen, does not repeat

    def asked(one: AskedEngine) -> Any:
        return one.answer(replace(request, seed=next(seeds))).outcome

    decode, plain = partial(asked, engine), partial(asked, control)
    return ReplayCase(says, request.num_tokens, law, decode, plain)


def count_answers(bench: AuditBench, report: _Report) -> AuditReport:
    """Answers of an engine and of its control, against the law where somebody tells it."""
    from specdec_lib.lossless.audit.sampled.counting import audit_by_counting
    from specdec_lib.lossless.audit.servers.asking import ask_side_by_side

    engine, control = _opened_both(bench)
    order = bench.order
    requests = bench.requests(order.tokens or _NUM_TOKENS, order.temperature or _TEMPERATURE)
    more: dict[str, Any] = {}
    if is_server(order.engine):
        more = {"ask": partial(ask_side_by_side, at_once=order.at_once)}
        more["at_a_time"] = _AT_A_TIME * order.at_once
    if bench.loads_weights:
        more["decode"] = bench.models.target.decode
        if order.top_k is not None and is_server(order.engine):
            more["mass"] = 1.0  # texts are judged by a law that is listed whole
    law = _law(bench, control, requests[0])
    deadline = order.minutes * 60
    found = audit_by_counting(
        engine, control, law, requests, order.most_samples,
        seed=order.seed, deadline=deadline, report=report, **more,
    )  # fmt: skip
    for one in (engine, control):
        bench.notices += [said for said in getattr(one, "notices", ()) if said not in bench.notices]
    if is_server(order.engine) and found.num_samples and found.num_drafted is None:
        bench.notices.append(sentences.NOT_TOLD_WHETHER_DRAFTED.format(engine.name))
    if (found.num_drafted or 0) >= _MANY_DRAFTED and found.num_accepted == 0:
        bench.notices.append(sentences.NONE_ACCEPTED.format(engine.name, found.num_drafted))
    return found


def _law(bench: AuditBench, control: AskedEngine, request: EngineRequest) -> NextLaw | None:
    """Who tells the law: weights that lie here, else a plain server, else nobody, which is said."""
    from specdec_lib.lossless.audit.engines import NextLaw
    from specdec_lib.lossless.audit.sampled.weights import WeightsLaw

    if bench.loads_weights:
        return WeightsLaw(bench.models.target)
    if not isinstance(control, NextLaw):
        return None
    try:
        control.next_law(request, ())
    except ServerFailed as error:
        if not isinstance(error, LawNotTold) and error.status not in _NOT_SUPPORTED:
            raise
        bench.notices.append(sentences.NO_LAW_TOLD.format(error))
        return None
    return control


def compare_texts(bench: AuditBench, other: str, report: _Report) -> GreedyComparison:
    """Two engines at temperature 0."""
    from specdec_lib.lossless.audit.greedy.comparison import compare_greedy

    order = bench.order
    tokens = order.tokens or 64
    requests = bench.requests(tokens, 0.0, _GREEDY_PROMPTS)
    prompts: Sequence[Any] = [one.prompt_ids or one.prompt_text for one in requests]
    weights = bench.models.target if bench.loads_weights else None
    return compare_greedy(
        bench.opened(order.engine), bench.opened(other), prompts,
        num_tokens=tokens, weights=weights, k=order.k or 4, report=report,
        coarser=bench.coarser() if bench.loads_weights else None,
    )  # fmt: skip
