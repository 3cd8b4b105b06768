"""Figures of a sweep's layout show the order they are given, the widths, and both sides of a choice."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from specdec_lib.bench.measure.grid import Grid
from specdec_lib.bench.tables.planning import Spread, interval_width
from specdec_lib.viz.records.sweeps import plot_choices, plot_order, plot_width

GRID = Grid(k_values=(2, 4), domains=("code",), temperatures=(0.0,), num_prompts=4, repeats=1)
ORDER = [
    {"block": f"prompt {block.prompt_index}", "arm": f"K = {arm}" if arm else "AR", "turn": turn}
    for block in GRID.blocks()
    for turn, arm in enumerate(block.arms)
]
WIDTHS = [
    {"name": name, "num_prompts": n, "width": interval_width(Spread(2.0, between, 0.1, 1, 6, 12), n)}
    for name, between in (("greedy", 0.2), ("sampled", 0.0))
    for n in (1, 4, 16)
]
CHOICES = [
    {"name": name, "num_prompts": n, "claimed": 2.0 + 0.3 / n, "delivered": 2.0}
    for name in ("code", "all")
    for n in (1, 2)
]
FIGURES = {
    "order": lambda: plot_order(ORDER),
    "width": lambda: plot_width(WIDTHS),
    "choices": lambda: plot_choices(CHOICES),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_returned_not_shown_and_is_complete(name: str, monkeypatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    figure = FIGURES[name]()
    assert figure.data and figure.layout.width is None
    assert figure.to_json() == FIGURES[name]().to_json() and go.Figure(figure.to_dict()) == figure
    assert all(trace.hovertemplate.endswith("<extra></extra>") for trace in figure.data)


@pytest.mark.parametrize("plot", [plot_order, plot_width, plot_choices])
def test_no_rows_are_an_empty_figure(plot) -> None:
    assert all(not trace.y for trace in plot([]).data)


def test_the_order_is_read_line_by_line_and_every_cell_names_its_arm() -> None:
    figure = plot_order(ORDER)
    (cells,) = figure.data
    assert cells.y == tuple(f"prompt {i}" for i in range(4)) and figure.layout.yaxis.autorange == "reversed"
    assert [list(line) for line in cells.text] == [
        ["AR", "K = 2", "K = 4"],
        ["K = 2", "K = 4", "AR"],
        ["K = 4", "AR", "K = 2"],
        ["AR", "K = 2", "K = 4"],
    ]
    assert cells.x == ("1.", "2.", "3.") and figure.layout.xaxis.type == "category"


def test_one_arm_has_one_tint() -> None:
    (cells,) = plot_order(ORDER).data
    tints = {
        (text, z) for line in zip(cells.text, cells.z, strict=True) for text, z in zip(*line, strict=True)
    }
    assert tints == {("AR", 0), ("K = 2", 1), ("K = 4", 2)}
    scale = cells.colorscale
    assert len({color for _, color in scale}) == 3 and [edge for edge, _ in scale] == sorted(
        e for e, _ in scale
    )
    assert (cells.zmin, cells.zmax) == (-0.5, 2.5)  # so that each value lies in the middle of its step


def test_a_block_that_lacks_an_arm_has_an_empty_cell() -> None:
    (cells,) = plot_order(ORDER[:-1]).data
    assert cells.text[3][2] == "" and cells.z[3][2] is None


def test_widths_are_drawn_as_given_on_logarithmic_axes() -> None:
    figure = plot_width(WIDTHS)
    for trace in figure.data:
        wanted = [row for row in WIDTHS if row["name"] == trace.name]
        assert list(trace.x) == [row["num_prompts"] for row in wanted]
        assert list(trace.y) == pytest.approx([row["width"] for row in wanted], rel=1e-5)
        assert trace.y[0] / trace.y[1] == pytest.approx(2.0, rel=1e-4)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_what_was_claimed_is_dashed_and_open_and_what_was_delivered_is_not() -> None:
    lines = {trace.name: trace for trace in plot_choices(CHOICES).data}
    assert set(lines) == {f"{n}, {c}" for n in ("code", "all") for c in ("claimed", "delivered")}
    claimed, delivered = lines["code, claimed"], lines["code, delivered"]
    assert list(claimed.y) == [2.3, 2.15] and list(delivered.y) == [2.0, 2.0]
    assert (claimed.line.dash, delivered.line.dash) == ("dash", "solid")
    assert claimed.marker.symbol == f"{delivered.marker.symbol}-open"


def test_colour_is_never_the_only_signal() -> None:
    looks = [(t.line.color, t.line.dash, t.marker.symbol) for t in plot_width(WIDTHS).data]
    assert all(len(set(column)) == len(looks) for column in zip(*looks, strict=True))
    shapes = [(trace.line.dash, trace.marker.symbol) for trace in plot_choices(CHOICES).data]
    assert len(set(shapes)) == len(shapes)
