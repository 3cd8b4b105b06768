"""The figures of other drafts place what they are given, and tell kinds apart without colour."""

from __future__ import annotations

import pytest

from specdec_lib.viz.chapters.drafts import (
    plot_break_even,
    plot_draft_map,
    plot_over_k,
    plot_round_costs,
    plot_runs,
)

METHODS = [
    {"method": "lookup", "kind": "no training", "tokens": 1.5, "cost": 1.0, "speedup": 1.5},
    {"method": "heads", "kind": "trained", "tokens": 4.0, "cost": 2.0, "speedup": 2.0},
    {"method": "tree", "kind": "trained", "tokens": 3.0, "cost": 1.5, "speedup": 2.0, "side": "top center"},
]


def test_methods_stand_at_their_cost_and_tokens_and_lines_have_the_slope_of_their_speedup():
    figure = plot_round_costs(METHODS, speedups=(1.0, 2.0))
    *rays, untrained, trained = figure.data
    for ray, value in zip(rays, (1.0, 2.0), strict=True):
        assert [y / x for x, y in zip(ray.x, ray.y, strict=True)] == pytest.approx([value, value])
        assert ray.text[1] == f"{value:g}×"
    assert (list(trained.x), list(trained.y), list(trained.text)) == (
        [2.0, 1.5],
        [4.0, 3.0],
        ["heads", "tree"],
    )
    assert list(trained.textposition) == ["middle left", "top center"]
    assert untrained.marker.symbol != trained.marker.symbol
    assert figure.layout.xaxis.range[1] > 2.0 and figure.layout.yaxis.range[1] > 4.0


def test_every_line_over_k_has_one_star_on_its_largest_value():
    rows = [{"draft": d, "k": k, "speedup": s} for d, s_of in {"a": (1, 3, 2), "b": (5, 4, 3)}.items()
            for k, s in enumerate(s_of, start=1)]  # fmt: skip
    first, second = plot_over_k(rows).data
    assert [list(line.marker.symbol).index("star") for line in (first, second)] == [1, 0]
    assert [list(line.marker.symbol).count("star") for line in (first, second)] == [1, 1]
    assert first.line.dash != second.line.dash


def test_break_even_leaves_a_gap_where_nothing_is_enough():
    rows = [{"alpha": a, "c": c, "keep": None if c < 0.1 else 1 - c} for a in (0.6, 0.8) for c in (0.05, 0.2)]
    first, second = plot_break_even(rows).data
    assert list(first.y) == [None, 0.8] and first.name == "α = 0.6"
    assert first.line.dash != second.line.dash and first.marker.symbol != second.marker.symbol


def test_the_map_joins_a_family_in_order_and_draws_each_frontier():
    rows = [{"family": f, "label": f"{f}{n}", "c": n / 10, "alpha": n / 5} for f in "xy" for n in (3, 1, 2)]
    frontiers = [{"speedup": s, "c": c, "alpha": c + s / 10} for s in (1.0, 1.5) for c in (0.1, 0.5)]
    *lines, x, y = plot_draft_map(rows, frontiers).data
    assert [line.name for line in lines] == ["1× at best", "1.5× at best"]
    assert lines[0].line.dash != lines[1].line.dash
    assert list(x.x) == [0.3, 0.1, 0.2] and list(x.text) == ["x3", "x1", "x2"]
    assert x.marker.symbol != y.marker.symbol


def test_runs_are_shown_for_one_length_at_a_time():
    rows = [{"least": n, "domain": d, "tokens": 2 - n / 10, "share": 1 / n} for n in (1, 2) for d in "ab"]
    one, two = (figure := plot_runs(rows)).data
    assert (list(one.y), list(two.y)) == ([1.9, 1.9], [1.8, 1.8])
    assert (one.visible, two.visible) == (True, False)
    assert [step.label for step in figure.layout.sliders[0].steps] == ["1", "2"]
