"""Figures of growth and the timeline show their numbers, name their lines, and need no colour."""

from __future__ import annotations

import itertools
import math

import plotly.graph_objects as go
import pytest

from specdec_lib.bench.tables.scaling import scaling_table
from specdec_lib.decoding.trace import Round
from specdec_lib.viz.records.scaling import plot_scaling, plot_timeline
from specdec_lib.viz.theme import spread
from tests.bench.growth import session

ROWS = scaling_table(session())
ROUNDS = [
    Round([1, 2, 3], "corrected", [1, 2, 9, 9], 2, 0.050, {"draft": 20, "verify": 25, "sampling": 1}),
    Round([4], "corrected", [7, 7, 7, 7], 0, 0.040, {"draft": 16, "verify": 20, "rollback": 2}),
]


@pytest.mark.parametrize(
    "make",
    [*(lambda v=v: plot_scaling(ROWS, v) for v in ("context", "k", "depth")), lambda: plot_timeline(ROUNDS)],
)
def test_a_figure_is_returned_not_shown_and_is_complete(make, monkeypatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    figure = make()
    assert figure.data and figure.layout.width is None
    assert figure.to_json() == make().to_json() and go.Figure(figure.to_dict()) == figure
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in figure.data)


@pytest.mark.parametrize("vary", ["context", "k", "depth"])
def test_every_arm_is_a_line_with_its_name_at_its_end(vary) -> None:
    figure = plot_scaling(ROWS, vary)
    own = [row for row in ROWS if row["vary"] == vary]
    assert {trace.name for trace in figure.data} == {row["arm"] for row in own}
    for trace in figure.data:
        wanted = [(r["value"], r["median"]) for r in own if r["arm"] == trace.name]
        assert list(zip(trace.x, trace.y, strict=True)) == sorted(wanted)
    labels = {label.text.replace("<br>", " "): label for label in figure.layout.annotations}
    assert set(labels) == {trace.name for trace in figure.data} and not figure.layout.showlegend
    end = max(row["value"] for row in own)
    assert {label.x for label in labels.values()} == {math.log10(end) if vary == "context" else end}
    for trace in figure.data:
        assert labels[trace.name].font.color == trace.line.color
    low, high = figure.layout.yaxis.range
    heights = sorted(label.y for label in labels.values())
    assert all(b - a >= 0.08 * (high - low) for a, b in itertools.pairwise(heights))


def test_both_axes_are_logarithmic_for_the_context_alone() -> None:
    figures = {vary: plot_scaling(ROWS, vary).layout for vary in ("context", "k", "depth")}
    assert [(f.xaxis.type, f.yaxis.type) for f in figures.values()] == [("log",) * 2, *[("linear",) * 2] * 2]
    assert figures["k"].yaxis.range[0] == figures["depth"].yaxis.range[0] == 0.0


def test_colour_is_never_the_only_signal() -> None:
    for vary in ("context", "k", "depth"):
        looks = [(t.line.color, t.line.dash, t.marker.symbol) for t in plot_scaling(ROWS, vary).data]
        assert all(len(set(column)) == len(looks) for column in zip(*looks, strict=True))
    bars = plot_timeline(ROUNDS).data
    assert len({bar.marker.color for bar in bars}) == len({bar.marker.pattern.shape for bar in bars}) == 5


def test_ticks_leave_each_other_room_on_a_phone() -> None:
    """At 390 pixels some 230 are left for the axis, and two ticks of four digits are 30 apart or more."""
    for vary, place in (("context", math.log2), ("k", float), ("depth", float)):
        axis = plot_scaling(ROWS, vary).layout.xaxis
        ticks = [place(value) for value in axis.tickvals]
        span = (axis.range[1] - axis.range[0]) * (1 / math.log10(2) if vary == "context" else 1)
        assert all(b - a >= 0.08 * span for a, b in itertools.pairwise(ticks))


def test_names_at_the_ends_have_room() -> None:
    for vary in ("context", "k", "depth"):
        figure = plot_scaling(ROWS, vary)
        longest = max(len(line) for label in figure.layout.annotations for line in label.text.split("<br>"))
        assert 6.6 * longest + 9 <= figure.layout.margin.r < 0.3 * 390


def test_no_rows_are_an_empty_figure() -> None:
    assert plot_scaling([], "k").data == ()


def test_crowded_labels_are_moved_apart_around_their_middle() -> None:
    assert spread([3.0, 0.0, 3.0], 1.0) == [2.5, 0.0, 3.5]
    assert spread([1.0, 2.0], 0.5) == [1.0, 2.0] and spread([], 1.0) == []


def test_the_bars_of_the_timeline_lie_end_to_end_and_add_up() -> None:
    figure = plot_timeline(ROUNDS)
    bars = [bar for t in figure.data for bar in zip(t.base, t.x, strict=True)]
    assert sum(length for _, length in bars) == pytest.approx(90.0)
    ends = sorted((start, start + length) for start, length in bars if length)
    assert ends[0][0] == 0.0 and ends[-1][1] == pytest.approx(90.0)
    assert all(b[0] == pytest.approx(a[1]) for a, b in itertools.pairwise(ends))
    lanes = {trace.name: trace for trace in figure.data}
    assert list(lanes["verify"].base) == [20.0, 66.0] and list(lanes["other"].x) == [4.0, 2.0]
    assert [lanes[n].y[0] for n in ("draft", "sample", "other")] == [
        "draft<br>40%",
        "sample<br>1%",
        "other<br>7%",
    ]
    short = [Round([1], "corrected", [1], 0, 1.0, {"draft": 999.0, "sampling": 1.0})]
    assert [trace.y[0] for trace in plot_timeline(short).data[1:3]] == ["verify<br>0%", "sample<br>< 1%"]


def test_the_timeline_says_where_rounds_end_and_what_they_gave() -> None:
    figure = plot_timeline(ROUNDS)
    assert [label.text for label in figure.layout.annotations] == ["round 1<br>3 tok", "round 2<br>1 tok"]
    assert [shape.x0 for shape in figure.layout.shapes] == [50.0, 90.0]
    assert list(figure.layout.yaxis.categoryarray)[-1].startswith("draft")  # from top to bottom


def test_only_rounds_with_room_have_words() -> None:

    every, some = (plot_timeline(ROUNDS, room).layout.annotations for room in (0.0, 2.0))
    assert len(every) == len(ROUNDS) > len(some) == 1 and some[0].text == every[0].text
    fitting = plot_timeline(ROUNDS, 0.2).layout.annotations
    apart = 0.2 * sum(1e3 * one.seconds for one in ROUNDS)
    places = [one.x for one in fitting]
    assert all(b - a >= apart for a, b in itertools.pairwise(places))
