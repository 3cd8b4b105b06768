"""*Try it*: a pair, a draft, a length, a temperature, a prompt; tokens arrive marked by where they came from.

Behind them stand the counts, the speed with speculation and without, and every step of that very text.
"""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from specdec_lib.decoding.drafters.grammar.pairs import asked_pair
from specdec_lib.errors import SpecDecError
from specdec_lib.lossless.replays.annotated import AnnotatedTrace
from specdec_lib.models.registry import DEFAULT_PAIR
from specdec_lib.utils.numbers import counted
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.fields import PairFields
from specdec_lib.viz.live.panels.panel import Panel, button, row, status_html
from specdec_lib.viz.live.panels.shelf import SHARED, ModelShelf, Told, taken
from specdec_lib.viz.live.panels.trial import TriedText, counts_html, text_html
from specdec_lib.viz.live.panels.trying import (
    Compared,
    OpenLength,
    Stepped,
    Wish,
    Written,
    read_wish,
    try_out,
)
from specdec_lib.viz.live.panels.worker import Ended, Worker

PROMPT = "def rotate_left(values, steps):\n"
LENGTHS = ("4", "1", "2", "8", "cost-aware", "confidence:0.4", "entropy:0.4")
_SOONEST = 0.05  # seconds between two pictures of a text that grows


