"""Figures of the law: every row is drawn, series differ without colour, marks stand where they should."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import pytest

from specdec_lib.viz.chapters.speedup_law import (
    plot_acceptance_over_temperature,
    plot_batch_speedup,
    plot_round_lengths,
)


def rows(names, *lines):
    return [dict(zip(names, line, strict=True)) for line in lines]


LENGTHS = rows(("tokens", "probability", "frequency"), (1, 0.2, 0.21), (2, 0.8, 0.79))
BETAS = rows(("pair", "temperature", "beta"), ("a", 0.1, 1.0), ("a", 1.0, 0.6), ("b", 0.1, 0.0))
BATCHES = rows(("k", "batch", "speedup"), (1, 1, 1.7), (1, 64, 1.7), (4, 1, 2.8), (4, 64, 1.9))


@pytest.mark.parametrize(
    "figure",
    [
        plot_round_lengths(LENGTHS, 1.8),
        plot_acceptance_over_temperature(BETAS),
        plot_batch_speedup(BATCHES, 200),
    ],
)
def test_each_is_complete_and_as_wide_as_its_page(figure):
    assert isinstance(figure, go.Figure) and figure.layout.width is None
    assert all(trace.hovertemplate.endswith("<extra></extra>") and trace.name for trace in figure.data)
    assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_the_law_and_the_draws_stand_side_by_side():
    law, drawn = plot_round_lengths(LENGTHS, 1.8).data
    assert (law.x, law.y, drawn.y) == ((1, 2), (0.2, 0.8), (0.21, 0.79))
    assert law.marker.pattern.shape != drawn.marker.pattern.shape
    (mark,) = plot_round_lengths(LENGTHS, 1.8).layout.annotations
    assert (mark.text, mark.x) == ("mean 1.80", 1.8)


def test_a_line_a_pair_on_a_logarithmic_axis():
    figure = plot_acceptance_over_temperature(BETAS)
    assert [(line.name, line.x, line.y) for line in figure.data] == [
        ("a", (0.1, 1.0), (1.0, 0.6)),
        ("b", (0.1,), (0.0,)),
    ]
    assert figure.layout.xaxis.type == "log"
    assert len({line.line.dash for line in figure.data}) == 2


def test_a_line_a_k_and_the_two_borders():
    figure = plot_batch_speedup(BATCHES, 200)
    assert [(line.name, line.y) for line in figure.data] == [("K = 1", (1.7, 1.7)), ("K = 4", (2.8, 1.9))]
    assert len({(line.line.dash, line.marker.symbol) for line in figure.data}) == 2
    (name,) = figure.layout.annotations  # plotly places annotations by the logarithm, lines by the value
    assert name.x == pytest.approx(math.log10(200))
    heights = {(shape.y0, shape.y1) for shape in figure.layout.shapes}
    assert (1, 1) in heights and 200 in {shape.x0 for shape in figure.layout.shapes}
