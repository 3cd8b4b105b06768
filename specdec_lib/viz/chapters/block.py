"""Figures of block verification: whole drafts kept by either verifier, and what that is worth on real rounds.

Rows are plain dicts. Token and block verification differ by colour and by pattern, and measured counts
stand as markers beside the bars of what was expected. Nothing here judges a draft.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz.theme import (
    BLUE,
    DOMAIN_STYLE,
    GREEN,
    GREY,
    PALETTE,
    VERMILLION,
    Rows,
    error_bars,
    hatched,
    new_figure,
    panels,
    temperature_title,
)

_VERIFIERS = {"token": (BLUE, "", "circle"), "block": (GREEN, "/", "diamond")}
_HALF = 0.19  # from the middle of a group to the middle of one of its two bars


def plot_kept_drafts(rows: Rows) -> go.Figure:
    """How often each draft comes up, cut into what both verifiers keep whole, one keeps, or neither does.

    Args:
        rows: draft (its words), proposed, token, block (probabilities that it comes up, and that it comes
            up and is kept whole by either), target (its probability under the target).
    """
    parts = (
        ("kept whole by both", [row["token"] for row in rows], BLUE, ""),
        ("by block verification only", [row["block"] - row["token"] for row in rows], GREEN, "/"),
        ("proposed, cut by both", [row["proposed"] - row["block"] for row in rows], GREY, "x"),
    )
    figure = new_figure(360, barmode="stack", bargap=0.35, legend_traceorder="normal")
    words = [row["draft"] for row in rows]
    for name, heights, color, pattern in parts:
        figure.add_trace(
            go.Bar(
                x=words,
                y=[round(float(height), 6) for height in heights],
                name=name,
                marker=hatched(color, pattern),
                hovertemplate=f"<b>%{{x}}</b>, {name}: %{{y:.3f}}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=words,
            y=[round(float(row["target"]), 6) for row in rows],
            mode="markers",
            name="the target's probability",
            marker={"symbol": "line-ew", "size": 46, "line": {"width": 3, "color": VERMILLION}},
            hovertemplate="<b>%{x}</b>, target: %{y:.3f}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(title_text="probability", rangemode="tozero")
    return figure


def plot_accepted_per_round(rows: Rows) -> go.Figure:
    """Accepted draft tokens a round by K, a panel a domain: two bars with intervals, and the counts.

    Args:
        rows: domain, k; token, token_low, token_high and the same for block (expected on the same rounds);
            token_counted, block_counted (each verifier's own run).
    """
    domains = list(dict.fromkeys(row["domain"] for row in rows))
    figure = panels(domains, 150, legend_height=64)
    top = max(row[f"{name}_high"] for row in rows for name in _VERIFIERS)
    top = max(top, *(row[f"{name}_counted"] for row in rows for name in _VERIFIERS))
    for panel, domain in enumerate(domains, start=1):
        chosen = [row for row in rows if row["domain"] == domain]
        for name, side in (("token", -_HALF), ("block", _HALF)):
            places = [index + side for index in range(len(chosen))]
            figure.add_trace(_expected_bars(chosen, name, places, panel == 1), row=panel, col=1)
            figure.add_trace(_counted_marks(chosen, name, places, panel == 1), row=panel, col=1)
        labels = [f"K = {row['k']}" for row in chosen]
        figure.update_xaxes(_places(labels), row=panel, col=1)
    figure.update_yaxes(range=[0, 1.08 * top])
    figure.update_yaxes(title_text="accepted a round", row=(len(domains) + 1) // 2, col=1)
    return figure


def plot_gain(rows: Rows, published: tuple[float, float] | None = None) -> go.Figure:
    """Tokens a round under block over token verification, by K, a panel a temperature.

    Args:
        rows: temperature, domain, k, gain, gain_low, gain_high (0.05 is 5 % more tokens).
        published: a band to draw behind, such as (0.05, 0.08).
    """
    temperatures = sorted({row["temperature"] for row in rows})
    ks = sorted({row["k"] for row in rows})
    domains = list(dict.fromkeys(row["domain"] for row in rows))
    figure = panels([temperature_title(t) for t in temperatures], 190, legend_height=36)
    for panel, temperature in enumerate(temperatures, start=1):
        for index, domain in enumerate(domains):
            chosen = [r for r in rows if (r["temperature"], r["domain"]) == (temperature, domain)]
            places = [ks.index(row["k"]) + 0.16 * (index - (len(domains) - 1) / 2) for row in chosen]
            figure.add_trace(_gain_line(chosen, domain, places, panel == 1), row=panel, col=1)
        if published:  # after the traces: plotly draws no shape in an empty panel
            band: dict[str, Any] = {"y0": published[0], "y1": published[1], "fillcolor": GREY}
            place: dict[str, Any] = {"row": panel, "col": 1}
            figure.add_hrect(**band, opacity=0.22, line_width=0, layer="below", **place)
    figure.update_xaxes(_places([f"K = {k}" for k in ks]))
    figure.update_yaxes(tickformat="+.0%", rangemode="tozero", title_text="more tokens a round")
    return figure


def _places(labels: list[str]) -> dict[str, Any]:
    """An x axis with one labelled place for each label, at 0, 1, 2, …"""
    ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "showticklabels": True}
    return {**ticks, "range": [-0.5, len(labels) - 0.5], "showgrid": False, "zeroline": False}


def _expected_bars(rows: Rows, name: str, places: list[float], legend: bool) -> go.Bar:
    color, pattern, _ = _VERIFIERS[name]
    return go.Bar(
        x=places,
        y=[row[name] for row in rows],
        width=1.9 * _HALF,
        error_y=error_bars(rows, name, f"{name}_low", f"{name}_high", color=GREY),
        name=f"{name} verification, expected",
        legendgroup=name,
        showlegend=legend,
        marker=hatched(color, pattern),
        customdata=[[row["k"], row[f"{name}_low"], row[f"{name}_high"]] for row in rows],
        hovertemplate=(
            f"<b>{name}, K = %{{customdata[0]}}</b><br>expected %{{y:.2f}} accepted a round "
            "(95 % interval %{customdata[1]:.2f} to %{customdata[2]:.2f})<extra></extra>"
        ),
    )


def _counted_marks(rows: Rows, name: str, places: list[float], legend: bool) -> go.Scatter:
    _, _, symbol = _VERIFIERS[name]
    return go.Scatter(
        x=[place - 0.09 for place in places],
        y=[row[f"{name}_counted"] for row in rows],
        mode="markers",
        name=f"{name}, counted",
        legendgroup=name,
        showlegend=legend,
        marker={"symbol": symbol, "size": 9, "color": VERMILLION, "line": {"width": 1.5, "color": "white"}},
        customdata=[row["k"] for row in rows],
        hovertemplate=f"<b>{name}, K = %{{customdata}}</b><br>counted %{{y:.2f}} a round<extra></extra>",
    )


def _gain_line(rows: Rows, domain: str, places: list[float], legend: bool) -> go.Scatter:
    color, symbol = DOMAIN_STYLE.get(domain, (PALETTE[3], "cross"))
    return go.Scatter(
        x=places,
        y=[row["gain"] for row in rows],
        error_y=error_bars(rows, "gain", "gain_low", "gain_high"),
        mode="markers",
        name=domain,
        legendgroup=domain,
        showlegend=legend,
        marker={"symbol": symbol, "size": 10, "color": color},
        customdata=[[row["k"], row["gain_low"], row["gain_high"]] for row in rows],
        hovertemplate=(
            f"<b>{domain}, K = %{{customdata[0]}}</b><br>%{{y:+.1%}} tokens a round "
            "(95 % interval %{customdata[1]:+.1%} to %{customdata[2]:+.1%})<extra></extra>"
        ),
    )
