"""The figures of block verification add up, keep the verifiers apart, and show their intervals."""

from __future__ import annotations

import pytest

from specdec_lib.viz.chapters.block import (
    plot_accepted_per_round,
    plot_gain,
    plot_kept_drafts,
    plot_rules_by_distance,
    plot_rules_by_length,
)

DRAFTS = [
    {"draft": "tick tock", "proposed": 0.25, "token": 0.125, "block": 0.25, "target": 0.3},
    {"draft": "tock tock", "proposed": 0.5, "token": 0.25, "block": 0.25, "target": 0.2},
]


def rounds(domain: str, k: int, token: float, block: float) -> dict[str, float | str]:
    row = {"domain": domain, "k": k, "token_counted": token, "block_counted": block + 1}
    for name, value in (("token", token), ("block", block)):
        row |= {name: value, f"{name}_low": value - 0.25, f"{name}_high": value + 0.5}
    return row


ROUNDS = [rounds(domain, k, 1.0 * k, 1.5 * k) for domain in ("code", "conversation") for k in (2, 4)]
GAINS = [
    {"temperature": t, "domain": "code", "k": k, "gain": k / 100, "gain_low": 0.0, "gain_high": 0.5}
    for t in (0.8, 1.0)
    for k in (2, 4)
]


def test_the_parts_of_a_draft_add_up_to_how_often_it_is_proposed():
    both, more, cut, target = plot_kept_drafts(DRAFTS).data
    assert [sum(parts) for parts in zip(both.y, more.y, cut.y, strict=True)] == [0.25, 0.5]
    assert list(more.y) == [0.125, 0.0]
    assert list(target.y) == [0.3, 0.2]
    assert len({part.marker.pattern.shape for part in (both, more, cut)}) == 3


def test_accepted_draws_a_panel_a_domain_with_intervals_and_counts():
    figure = plot_accepted_per_round(ROUNDS)
    assert [note.text for note in figure.layout.annotations] == ["code", "conversation"]
    token, token_counted, block, block_counted = figure.data[:4]
    assert (list(token.y), list(block.y)) == ([2.0, 4.0], [3.0, 6.0])
    assert (list(token.error_y.array), list(token.error_y.arrayminus)) == ([0.5, 0.5], [0.25, 0.25])
    assert list(block_counted.y) == [4.0, 7.0]
    assert token.marker.pattern.shape != block.marker.pattern.shape
    assert token_counted.marker.symbol != block_counted.marker.symbol
    assert [trace.showlegend for trace in figure.data] == [True] * 4 + [False] * 4
    assert figure.layout.yaxis.range[1] >= 7.0


@pytest.mark.parametrize(("published", "bands"), [(None, 0), ((0.05, 0.08), 2)])
def test_gain_draws_a_panel_a_temperature_and_the_published_band(published, bands):
    figure = plot_gain(GAINS, published)
    assert [note.text for note in figure.layout.annotations] == ["temperature 0.8", "temperature 1"]
    assert [list(trace.y) for trace in figure.data] == [[0.02, 0.04]] * 2
    assert len(figure.layout.shapes) == bands
    assert list(figure.layout.xaxis.ticktext) == ["K = 2", "K = 4"]


def test_rules_stand_over_or_below_the_optimum_and_those_that_are_not_exact_are_named():
    shared = {"optimum": 1.5, "per_forward": 2.0}
    rows = [
        {"rule": rule, "k": k, "accepted": accepted, "error": error} | shared
        for rule, accepted, error in (("token", 1.25, 0.0), ("block", 1.5, 1e-16), ("other", 1.75, 0.125))
        for k in (1, 2)
    ]
    figure = plot_rules_by_length(rows)
    assert [list(curve.y) for curve in figure.data] == [[-0.25, -0.25], [0.0, 0.0], [0.25, 0.25]]
    assert [curve.name for curve in figure.data] == ["token", "block", "other, not exact"]
    assert list(figure.data[2].customdata[0]) == [1.75, 1.5, 2.0, 0.125]
    assert len({curve.marker.symbol for curve in figure.data}) == 3


def test_rules_by_distance_are_a_curve_each():
    rows = [
        {"rule": rule, "distance": distance, "accepted": accepted * (1 - distance)}
        for rule, accepted in (("optimum", 2.0), ("block", 1.5))
        for distance in (0.0, 0.5)
    ]
    optimum, block = plot_rules_by_distance(rows).data
    assert (optimum.name, list(optimum.x), list(optimum.y)) == ("optimum", [0.0, 0.5], [2.0, 1.0])
    assert list(block.y) == [1.5, 0.75]
