"""*Predict*: the law S = E / (K c + v + o) with sliders, begun at what this machine measures.

Measuring is what ``bench`` knows, so it is handed in; α and o come from a few texts that are decoded here.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.decoding.drafters.grammar.pairs import asked_pair
from specdec_lib.decoding.lengths import LengthCosts
from specdec_lib.decoding.trace import Round
from specdec_lib.errors import SpecDecError
from specdec_lib.profiling.acceptance import pooled_alpha_hat
from specdec_lib.theory.speedup import speedup
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.fields import PairFields
from specdec_lib.viz.live.panels.panel import Panel, button, row, status_html
from specdec_lib.viz.live.panels.shelf import SHARED, Held, ModelShelf, Told, taken
from specdec_lib.viz.live.panels.worker import Ended, Worker
from specdec_lib.viz.live.playground import Playground, PlaygroundWidget, Point
from specdec_lib.viz.standalone import plain_table

Measure = Callable[[Any, Any, Sequence[int]], LengthCosts]
"""Times forwards of a target and its draft behind the ids of a text."""
_TEXTS, _TOKENS, _K = 3, 32, 4  # of the texts that α and o are read from


@dataclass(frozen=True)
class MeasuredLaw:
    """The numbers of the law, as one machine has them; ``v`` is by K, ``slope`` the line through it."""

    alpha: float
    c: float
    v: Mapping[int, float]
    overhead: float

    @property
    def slope(self) -> float:
        """Of v(K) = 1 + slope K, by least squares; never below 0."""
        squares = sum(k * k for k in self.v)
        return max(0.0, sum(k * (v - 1.0) for k, v in self.v.items()) / squares) if squares else 0.0

    def speedups(self, alpha: float | None = None) -> dict[int, float]:
        """S by K, for every K whose v was measured."""
        shown = self.alpha if alpha is None else alpha
        return {k: speedup(shown, k, self.c, v, self.overhead) for k, v in self.v.items()}


class Predict(Panel):
    """The law to play with.

    Args:
        pair, target, draft: whose costs are measured, as a chapter's parameters name them.
        measure: times the forwards; without it there is nothing to press.
        points: measured and published pairs to compare with.
        start: alpha, k, c, slope and overhead at first.
        shelf: where the models lie.
    """

    name, recorded = "predict", sentences.A_LAW_TO_PLAY_WITH

    def __init__(
        self,
        pair: str | None = None,
        target: str | None = None,
        draft: str | None = None,
        *,
        measure: Measure | None = None,
        points: Sequence[Point] = (),
        shelf: ModelShelf = SHARED,
        **start: float,
    ) -> None:
        self.fields = PairFields(pair, target, draft)
        self.points, self.shelf = list(points), shelf
        self.start: dict[str, Any] = dict(start)
        self.law: MeasuredLaw | None = None
        """What was measured last."""
        self._measure, self._worker = measure, Worker(self._hear)

    def __repr__(self) -> str:
        return f"Predict({self.fields.first}; {len(self.points)} points)"

    def run(self) -> bool:
        """Measure; False, and a line, where that cannot be or is being done."""
        _ = self.widget
        measure = self._measure
        if measure is None or self._worker.is_busy:
            self._status.value = status_html(sentences.BUSY, is_error=True)
            return False
        try:
            asked = asked_pair(*self.fields.names)
        except SpecDecError as error:
            self._status.value = status_html(str(error), is_error=True)
            return False
        self._run.disabled, self._stop.disabled = True, False
        return self._worker.start(lambda stopped: measured_law(asked, self.shelf, stopped, measure))

    def stop(self) -> None:
        """End measuring at its next step."""
        self._worker.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is measured; whether that came to pass."""
        return self._worker.wait(seconds)

    def _hear(self, event: Any) -> None:
        if isinstance(event, Told):
            self._status.value = status_html(event.line)
        elif isinstance(event, MeasuredLaw):
            self.law = event
            self._set(event)
        elif isinstance(event, Ended):
            self._run.disabled, self._stop.disabled = False, True
            if event.how != "done" or self.law is None:
                self._status.value = status_html(event.line or sentences.STOPPED, event.how == "failed")

    def _set(self, law: MeasuredLaw) -> None:
        best = max(law.speedups().items(), key=lambda item: item[1])[0]
        values = {"alpha": law.alpha, "k": best, "c": law.c, "slope": law.slope, "overhead": law.overhead}
        with self.playground.hold_sync():
            for name, value in values.items():
                setattr(self.playground, name, value)
        line = sentences.MEASURED.format(law.alpha, law.c, law.slope, law.overhead)
        self._status.value = status_html(line)
        self._tell_best()

    def _tell_best(self, _: Any = None) -> None:
        if self.law is not None:
            self._table.value = law_html(self.law, min(1.0, max(0.0, self.playground.alpha)))

    def _controls(self) -> list[Any]:
        import ipywidgets as w

        self._run = button("Measure here", "tachometer", "time this pair's forwards", self.run)
        self._run.disabled = self._measure is None
        self._stop = button("Stop", "stop", "end at the next step", self.stop, disabled=True)
        self._status, self._table = w.HTML(status_html("")), w.HTML()
        self.playground = PlaygroundWidget(self.points, **self.start)
        self.playground.observe(self._tell_best, "alpha")
        return [
            row(*self.fields.widgets),
            row(self._run, self._stop, self._status),
            self.playground,
            self._table,
        ]

    def _recorded(self) -> str:
        return Playground(self.points, **self.start).to_html()


