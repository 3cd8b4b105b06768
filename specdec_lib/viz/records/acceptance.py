"""Figures of acceptance: by domain, and by the position of a draft token in its round.

Two conventions go under "acceptance by position" in the field. *Unconditional* (vLLM): of all
rounds that drafted position i, the share in which it was accepted, which needs every earlier
one accepted too. *Conditional*: of the rounds that reached position i, the share in which it
was accepted; under the model of one constant alpha this curve is flat. Both are drawn, named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import (
    AMBER,
    BLUE,
    DOMAIN_STYLE,
    GREY,
    PALETTE,
    PURPLE,
    error_bars,
    hatched,
    new_figure,
    panels,
    temperature_title,
)

Rows = Sequence[Mapping[str, Any]]

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
    for index, temperature in enumerate(sorted({row["temperature"] for row in chosen})):
        bars = [row for row in chosen if row["temperature"] == temperature]
        figure.add_trace(_alpha_bars(bars, temperature, index % len(_BAR_COLORS)))
    figure.update_yaxes(title_text=f"acceptance at K = {k}", range=[0, 1.05], tickformat=".0%")
    domains = list(dict.fromkeys(row["domain"] for row in chosen))
    lines = ["<br>" * (index % 2) + domain for index, domain in enumerate(domains)]  # neighbours never touch
    figure.update_xaxes(showgrid=False, tickangle=0, tickvals=domains, ticktext=lines)
    return figure


def _alpha_bars(rows: Rows, temperature: float, style: int) -> go.Bar:
    return go.Bar(
        x=[row["domain"] for row in rows],
        y=[row["alpha_hat"] for row in rows],
        error_y=error_bars(rows, "alpha_hat", "alpha_low", "alpha_high", color=GREY),
        name=f"α̂ at T = {temperature:g}",
        marker=hatched(_BAR_COLORS[style], _BAR_PATTERNS[style]),
        text=[f"{row['alpha_hat']:.2f}" for row in rows],
        textposition="inside",
        insidetextanchor="start",
        textangle=0,
        insidetextfont={"color": "white", "size": 13},
        customdata=[
            [
                row["alpha_low"],
                row["alpha_high"],
                row["acceptance_rate"],
                row["num_accepted_draft_tokens"],
                row["num_draft_tokens"],
                row["domain"],
            ]
            for row in rows
        ],
        hovertemplate=(
            f"<b>%{{customdata[5]}}, T = {temperature:g}</b>"
            "<br>α̂ = %{y:.3f} (95 % interval %{customdata[0]:.3f}–%{customdata[1]:.3f})"
            "<br>accepted / drafted = %{customdata[3]} / %{customdata[4]} = %{customdata[2]:.3f}"
            "<extra></extra>"
        ),
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
    temperatures = sorted({row["temperature"] for row in chosen})
    figure = panels([temperature_title(t) for t in temperatures], 210, legend_height=48)
    for panel, temperature in enumerate(temperatures, start=1):
        for domain in dict.fromkeys(row["domain"] for row in chosen):
            line = [r for r in chosen if r["domain"] == domain and r["temperature"] == temperature]
            for convention in ("unconditional", "conditional"):
                named = panel == 1 and convention == "unconditional"
                figure.add_trace(_position_line(line, domain, convention, named), row=panel, col=1)
    for convention, dash in _CONVENTIONS.items():
        figure.add_trace(_legend_entry(convention, dash), row=1, col=1)
    figure.update_xaxes(dtick=1, showticklabels=True)
    figure.update_xaxes(title_text="position of the draft token in its round", row=len(temperatures))
    figure.update_yaxes(range=[0, 1.05], tickformat=".0%")
    return figure


def _position_line(rows: Rows, domain: str, convention: str, legend: bool) -> go.Scatter:
    color, symbol = DOMAIN_STYLE.get(domain, (PALETTE[3], "cross"))
    open_marker = convention == "conditional"
    base = "num_reached" if open_marker else "num_drafted"
    of_what = "rounds that reached it" if open_marker else "rounds that drafted it"
    return go.Scatter(
        x=[row["position"] for row in rows],
        y=[row[convention] for row in rows],
        mode="lines+markers",
        name=domain,
        legendgroup=domain,
        showlegend=legend,
        line={"color": color, "dash": _CONVENTIONS[convention], "width": 2},
        marker={"symbol": f"{symbol}-open" if open_marker else symbol, "size": 8, "color": color},
        customdata=[[row["num_accepted"], row[base]] for row in rows],
        hovertemplate=(
            f"<b>{domain}, position %{{x}}, {convention}</b><br>accepted in %{{customdata[0]}} of "
            f"%{{customdata[1]}} {of_what}: %{{y:.1%}}<extra></extra>"
        ),
    )


def _legend_entry(convention: str, dash: str) -> go.Scatter:
    """A line in the legend alone: it says what a solid and what a dotted one means."""
    line = {"color": GREY, "dash": dash, "width": 2}
    return go.Scatter(x=[None], y=[None], mode="lines", name=convention, line=line, hoverinfo="skip")
