"""The figure of a comparison shows every arm, fast, slow or refused, on a comparison made by arithmetic."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from specdec_lib.bench.tables.peers import peer_table
from specdec_lib.viz.records.peers import plot_peers
from tests.bench.comparisons import ARMS, SECONDS, arm, comparison

REFUSED = arm("hf-lookup", refused="ValueError: <script>alert(1)</script> " + "and so on " * 12)
ROWS = peer_table([*comparison(), REFUSED], draws=50)


@pytest.fixture(scope="module")
def figure() -> go.Figure:
    return plot_peers(ROWS)


def bars_of(figure: go.Figure, axis: str = "y") -> dict[str, float]:
    return {
        name: value
        for trace in figure.data
        if trace.type == "bar" and trace.yaxis == axis
        for name, value in zip(trace.y, trace.x, strict=True)
    }


def test_it_is_returned_not_shown_and_is_complete(figure, monkeypatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    assert plot_peers(ROWS).to_json() == figure.to_json()
    assert figure.layout.width is None and go.Figure(figure.to_dict()) == figure
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in figure.data)


def test_there_is_a_panel_a_temperature_and_a_bar_an_arm_that_ran(figure) -> None:
    titles = [annotation.text for annotation in figure.layout.annotations]
    assert titles == ["temperature 0 (greedy)", "temperature 0.8"]
    for axis in ("y", "y2"):
        bars = bars_of(figure, axis)
        assert set(bars) == set(ARMS) - {"hf-lookup"}
        for name, ratio in bars.items():
            assert ratio == pytest.approx(1 / SECONDS[name])


def test_arms_keep_the_order_of_the_session_from_top_to_bottom(figure) -> None:
    assert list(figure.layout.yaxis.categoryarray) == list(ARMS)[::-1]
    assert figure.layout.yaxis.range == (-0.5, len(ARMS) - 0.5)


def test_intervals_are_drawn_and_written_clear_of_the_line_at_one() -> None:
    rows = [row | {"low": 0.4, "ratio": 0.5, "high": 0.7} for row in ROWS if row["arm"] == "ours-AR"]
    bar, words = plot_peers(rows).data[:2]
    assert bar.error_x.array[0] == pytest.approx(0.2) and bar.error_x.arrayminus[0] == pytest.approx(0.1)
    assert words.mode == "text" and words.x == (1.0,) and words.text[0].startswith("  0.50×, ")


def test_a_refused_arm_says_so_and_its_reason_is_text(figure) -> None:
    """Trap 42."""
    words = [trace for trace in figure.data if trace.type == "scatter"]
    for trace in words:
        index = list(trace.y).index("hf-lookup")
        assert (trace.x[index], trace.text[index]) == (0.0, "  refused")
        assert "&lt;script&gt;" in trace.customdata[index] and "<script>" not in trace.customdata[index]
        assert max(map(len, trace.customdata[index].split("<br>"))) <= 60


def test_colour_is_never_the_only_signal_and_each_family_is_named_once(figure) -> None:
    bars = [trace for trace in figure.data if trace.type == "bar"]
    looks = {(bar.name, bar.marker.color, bar.marker.pattern.shape) for bar in bars}
    assert len(looks) == len({look[1] for look in looks}) == len({look[2] for look in looks}) == 4
    assert sorted(bar.name for bar in bars if bar.showlegend) == sorted(look[0] for look in looks)


def test_it_fits_a_phone(figure) -> None:
    """At 390 pixels a name of the left margin, in 11 pixels, takes less than two fifths."""
    assert max(map(len, ARMS)) * 6.2 < 0.4 * 390
    longest = max(row["high"] for row in ROWS if row["high"] is not None)
    assert figure.layout.xaxis.range[1] >= 1.4 * longest  # room for the words behind the longest bar


def test_without_the_reference_every_line_says_that_nothing_was_compared() -> None:
    rows = peer_table(comparison(tuple(name for name in ARMS if name != "hf-generate")), draws=20)
    figure = plot_peers(rows)
    assert bars_of(figure) == {} and set(figure.data[0].text) == {"  not compared"}
