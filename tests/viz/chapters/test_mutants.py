"""The figures of trials show every look and every hunt, and tell decoders and trials apart without colour."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import pytest

from specdec_lib.viz.chapters.mutants import plot_falling_p_values, plot_replays, plot_smallest_n

NAMES = {"late": False, "soon": False, "innocent": True, "odd": True}
FALLS = [
    {"name": name, "is_control": control, "num_samples": n, "p_value": 0.5 if control else 10.0 ** (-n / 5)}
    for name, control in NAMES.items()
    for n in (50, 100)
]
HUNTS = [
    {"name": "slow", "trial": "joint law", "seed": seed, "killed_at": n}
    for seed, n in enumerate((800, 800, 1600, None))
] + [
    {"name": "quick", "trial": "joint law", "seed": 0, "killed_at": 50},
    {"name": "listed", "trial": "exact law", "seed": 0, "killed_at": 0},
]

REPLAYS = [
    {"name": name, "num_replays": n, "least": least if n > 1 else 0.0, "largest": least + 1.0 / 4**n}
    for name, least in (("right", 0.0), ("wrong", 1e-3))
    for n in (1, 2, 20)
]
SAMPLED = [{"num_samples": n, "deviation": n**-0.5} for n in (10, 1_000)]


@pytest.mark.parametrize(
    "figure", [plot_falling_p_values(FALLS), plot_smallest_n(HUNTS), plot_replays(REPLAYS, SAMPLED)]
)
def test_a_figure_is_complete_and_has_no_width(figure: go.Figure):
    assert figure.data and figure.layout.width is None
    assert go.Figure(figure.to_dict()) == figure
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in figure.data)


def test_p_values_too_small_for_the_picture_stand_on_its_floor_with_an_arrow_head():
    late = plot_falling_p_values(FALLS, least=1e-15).data[0]
    assert list(late.x) == [50, 100]
    assert list(late.y) == [1e-10, 1e-15]
    assert list(late.marker.symbol) == ["circle", "triangle-down"]
    assert list(late.customdata) == ["1.0e-10", "1.0e-20"]


def test_decoders_differ_in_more_than_colour_and_controls_say_so():
    traces = plot_falling_p_values(FALLS).data
    assert [trace.name.endswith("(control)") for trace in traces] == list(NAMES.values())
    assert len({(trace.marker.symbol[0], trace.line.dash) for trace in traces}) == len(NAMES)
    assert {trace.marker.symbol[0].endswith("-open") for trace in traces[2:]} == {True}


def test_the_level_is_written_where_it_is_drawn():
    layout = plot_falling_p_values(FALLS, level=1e-4).layout
    assert layout.shapes[0].y0 == 1e-4
    assert math.isclose(layout.annotations[0].y, -4)  # a position on a logarithmic axis


def test_seeds_at_one_number_share_a_larger_dot_and_survivors_have_none():
    joint, exact = plot_smallest_n(HUNTS).data
    dots = {(name, n): size for name, n, size in zip(joint.y, joint.x, joint.marker.size, strict=True)}
    assert set(dots) == {("slow", 800), ("slow", 1600), ("quick", 50)}
    assert dots["quick", 50] > dots["slow", 800] > dots["slow", 1600]
    assert joint.customdata[0] == [2, 4, 800]
    assert joint.marker.symbol != exact.marker.symbol
    assert 0 < exact.x[0] < 1 and exact.customdata[0] == [1, 1, 0]


def test_mutants_are_grouped_by_trial_and_ordered_by_their_number():
    assert plot_smallest_n(HUNTS).layout.yaxis.categoryarray[::-1] == ("quick", "slow", "listed")


def test_replays_close_in_on_a_distance_beside_what_sampling_sees():
    right, proved, wrong, found, sampled = plot_replays(REPLAYS, SAMPLED, least=1e-6).data
    assert list(right.y) == [0.25, 0.0625, 1e-6] and list(proved.y) == [1e-6] * 3
    assert list(right.marker.symbol) == ["circle", "circle", "triangle-down"]
    assert list(proved.marker.symbol) == ["triangle-down-open"] * 3
    assert list(found.y) == [1e-6, 1e-3, 1e-3] and wrong.y[-1] == 1e-3
    assert right.line.dash != proved.line.dash and right.marker.symbol[0] != wrong.marker.symbol[0]
    assert list(sampled.x) == [10, 1_000] and sampled.y[1] == 0.0316
    assert list(right.customdata[1:]) == ["6.2e-02", "below 1e-06"]
