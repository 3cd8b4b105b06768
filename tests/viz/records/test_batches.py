"""The figures of batches show what was timed beside the roofline, and one acceptance at a time."""

from __future__ import annotations

from specdec_lib.viz.records.batches import plot_paying_batches, plot_verify_cost

COSTS = [
    {"k": k, "batch": batch, "v": 1.0 + 0.1 * k * batch, "roofline": float(batch)}
    for k in (2, 4)
    for batch in (1, 2, 8)
]
SPEEDUPS = [
    {"alpha": alpha, "k": k, "batch": batch, "speedup": alpha * k / batch}
    for alpha in (0.5, 0.8)
    for k in (2, 4)
    for batch in (1, 2, 8)
]


def test_each_k_has_a_measured_line_and_a_dashed_one():
    figure = plot_verify_cost(COSTS)
    assert [trace.name for trace in figure.data] == [
        "K = 2, timed", "K = 2, roofline", "K = 4, timed", "K = 4, roofline",
    ]  # fmt: skip
    timed, line = figure.data[:2]
    assert list(timed.x) == [1, 2, 8] and list(timed.y) == [1.2, 1.4, 2.6]
    assert list(line.y) == [1.0, 2.0, 8.0] and line.line.dash == "dash" and line.mode == "lines"
    assert timed.line.color == line.line.color
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 8]


def test_the_slider_shows_the_lines_of_one_acceptance():
    figure = plot_paying_batches(SPEEDUPS, (0.5, 0.8), first=1)
    assert [trace.visible for trace in figure.data] == [False, False, True, True]
    (slider,) = figure.layout.sliders
    assert slider.active == 1 and [step.label for step in slider.steps] == ["0.5", "0.8"]
    assert list(slider.steps[0].args[1]) == [True, True, False, False]
    assert list(figure.data[3].y) == [3.2, 1.6, 0.4]