class TryIt(Panel):
    """Writes a text with speculation, and shows how.

    Args:
        pair, target, draft: what is chosen at first, as a chapter's parameters name it.
        prompt: the text that is continued.
        open_length: measures what a policy goes by; None opens it on guessed costs.
        recorded: texts for a page without a kernel; the first is shown in full.
        shelf: where the models lie.
    """

    name, recorded = "try", sentences.A_RECORDED_TEXT

    def __init__(
        self,
        pair: str | None = None,
        target: str | None = None,
        draft: str | None = None,
        *,
        prompt: str = PROMPT,
        open_length: OpenLength | None = None,
        recorded: Sequence[AnnotatedTrace] = (),
        shelf: ModelShelf = SHARED,
    ) -> None:
        self.fields = PairFields(pair, target, draft)
        self.prompt, self.traces, self.shelf = prompt, list(recorded), shelf
        self.trial = TriedText(prompt)
        self.heard: list[Any] = []
        """Everything that happened since Run was pressed, but for words."""
        self._open_length = open_length
        self._worker, self._reader = Worker(self._hear), Worker(self._hear_reading)
        self._painted, self._painting = 0.0, threading.Lock()

    def __repr__(self) -> str:
        return f"TryIt({self.fields.first})"

    # -- what it does --------------------------------------------------------------------------------

    def show(self) -> None:
        """Reads the models that are chosen while the reader still reads the page."""
        try:
            asked = asked_pair(*self.fields.names)
        except SpecDecError:
            return  # said when Run is pressed
        if asked.pair.pair_name == DEFAULT_PAIR or self.shelf.holds(asked):
            self._reader.start(lambda stopped: self._read(asked, stopped))

    def run(self) -> bool:
        """Do as the controls say; False, and a line, where that cannot be or something is being done."""
        _ = self.widget
        if self._worker.is_busy:
            self._say(sentences.BUSY, is_error=True)
            return False
        try:
            wish = self._wish()
        except SpecDecError as error:
            self._say(str(error), is_error=True)
            return False
        self.heard.clear()
        self.trial = TriedText(wish.prompt)
        self._steps.children = ()
        self._lock_controls(True)
        return self._worker.start(lambda stopped: try_out(wish, self.shelf, stopped, self._open_length))

    def stop(self) -> None:
        """End the text after the round that is being written."""
        if self._worker.is_busy:
            self._say(sentences.STOPPING)
        self._worker.stop()
        self._reader.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is done in the background; whether that came to pass."""
        return self._worker.wait(seconds) and self._reader.wait(seconds)

    def _wish(self) -> Wish:
        return read_wish(
            *self.fields.names,
            self._k.value,
            self._prompt.value,
            self._temperature.value,
            str(self._verifier.value),
            self._num_tokens.value,
            self._seed.value,
        )

    def _read(self, asked: Any, stopped: threading.Event) -> Iterator[Any]:
        with self.shelf.turn(stopped, ahead=True):
            yield from taken(self.shelf, asked, stopped)

    # -- what is heard -------------------------------------------------------------------------------

    def _hear(self, event: Any) -> None:
        if isinstance(event, Told):
            self._say(event.line)
        else:
            self.heard.append(event)
        if isinstance(event, Written | Compared):
            self.trial.add(event)
            is_due = self.trial.num_rounds == 1 or time.perf_counter() - self._painted > _SOONEST
            if is_due or (isinstance(event, Compared) and event.is_done):
                self._paint()
        elif isinstance(event, Stepped):
            self._steps.children = (self._stepped(event),)
        elif isinstance(event, Ended):
            self._paint()
            self._say(self._last_words(event), event.how == "failed")
            self._lock_controls(False)

    def _hear_reading(self, event: Any) -> None:
        """Of reading ahead only what goes well is told: Run says the rest."""
        if isinstance(event, Told) and not self._worker.is_busy:
            self._say(event.line)

    def _last_words(self, end: Ended) -> str:
        if end.how == "stopped":
            return sentences.STOPPED_AFTER.format(counted(self.trial.num_tokens, "token"))
        return end.line or sentences.DONE

    # -- what is seen --------------------------------------------------------------------------------

    def _say(self, line: str, is_error: bool = False) -> None:
        self._status.value = status_html(line, is_error)

    def _paint(self) -> None:
        with self._painting:
            self._painted = time.perf_counter()
            self._text.value = text_html(self.trial)
            self._counts.value = counts_html(self.trial)

    def _stepped(self, event: Stepped) -> Any:
        import ipywidgets

        from specdec_lib.viz.live.step_through import StepThroughWidget

        if event.trace is None or not event.trace.rounds:
            return ipywidgets.HTML(f'<p class="sp-note">{html.escape(event.why)}</p>')
        return StepThroughWidget(event.trace)

    def _lock_controls(self, is_busy: bool) -> None:
        self._run.disabled, self._stop.disabled = is_busy, not is_busy

    def _controls(self) -> list[Any]:
        import ipywidgets as w

        self._k = w.Combobox(
            value=LENGTHS[0], options=LENGTHS, description="K or policy", ensure_option=False
        )
        self._temperature = w.FloatSlider(value=0.0, min=0.0, max=1.5, step=0.1, description="temperature")
        self._verifier = w.Dropdown(options=("token", "block"), description="verifier")
        self._num_tokens = w.BoundedIntText(value=64, min=1, max=4096, description="max tokens")
        self._seed = w.BoundedIntText(value=1, min=0, max=2**31 - 1, description="seed")
        self._prompt = w.Textarea(value=self.prompt, description="prompt", rows=4)
        self._prompt.add_class("sp-wide")
        self._run = button("Run", "play", "write the text", self.run, button_style="primary")
        self._stop = button("Stop", "stop", "end at the next round", self.stop, disabled=True)
        self._status, self._text, self._counts = w.HTML(status_html("")), w.HTML(), w.HTML()
        self._steps = w.VBox()
        self._paint()
        return [
            row(*self.fields.widgets),
            row(self._k, self._temperature, self._verifier, self._num_tokens, self._seed),
            row(self._prompt),
            row(self._run, self._stop, self._status),
            self._text,
            self._counts,
            self._steps,
        ]

    def _recorded(self) -> str:
        from specdec_lib.viz.live.step_through import StepThrough

        if not self.traces:
            return text_html(self.trial)
        trial = TriedText.of(self.traces[0])
        steps = StepThrough(self.traces[0]).to_html()
        return f"{text_html(trial)}{counts_html(trial)}{steps}"
