"""The figure of a comparison: every way to decode, side by side, against Hugging Face's plain ``generate``.

Of the four questions: *how fast is it?*, drawn.

Takes rows of :mod:`specdec_lib.bench.tables.peers`, and computes nothing but positions and labels.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences, traces
from specdec_lib.viz.theme import AMBER, BLUE, GREEN, GREY, PURPLE, VERMILLION, Rows, error_bars, hatched

_STYLE = {  # (library, whether it drafts) -> label, colour, pattern
    ("transformers", False): ("HF, no draft", GREY, ""),
    ("transformers", True): ("HF, drafting", AMBER, "\\"),
    ("specdec_lib", False): ("ours, no draft", BLUE, "/"),
    ("specdec_lib", True): ("ours, drafting", GREEN, "x"),
    ("engines", False): ("engines, no draft", VERMILLION, "-"),
    ("engines", True): ("engines, drafting", PURPLE, "+"),
}


def plot_peers(rows: Rows) -> go.Figure:
    """Rate of each arm over that of ``hf-generate``, with its interval; a bar an arm, a panel a temperature.

    An arm that was refused, or never ran, keeps its line and says so.

    Args:
        rows: of ``peer_table``: temperature, arm, library, method, ratio, low, high, tokens_per_second,
            num_runs, refused.
    """
    arms = traces.distinct(rows, "arm")
    figure, parts = traces.temperature_panels(rows, 27 * len(arms), legend_height=40)
    shown: set[tuple[str, bool]] = set()
    for panel, own in parts:
        where: dict[str, Any] = {"row": panel, "col": 1}
        for key in _STYLE:
            timed = [row for row in own if _key(row) == key and row["ratio"] is not None]
            if timed:
                figure.add_trace(_rate_bars(timed, key, is_listed=key not in shown), **where)
                shown.add(key)
        figure.add_trace(_words(own), **where)
        figure.add_vline(x=1, line={"color": GREY, "dash": "dash", "width": 1.5}, **where)
    figure.update_layout(barmode="overlay", bargap=0.3, legend={"traceorder": "normal"})
    figure.update_xaxes(range=[0, _reach(rows)], ticksuffix="×", showticklabels=True)
    figure.update_xaxes(title_text="tokens a second, hf-generate = 1", row=len(parts))
    figure.update_yaxes(
        categoryorder="array", categoryarray=arms[::-1], range=[-0.5, len(arms) - 0.5], showgrid=False
    )
    return figure.update_yaxes(tickfont={"size": 11})


def _key(row: Mapping[str, Any]) -> tuple[str, bool]:
    whose = row["library"] if row["library"] in ("transformers", "specdec_lib") else "engines"
    return whose, row["method"] != "autoregressive"


def _reach(rows: Rows) -> float:
    """The axis' end, with room for a label behind the longest bar."""
    longest = max((row["high"] for row in rows if row["high"] is not None), default=1.0)
    return 1.45 * max(1.0, longest)


def _rate_bars(rows: Rows, key: tuple[str, bool], is_listed: bool) -> go.Bar:
    label, color, pattern = _STYLE[key]
    return traces.bars(
        *traces.xy(rows, "ratio", "arm"),
        sentences.ARM_BESIDE_HUGGING_FACE.format(traces.interval(0)),
        orientation="h",
        marker=hatched(color, pattern) | {"opacity": 0.6, "line": {"width": 1, "color": color}},
        error_x=error_bars(rows, "ratio", color=color, thickness=1.6, width=4),
        customdata=traces.columns(rows, "low", "high", "tokens_per_second", "num_runs"),
        **traces.named(label, is_listed),
    )


def _words(rows: Rows) -> go.Scatter:
    """Behind each interval, and clear of the line at 1, what it says in numbers; without a bar, why not."""
    return traces.scatter(
        [0.0 if row["high"] is None else max(1.0, row["high"]) for row in rows],
        traces.column(rows, "arm"),
        "<b>%{y}</b><br>%{customdata}",
        text=[_word(row) for row in rows],
        textposition="middle right",
        textfont={"size": 11},
        cliponaxis=False,
        showlegend=False,
        customdata=[_reason(row) for row in rows],
    )


def _word(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return "  refused" if row["refused"] else "  not compared"
    return f"  {row['ratio']:.2f}×, {row['tokens_per_second']:.0f}/s"


def _reason(row: Mapping[str, Any]) -> str:
    """What to say under the pointer; a reason comes from other people's code, so it is escaped."""
    if row["ratio"] is not None:
        return f"{row['tokens_per_second']:.1f} tokens/s"
    reason = row["refused"] or sentences.ARM_DID_NOT_RUN
    return "<br>".join(html.escape(line) for line in textwrap.wrap(reason, 46))