def measured_law(
    asked: Any, shelf: ModelShelf, stopped: threading.Event, measure: Measure
) -> Iterator[Told | Held | MeasuredLaw]:
    """Measures what the law is of, and says so; its numbers are the last.

    Raises:
        SpecDecError: as loading and measuring do.
    """
    from specdec_lib.data.prompts import builtin_prompts
    from specdec_lib.lossless.prompts import in_turn, proof_prompts

    if shelf.is_in_use:
        yield Told(sentences.WAITING)
    with shelf.turn(stopped):
        held: Any = None
        for held in taken(shelf, asked, stopped):
            yield held
        prompts = proof_prompts(held.target, in_turn(builtin_prompts())[:_TEXTS], _TOKENS)
        yield Told(sentences.MEASURING.format(held.name))
        costs = measure(held.target, held.draft, prompts[0])
        yield Told(sentences.OBSERVING.format(_TEXTS))
        yield from observed_law(held, prompts, costs)


def observed_law(
    held: Held, prompts: Sequence[list[int]], costs: LengthCosts
) -> Iterator[Told | MeasuredLaw]:
    """``costs``, with α and o of a text behind each prompt: o is what a round takes beyond its forwards."""
    from specdec_lib.decoding.autoregressive import AutoregressiveDecoder
    from specdec_lib.decoding.speculative import SpeculativeDecoder

    k = _K if _K in costs.v else next(iter(costs.v))
    plain, fast = AutoregressiveDecoder(held.target), SpeculativeDecoder(held.target, held.draft, k)
    tokens: list[float] = []
    rounds: list[Round] = []
    for number, ids in enumerate(prompts, start=1):
        tokens += plain.generate(ids, _TOKENS, 0.0, ignore_eos=True).per_token_latencies[1:]
        with_draft = fast.start(ids, _TOKENS, 0.0, ignore_eos=True)
        rounds += list(with_draft)[1:]
        yield Told(sentences.OBSERVED.format(number, len(prompts)))
    whole = sorted(round_.seconds for round_ in rounds if len(round_.draft_ids) == k)
    spent = whole[len(whole) // 2] / sorted(tokens)[len(tokens) // 2] if whole and tokens else 0.0
    counts = [round_.num_accepted for round_ in rounds], [len(round_.draft_ids) for round_ in rounds]
    alpha = pooled_alpha_hat(*counts) or 0.0
    yield MeasuredLaw(alpha, costs.c, dict(costs.v), max(0.0, spent - k * costs.c - costs.v[k]))


def law_html(law: MeasuredLaw, alpha: float) -> str:
    """S by K on the v(K) that was measured, and which K is best."""
    found = law.speedups(alpha)
    best = max(found, key=lambda k: found[k])
    line = sentences.BEST_MEASURED if found[best] > 1 else sentences.NO_K_PAYS
    told = line.format(*((best, found[best]) if found[best] > 1 else (found[best], best)))
    rows = [
        (f"{k}{' ★' if k == best else ''}", f"{law.v[k]:.2f}", f"{value:.2f}×") for k, value in found.items()
    ]
    table = plain_table("", ("K", "v(K), measured", "speedup"), rows).replace("<caption></caption>", "")
    return f'<p class="sp-verdict">{html.escape(told)}</p>{table}'
