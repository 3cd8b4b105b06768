"""Figures of two vocabularies: what a map covers, right or wrong, and what a round brings by either way.

Rows are plain dicts. Right and wrong differ by colour and by pattern, ways of drafting by colour and by
pattern too. Nothing here reads a tokenizer.
"""

from __future__ import annotations

import plotly.graph_objects as go

from specdec_lib.viz import traces
from specdec_lib.viz.theme import BLUE, GREEN, GREY, PURPLE, VERMILLION, Rows, hatched, new_figure

_PARTS = (("right", GREEN, ""), ("wrong", VERMILLION, "x"), ("missing", GREY, "/"))
_WAYS = ((BLUE, ""), (GREEN, "/"), (PURPLE, "."))


def plot_coverage(rows: Rows) -> go.Figure:
    """Of a text's draft tokens: mapped to the same bytes, mapped to other bytes, not mapped; a bar a map.

    Args:
        rows: map (its name), right, wrong, missing (shares of the tokens, which sum to 1).
    """
    figure = new_figure(90 + 46 * len(rows), barmode="stack", bargap=0.35)
    names = [row["map"].replace(", ", "<br>") for row in rows]
    for part, color, pattern in _PARTS:
        shares = traces.column(rows, part, 6)
        hover = f"<b>%{{y}}</b><br>{part}: %{{x:.1%}}"
        options = {"orientation": "h", "name": part, "marker": hatched(color, pattern)}
        figure.add_trace(traces.bars(shares, names, hover, **options))
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure.update_xaxes(title_text="share of the draft's tokens", tickformat=".0%", range=[0, 1])


def plot_round_tokens(rows: Rows) -> go.Figure:
    """Tokens a round by domain, a panel a temperature, a bar a way of drafting.

    Args:
        rows: temperature, domain, way (its name), tokens (a round, the target's own included), rate
            (accepted over drafted).
    """
    ways = traces.distinct(rows, "way")
    figure, parts = traces.temperature_panels(rows, 150, legend_height=64)
    for panel, own in parts:
        for (color, pattern), way in zip(_WAYS, ways, strict=False):
            chosen = [row for row in own if row["way"] == way]
            bar = traces.bars(
                *traces.xy(chosen, "domain", "tokens"),
                f"<b>%{{x}}, {way}</b><br>%{{y:.2f}} tokens a round, %{{customdata:.0%}} accepted",
                marker=hatched(color, pattern),
                customdata=traces.column(chosen, "rate"),
                **traces.named(way, panel == 1),
            )
            figure.add_trace(bar, row=panel, col=1)
        figure.update_xaxes(showticklabels=True, row=panel, col=1)
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash", "width": 1.2})
    return figure.update_yaxes(title_text="tokens a round", rangemode="tozero")
