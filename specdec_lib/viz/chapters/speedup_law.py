"""Figures of the speedup law: a round's length, acceptance over temperature, speedup over the batch.

Rows are plain dicts of numbers that somebody computed with :mod:`specdec_lib.theory`. Series differ by
marker and dash as well as by colour. Nothing here computes the law; the playground does, in a browser.
"""

from __future__ import annotations

import math

import plotly.graph_objects as go

from specdec_lib.viz import sentences
from specdec_lib.viz.theme import BLUE, GREY, VERMILLION, Rows, hatched, new_figure
from specdec_lib.viz.traces import bars, column, curve, series, xy


def plot_round_lengths(rows: Rows, mean: float) -> go.Figure:
    """The law of a round's length beside what was drawn, and its mean.

    Args:
        rows: tokens (1 to K + 1), probability, frequency.
        mean: E[N], marked by a line.
    """
    tokens = column(rows, "tokens")
    kinds = {"probability": ("by the law", BLUE, ""), "frequency": ("drawn", VERMILLION, "/")}
    figure = new_figure(300, barmode="group", bargap=0.3)
    for kind, (name, color, pattern) in kinds.items():
        hover, fill = sentences.SHARE_OF_ROUNDS.format(name), hatched(color, pattern)
        figure.add_trace(bars(tokens, column(rows, kind), hover, name=name, marker=fill))
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_vline(x=mean, line=line, annotation={"text": f"mean {mean:.2f}", "yanchor": "top"})
    figure.update_xaxes(title_text="tokens that a round emits", dtick=1, showgrid=False)
    return figure.update_yaxes(title_text="share of the rounds", tickformat=".0%", rangemode="tozero")


def plot_acceptance_over_temperature(rows: Rows) -> go.Figure:
    """beta over the temperature of both models, a line a pair of distributions.

    Args:
        rows: pair (its name), temperature (ascending within a pair, > 0), beta.
    """
    figure = new_figure(330)
    for index, (pair, chosen) in enumerate(series(rows, "pair")):
        hover = sentences.OVERLAP_AT_A_TEMPERATURE.format(pair)
        figure.add_trace(curve(*xy(chosen, "temperature", "beta"), hover, index, 2.5, 7, name=pair))
    figure.update_traces(mode="lines")
    figure.update_xaxes(type="log", title_text="temperature of both models", dtick=1)
    return figure.update_yaxes(title_text="β, chance that a draft token stays", range=[0, 1.03])


def plot_batch_speedup(rows: Rows, critical: float) -> go.Figure:
    """S over the number of texts decoded together, a line a K, against plain decoding of the same batch.

    Args:
        rows: k, batch (ascending within a k), speedup.
        critical: the batch that alone fills the arithmetic, marked by a line.
    """
    figure = new_figure(350)
    for index, (k, chosen) in enumerate(series(rows, "k")):
        name, hover = f"K = {k}", sentences.SPEEDUP_OF_A_BATCH.format(k)
        figure.add_trace(curve(*xy(chosen, "batch", "speedup"), hover, index, 2.5, 7, name=name))
    line = {"color": GREY, "dash": "dash", "width": 1.5}
    figure.add_hline(y=1, line=line)
    figure.add_vline(x=critical, line=line | {"dash": "dot"})
    place = {"x": math.log10(critical), "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "top"}
    figure.add_annotation(**place, text=f" B* = {critical:g}", showarrow=False)
    figure.update_xaxes(type="log", title_text="texts decoded together, B", tickvals=[1, 4, 16, 64, 256])
    return figure.update_yaxes(title_text="speedup", ticksuffix="×", rangemode="tozero")
