"""The figure of a comparison: every way to decode, side by side, against Hugging Face's plain ``generate``.

Takes rows of :mod:`specdec_lib.bench.tables.peers`, and computes nothing but positions and labels.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import AMBER, BLUE, GREEN, GREY, error_bars, hatched, panels, temperature_title

Rows = Sequence[Mapping[str, Any]]

_STYLE = {  # (library, whether it drafts) -> label, colour, pattern
    ("transformers", False): ("HF, no draft", GREY, ""),
    ("transformers", True): ("HF, drafting", AMBER, "\\"),
    ("specdec_lib", False): ("ours, no draft", BLUE, "/"),
    ("specdec_lib", True): ("ours, drafting", GREEN, "x"),
}
_HOVER = (
    "<b>%{y}</b><br>%{x:.2f}× hf-generate (95 % interval %{customdata[0]:.2f}–%{customdata[1]:.2f})"
    "<br>%{customdata[2]:.1f} tokens/s, %{customdata[3]} runs<extra></extra>"
)


def plot_peers(rows: Rows) -> go.Figure:
    """Rate of each arm over that of ``hf-generate``, with its interval; a bar an arm, a panel a temperature.

    An arm that was refused, or never ran, keeps its line and says so.

    Args:
        rows: of ``peer_table``: temperature, arm, library, method, ratio, low, high, tokens_per_second,
            num_runs, refused.
    """
    temperatures = sorted({row["temperature"] for row in rows})
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    figure = panels([temperature_title(t) for t in temperatures], 27 * len(arms), legend_height=40)
    shown: set[str] = set()
    for panel, temperature in enumerate(temperatures, start=1):
        chosen = [row for row in rows if row["temperature"] == temperature]
        for key in _STYLE:
            timed = [row for row in chosen if _key(row) == key and row["ratio"] is not None]
            if timed:
                figure.add_trace(_bars(timed, key, legend=key not in shown), row=panel, col=1)
                shown.add(key)
        figure.add_trace(_words(chosen), row=panel, col=1)
        figure.add_vline(x=1, line={"color": GREY, "dash": "dash", "width": 1.5}, row=panel, col=1)
    figure.update_layout(barmode="overlay", bargap=0.3, legend={"traceorder": "normal"})
    figure.update_xaxes(range=[0, _reach(rows)], ticksuffix="×", showticklabels=True)
    figure.update_xaxes(title_text="tokens a second, hf-generate = 1", row=len(temperatures))
    figure.update_yaxes(
        categoryorder="array", categoryarray=arms[::-1], range=[-0.5, len(arms) - 0.5], showgrid=False
    )
    figure.update_yaxes(tickfont={"size": 11})
    return figure


def _key(row: Mapping[str, Any]) -> tuple[str, bool]:
    return row["library"], row["method"] != "autoregressive"


def _reach(rows: Rows) -> float:
    """The axis' end, with room for a label behind the longest bar."""
    longest = max((row["high"] for row in rows if row["high"] is not None), default=1.0)
    return 1.45 * max(1.0, longest)


def _bars(rows: Rows, key: tuple[str, bool], legend: bool) -> go.Bar:
    label, color, pattern = _STYLE[key]
    return go.Bar(
        x=[row["ratio"] for row in rows],
        y=[row["arm"] for row in rows],
        orientation="h",
        name=label,
        legendgroup=label,
        showlegend=legend,
        marker=hatched(color, pattern) | {"opacity": 0.6, "line": {"width": 1, "color": color}},
        error_x=error_bars(rows, "ratio", color=color, thickness=1.6, width=4),
        customdata=[[row["low"], row["high"], row["tokens_per_second"], row["num_runs"]] for row in rows],
        hovertemplate=_HOVER,
    )


def _words(rows: Rows) -> go.Scatter:
    """Behind each interval, and clear of the line at 1, what it says in numbers; without a bar, why not."""
    return go.Scatter(
        x=[0.0 if row["high"] is None else max(1.0, row["high"]) for row in rows],
        y=[row["arm"] for row in rows],
        mode="text",
        text=[_word(row) for row in rows],
        textposition="middle right",
        textfont={"size": 11},
        cliponaxis=False,
        showlegend=False,
        customdata=[_reason(row) for row in rows],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )


def _word(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return "  refused" if row["refused"] else "  not compared"
    return f"  {row['ratio']:.2f}×, {row['tokens_per_second']:.0f}/s"


def _reason(row: Mapping[str, Any]) -> str:
    """What to say under the pointer; a reason comes from other people's code, so it is escaped."""
    if row["ratio"] is not None:
        return f"{row['tokens_per_second']:.1f} tokens/s"
    reason = row["refused"] or "the arm or the one to compare it with did not run"
    return "<br>".join(html.escape(line) for line in textwrap.wrap(reason, 46))
