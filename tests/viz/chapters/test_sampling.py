"""The figures of sampling show the numbers that they are given, and tokens and series by more than colour."""

from __future__ import annotations

from specdec_lib.viz.chapters.sampling import OTHERS, plot_overlap_by_temperature, plot_warpers

LAWS = {
    "model": {" a": 0.5, "<b>": 0.25, OTHERS: 0.25},
    "top-k 2": {" a": 0.6, "<b>": 0.4},
}
ROWS = [
    {"stage": stage, "token": token, "probability": share}
    for stage, law in LAWS.items()
    for token, share in law.items()
]


def test_each_stage_is_a_line_of_its_tokens_from_the_left():
    figure = plot_warpers(ROWS)
    assert [trace.name for trace in figure.data] == ["␣a", "&lt;b&gt;", OTHERS]
    assert [list(trace.x) for trace in figure.data] == [[0.5, 0.6], [0.25, 0.4], [0.25, 0.0]]
    assert all(list(trace.y) == ["model", "top-k 2"] for trace in figure.data)
    assert figure.layout.barmode == "stack" and figure.layout.yaxis.autorange == "reversed"


def test_a_token_is_named_inside_its_segment_and_not_where_it_was_cut():
    first, _, others = plot_warpers(ROWS).data
    assert list(first.text) == ["␣a", "␣a"]
    assert list(others.text) == [OTHERS, ""]
    assert others.marker.pattern.shape == "/" and not first.marker.pattern.shape
    assert first.marker.line.width


def test_overlap_draws_a_line_a_series_and_error_bars_where_it_was_estimated():
    rows = [{"series": "exact", "temperature": t, "alpha": 0.5 + t / 10} for t in (0.0, 1.0)]
    rows += [{"series": "<est>", "temperature": 0.0, "alpha": 0.4, "low": 0.3, "high": 0.6}]
    exact, estimated = plot_overlap_by_temperature(rows).data
    assert (list(exact.x), list(exact.y)) == ([0.0, 1.0], [0.5, 0.6])
    assert exact.error_y.array is None
    assert (round(estimated.error_y.array[0], 6), round(estimated.error_y.arrayminus[0], 6)) == (0.2, 0.1)
    assert exact.marker.symbol != estimated.marker.symbol and exact.line.dash != estimated.line.dash
