"""The tree says in words what it shows in lines, and needs neither colour nor a script."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest

from specdec_lib.bench.explain.triage import triage
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.viz.records.diagnosis import plot_draft_lengths, show_diagnosis

HEALTHY = triage(synthetic_session(SyntheticPair()), draws=50).rows()
STRAW = triage(synthetic_session(SyntheticPair(baseline=1.3)), draws=50).rows()
CURVES = [
    {"name": name, "k": k, "speedup": top - 0.1 * abs(k - best)}
    for name, best, top in (("good", 4, 2.0), ("poor", 1, 1.1))
    for k in range(1, 7)
]
CLOCK = [{"k": 4, "speedup": 1.9, "low": 1.7, "high": 2.2}]


class Elements(HTMLParser):
    """What is open at each text, and whether all that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: list[tuple[str, list[tuple[str, str]]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.open.append((tag, dict(attributes).get("class") or ""))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data) -> None:
        if data.strip() and self.open[-1][0] != "style":
            self.texts.append((data, list(self.open)))


@pytest.mark.parametrize("rows", [HEALTHY, STRAW])
def test_everything_that_the_rows_say_is_on_the_page_and_in_the_text(rows: list[dict]) -> None:
    tree = show_diagnosis(rows, "a pair & its record")
    page = Elements(tree._repr_html_())
    assert page.open == []
    words = " ".join(text for text, _ in page.texts)
    for row in rows:
        for field in ("question", "measured", "needed", "cause", "remedy"):
            assert row[field] in words, field
        assert row["question"] in repr(tree) and row["measured"] in repr(tree)
    assert words.count("This record ends here") == repr(tree).count("This record ends here") == 1
    assert words.startswith("a pair & its record")


def test_the_way_ends_in_the_box_that_says_so() -> None:
    for rows, kind in ((STRAW, "gate"), (HEALTHY, "part")):
        page = Elements(show_diagnosis(rows, "x")._repr_html_())
        (around,) = [around for text, around in page.texts if text.startswith("This record")]
        box = next(classes for tag, classes in reversed(around) if tag == "li")
        assert kind in box.split() and "end" in box.split()


def test_the_trunk_is_thick_down_to_the_end_and_its_answers_are_words() -> None:
    page = Elements(show_diagnosis(STRAW, "x")._repr_html_())
    gates = [
        (text, next(c for tag, c in reversed(around) if tag == "li").split())
        for text, around in page.texts
        if ("span", "answer") in around
    ]
    assert [text for text, _ in gates] == ["→ yes", "→ yes", "→ no"] + ["→ not asked"] * 4
    assert ["asked" in classes for _, classes in gates] == [True] * 3 + [False] * 4
    assert "Not asked yet" in " ".join(text for text, _ in page.texts)


def test_what_was_not_measured_says_so() -> None:
    rows = [row | {"holds": None} if row.get("key") == "noise" else row for row in HEALTHY]
    tree = show_diagnosis(rows, "x")
    assert "→ not measured" in tree._repr_html_() and " not measured  Is the interval" in repr(tree)


def test_texts_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    rows = [
        row | dict.fromkeys(("question", "measured", "needed", "cause", "remedy"), evil) for row in HEALTHY
    ]
    page = show_diagnosis(rows, evil)._repr_html_()
    assert "<script" not in page and html.escape(evil) in page


def test_a_tree_without_parts_or_questions() -> None:
    questions = [row for row in STRAW if row["kind"] == "question"]
    assert 'class="fan' not in show_diagnosis(questions, "x")._repr_html_()
    assert repr(show_diagnosis([], "nothing")) == "nothing"


def test_bars_are_shares_of_the_largest_gain() -> None:
    rows = [row | {"gain": 0.0} if row["kind"] == "part" else row for row in HEALTHY]
    assert "width:0%" in show_diagnosis(rows, "x")._repr_html_()
    assert "width:100%" in show_diagnosis(HEALTHY, "x")._repr_html_()


def test_it_asks_nobody_and_runs_nothing() -> None:
    page = show_diagnosis(HEALTHY, "x")._repr_html_()
    assert "http" not in page and "<script" not in page and "url(" not in page
    assert page == show_diagnosis(HEALTHY, "x")._repr_html_()


# -- the curve over K ------------------------------------------------------------------------------


def test_the_best_k_of_each_line_is_named_and_large() -> None:
    figure = plot_draft_lengths(CURVES, CLOCK)
    lines = {trace.name: trace for trace in figure.data}
    assert set(lines) == {"good: best K = 4", "poor: best K = 1", "measured"}
    assert lines["good: best K = 4"].marker.size.index(14) == 3
    assert lines["poor: best K = 1"].marker.size.index(14) == 0
    assert list(lines["good: best K = 4"].y) == pytest.approx([1.7, 1.8, 1.9, 2.0, 1.9, 1.8])
    assert lines["measured"].error_y.array[0] == pytest.approx(0.3)
    assert lines["measured"].error_y.arrayminus[0] == pytest.approx(0.2)
    assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 == 1.0


def test_of_two_equal_k_the_shorter_is_best() -> None:
    rows = [{"name": "flat", "k": k, "speedup": 1.5} for k in (1, 2, 3)]
    assert plot_draft_lengths(rows).data[0].name == "flat: best K = 1"


def test_the_figure_is_returned_not_shown_and_is_complete(monkeypatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    figure = plot_draft_lengths(CURVES, CLOCK)
    assert figure.layout.width is None and go.Figure(figure.to_dict()) == figure
    assert figure.to_json() == plot_draft_lengths(CURVES, CLOCK).to_json()
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in figure.data)
    assert plot_draft_lengths([]).data == ()


def test_colour_is_never_the_only_signal() -> None:
    lines = plot_draft_lengths(CURVES).data
    for look in (
        [t.line.color for t in lines],
        [t.line.dash for t in lines],
        [t.marker.symbol for t in lines],
    ):
        assert len(set(look)) == len(lines)
