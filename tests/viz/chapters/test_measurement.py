"""Figures about measuring show the numbers that they are given, and no series by its colour alone."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from specdec_lib.viz.chapters.measurement import plot_gains, plot_held, plot_queue, plot_schedules

RUNS = [
    {"schedule": way, "decoder": name, "at": float(at), "ms": 10.0 * (1 + at)}
    for way in ("in blocks", "in turns")
    for at, name in enumerate(("plain", "speculative"))
]
WORK = [
    {"way": way, "lane": lane, "start": start, "ms": 2.0}
    for way in ("at the end", "every time")
    for lane, start in (("Python", 0.0), ("device", 1.0), ("waiting", 2.0))
]
GAINS = [
    {"way": "honest", "speedup": 2.0},
    {"way": "more", "speedup": 3.0},
    {"way": "less", "speedup": 1.0},
]
HELD = [
    {"series": name, "seconds": s, "low_mb": 2 * s, "high_mb": 4 * s} for name in "ab" for s in (0.0, 0.5)
]

FIGURES = {
    "schedules": lambda: plot_schedules(RUNS),
    "queue": lambda: plot_queue(WORK),
    "gains": lambda: plot_gains(GAINS),
    "held": lambda: plot_held(HELD, [{"name": "caches", "mb": 1.5}]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_returned_not_shown_and_is_complete(name, monkeypatch):
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    figure = FIGURES[name]()
    assert figure.data and figure.layout.width is None
    assert figure.to_json() == FIGURES[name]().to_json() and go.Figure(figure.to_dict()) == figure
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in figure.data)


def test_a_schedule_is_a_panel_and_a_decoder_a_symbol():
    figure = plot_schedules(RUNS)
    assert [note.text for note in figure.layout.annotations] == ["in blocks", "in turns"]
    assert [(trace.name, list(trace.x), list(trace.y)) for trace in figure.data[:2]] == [
        ("plain", [0.0], [10.0]),
        ("speculative", [1.0], [20.0]),
    ]
    assert len({trace.marker.symbol for trace in figure.data}) == 2
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]


def test_waiting_is_drawn_where_python_works_and_hatched():
    figure = plot_queue(WORK)
    first = {trace.name: trace for trace in figure.data[:3]}
    assert list(first["waiting"].y) == list(first["Python"].y) == ["Python"]
    assert list(first["device"].y) == ["device"] and list(first["device"].base) == [1.0]
    assert len({trace.marker.pattern.shape for trace in first.values()}) == 3


def test_gains_are_told_against_the_honest_one():
    (points,) = plot_gains(GAINS).data
    assert list(points.text) == ["2.00×", "+50%", "-50%"]
    assert (list(points.x), list(points.y)) == ([2.0, 3.0, 1.0], ["honest", "more", "less"])
    assert len(set(points.marker.symbol)) == 3
    assert plot_gains(GAINS).layout.shapes[0].x0 == 2.0


def test_memory_is_a_band_beside_its_levels():
    low, high, _, other, level = plot_held(HELD, [{"name": "caches", "mb": 1.5}]).data
    assert (list(low.y), list(high.y)) == ([0.0, 1.0], [0.0, 2.0])
    assert high.fill == "tonexty" and [low.showlegend, high.showlegend] == [False, True]
    assert high.line.dash != other.line.dash
    assert (level.name, list(level.x), list(level.y)) == ("caches", [0, 0.5], [1.5, 1.5])
    assert not plot_held([]).data


def test_long_names_are_broken_so_that_a_phone_has_room():
    rows = [GAINS[0], {"way": "the baseline's text encoded again", "speedup": 3.0}]
    assert plot_gains(rows).data[0].y[1] == "the baseline's text<br>encoded again"
