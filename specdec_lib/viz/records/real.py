"""Figures of real models: every arm by domain, with and without loops; prices and lengths of rounds.

Of the four questions: *how fast is it?*, and *where did the difference go?*, drawn.

Takes rows of :mod:`specdec_lib.bench.tables.domains` and :mod:`specdec_lib.bench.tables.rounds`, each with
the name of its model as ``pair``: a panel a model. A slider chooses the domain, without a kernel. Kinds
differ by symbol beside their colour; nothing is computed but positions and labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from specdec_lib.viz import sentences, theme, traces
from specdec_lib.viz.theme import AMBER, BLUE, GREEN, GREY, PURPLE, VERMILLION, Rows

_FAMILY = {  # (library, whether it drafts) -> label, colour, symbol
    ("transformers", False): ("HF, no draft", GREY, "circle"),
    ("transformers", True): ("HF, drafting", AMBER, "square"),
    ("specdec_lib", False): ("ours, no draft", BLUE, "diamond"),
    ("specdec_lib", True): ("ours, drafting", GREEN, "triangle-up"),
}
_PRICE = {  # column -> label, colour, symbol
    "tokens_per_round": ("tokens a round: v = 1, free draft", GREY, "circle-open"),
    "free": ("v paid, free draft", BLUE, "diamond"),
    "predicted": ("v and c paid: predicted", PURPLE, "triangle-up"),
    "measured": ("measured", VERMILLION, "square"),
}
_LINE, _APART = 34, 0.17
"""Pixels of an arm, and how far its two marks stand from its middle, in arms."""
_LAST_WORD = 44
"""Pixels behind the slider's end, for half of the last domain's name."""
_NO_RATE = {"ratio": 0.0, "low": 0.0, "high": 0.0}

Marks = Callable[[Rows, Sequence[str]], list[go.Scatter]]


def plot_arms_by_domain(rows: Rows, shown: int = 0) -> go.Figure:
    """Rate of each arm over the best plain decoding of anybody; open marks are without texts that loop.

    Args:
        rows: of ``domain_table``, with pair: domain, texts, arm, library, method, ratio, low, high,
            tokens_per_second, num_prompts, refused. shown: which domain at first, by its number.
    """
    figure = _panels(rows, legend_height=64)
    families = {_family(row): None for row in rows}
    for label, color, symbol in map(_FAMILY.__getitem__, families):
        figure.add_trace(traces.legend_entry(label, marker={"color": color, "symbol": symbol, "size": 9}))
    hollow = {"color": GREY, "symbol": "circle-open", "size": 9}
    figure.add_trace(traces.legend_entry(sentences.WITHOUT_LOOPING_TEXTS, marker=hollow))
    highest = max((row["high"] for row in rows if row["high"] is not None), default=1.0)
    _over_one(figure, 1.3 * max(1.0, highest), sentences.OVER_THE_BEST_PLAIN)
    return _by_domain(figure, rows, _arm_marks, shown)


def plot_round_prices(rows: Rows, shown: int = 0) -> go.Figure:
    """What is left of a round's tokens once its forward, then its draft, is paid; and what the clock says.

    Args:
        rows: of ``rounds_table``, with pair: domain, arm, tokens_per_round, free, predicted, measured, low,
            high, v, drafted; of one choice of texts. shown: which domain at first, by its number.
    """
    figure = _panels(rows, legend_height=64)
    for label, color, symbol in _PRICE.values():
        figure.add_trace(traces.legend_entry(label, marker={"color": color, "symbol": symbol, "size": 9}))
    highest = max((max(row["tokens_per_round"], row["high"]) for row in rows), default=1.0)
    _over_one(figure, 1.08 * max(1.0, highest), sentences.OVER_OUR_PLAIN)
    return _by_domain(figure, rows, _price_marks, shown)


def plot_shares_of_lengths(rows: Rows) -> go.Figure:
    """How long drafts were: a share of the rounds in each cell, a panel a model and arm, a line a domain.

    Args:
        rows: of ``rounds_table``, with pair: domain, arm, lengths; of one choice of texts.
    """
    domains, most = traces.distinct(rows, "domain"), max((max(row["lengths"]) for row in rows), default=0)
    told = [{**row, "panel": f"{row['pair']}: {row['arm']}"} for row in rows]
    figure, parts = traces.panels_by(told, "panel", 34 * len(domains))
    for panel, own in parts:
        shares = [_shares(row["lengths"], most) for row in own]
        cells = traces.heatmap(
            shares,
            [[f"{share:.0%}" if share else "" for share in line] for line in shares],
            sentences.SHARE_OF_LENGTHS,
            span=(0.0, 1.0),
            x=["none", *map(str, range(1, most + 1))],
            y=traces.column(own, "domain"),
            colorscale=[[0.0, "#f3f3f3"], [1.0, "#5ba6e0"]],
        )
        figure.add_trace(cells, row=panel, col=1)
    figure.update_xaxes(type="category", showgrid=False, showline=False, ticks="", showticklabels=True)
    figure.update_xaxes(title_text="draft tokens of a round", row=len(parts))
    return figure.update_yaxes(autorange="reversed", showgrid=False, showline=False, ticks="")


def _panels(rows: Rows, legend_height: int) -> go.Figure:
    """A panel a model, a line an arm, from top to bottom."""
    pairs, arms = traces.distinct(rows, "pair"), traces.distinct(rows, "arm")
    figure = theme.panels(pairs, _LINE * len(arms), legend_height)
    places = {"tickvals": list(range(len(arms))), "ticktext": arms, "range": [len(arms) - 0.5, -0.5]}
    return figure.update_yaxes(**places, showgrid=False, zeroline=False, tickfont={"size": 11})


def _over_one(figure: go.Figure, end: float, title: str) -> None:
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_vline(x=1, line=line, exclude_empty_subplots=False)
    figure.update_xaxes(range=[0, end], ticksuffix="×", showticklabels=True)
    figure.update_xaxes(title_text=title, selector=-1)


def _by_domain(figure: go.Figure, rows: Rows, marks: Marks, shown: int) -> go.Figure:
    """The marks of each panel, those of one domain at a time."""
    pairs, arms, parts = traces.distinct(rows, "pair"), traces.distinct(rows, "arm"), []
    for domain, of_domain in traces.series(rows, "domain"):
        own = []
        for number, pair in enumerate(pairs, start=1):
            axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"} if number > 1 else {}
            of_pair = [row for row in of_domain if row["pair"] == pair]
            own += [trace.update(axes) for trace in marks(of_pair, arms)]
        parts.append((str(domain), own))
    moved = traces.sliding(figure, "domain:", parts, shown)
    return moved.update_layout(sliders=[{"pad": {"r": _LAST_WORD}}])


def _family(row: Mapping[str, Any]) -> tuple[str, bool]:
    return row["library"], row["method"] != "autoregressive"


def _arm_marks(rows: Rows, arms: Sequence[str]) -> list[go.Scatter]:
    """A trace a family and a choice of texts."""
    found = []
    for texts, chosen in traces.series(rows, "texts"):
        first = texts == rows[0]["texts"]
        for key, (_, color, symbol) in _FAMILY.items():
            own = [row for row in chosen if _family(row) == key and (first or row["ratio"] is not None)]
            look = {"color": color, "symbol": symbol if first else f"{symbol}-open", "size": 9}
            if own:
                found.append(_marks_of_a_family(own, arms, look, _APART if not first else -_APART))
    return found


def _marks_of_a_family(rows: Rows, arms: Sequence[str], look: Mapping[str, Any], apart: float) -> go.Scatter:
    """Its marks with their intervals; an arm without a rate says so at the left end."""
    whole = [row if row["ratio"] is not None else {**row, **_NO_RATE} for row in rows]
    return traces.scatter(
        traces.column(whole, "ratio"),
        [arms.index(row["arm"]) + apart for row in rows],
        sentences.ARM_OVER_THE_BEST_PLAIN,
        marker={**look, "opacity": [float(row["ratio"] is not None) for row in rows]},
        error_x=theme.error_bars(whole, "ratio", color=look["color"], thickness=1.6, width=4),
        text=["" if row["ratio"] is not None else f"  {_why_no_rate(row)}" for row in rows],
        textposition="middle right",
        textfont={"size": 11},
        customdata=[[row["arm"], row["texts"], _told(row)] for row in rows],
        showlegend=False,
    )


def _why_no_rate(row: Mapping[str, Any]) -> str:
    return "refused" if row["refused"] else "not compared"


def _told(row: Mapping[str, Any]) -> str:
    """An arm's numbers, for under the pointer."""
    if row["ratio"] is None:
        return _why_no_rate(row)
    interval = f" ({row['low']:.2f}–{row['high']:.2f})" if row["has_interval"] else ""
    rate = f"{row['tokens_per_second']:.1f} tokens/s, {row['num_prompts']} prompts"
    return f"{row['ratio']:.2f}×{interval}<br>{rate}"


def _price_marks(rows: Rows, arms: Sequence[str]) -> list[go.Scatter]:
    """A trace a step of the account, and what the clock says with its interval."""
    found = []
    for name, (label, color, symbol) in _PRICE.items():
        own = [row for row in rows if row[name] is not None]
        interval = theme.error_bars(own, name, color=color, thickness=1.6, width=4)
        trace = traces.scatter(
            traces.column(own, name),
            [arms.index(row["arm"]) for row in own],
            sentences.PRICE_OF_A_ROUND.format(label),
            marker={"color": color, "symbol": symbol, "size": 10},
            customdata=traces.columns(own, "arm", "v", "drafted"),
            showlegend=False,
            **({"error_x": interval} if name == "measured" else {}),
        )
        found.append(trace)
    return found


def _shares(lengths: Mapping[int, int], most: int) -> list[float]:
    """Of the rounds by their length, from none to the longest."""
    rounds = sum(lengths.values())
    return [lengths.get(k, 0) / rounds for k in range(most + 1)]
