"""``specdec audit`` at work: whose engine is asked, against what, in which of three ways.

Engines are opened by their names; the models of an audit are loaded once, when something first needs them.
All statistics are :mod:`specdec_lib.lossless.audit`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import sentences
from specdec_lib.cli.options import ModelOptions
from specdec_lib.cli.prompt import proof_rows
from specdec_lib.cli.selection import Models, busy, selection_of
from specdec_lib.cli.terminal import print_warning
from specdec_lib.errors import InvalidArgument, ServerFailed

if TYPE_CHECKING:
    from specdec_lib.lossless.audit.engines import Engine, NextLaw, Request
    from specdec_lib.lossless.audit.greedy.outcome import GreedyComparison
    from specdec_lib.lossless.audit.replayed import ReplayReport
    from specdec_lib.lossless.audit.sampled.report import AuditReport

OURS, PLAIN = "ours", "plain"
_MODE, _URLS = "hf:", ("http://", "https://")
_PROMPTS, _GREEDY_PROMPTS = 2, 30
_PROMPT_TOKENS = 16
_AT_A_TIME = 8
Report = Callable[[str], None]


@dataclass(frozen=True)
class AuditOrder:
    """What was asked for; None where a way of auditing has a default of its own."""

    engine: str
    models: ModelOptions
    threads: int | None = None
    plain: str | None = None
    exactly: bool | None = None
    prompts: str | None = None
    samples: int = 4_000
    tokens: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    k: int | None = None
    minutes: float = 10.0
    seed: int = 0
    served: str | None = None
    at_once: int = 8

    @property
    def names_models(self) -> bool:
        """Whether models are named, whose weights then tell the law."""
        return any(value is not None for value in (self.models.pair, self.models.target, self.models.draft))

    @property
    def sums(self) -> bool:
        """Whether the law is summed over random branches; else answers are counted."""
        return self.engine.startswith(_MODE) if self.exactly is None else self.exactly

    def require_sound(self, greedy: bool) -> None:
        """Refuse what cannot be, before anything is loaded.

        Raises:
            InvalidArgument: a temperature that is not above 0, a server whose law shall be summed, a name
                of no engine, a server without a control.
        """
        _require_name(self.engine)
        if self.temperature is not None and not self.temperature > 0:
            raise InvalidArgument(sentences.AUDIT_TEMPERATURE.format(self.temperature))
        if self.plain is not None:
            _require_name(self.plain)
        if greedy:
            return
        if self.sums and _is_server(self.engine):
            raise InvalidArgument(sentences.EXACT_SERVER)
        if self.plain is None and _is_server(self.engine):
            raise InvalidArgument(sentences.NEEDS_PLAIN.format(self.engine))
        is_own = ":" in self.engine and not self.engine.startswith(_MODE)
        if is_own and self.plain is None and not self.names_models and not self.sums:
            raise InvalidArgument(sentences.NEEDS_PLAIN_OR_TARGET.format(self.engine))


def _is_server(name: str) -> bool:
    return name.startswith(_URLS)


def _require_name(name: str) -> None:
    if name in (OURS, PLAIN) or _is_server(name) or ":" in name:
        if name.startswith(_MODE):
            from specdec_lib.lossless.audit.hugging_face.modes import find_mode

            find_mode(name)
        return
    raise InvalidArgument(sentences.NO_ENGINE.format(name))


@dataclass
class Audit:
    """One audit: its engines and models, held as long as the context lasts."""

    order: AuditOrder
    report: Report = lambda line: None
    others: tuple[str, ...] = ()
    """Engines beside the one on trial, which say what has to be loaded."""
    notices: list[str] = field(default_factory=list)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Audit:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    # -- what is needed ---------------------------------------------------------------------------

    @cached_property
    def models(self) -> Models:
        """The models that are named, or those of the default pair."""
        needs_draft = self.order.models.draft is not None or any(
            name == OURS or self._mode_drafts(name) for name in (self.order.engine, *self.others)
        )
        selection = selection_of(self.order.models, needs_draft, self.order.threads)
        selection.check()
        return selection.load()

    def _mode_drafts(self, name: str) -> bool:
        if not name.startswith(_MODE):
            return False
        from specdec_lib.lossless.audit.hugging_face.modes import find_mode

        return find_mode(name).needs_draft

    @property
    def _ends(self) -> tuple[int, ...]:
        return tuple(self.models.target.eos_token_ids) if self.order.names_models else ()

    def opened(self, name: str) -> Engine:
        """The engine of that name.

        Raises:
            InvalidArgument, ServerUnavailable, ServerFailed: there is none, or it cannot be used.
        """
        if _is_server(name):
            from specdec_lib.lossless.audit.servers.opening import open_server

            more = {"model": self.order.served, "end_ids": self._ends, "at_once": self.order.at_once}
            return self._open.enter_context(open_server(name, **more))
        if name in (OURS, PLAIN) or name.startswith(_MODE):
            return self._of_models(name)
        from specdec_lib.lossless.audit.sampled.callables import CallableEngine

        return CallableEngine.named(name, self._ends)

    def _of_models(self, name: str) -> Engine:
        target, draft = self.models
        k = self.order.k or 4
        if name.startswith(_MODE):
            from specdec_lib.lossless.audit.hugging_face.engine import ModeEngine
            from specdec_lib.lossless.audit.hugging_face.modes import find_mode

            mode, drafts = find_mode(name), getattr(draft, "model", None)
            return ModeEngine(mode, target.model, drafts, k, tuple(target.eos_token_ids))
        from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
        from specdec_lib.decoding.speculative import SpeculativeDecoder
        from specdec_lib.lossless.audit.sampled.callables import LocalEngine

        decoder = AutoregressiveDecoder(target) if name == PLAIN else SpeculativeDecoder(target, draft, k)
        return LocalEngine(decoder, sentences.LOCAL_ENGINE[name])

    def control(self, engine: str) -> Engine:
        """Plain decoding of the same engine."""
        if self.order.plain is not None:
            return self.opened(self.order.plain)
        return self.opened("hf:plain" if engine.startswith(_MODE) else PLAIN)

    def requests(self, num_tokens: int, temperature: float, otherwise: int = _PROMPTS) -> list[Request]:
        """The prompts, as ids where weights are at hand that read them, else as text."""
        from specdec_lib.lossless.audit.engines import Request

        rows = proof_rows(self.order.prompts, None, otherwise)
        asked = Request(num_tokens, temperature=temperature, top_k=self.order.top_k)
        if not self.loads_weights:
            if any(row.text is None for row in rows):
                raise InvalidArgument(sentences.CHATS_NEED_WEIGHTS)
            return [replace(asked, prompt_text=row.text or "") for row in rows]
        from specdec_lib.lossless.prompts import cut_to_room, proof_prompts, special_lead

        target = self.models.target
        prompts = proof_prompts(target, rows, num_tokens)
        if temperature > 0:  # behind a short prompt the law is as good, and quicker to read
            leads = [special_lead(prompt, target.tokenizer) for prompt in prompts]
            prompts = [
                cut_to_room(prompt, _PROMPT_TOKENS + lead, lead)
                for prompt, lead in zip(prompts, leads, strict=True)
            ]
        return [replace(asked, prompt_ids=tuple(prompt)) for prompt in prompts]

    @property
    def loads_weights(self) -> bool:
        """Whether weights are at hand: those that are named, or those that an engine here decodes with."""
        here = (OURS, PLAIN)
        names = (self.order.engine, self.order.plain or "", *self.others)
        return self.order.names_models or any(name in here or name.startswith(_MODE) for name in names)

    # -- three ways -------------------------------------------------------------------------------

    def summed(self) -> ReplayReport:
        """The law of an engine in this process, over every random branch."""
        order = self.order
        limits: dict[str, Any] = {"seconds": order.minutes * 60, "report": self.report}
        if order.engine.startswith(_MODE):
            from specdec_lib.lossless.audit.hugging_face import auditing, modes

            mode = modes.find_mode(order.engine)
            trials = self._own_trials(mode) if order.names_models else self._small_trials(mode)
            return auditing.audit_mode(mode, trials, **limits)
        from specdec_lib.lossless.audit.replayed import audit_by_replaying

        if not self.loads_weights:
            raise InvalidArgument(sentences.EXACT_NEEDS_WEIGHTS.format(order.engine))
        order = self.order = replace(order, k=order.k or 2, top_k=order.top_k or 4)
        engine, control = self.opened(order.engine), self.control(order.engine)
        asked = self.requests(order.tokens or 3, order.temperature or 0.8)
        cases = [self._case(engine, control, request) for request in asked]
        return audit_by_replaying(engine.name, cases, **limits)

    def _small_trials(self, mode: Any) -> list[Any]:
        from specdec_lib.lossless.audit.hugging_face.modes import small_trials

        asked = {"num_tokens": self.order.tokens, "k": self.order.k}
        more: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        return [replace(trial, **more) for trial in small_trials(mode)]

    def _own_trials(self, mode: Any) -> list[Any]:
        from specdec_lib.lossless.audit.hugging_face.modes import pair_trials

        order, (target, draft) = self.order, self.models
        tokens, temperature = order.tokens or 3, order.temperature or 0.8
        prompts = [request.prompt_ids for request in self.requests(tokens, temperature)]
        drafts = getattr(draft, "model", None)
        trials = pair_trials(mode, target.model, drafts, prompts, order.k or 2, temperature, order.top_k or 4)
        return [replace(trial, num_tokens=tokens) for trial in trials]

    def _case(self, engine: Engine, control: Engine, request: Request) -> Any:
        from specdec_lib.lossless.audit.replayed import ReplayCase
        from specdec_lib.lossless.audit.sampled.prefixes import expand_law
        from specdec_lib.lossless.audit.sampled.weights import WeightsLaw

        def law() -> tuple[Any, float]:
            found = expand_law(WeightsLaw(self.models.target), request, mass=1.0, most_requests=2_000)
            return found.outcomes, found.rest

        size = (len(request.prompt_ids), request.temperature, request.top_k)
        says = sentences.BEHIND_PROMPT.format(*size)
        decode, plain = (lambda one=one: one.answer(request).outcome for one in (engine, control))
        return ReplayCase(says, request.num_tokens, law, decode, plain)

    def counted(self) -> AuditReport:
        """Answers of an engine and of its control, against the law where somebody tells it."""
        from specdec_lib.lossless.audit.sampled.counting import audit_by_counting
        from specdec_lib.lossless.audit.servers.asking import ask_all

        order = self.order
        engine, control = self.opened(order.engine), self.control(order.engine)
        requests = self.requests(order.tokens or 3, order.temperature or 0.8)
        more: dict[str, Any] = {}
        if _is_server(order.engine):
            more = {"ask": partial(ask_all, at_once=order.at_once), "at_a_time": _AT_A_TIME * order.at_once}
        if self.loads_weights:
            more["decode"] = partial(self.models.target.decode)
        law = self._law(control, requests[0])
        deadline = order.minutes * 60
        found = audit_by_counting(
            engine, control, law, requests, order.samples,
            seed=order.seed, deadline=deadline, report=self.report, **more,
        )  # fmt: skip
        for one in (engine, control):
            self.notices += [said for said in getattr(one, "notices", ()) if said not in self.notices]
        return found

    def _law(self, control: Engine, request: Request) -> NextLaw | None:
        """Who tells the law: weights that lie here, else a plain server, else nobody, which is said."""
        from specdec_lib.lossless.audit.engines import NextLaw
        from specdec_lib.lossless.audit.sampled.weights import WeightsLaw

        if self.loads_weights:
            return WeightsLaw(self.models.target)
        if not isinstance(control, NextLaw):
            return None
        try:
            control.next_law(request, ())
        except ServerFailed as error:
            self.notices.append(sentences.NO_LAW_TOLD.format(error))
            return None
        return control

    def compared(self, other: str) -> GreedyComparison:
        """Two engines at temperature 0."""
        from specdec_lib.lossless.audit.greedy.comparison import compare_greedy

        order = self.order
        tokens = order.tokens or 64
        requests = self.requests(tokens, 0.0, _GREEDY_PROMPTS)
        prompts: Sequence[Any] = [one.prompt_ids or one.prompt_text for one in requests]
        weights = self.models.target if self.loads_weights else None
        return compare_greedy(
            self.opened(order.engine), self.opened(other), prompts,
            num_tokens=tokens, weights=weights, k=order.k or 4, report=self.report,
        )  # fmt: skip


def run_audit(order: AuditOrder, other: str | None) -> tuple[Any, list[str]]:
    """The report of an audit, or with ``other`` of a comparison, and what a reader should know beside it."""
    beside = tuple(name for name in (order.plain, other) if name is not None)
    with busy("auditing …") as report, Audit(order, report, beside) as audit:
        if other is not None:
            return audit.compared(other), audit.notices
        return (audit.summed() if order.sums else audit.counted()), audit.notices


def warn(notices: Sequence[str]) -> None:
    """What a reader should know, on standard error."""
    if notices:
        print_warning(*notices)
