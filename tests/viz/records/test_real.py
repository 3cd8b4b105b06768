"""The figures of real models show every arm, domain and choice of texts, each by more than its colour."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from specdec_lib.bench.tables.domains import ALL_TEXTS, NO_LOOPS, domain_table
from specdec_lib.errors import InvalidArgument
from specdec_lib.viz.records.real import plot_arms_by_domain, plot_round_prices, plot_shares_of_lengths
from tests.bench.comparisons import ARMS, SECONDS, arm, comparison

PAIRS = ("small", "large")
REFUSED = arm("hf-lookup", refused="ValueError: no")
TABLE = domain_table([*comparison(temperatures=(0.0,)), REFUSED], draws=20)
NO_LOOP = [row | {"texts": NO_LOOPS} for row in TABLE]
ROWS = [{"pair": pair, **row} for pair in PAIRS for row in (*TABLE, *NO_LOOP)]
LOOKUP = {
    "arm": "ours-lookup", "texts": ALL_TEXTS, "lengths": {0: 6, 4: 2}, "tokens_per_round": 2.0, "free": 1.6,
    "predicted": 1.5, "measured": 1.4, "low": 1.3, "high": 1.6, "v": 1.25, "drafted": 1.0,
}  # fmt: skip
PACKED = LOOKUP | {"arm": "ours-self@int4", "lengths": {1: 8}, "predicted": None, "measured": 0.9, "low": 0.8}
ROUNDS = [
    row | {"pair": pair, "domain": domain}
    for pair in PAIRS
    for domain in ("all", "code")
    for row in (LOOKUP, PACKED)
]
FIGURES = {
    "arms": lambda: plot_arms_by_domain(ROWS),
    "prices": lambda: plot_round_prices(ROUNDS),
    "lengths": lambda: plot_shares_of_lengths(ROUNDS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_returned_not_shown_and_is_complete(name, monkeypatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    figure = FIGURES[name]()
    assert figure.data and figure.layout.width is None
    assert figure.to_json() == FIGURES[name]().to_json()
    assert go.Figure(figure.to_dict()) == figure


def shown(figure: go.Figure, axis: str) -> list[Any]:
    """The traces of a panel that are seen at first, those of the legend aside."""
    return [
        t for t in figure.data if t.visible is not False and (t.yaxis or "y") == axis and t.y[0] is not None
    ]


@pytest.mark.parametrize("name", ["arms", "prices"])
def test_there_is_a_panel_a_model_and_a_place_of_the_slider_a_domain(name) -> None:
    figure = FIGURES[name]()
    assert [annotation.text for annotation in figure.layout.annotations] == list(PAIRS)
    steps = figure.layout.sliders[0].steps
    domains = ["all", "code", "conversation"] if name == "arms" else ["all", "code"]
    assert [each.label for each in steps] == domains
    for each in steps:
        (change,) = each.args
        seen = [trace for trace, on in zip(figure.data, change["visible"], strict=True) if on]
        assert {trace.yaxis or "y" for trace in seen if trace.y[0] is not None} == {"y", "y2"}


def test_every_arm_stands_at_its_ratio_over_the_best_plain_one_twice() -> None:
    best = min(SECONDS[name] for name, facts in ARMS.items() if facts[1] == "autoregressive")
    found = {True: {}, False: {}}
    for trace in shown(FIGURES["arms"](), "y"):
        for x, data in zip(trace.x, trace.customdata, strict=True):
            found["open" in trace.marker.symbol][data[0]] = x
    ran = {name: best / seconds for name, seconds in SECONDS.items() if name != "hf-lookup"}
    assert found[True] == pytest.approx(ran)
    assert found[False] == pytest.approx(ran | {"hf-lookup": 0.0})


def test_the_two_marks_of_an_arm_stand_apart_on_its_line() -> None:
    figure = FIGURES["arms"]()
    names = list(figure.layout.yaxis.ticktext)
    assert names == list(ARMS)
    for trace in shown(figure, "y"):
        side = 1 if "open" in trace.marker.symbol else -1
        for y, data in zip(trace.y, trace.customdata, strict=True):
            assert 0 < side * (y - names.index(data[0])) < 0.5


def test_an_arm_that_was_refused_says_so() -> None:
    (trace,) = [t for t in shown(FIGURES["arms"](), "y") if "hf-lookup" in {data[0] for data in t.customdata}]
    place = [data[0] for data in trace.customdata].index("hf-lookup")
    assert trace.text[place] == "  refused" and trace.marker.opacity[place] == 0.0
    assert trace.customdata[place][2] == "refused"


def test_colour_is_never_the_only_signal() -> None:
    for name in ("arms", "prices"):
        legend = [t for t in FIGURES[name]().data if t.showlegend is not False]
        looks = {(t.marker.color, t.marker.symbol) for t in legend}
        assert len(looks) == len({symbol for _, symbol in looks}) == len(legend)


def test_an_interval_goes_with_what_was_measured() -> None:
    (measured,) = [t for t in shown(FIGURES["prices"](), "y") if t.error_x.array is not None]
    assert list(measured.x) == [1.4, 0.9]
    assert measured.error_x.array[0] == pytest.approx(0.2) and measured.error_x.arrayminus[
        0
    ] == pytest.approx(0.1)


def test_a_draft_that_was_not_timed_has_no_mark_of_a_prediction() -> None:
    marks = {len(t.x): t for t in shown(FIGURES["prices"](), "y2") if "predicted" in t.hovertemplate}
    assert set(marks) == {1} and marks[1].customdata[0][0] == "ours-lookup"


def test_lengths_are_shares_of_the_rounds() -> None:
    figure = FIGURES["lengths"]()
    lookup, packed = figure.data[:2]
    assert figure.layout.annotations[0].text == "small: ours-lookup"
    assert list(lookup.x) == ["none", "1", "2", "3", "4"] and list(lookup.y) == ["all", "code"]
    assert list(lookup.z[0]) == [0.75, 0, 0, 0, 0.25] and list(packed.z[1]) == [0, 1, 0, 0, 0]
    assert lookup.text[0][0] == "75%" and lookup.text[0][1] == ""


@pytest.mark.parametrize("name", ["arms", "prices"])
def test_every_panel_has_the_line_at_one(name) -> None:
    lines = FIGURES[name]().layout.shapes
    assert [(line.x0, line.x1, line.yref.split()[0]) for line in lines] == [(1, 1, "y"), (1, 1, "y2")]


@pytest.mark.parametrize("plot", [plot_arms_by_domain, plot_round_prices, plot_shares_of_lengths])
def test_a_table_without_rows_is_refused_in_a_sentence(plot) -> None:
    with pytest.raises(InvalidArgument, match="there is nothing to show"):
        plot([])
