"""The figures of rounding show the numbers that they are given; what a logarithm cannot show is left out."""

from __future__ import annotations

import math

import pytest

from specdec_lib.viz.chapters.precision import plot_gap_and_noise, plot_rounding_bound


def test_gaps_are_points_and_noises_are_lines_below_them():
    gaps = [
        {"place": 1, "token": "<x>", "gap": 2.5},
        {"place": 2, "token": " y", "gap": 0.0},
        {"place": 3, "token": " z", "gap": 0.123456},
    ]
    noises = [
        {"series": name, "place": place, "noise": noise}
        for name, noises in (("coarse", (0.1, 0.0, 0.1)), ("fine", (1e-5, 2e-5, 1e-5)))
        for place, noise in enumerate(noises, 1)
    ]
    points, coarse, fine = plot_gap_and_noise(gaps, noises).data
    assert (list(points.x), list(points.y)) == ([1, 3], [2.5, 0.1235])
    assert list(points.customdata) == ["&lt;x&gt;", "␣z"]
    assert (points.mode, coarse.mode) == ("markers", "lines+markers")
    assert (coarse.name, list(coarse.y), list(fine.x)) == ("coarse", [0.1, None, 0.1], [1, 2, 3])
    assert coarse.connectgaps is False and coarse.marker.symbol != fine.marker.symbol
    assert coarse.line.dash != fine.line.dash and coarse.line.color != fine.line.color


def test_distances_lie_under_the_bound_that_is_drawn_over_their_range():
    rows = [
        {"series": "types", "range": 0.5, "distance": 0.01},
        {"series": "types", "range": 0.25, "distance": 0.0},
        {"series": "widths", "range": 0.05, "distance": 0.002},
    ]
    types, widths, bound = plot_rounding_bound(rows).data
    assert (list(types.x), list(types.y)) == ([0.5], [0.01])
    assert types.marker.symbol != widths.marker.symbol
    assert (bound.x[0], bound.x[-1]) == (0.05, 0.5)
    assert bound.y[-1] == pytest.approx(math.tanh(0.125), rel=1e-3)
    assert plot_rounding_bound(rows).layout.xaxis.type == "log"
