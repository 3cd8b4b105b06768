"""*Audit*: is this pair exact? The library's own checks, one after the other, each as soon as it is done.

Whose decoder is on trial is a name and a function (:data:`AuditEngine`), so that other people's engines have
a place beside the library's.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from specdec_lib.decoding.drafters.grammar.pairs import AskedPair, asked_pair
from specdec_lib.decoding.lengths import LengthSpec, read_length
from specdec_lib.decoding.lengths.specs import FixedSpec
from specdec_lib.errors import SpecDecError
from specdec_lib.lossless.plan import ProofPlan
from specdec_lib.lossless.verdict import Check, verdict_on
from specdec_lib.utils.numbers import counted
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.fields import PairFields
from specdec_lib.viz.live.panels.panel import Panel, button, row, scrolled, status_html
from specdec_lib.viz.live.panels.shelf import SHARED, ModelShelf, Told, taken
from specdec_lib.viz.live.panels.worker import Ended, Interrupted, Worker
from specdec_lib.viz.table import TableView

if TYPE_CHECKING:
    from specdec_lib.data.prompts import RawPrompt

VERDICTS = {True: "✓ pass", False: "✗ REJECTED", None: "– not applicable"}
_HEADERS = ("check", "what was seen", "of how many", "decided by", "verdict")


@dataclass(frozen=True)
class AuditWish:
    """What is to be proved of whom."""

    asked: AskedPair
    length: LengthSpec
    plan: ProofPlan
    num_prompts: int = 12


TellProgress = Callable[[str], None]
AuditEngine = Callable[[AuditWish, ModelShelf, threading.Event, TellProgress], Iterator[Any]]
"""Runs checks on a decoder and yields each :class:`Check` as it is done; reports what it is doing."""


def library_checks(
    wish: AuditWish, shelf: ModelShelf, stopped: threading.Event, report: TellProgress
) -> Iterator[Any]:
    """The library's decoder, as ``specdec verify`` proves it.

    Raises:
        SpecDecError: as loading and proving do.
        Interrupted: asked to stop in the middle of a check.
    """
    from specdec_lib.lossless.prompts import proof_prompts
    from specdec_lib.lossless.proof import PairProof

    if shelf.is_in_use:
        yield Told(sentences.WAITING)
    with shelf.turn(stopped):
        held: Any = None
        for held in taken(shelf, wish.asked, stopped):
            yield held
        prompts = proof_prompts(held.target, _prompts(wish.num_prompts), wish.plan.num_tokens)
        proof: Any = PairProof(
            held.target, held.draft, prompts, wish.plan, **_by_policy(wish, stopped, report)
        )
        yield from proof.run()


class AuditPair(Panel):
    """Proves a pair.

    Args:
        pair, target, draft: who is proved at first, as a chapter's parameters name it.
        recorded: the document of ``specdec verify --json``, for a page without a kernel.
        engines: whose decoders can be put on trial, by name.
        shelf: where the models lie.
    """

    name, recorded = "audit", sentences.A_RECORDED_VERDICT

    def __init__(
        self,
        pair: str | None = None,
        target: str | None = None,
        draft: str | None = None,
        *,
        recorded: Mapping[str, Any] | None = None,
        engines: Mapping[str, AuditEngine] | None = None,
        shelf: ModelShelf = SHARED,
    ) -> None:
        self.fields = PairFields(pair, target, draft)
        self.document, self.shelf = dict(recorded or {}), shelf
        self.engines = {"specdec_lib": library_checks} if engines is None else dict(engines)
        self.checks: list[Check] = []
        self._worker, self._trial = Worker(self._hear), ""

    def __repr__(self) -> str:
        return f"AuditPair({self.fields.first})"

    def run(self) -> bool:
        """Prove what the controls say; False, and a line, where that cannot be or is being done."""
        _ = self.widget
        if self._worker.is_busy:
            self._say(sentences.BUSY, is_error=True)
            return False
        try:
            wish = self._wish()
        except SpecDecError as error:
            self._say(str(error), is_error=True)
            return False
        self.checks, self._trial = [], wish.asked.pair.pair_name
        self._verdict.value = self._table.value = ""
        self._run.disabled, self._stop.disabled = True, False
        engine = self.engines[str(self._engine.value)]
        return self._worker.start(lambda stopped: engine(wish, self.shelf, stopped, self._report))

    def stop(self) -> None:
        """End at the next thing that a check reports."""
        if self._worker.is_busy:
            self._say(sentences.STOPPING)
        self._worker.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        return self._worker.wait(seconds)

    def _wish(self) -> AuditWish:
        length, verifier = read_length(self._k.value), str(self._verifier.value)
        verifiers = ("token", "block") if verifier == "both" else (verifier,)
        plan = ProofPlan(verifiers, length.most, self._temperature.value, self._samples.value)
        return AuditWish(asked_pair(*self.fields.names), length, plan)

    def _hear(self, event: Any) -> None:
        if isinstance(event, Check):
            self.checks.append(event)
            self._say(sentences.CHECKED.format(counted(len(self.checks), "check")))
            self._table.value = scrolled(check_table([_plain(check) for check in self.checks]))
        elif isinstance(event, Told):
            self._say(event.line)
        elif isinstance(event, Ended):
            self._end(event)

    def _end(self, end: Ended) -> None:
        self._run.disabled, self._stop.disabled = False, True
        if end.how != "done":
            done = sentences.STOPPED_AFTER.format(counted(len(self.checks), "check"))
            self._say(end.line or done, end.how == "failed")
            return
        self._verdict.value = _verdict(verdict_on(self._trial, self.checks))
        self._say(sentences.DONE)

    def _report(self, line: str) -> None:
        self._say(sentences.AUDITING.format(line))

    def _say(self, line: str, is_error: bool = False) -> None:
        self._status.value = status_html(line, is_error)

    def _controls(self) -> list[Any]:
        import ipywidgets as w

        self._engine = w.Dropdown(options=list(self.engines), description="engine")
        self._engine.layout.display = None if len(self.engines) > 1 else "none"
        self._k = w.Text(value="4", description="K or policy")
        self._verifier = w.Dropdown(options=("both", "token", "block"), description="verifier")
        self._temperature = w.FloatSlider(value=0.8, min=0.1, max=1.5, step=0.1, description="temperature")
        self._samples = w.BoundedIntText(value=2_000, min=100, max=10**7, step=1000, description="samples")
        self._run = button("Audit", "check", "run every check", self.run, button_style="primary")
        self._stop = button("Stop", "stop", "end at the next step", self.stop, disabled=True)
        self._status, self._table, self._verdict = w.HTML(status_html("")), w.HTML(), w.HTML()
        return [
            row(*self.fields.widgets),
            row(self._engine, self._k, self._verifier, self._temperature, self._samples),
            row(self._run, self._stop, self._status),
            self._verdict,
            self._table,
        ]

    def _recorded(self) -> str:
        checks = self.document.get("checks", [])
        return _verdict(self.document.get("sentence", "")) + scrolled(check_table(checks))


def check_table(checks: Sequence[Mapping[str, Any]]) -> TableView:
    """A line a check, from the fields of :class:`~specdec_lib.lossless.verdict.Check`."""
    return TableView(_HEADERS, [_line(check) for check in checks])


def _line(check: Mapping[str, Any]) -> list[str]:
    title = f"{check['test']}, {check['verifier']}" if check["verifier"] else check["test"]
    number = f"{check['num_samples']:,} {check['unit']}".replace(",", "\u202f")
    p, bound = check["p_value"], check["bound"]
    decided = (
        f"p = {p:.2g}" if p is not None else "–" if bound is None else f"≤ {bound:.2g}" if bound else "= 0"
    )
    return [title, check["statistic"], number, decided, VERDICTS[check["passed"]]]


def _plain(check: Check) -> dict[str, Any]:
    names = ("test", "verifier", "statistic", "num_samples", "unit", "passed", "p_value", "bound")
    return {name: getattr(check, name) for name in names}


def _verdict(sentence: str) -> str:
    return f'<p class="sp-verdict">{html.escape(sentence)}</p>' if sentence else ""


def _prompts(number: int) -> Sequence[RawPrompt]:
    from specdec_lib.data.prompts import builtin_prompts
    from specdec_lib.lossless.prompts import in_turn

    return in_turn(builtin_prompts())[:number]


def _by_policy(wish: AuditWish, stopped: threading.Event, report: TellProgress) -> dict[str, Any]:
    """What a proof is told beside its plan: how to stop, and of a length that is no number the policy."""

    def told(line: str) -> None:
        if stopped.is_set():
            raise Interrupted
        report(line)

    if isinstance(wish.length, FixedSpec):
        return {"report": told}
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    def build(target: Any, draft: Any, k: int, verifier: str) -> SpeculativeDecoder:
        return SpeculativeDecoder(target, draft, wish.length.open(most=k), verifier)

    return {"report": told, "build": build, "fixed_length": False}
