"""Figures of draft lengths: what a further token brings and costs, and policies held against an oracle.

Rows are plain dicts; a slider chooses among those of one value. Policies differ by symbol and by colour, and
each has its name beside the axis. Nothing here decides a length.
"""

from __future__ import annotations

import plotly.graph_objects as go

from specdec_lib.viz.theme import BLUE, GREY, PALETTE, VERMILLION, Rows, marker_style, new_figure
from specdec_lib.viz.traces import bars, column, columns, scatter, series, sliding, xy


def plot_worth_drafting(rows: Rows, shown: int = 0) -> go.Figure:
    """The chance that each place of a draft is emitted, as bars, and what drafting that place costs, a line.

    Args:
        rows: alpha (chosen by the slider), place (from 1), gain, price (in tokens), pays (whether gain
            exceeds price).
        shown: which alpha at first, by its number.
    """
    figure = new_figure(400, margin={"l": 8, "r": 12, "t": 56, "b": 8})
    parts = []
    for alpha, own in series(rows, "alpha"):
        look = {
            "color": [BLUE if row["pays"] else GREY for row in own],
            "pattern": {"shape": ["" if row["pays"] else "/" for row in own]},
        }
        gain = bars(
            *xy(own, "place", "gain", 6), "token %{x}: emitted with chance %{y:.3f}", name="gain", marker=look
        )
        line = {"color": VERMILLION, "width": 2, "dash": "dash"}
        price = scatter(
            *xy(own, "place", "price", 6), "token %{x}: costs %{y:.3f} tokens", name="price", line=line
        )
        parts.append((f"{alpha:g}", [gain, price]))
    figure.update_xaxes(title_text="place in the draft", dtick=1)
    figure.update_yaxes(title_text="tokens", range=[0, 1])
    return sliding(figure, "α =", parts, shown)


def plot_policies(rows: Rows, shown: int = 0) -> go.Figure:
    """What each policy reaches of the fastest that an oracle could be, over policies; a slider moves c.

    Args:
        rows: c (chosen by the slider), policy, place (a domain and a temperature), share (of the oracle).
        shown: which c at first, by its number.
    """
    figure = new_figure(460, margin={"l": 8, "r": 12, "t": 76, "b": 8})
    parts = []
    for c, of_cost in series(rows, "c"):
        points = [
            scatter(
                *xy(own, "share", "policy", None),
                f"<b>%{{y}}</b>, {place}: %{{x:.1%}} of the oracle",
                name=str(place),
                marker=marker_style(number, 10, color=PALETTE[number % len(PALETTE)]),
                customdata=columns(own, "policy"),
            )
            for number, (place, own) in enumerate(series(of_cost, "place"))
        ]
        parts.append((f"{c:g}", points))
    least = min(column(rows, "share"))
    figure.add_vline(x=1, line={"color": GREY, "dash": "dash", "width": 1.2})
    figure.update_xaxes(title_text="speed, of the oracle's", tickformat=".0%", range=[0.95 * least, 1.02])
    figure.update_yaxes(autorange="reversed")
    return sliding(figure, "c =", parts, shown)
