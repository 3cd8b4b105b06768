"""A text that was tried out, as far as it is: its tokens by kind, its counts, its speeds; and that as HTML.

A kind is never shown by colour alone: accepted tokens have a line below, a correction a box, a bonus token
two lines and slanted letters. Token texts are untrusted: they are made visible, and escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, field

from specdec_lib.lossless.replays.annotated import AnnotatedRound, AnnotatedTrace
from specdec_lib.theory.speedup import alpha_interval, estimate_alpha
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.panel import prose
from specdec_lib.viz.live.panels.trying import Compared, Written
from specdec_lib.viz.standalone import plain_table
from specdec_lib.viz.tokens import visible

KINDS = {
    "prompt": "prompt",
    "accepted": "accepted draft token",
    "corrected": "correction",
    "bonus": "bonus token",
    "autoregressive": "no draft",
}
"""What each kind of token is called in the legend."""


@dataclass
class TriedText:
    """Grows with what is heard of a text."""

    prompt: str
    pieces: list[tuple[str, str]] = field(default_factory=list)
    num_rounds: int = 0
    num_drafted: int = 0
    num_accepted: int = 0
    num_rejecting: int = 0
    num_tokens: int = 0
    seconds: float = 0.0
    baseline: Compared | None = None
    is_recorded: bool = False

    @classmethod
    def of(cls, trace: AnnotatedTrace) -> TriedText:
        """A recorded text; how fast it was is not said, since its rounds were taken apart to be timed."""
        trial = cls("".join(trace.prompt), is_recorded=True)
        for round_ in trace.rounds:
            trial.add(_written(round_))
        return trial

    def add(self, event: Written | Compared) -> None:
        """A round more, or how far the baseline is."""
        if isinstance(event, Compared):
            self.baseline = event
            return
        self.pieces += event.pieces
        self.num_rounds += 1
        self.num_drafted += event.num_drafted
        self.num_accepted += event.num_accepted
        self.num_rejecting += event.num_accepted < event.num_drafted
        self.num_tokens += event.num_tokens
        self.seconds += event.seconds

    @property
    def text(self) -> str:
        """What was written."""
        return "".join(piece for piece, _ in self.pieces)

    @property
    def alpha(self) -> str:
        """α̂ and its interval; a dash where nothing was judged."""
        judged = (self.num_accepted, self.num_rejecting)
        if not sum(judged):
            return sentences.NOTHING_JUDGED
        low, high = alpha_interval(*judged)
        return sentences.INTERVAL.format(estimate_alpha(*judged), low, high)

    @property
    def speeds(self) -> str:
        """With speculation and without, as far as both are known."""
        if self.is_recorded or not self.seconds:
            return sentences.SPEED_ELSEWHERE if self.is_recorded else sentences.NOTHING_JUDGED
        fast = self.num_tokens / self.seconds
        if self.baseline is None or not self.baseline.is_done or not self.baseline.seconds:
            return sentences.SPEED_ALONE.format(fast)
        slow = self.baseline.num_tokens / self.baseline.seconds
        return sentences.SPEEDS.format(fast, slow, fast / slow)


def text_html(trial: TriedText) -> str:
    """The prompt and the tokens behind it, each marked by how it came to be, with a legend."""
    tokens = "".join(_token(piece, kind) for piece, kind in trial.pieces if piece)
    shown = _token(trial.prompt, "prompt") + tokens
    return f'{legend_html(kind for _, kind in trial.pieces)}<div class="sp-text" tabindex="0">{shown}</div>'


def legend_html(kinds: Iterable[str] = ()) -> str:
    """What the marks mean; rounds without a draft are told of where there are some."""
    met = set(kinds)
    named = [kind for kind in KINDS if kind != "autoregressive" or kind in met]
    marks = "".join(f"<li>{_token(KINDS[kind], kind)}</li>" for kind in named)
    return f'<ul class="sp-legend" aria-label="what the marks mean">{marks}</ul>'


def counts_html(trial: TriedText) -> str:
    """What was counted, and how fast it was."""
    a_round = f"{trial.num_tokens / trial.num_rounds:.2f}" if trial.num_rounds else sentences.NOTHING_JUDGED
    rows = [
        ("rounds", str(trial.num_rounds)),
        ("draft tokens", f"{trial.num_drafted} drafted, {trial.num_accepted} accepted"),
        ("tokens", f"{trial.num_tokens}, {a_round} a round"),
        (f"α̂, {sentences.INTERVAL_SAID}", trial.alpha),
        ("speed", trial.speeds),
    ]
    table = plain_table("", ("what", "how much"), rows).replace("<caption></caption>", "")
    said = "" if trial.is_recorded else f'<p class="sp-note">{prose(sentences.SPEED_SAID)}</p>'
    return f'<div class="sp-counts">{table}</div>{said}'


def _token(text: str, kind: str) -> str:
    """A token as it reads: spaces as such, line breaks marked and made, whatever else is unseen named."""
    shown = html.escape(visible(text).replace("␣", " ").replace("⏎", "⏎\n"))
    return f'<span class="sp-{kind}">{shown}</span>'


def _written(round_: AnnotatedRound) -> Written:
    kept = [(place.token, "accepted") for place in round_.places if place.outcome == "accepted"]
    following = round_.following
    own = [] if following.kind == "ended" else [(following.token, following.kind)]
    drafted = len(round_.places)
    return Written(tuple(kept + own), drafted, len(kept), len(kept) + len(own), 0.0)
