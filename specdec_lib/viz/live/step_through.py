"""The step-through: recorded generations as a figure in which every decision can be walked through.

:class:`StepThrough` shows itself wherever HTML is shown, and asks nobody for anything: its data, its style
and one ES module travel with it. :class:`StepThroughWidget` is the same module as an anywidget, whose step
can be set and observed from Python. Both take what :func:`specdec_lib.lossless.replays.annotation.annotate`
returns.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from string import Template
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.replays.annotated import AnnotatedTrace
from specdec_lib.viz import sentences
from specdec_lib.viz.live.narration import narrate
from specdec_lib.viz.standalone import StandaloneFigure, source, widget
from specdec_lib.viz.tokens import visible

TITLE = sentences.STEP_BY_STEP
_TOKENS = ("token", "prompt")


def steps_payload(traces: AnnotatedTrace | Iterable[AnnotatedTrace], title: str = TITLE) -> dict[str, Any]:
    """What the module draws: plain data, token texts made visible, each trace with its steps in words.

    Args:
        traces: one or several; where there are several, a reader chooses among them by what differs in their
            ``choice`` (by title, where they have none).

    Raises:
        InvalidArgument: no trace, or one without rounds.
    """
    traces = [traces] if isinstance(traces, AnnotatedTrace) else list(traces)
    if not traces or any(not trace.rounds for trace in traces):
        raise InvalidArgument(sentences.NO_ROUND_TO_SHOW)
    return {"title": title, "traces": [_plain(trace) for trace in traces]}


class StepThrough(StandaloneFigure):
    """A self-contained figure of recorded generations.

    Args:
        traces: as :func:`steps_payload` takes them.
        title: its name, for those who do not see it.
    """

    kind, module = "steps", "step_through"

    def __init__(self, traces: AnnotatedTrace | Iterable[AnnotatedTrace], title: str = TITLE) -> None:
        self.payload = steps_payload(traces, title)

    def to_page(self) -> str:
        """A whole HTML document that needs nothing but a browser: to keep, or to send to somebody."""
        page = Template(source("steps_page.html"))
        return page.substitute(title=html.escape(self.payload["title"]), figure=self.to_html())

    def __repr__(self) -> str:
        traces = self.payload["traces"]
        steps = sum(len(trace["steps"]) for trace in traces)
        return f"StepThrough(traces: {len(traces)}, steps: {steps})"

    def fallback(self) -> str:
        """The transcript of the first trace."""
        trace = self.payload["traces"][0]
        rounds = [
            " ".join(step["text"] for step in trace["steps"] if step["round"] == index)
            for index in range(len(trace["rounds"]))
        ]
        return "<ol>" + "".join(f"<li>{html.escape(told)}</li>" for told in rounds) + "</ol>"


def StepThroughWidget(traces: AnnotatedTrace | Iterable[AnnotatedTrace], title: str = TITLE) -> Any:
    """The step-through as a widget for JupyterLab: ``.step`` and ``.trace`` follow the reader, and lead.

    Needs ``anywidget`` (of the extra ``dev``) and a kernel; a published page has :class:`StepThrough`.
    """
    return widget("step_through", _widget_said, steps_payload(traces, title), step=0, trace=0)


def _widget_said(shown: Any) -> str:
    return f"StepThroughWidget(traces: {len(shown.payload['traces'])})"


def _plain(trace: AnnotatedTrace) -> dict[str, Any]:
    steps = [asdict(step) for step in narrate(trace)]
    choice = trace.choice or {"trace": trace.title}
    return {**_shown(asdict(trace)), "choice": choice, "steps": steps, "caption": _caption(trace)}


def _caption(trace: AnnotatedTrace) -> str:
    """What ran, where and when, as far as the trace tells."""
    forms = {"target": "{}", "k": "K = {}", "seed": "seed {}", "dtype": "{}", "threads": "threads: {}"}
    forms |= {"gpu": "{}", "cpu": "{}", "date": "{}"}
    known = {name: trace.about[name] for name in forms if trace.about.get(name) is not None}
    return ", ".join([trace.title, *(forms[name].format(value) for name, value in known.items())])


def _shown(value: Any, key: str = "") -> Any:
    """``value`` with every token's text made visible."""
    if isinstance(value, Mapping):
        return {name: _shown(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, key) for inner in value]
    return visible(value) if isinstance(value, str) and key in _TOKENS else value
