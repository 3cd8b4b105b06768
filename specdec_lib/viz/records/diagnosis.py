"""The diagnosis tree of one record, and how the speedup depends on K.

The tree is HTML, and needs no script: questions along a trunk, a way out at each, four parts at the bottom.
The way that a record takes is thick, and says so in words; the same text is what a terminal shows. Rows are
plain values, as ``Triage.rows`` of :mod:`specdec_lib.bench` makes them. It asks no question itself.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.standalone import source
from specdec_lib.viz.theme import GREY, Rows, error_bars, marker_style, new_figure
from specdec_lib.viz.traces import column, curve, scatter, series, significant

_ANSWERS = {True: "yes", False: "no", None: "not measured"}


class DiagnosisTree:
    """A tree and the way through it; notebooks show ``_repr_html_``, terminals ``__repr__``."""

    def __init__(self, rows: Rows, title: str) -> None:
        self.rows, self.title = [dict(row) for row in rows], title

    @property
    def questions(self) -> list[dict[str, Any]]:
        """The rows along the trunk."""
        return [row for row in self.rows if row["kind"] == "question"]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The rows at its foot."""
        return [row for row in self.rows if row["kind"] == "part"]

    def __repr__(self) -> str:
        lines = [self.title]
        for row in self.questions:
            mark = _answer(row) if row["was_asked"] else "–"
            lines.append(f"{mark:>13}  {row['question']} {row['measured']} (needed: {row['needed']})")
            lines += _ending(row)
        for row in self.parts:
            mark = f"{row['gain']:+.2f}×" if row["was_asked"] else "–"
            lines.append(f"{mark:>13}  {row['question']} {row['measured']} ({row['needed']}) {row['step']}")
            lines += _ending(row)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        style = source("diagnosis.css")
        gates = "".join(_gate(row, number) for number, row in enumerate(self.questions, start=1))
        return (
            f'<style>{style}</style><figure class="specdec-tree"><figcaption>{html.escape(self.title)}'
            f"</figcaption><ol>{gates}{_fan(self.parts)}</ol></figure>"
        )


def show_diagnosis(rows: Rows, title: str) -> DiagnosisTree:
    """The tree with the way of one record through it.

    Args:
        rows: in order, of two kinds. A "question": question, measured, needed, holds (None: not measured),
            cause, remedy. A "part": question, measured, needed, gain, step, cause, remedy. All have kind,
            is_end and was_asked too.
        title: whose record it is.
    """
    return DiagnosisTree(rows, title)


def _answer(row: Mapping[str, Any]) -> str:
    return _ANSWERS[row["holds"]]


def _ending(row: Mapping[str, Any]) -> list[str]:
    return (
        [f"{'':>13}  {sentences.RECORD_ENDS_HERE}. {row['cause']} {row['remedy']}"] if row["is_end"] else []
    )


def _classes(*names: str) -> str:
    return " ".join(name for name in names if name)


def _gate(row: Mapping[str, Any], number: int) -> str:
    answer = _answer(row) if row["was_asked"] else "not asked"
    classes = _classes("gate", "asked" * row["was_asked"], "end" * row["is_end"])
    here = f'<span class="here">{sentences.RECORD_ENDS_HERE}.</span>' if row["is_end"] else ""
    return (
        f'<li class="{classes}"><div class="node">'
        f'<span class="question">{number}. {html.escape(row["question"])}</span>'
        f'<span class="measured">{html.escape(row["measured"])}</span>'
        f'<span class="measured">needed: {html.escape(row["needed"])}. <span class="answer">→ {answer}</span>'
        f'</span></div><div class="exit"><div class="leaf">{here}<b>no:</b> {html.escape(row["cause"])} '
        f"{html.escape(row['remedy'])}</div></div></li>"
    )


def _fan(rows: Rows) -> str:
    if not rows:
        return ""
    asked = all(row["was_asked"] for row in rows)
    most = max([row["gain"] for row in rows] + [1e-9])
    parts = "".join(_part(row, row["gain"] / most) for row in rows)
    said = sentences.WHICH_PART if asked else sentences.NOT_ASKED_YET
    return f'<li class="{_classes("fan", "asked" * asked)}"><p>{said}</p><ul class="parts">{parts}</ul></li>'


def _part(row: Mapping[str, Any], share: float) -> str:
    here = f'<span class="here">{sentences.RECORD_ENDS_HERE}.</span>' if row["is_end"] else ""
    return (
        f'<li class="{_classes("part", "end" * row["is_end"])}">{here}'
        f'<span class="question">{html.escape(row["question"])}</span>'
        f'<span class="measured">{html.escape(row["measured"])}; {html.escape(row["needed"])}</span>'
        f'<span class="bar"><span style="width:{100 * share:.0f}%"></span></span>'
        f'<span class="measured">{row["gain"]:+.2f}× {html.escape(row["step"])}</span>'
        f'<span class="why">{html.escape(row["cause"])} {html.escape(row["remedy"])}</span></li>'
    )


def plot_draft_lengths(rows: Rows, measured: Rows = ()) -> go.Figure:
    """Speedup over K, a line a name with its largest value marked, and the line below which drafting hurts.

    Args:
        rows: name, k (ascending within a name), speedup.
        measured: k, speedup, low, high: markers with intervals.
    """
    figure = new_figure(360, legend_itemsizing="constant")
    for index, (name, line) in enumerate(series(rows, "name")):
        figure.add_trace(_curve(line, name, index))
    if measured:
        trace = scatter(
            column(measured, "k"),
            [significant(row["speedup"]) for row in measured],
            sentences.MEASURED_SPEEDUP,
            error_y=error_bars(measured, "speedup", color=GREY, thickness=1.5),
            name="measured",
            marker={"color": GREY, "symbol": "x", "size": 9},
        )
        figure.add_trace(trace)
    figure.add_hline(y=1.0, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_xaxes(title_text="K", dtick=2 if len({row["k"] for row in rows}) > 8 else 1)
    return figure.update_yaxes(title_text="speedup", ticksuffix="×", rangemode="tozero")


def _curve(line: Rows, name: str, index: int) -> go.Scatter:
    best = max(range(len(line)), key=lambda i: (line[i]["speedup"], -line[i]["k"]))
    sizes = [14 if i == best else 4 for i in range(len(line))]
    return curve(
        column(line, "k"),
        [significant(row["speedup"]) for row in line],
        sentences.SPEEDUP_OF_A_LENGTH.format(name),
        index,
        name=f"{name}: best K = {line[best]['k']}",
        marker=marker_style(index, sizes, opacity=1),
    )
