"""Figures of acceptance: by domain, and by the position of a draft token in its round.

Two conventions go under "acceptance by position" in the field. *Unconditional* (vLLM): of all
rounds that drafted position i, the share in which it was accepted, which needs every earlier
one accepted too. *Conditional*: of the rounds that reached position i, the share in which it
was accepted; under the model of one constant alpha this curve is flat. Both are drawn, named.
"""

from __future__ import annotations

import plotly.graph_objects as go

from specdec_lib.viz import sentences, traces
from specdec_lib.viz.theme import (
    AMBER,
    BLUE,
    GREY,
    PURPLE,
    Rows,
    domain_style,
    error_bars,
    hatched,
    new_figure,
)

_BAR_COLORS = (BLUE, AMBER, PURPLE, GREY)
_BAR_PATTERNS = ("", "/", "x", ".")
_CONVENTIONS = {"unconditional": "solid", "conditional": "dot"}


def plot_acceptance_by_domain(rows: Rows, k: int = 4) -> go.Figure:
    """Estimated acceptance probability by domain at one K, a bar a temperature, with accepted/drafted.

    Args:
        rows: of ``acceptance_table``: temperature, domain, k, alpha_hat, alpha_low, alpha_high,
            acceptance_rate, num_draft_tokens, num_accepted_draft_tokens.
        k: which draft length to draw.
    """
    chosen = [row for row in rows if row["k"] == k]
    figure = new_figure(360, barmode="group")
    for index, (temperature, own) in enumerate(sorted(traces.series(chosen, "temperature"))):
        figure.add_trace(_alpha_bars(own, temperature, index % len(_BAR_COLORS)))
    figure.update_yaxes(title_text=f"acceptance at K = {k}", range=[0, 1.05], tickformat=".0%")
    domains = traces.distinct(chosen, "domain")
    lines = ["<br>" * (index % 2) + domain for index, domain in enumerate(domains)]  # neighbours never touch
    return figure.update_xaxes(showgrid=False, tickangle=0, tickvals=domains, ticktext=lines)


def _alpha_bars(rows: Rows, temperature: float, style: int) -> go.Bar:
    counts = "num_accepted_draft_tokens", "num_draft_tokens"
    return traces.bars(
        *traces.xy(rows, "domain", "alpha_hat"),
        sentences.ACCEPTANCE.format(temperature, traces.interval(0, ".3f")),
        error_y=error_bars(rows, "alpha_hat", "alpha_low", "alpha_high", color=GREY),
        name=f"α̂ at T = {temperature:g}",
        marker=hatched(_BAR_COLORS[style], _BAR_PATTERNS[style]),
        text=[f"{row['alpha_hat']:.2f}" for row in rows],
        textposition="inside",
        insidetextanchor="start",
        textangle=0,
        insidetextfont={"color": "white", "size": 13},
        customdata=traces.columns(rows, "alpha_low", "alpha_high", "acceptance_rate", *counts, "domain"),
    )


def plot_acceptance_by_position(rows: Rows, k: int = 8) -> go.Figure:
    """Acceptance by position in the round at one K: solid unconditional, dotted conditional.

    The legend names domains and conventions apart, so that it stays short on a narrow page.

    Args:
        rows: of ``position_table``: temperature, domain, k, position (from 1), num_drafted,
            num_reached, num_accepted, unconditional, conditional (None where never reached).
        k: which draft length to draw.
    """
    chosen = [row for row in rows if row["k"] == k]
    figure, parts = traces.temperature_panels(chosen, 210, legend_height=48)
    for panel, own in parts:
        for domain in traces.distinct(chosen, "domain"):
            line = [row for row in own if row["domain"] == domain]
            for convention in _CONVENTIONS:
                is_listed = panel == 1 and convention == "unconditional"
                figure.add_trace(_position_line(line, domain, convention, is_listed), row=panel, col=1)
    for convention, dash in _CONVENTIONS.items():
        line = {"color": GREY, "dash": dash, "width": 2}
        figure.add_trace(traces.legend_entry(convention, line=line, hoverinfo="skip"), row=1, col=1)
    figure.update_xaxes(dtick=1, showticklabels=True)
    figure.update_xaxes(title_text="position of the draft token in its round", row=len(parts))
    return figure.update_yaxes(range=[0, 1.05], tickformat=".0%")


def _position_line(rows: Rows, domain: str, convention: str, is_listed: bool) -> go.Scatter:
    color, symbol = domain_style(domain)
    is_open = convention == "conditional"
    of_what = "rounds that reached it" if is_open else "rounds that drafted it"
    return traces.scatter(
        *traces.xy(rows, "position", convention),
        sentences.ACCEPTED_AT_A_POSITION.format(domain, convention, of_what),
        line={"color": color, "dash": _CONVENTIONS[convention], "width": 2},
        marker={"symbol": f"{symbol}-open" if is_open else symbol, "size": 8, "color": color},
        customdata=traces.columns(rows, "num_accepted", "num_reached" if is_open else "num_drafted"),
        **traces.named(domain, is_listed),
    )
