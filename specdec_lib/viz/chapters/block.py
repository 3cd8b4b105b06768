"""Figures of block verification and its rivals: what each keeps, of a draft, of real rounds, of small tables.

Rows are plain dicts. Token and block verification differ by colour and by pattern, and measured counts
stand as markers beside the bars of what was expected. Nothing here judges a draft.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences, theme, traces
from specdec_lib.viz.theme import BLUE, GREEN, GREY, VERMILLION, Rows, domain_style, error_bars, hatched

_VERIFIERS = {"token": (BLUE, "", "circle"), "block": (GREEN, "/", "diamond")}
_ROUNDING = 1e-9
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
    words = traces.column(rows, "draft")
    figure = traces.stacked_shares(360, words, parts).update_layout(bargap=0.35, legend_traceorder="normal")
    marker = {"symbol": "line-ew", "size": 46, "line": {"width": 3, "color": VERMILLION}}
    target, hover = traces.column(rows, "target", 6), sentences.TARGET_OF_A_DRAFT
    return figure.add_trace(
        traces.scatter(words, target, hover, name="the target's probability", marker=marker)
    )


def plot_accepted_per_round(rows: Rows) -> go.Figure:
    """Accepted draft tokens a round by K, a panel a domain: two bars with intervals, and the counts.

    Args:
        rows: domain, k; token, token_low, token_high and the same for block (expected on the same rounds);
            token_counted, block_counted (each verifier's own run).
    """
    figure, parts = traces.panels_by(rows, "domain", 150, legend_height=64)
    top = max(row[f"{name}_high"] for row in rows for name in _VERIFIERS)
    top = max(top, *(row[f"{name}_counted"] for row in rows for name in _VERIFIERS))
    for panel, chosen in parts:
        for name, side in (("token", -_HALF), ("block", _HALF)):
            places = [index + side for index in range(len(chosen))]
            figure.add_trace(_expected_bars(chosen, name, places, panel == 1), row=panel, col=1)
            figure.add_trace(_counted_marks(chosen, name, places, panel == 1), row=panel, col=1)
        figure.update_xaxes(_places([f"K = {row['k']}" for row in chosen]), row=panel, col=1)
    figure.update_yaxes(range=[0, 1.08 * top])
    return figure.update_yaxes(title_text="accepted a round", row=(len(parts) + 1) // 2, col=1)


def plot_gain(rows: Rows, published: tuple[float, float] | None = None) -> go.Figure:
    """Tokens a round under block over token verification, by K, a panel a temperature.

    Args:
        rows: temperature, domain, k, gain, gain_low, gain_high (0.05 is 5 % more tokens).
        published: a band to draw behind, such as (0.05, 0.08).
    """
    ks, domains = sorted({row["k"] for row in rows}), traces.distinct(rows, "domain")
    figure, parts = traces.temperature_panels(rows, 190, legend_height=36)
    for panel, own in parts:
        for index, domain in enumerate(domains):
            chosen = [row for row in own if row["domain"] == domain]
            places = [ks.index(row["k"]) + 0.16 * (index - (len(domains) - 1) / 2) for row in chosen]
            figure.add_trace(_gain_line(chosen, domain, places, panel == 1), row=panel, col=1)
        if published:  # after the traces: plotly draws no shape in an empty panel
            band: dict[str, Any] = {"y0": published[0], "y1": published[1], "fillcolor": GREY}
            where: dict[str, Any] = {"row": panel, "col": 1}
            figure.add_hrect(**band, opacity=0.22, line_width=0, layer="below", **where)
    figure.update_xaxes(_places([f"K = {k}" for k in ks]))
    return figure.update_yaxes(tickformat="+.0%", rangemode="tozero", title_text="more tokens a round")


def plot_rules_by_length(rows: Rows) -> go.Figure:
    """Accepted tokens a round of each rule over what an exact rule can accept at most, by K.

    Args:
        rows: rule, k, accepted, optimum, per_forward (tokens emitted for a forward of the target), error
            (total variation from the target). A rule with an error anywhere is named as not exact.
    """
    figure = theme.new_figure(380)
    for index, (rule, own) in enumerate(traces.series(rows, "rule")):
        name = sentences.NOT_EXACT.format(rule) if any(row["error"] > _ROUNDING for row in own) else rule
        over = [round(float(row["accepted"] - row["optimum"]), 6) + 0.0 for row in own]  # no -0.0
        hover = sentences.RULE_OVER_THE_OPTIMUM.format(name)
        told = ("accepted", "optimum", "per_forward", "error")
        numbers = [[round(float(row[name]), 6) for name in told] for row in own]
        ks = traces.column(own, "k")
        curve = traces.curve(ks, over, hover, index, size=17 - 2 * index, name=name, customdata=numbers)
        figure.add_trace(curve)
    figure.add_hline(y=0, line_width=1, line_color=GREY)
    figure.update_xaxes(title_text="K", dtick=1)
    return figure.update_yaxes(title_text="accepted a round, over the optimum", zeroline=False)


def plot_rules_by_distance(rows: Rows) -> go.Figure:
    """Accepted tokens a round of each rule, by how far the draft is from the target.

    Args:
        rows: rule (the optimum may be one of them), distance (of the draft from the target), accepted.
    """
    figure = theme.new_figure(400)
    for index, (rule, own) in enumerate(traces.series(rows, "rule")):
        hover = sentences.RULE_AT_A_DISTANCE.format(rule)
        figure.add_trace(traces.curve(*traces.xy(own, "distance", "accepted", 5), hover, index, name=rule))
    figure.update_xaxes(title_text="total variation between draft and target")
    return figure.update_yaxes(title_text="accepted a round")


def _places(labels: list[str]) -> dict[str, Any]:
    """An x axis with one labelled place for each label, at 0, 1, 2, …"""
    ticks = {"tickvals": list(range(len(labels))), "ticktext": labels, "showticklabels": True}
    return {**ticks, "range": [-0.5, len(labels) - 0.5], "showgrid": False, "zeroline": False}


def _expected_bars(rows: Rows, name: str, places: list[float], is_listed: bool) -> go.Bar:
    color, pattern, _ = _VERIFIERS[name]
    low, high = f"{name}_low", f"{name}_high"
    return traces.bars(
        places,
        traces.column(rows, name),
        sentences.EXPECTED_TO_BE_ACCEPTED.format(name),
        width=1.9 * _HALF,
        error_y=error_bars(rows, name, low, high, color=GREY),
        marker=hatched(color, pattern),
        customdata=traces.columns(rows, "k", low, high),
        **traces.named(name, is_listed) | {"name": f"{name} verification, expected"},
    )


def _counted_marks(rows: Rows, name: str, places: list[float], is_listed: bool) -> go.Scatter:
    _, _, symbol = _VERIFIERS[name]
    return traces.scatter(
        [place - 0.09 for place in places],
        traces.column(rows, f"{name}_counted"),
        sentences.COUNTED_AS_ACCEPTED.format(name),
        marker={"symbol": symbol, "size": 9, "color": VERMILLION, "line": {"width": 1.5, "color": "white"}},
        customdata=traces.column(rows, "k"),
        **traces.named(name, is_listed) | {"name": f"{name}, counted"},
    )


def _gain_line(rows: Rows, domain: str, places: list[float], is_listed: bool) -> go.Scatter:
    color, symbol = domain_style(domain)
    return traces.scatter(
        places,
        traces.column(rows, "gain"),
        sentences.MORE_TOKENS.format(domain),
        error_y=error_bars(rows, "gain", "gain_low", "gain_high"),
        marker={"symbol": symbol, "size": 10, "color": color},
        customdata=traces.columns(rows, "k", "gain_low", "gain_high"),
        **traces.named(domain, is_listed),
    )
