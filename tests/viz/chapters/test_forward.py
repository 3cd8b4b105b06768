"""The figures of a single forward show the rows they were given, on axes that start where they should."""

from __future__ import annotations

import pytest

from specdec_lib.viz.chapters.forward import (
    plot_attention_cells,
    plot_forward_time,
    plot_roofline,
    plot_step_time,
    plot_width_cost,
)


def by_name(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_forward_time_is_the_slower_of_its_two_bounds():
    rows = [{"tokens": n, "memory_time": 0.010, "compute_time": 0.001 * n} for n in (1, 10, 100)]
    figure = plot_forward_time(rows, {10: "the ridge"})
    assert list(by_name(figure)["the slower of both"].y) == [10.0, 10.0, 100.0]
    mark = figure.data[-1]
    assert (list(mark.x), list(mark.y), list(mark.text)) == ([10], [10.0], ["the ridge"])


def test_a_mark_off_the_rows_is_an_error():
    with pytest.raises(KeyError):
        plot_forward_time([{"tokens": 1, "memory_time": 1.0, "compute_time": 1.0}], {7: "nowhere"})


def test_the_roof_bends_at_the_ridge_and_workloads_lie_on_it():
    points = [{"name": "slow", "intensity": 1.0}, {"name": "fast", "intensity": 1000.0}]
    traces = by_name(plot_roofline(points, peak_flops=300e12, bandwidth=900e9))
    assert traces["the roof"].x[1] == pytest.approx(1000 / 3)
    assert traces["slow"].y[0] == pytest.approx(0.9)
    assert traces["fast"].y[0] == pytest.approx(300)


def test_labels_on_the_roof_have_room_on_a_phone():
    """Right of the slope, and left above the flat part: the right edge and the roof itself are close."""
    points = [{"name": "slow", "intensity": 1.0}, {"name": "fast", "intensity": 1000.0}]
    traces = by_name(plot_roofline(points, peak_flops=300e12, bandwidth=900e9))
    assert (traces["slow"].textposition, traces["fast"].textposition) == ("middle right", "top left")
    assert traces["fast"].cliponaxis is False


def test_width_cost_is_compared_with_that_many_single_forwards():
    rows = [{"width": w, "seconds": 0.004 + 0.001 * w, "low": 0.004, "high": 0.009 * w} for w in (1, 4)]
    traces = by_name(plot_width_cost(rows))
    assert list(traces["one forward"].y) == [5.0, 8.0]
    assert list(traces["as many forwards of width 1"].y) == [5.0, 20.0]
    assert list(traces["one forward"].error_y.array) == [4.0, 28.0]


def test_step_time_draws_a_line_a_method_with_a_marker_of_its_own():
    rows = [
        {"method": m, "length": n, "seconds": 0.001 * n, "low": 0.0, "high": 1.0}
        for m in ("without", "with")
        for n in (1, 2)
    ]
    traces = by_name(plot_step_time(rows))
    assert list(traces["with"].x) == [1, 2]
    assert traces["with"].marker.symbol != traces["without"].marker.symbol


def test_attention_cells_tell_the_future_from_the_cached_and_the_new():
    cells = plot_attention_cells(length=3, num_cached=2).data[0]
    assert [list(line) for line in cells.z] == [[1, 0, 0], [1, 1, 0], [2, 2, 2]]
    assert cells.text[0][2] == ""
    assert cells.text[2][2] != cells.text[1][1]
