"""The figures of the proof show the numbers that they are given, and each series by more than its colour."""

from __future__ import annotations

from specdec_lib.viz.chapters.proof import (
    coupling_rows,
    plot_coupling,
    plot_ladder,
    plot_p_values,
    plot_power,
    plot_uniformity,
)

SERIES = ("right", "wrong")


def test_a_coupling_shows_its_margins_and_tells_what_stays_from_what_is_traded():
    law = {("x", "x"): 0.25, ("x", "<y>"): 0.5, ("<y>", "x"): 0.0, ("<y>", "<y>"): 0.25}
    rows = [{"drafted": x, "emitted": y, "probability": share} for (x, y), share in law.items()]
    assert coupling_rows(["x", "<y>"], [[0.25, 0.5], [0.0, 0.25]]) == rows
    figure = plot_coupling(rows)
    table = figure.data[0]
    assert [list(line) for line in table.text] == [["<b>0.250</b>", "0.500"], ["", "<b>0.250</b>"]]
    assert [list(line) for line in table.z] == [[0, 1], [None, 0]]
    assert list(table.y) == ["x, q = 0.75", "&lt;y&gt;, q = 0.25"]
    assert list(table.x) == ["x<br>p = 0.25", "&lt;y&gt;<br>p = 0.75"]
    assert [trace.name.split(":")[0] for trace in figure.data[1:]] == ["bold", "plain"]


def test_p_values_draw_a_line_a_series_and_the_diagonal():
    rows = [{"series": name, "p": p, "share": p / 2} for name in SERIES for p in (0.0, 0.5)]
    right, wrong, diagonal = plot_p_values(rows).data
    assert (right.name, wrong.name) == SERIES
    assert (list(right.x), list(right.y)) == ([0.0, 0.5], [0.0, 0.25])
    assert right.line.dash != wrong.line.dash
    assert list(diagonal.x) == list(diagonal.y)


def test_power_draws_a_curve_for_each_number_of_outcomes_and_the_points_that_were_tried():
    curves = [
        {"num_cells": cells, "deviation": d, "num_samples": cells / d}
        for cells in (27, 4096)
        for d in (0.1, 0.2)
    ]
    few, many, tried = plot_power(curves, [{"name": "1 in 4", "deviation": 0.1, "num_samples": 70}]).data
    assert (few.name, many.name) == ("27 outcomes", "4 096 outcomes")
    assert list(few.y) == [270, 135]
    assert (list(tried.x), list(tried.y), list(tried.text)) == ([0.1], [70], ["1 in 4"])


def test_uniformity_draws_the_band_around_the_gaps():
    rows = [{"series": name, "u": u, "gap": u - 0.5} for name in SERIES for u in (0.0, 1.0)]
    upper, lower, right, wrong = plot_uniformity(rows, 0.1).data
    assert (list(upper.y), list(lower.y)) == ([0.1, 0.1], [-0.1, -0.1])
    assert (upper.showlegend, lower.showlegend) == (True, False)
    assert list(right.y) == [-0.5, 0.5]
    assert right.line.dash != wrong.line.dash


def test_a_ladder_marks_what_is_rejected_and_tells_it_from_what_was_not_asked():
    verdicts = {("a_b", "x"): True, ("a_b", "y"): False, ("<c>", "x"): None, ("<c>", "y"): True}
    rows = [{"name": name, "tier": tier, "passed": passed} for (name, tier), passed in verdicts.items()]
    table = plot_ladder(rows).data[0]
    assert (list(table.x), list(table.y)) == (["x", "y"], ["a b", "&lt;c&gt;"])
    assert [list(line) for line in table.z] == [[0, 1], [None, 0]]
    assert [["✕" in mark for mark in line] for line in table.text] == [[False, True], [False, False]]
    assert [list(line) for line in table.customdata] == [["passes", "rejected"], ["not asked", "passes"]]
