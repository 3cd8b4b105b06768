"""Figures of a report show the numbers of their rows, in the house style."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from made_cells import made_cell, made_sweep, slowed

from specdec_lib.bench.tables.cells.comparing import compared
from specdec_lib.bench.tables.cells.tables import counted_cells, sweep_tables
from specdec_lib.viz.report import many
from specdec_lib.viz.report.panels import panels_of
from specdec_lib.viz.report.sections import labelled


def sized(cell):
    models = {
        role: {**told, "parameters": 10**7, "memory_mb": 40.0} for role, told in cell.models.items()
    }  # fmt: skip
    return cell | {"models": models}


COUNTED = counted_cells(map(sized, made_sweep()))
TABLES = sweep_tables(COUNTED)
PANELS = {panel.key: panel for panel in panels_of(TABLES)}


def test_every_panel_has_a_figure_words_and_numbers() -> None:
    assert list(PANELS) == [
        "speedup", "acceptance", "texts", "temperature", "latency", "phases", "timeline", "forwards",
        "roofline", "prediction", "memory",
    ]  # fmt: skip
    for panel in PANELS.values():
        assert panel.figure is not None and panel.told and panel.rows and panel.columns


@pytest.mark.parametrize("key", PANELS)
def test_a_figure_is_in_the_house_style_and_complete(key: str) -> None:
    figure = PANELS[key].figure
    assert figure.data and figure.layout.width is None
    assert go.Figure(figure.to_dict()) == figure
    for trace in figure.data:
        told = trace.hovertemplate or "<extra></extra>"  # the cost of width speaks in plotly's own words
        assert trace.hoverinfo == "skip" or told.endswith("<extra></extra>")


def test_the_heatmap_says_where_one_text_gives_no_interval() -> None:
    tables = sweep_tables(counted_cells(made_sweep(ks=(2,), temperatures=(0.0,), num_prompts=1)))
    (heatmap,) = panels_of(tables)[0].figure.data
    assert all("one text" in text for line in heatmap.text for text in line)


def test_texts_are_points_and_their_box() -> None:
    figure = PANELS["texts"].figure
    assert [list(box.x) for box in figure.data] == [row.alphas for row in TABLES.texts]


def test_alpha_over_temperature_has_a_line_a_domain_with_intervals() -> None:
    code = PANELS["temperature"].figure.data[0]
    rows = [row for row in TABLES.texts if row.domain == "code"]
    assert list(code.y) == [row.alpha_hat for row in rows]
    assert [y + up for y, up in zip(code.y, code.error_y.array, strict=True)] == pytest.approx(
        [r.alpha_high for r in rows]
    )


def test_the_quantiles_of_an_arm_are_marked() -> None:
    *_, marks = PANELS["latency"].figure.data
    last = [row for row in TABLES.latencies if row.temperature == 0.8]
    assert list(marks.x) == [ms for row in last for ms in (row.p50_ms, row.p95_ms, row.p99_ms)]
    assert set(marks.y) == {0.5, 0.95, 0.99}


def test_a_step_of_the_baseline_stands_below_the_rounds() -> None:
    steps = [trace for trace in PANELS["phases"].figure.data if trace.name == "AR step"]
    assert [list(trace.x) for trace in steps] == [[pytest.approx(20, rel=0.05)]] * 2


def test_the_slope_of_the_roofline_goes_through_the_fastest_forward_of_one_token() -> None:
    slope, target, draft = PANELS["roofline"].figure.data
    rates = [
        y / x for trace in (target, draft) for x, y in zip(trace.x, trace.y, strict=True) if x == target.x[0]
    ]
    assert slope.y[0] / slope.x[0] == pytest.approx(max(rates), rel=1e-4)


def test_two_files_are_one_point_a_ratio_and_group() -> None:
    rows = labelled(compared(COUNTED, COUNTED).rows)
    figure = many.plot_comparison(rows)
    assert len(figure.data) == 4 and all(list(trace.x) == [1.0] * len(rows) for trace in figure.data)


def test_names_are_cut_between_their_parts() -> None:
    assert many.folded("target · draft · float32 · machine 1", 12) == "target · draft<br>float32<br>machine 1"
    assert many.folded("a · b") == "a · b"


def test_where_baselines_are_unlike_each_draft_length_has_its_own_step() -> None:
    tables = sweep_tables(counted_cells([made_cell(2), slowed(made_cell(4))]))
    panels = {panel.key: panel.figure for panel in panels_of(tables)}
    (steps,) = [trace for trace in panels["phases"].data if trace.name == "AR step"]
    assert list(steps.y) == ["AR beside K = 2", "AR beside K = 4"] and steps.x[1] > 2.4 * steps.x[0]
    assert {"AR beside K = 2", "AR beside K = 4"} <= {trace.name for trace in panels["latency"].data}
