"""Every figure shows the numbers of its table, from a benchmark session made by arithmetic."""

from __future__ import annotations

import itertools
import math

import plotly.graph_objects as go
import pytest

from specdec_lib.bench.explain.cell import cell_of
from specdec_lib.bench.records.runs import runs_of
from specdec_lib.bench.tables.prediction import costs_of, phase_table, prediction_table
from specdec_lib.bench.tables.summary import acceptance_table, latency_table, position_table, speedup_table
from specdec_lib.viz.records.acceptance import plot_acceptance_by_domain, plot_acceptance_by_position
from specdec_lib.viz.records.latency import plot_latency_ecdf, plot_round_time
from specdec_lib.viz.records.speedup import plot_difference, plot_prediction, plot_speedup_heatmap
from tests.bench.sessions import costs, profiled, timed

SESSION = [
    record
    for temperature in (0.0, 0.8)
    for record in (
        *timed("code", 4, 2, temperature=temperature),
        *timed("code", 8, 2, temperature=temperature),
        *timed("conversation", 4, 1, temperature=temperature),
        *timed("conversation", 8, 1, temperature=temperature),
        *(profiled(k, 2, temperature=temperature) for k in (4, 8)),
        profiled(0, 0, temperature=temperature),
    )
] + [costs((4, 8))]
RUNS = runs_of(SESSION)
PREDICTIONS = prediction_table(SESSION, draws=50)
PLAIN, ROUNDS = phase_table(SESSION)[:2]
TERMS = cell_of(PREDICTIONS[0], costs_of(SESSION), ROUNDS, PLAIN).terms

FIGURES = {
    "heatmap": lambda: plot_speedup_heatmap(speedup_table(RUNS, draws=50)),
    "by domain": lambda: plot_acceptance_by_domain(acceptance_table(RUNS, draws=50)),
    "by position": lambda: plot_acceptance_by_position(position_table(RUNS)),
    "ecdf": lambda: plot_latency_ecdf(latency_table(RUNS)),
    "round": lambda: plot_round_time(phase_table(SESSION)),
    "prediction": lambda: plot_prediction(PREDICTIONS),
    "difference": lambda: plot_difference(TERMS),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_returned_not_shown_and_is_complete(name: str, monkeypatch) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: pytest.fail("a plot function must not show"))
    figure = FIGURES[name]()
    assert figure.data and figure.layout.width is None
    assert figure.to_json() == FIGURES[name]().to_json()  # the same records give the same bytes
    for trace in figure.data:
        assert trace.hoverinfo == "skip" or trace.hovertemplate.endswith("<extra></extra>")
    assert go.Figure(figure.to_dict()) == figure  # every property is one that plotly knows


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"heatmap", "difference"}))
def test_colour_is_never_the_only_signal(name: str) -> None:
    """Two series of one panel that differ in colour differ in symbol, dash or pattern too."""
    looks: dict[tuple, set] = {}
    for trace in FIGURES[name]().data:
        color = (trace.line.color if trace.type == "scatter" else None) or trace.marker.color
        dash = trace.line.dash if trace.type == "scatter" else None
        shape = trace.marker.pattern.shape if trace.type == "bar" else trace.marker.symbol
        looks.setdefault((dash, shape), set()).add(color)
    assert all(len(colors) == 1 for colors in looks.values()), looks


def test_the_heatmap_holds_the_speedups_and_stars_the_best_k() -> None:
    rows = speedup_table(RUNS, draws=50)
    figure = plot_speedup_heatmap(rows)
    greedy, sampled = figure.data
    assert greedy.y == ("code", "conversation", "all") and greedy.x == ("K = 4", "K = 8")
    cells = {(r["temperature"], r["domain"], r["k"]): r for r in rows}
    assert greedy.z[0][0] == pytest.approx(math.log2(cells[0.0, "code", 4]["speedup"]))
    assert sampled.z[1][1] == pytest.approx(math.log2(cells[0.8, "conversation", 8]["speedup"]))
    assert f"★ {cells[0.0, 'code', 4]['speedup']:.2f}×" in greedy.text[0][0]
    assert "★" not in greedy.text[0][1]


def test_a_cell_that_was_not_run_is_a_dash() -> None:
    rows = [r for r in speedup_table(RUNS, draws=50) if (r["domain"], r["k"]) != ("code", 8)]
    assert plot_speedup_heatmap(rows).data[0].text[0][1] == "–"


def test_alpha_is_drawn_at_the_k_asked_for() -> None:
    rows = acceptance_table(RUNS, draws=50)
    bars = plot_acceptance_by_domain(rows, k=8).data
    assert [bar.name for bar in bars] == ["α̂ at T = 0", "α̂ at T = 0.8"]
    expected = [r["alpha_hat"] for r in rows if r["k"] == 8 and r["temperature"] == 0.0]
    assert list(bars[0].y) == pytest.approx(expected)


def test_both_conventions_of_position_are_named_and_drawn() -> None:
    """Trap 34."""
    figure = plot_acceptance_by_position(position_table(RUNS), k=4)
    code = {t.line.dash: t for t in figure.data if t.name == "code" and t.yaxis == "y"}
    assert list(code["solid"].y) == [1.0, 1.0, 0.0, 0.0]
    assert list(code["dot"].y) == [1.0, 1.0, 0.0, None]
    assert "unconditional" in code["solid"].hovertemplate and ", conditional" in code["dot"].hovertemplate
    legend = {t.name: t.line.dash for t in figure.data if t.showlegend is not False and t.x[0] is None}
    assert legend == {"unconditional": "solid", "conditional": "dot"}


def test_the_ecdf_rises_from_nothing_to_everything() -> None:
    for trace in plot_latency_ecdf(latency_table(RUNS)).data:
        assert list(trace.y) == sorted(trace.y) and (trace.y[0], trace.y[-1]) == (0.0, 1.0)
        assert list(trace.x) == sorted(trace.x)


def test_the_bars_of_a_round_add_up_to_it() -> None:
    rows = [r for r in phase_table(SESSION) if r["temperature"] == 0.0]
    stacks = [t for t in plot_round_time(phase_table(SESSION)).data if t.yaxis == "y"]
    assert [sum(t.x[i] for t in stacks) for i in range(3)] == pytest.approx([r["round_ms"] for r in rows])


def test_predicted_is_across_and_measured_is_up() -> None:
    points = next(t for t in plot_prediction(PREDICTIONS).data if t.name.startswith("code"))
    row = next(r for r in PREDICTIONS if (r["temperature"], r["domain"], r["k"]) == (0.0, "code", 4))
    assert (points.x[0], points.y[0], points.text[0]) == (row["predicted"], row["measured"], "4")


def crowd(*places: tuple[float, float]) -> list[dict]:
    """Rows of one temperature and domain, at these predicted and measured speedups."""
    shared = {"temperature": 0.0, "domain": "code", "alpha_hat": 0.8, "c": 0.1, "v": 1.0, "overhead": 0.0}
    return [
        shared | {"k": k, "predicted": x, "measured": y, "low": 0.9 * y, "high": 1.1 * y}
        for k, (x, y) in enumerate(places, start=1)
    ]


def test_markers_that_would_cover_each_other_are_moved_along_the_diagonal() -> None:
    rows = crowd((1.40, 1.40), (1.41, 1.38), (1.40, 1.41), (1.42, 1.40), (2.50, 2.40))
    figure = plot_prediction(rows)
    points, axis = figure.data[1], figure.layout.xaxis.range
    away = sorted(x + y for x, y in zip(points.x, points.y, strict=True))
    gaps = [(b - a) / 2 for a, b in itertools.pairwise(away)]
    assert min(gaps) > 0.03 * (axis[1] - axis[0]) and max(gaps[:3]) == pytest.approx(min(gaps[:3]))
    from_diagonal = [row["measured"] - row["predicted"] for row in rows]
    assert [y - x for x, y in zip(points.x, points.y, strict=True)] == pytest.approx(from_diagonal)
    assert (points.x[4], points.y[4]) == (2.50, 2.40)  # alone, and so where it belongs
    assert sum(points.x[:4]) == pytest.approx(sum(row["predicted"] for row in rows[:4]))
    assert axis[0] < min(points.x) and max(points.y) < axis[1]


def test_hovering_tells_the_numbers_and_not_the_places() -> None:
    rows = crowd((1.40, 1.40), (1.41, 1.38))
    points = plot_prediction(rows).data[1]
    assert points.x[0] != 1.40
    names = ("k", "temperature", "measured", "low", "high", "predicted")
    assert [list(data[:6]) for data in points.customdata] == [[row[name] for name in names] for row in rows]
    assert "%{x" not in points.hovertemplate and "%{y" not in points.hovertemplate
    assert "measured %{customdata[2]" in points.hovertemplate
    assert "predicted %{customdata[5]" in points.hovertemplate


def test_neighbouring_domains_are_named_on_two_lines() -> None:
    """On a phone the names of two domains are wider than their bars."""
    figure = plot_acceptance_by_domain(acceptance_table(RUNS, draws=50))
    assert figure.layout.xaxis.ticktext == ("code", "<br>conversation", "all")
    assert figure.layout.xaxis.tickvals == figure.data[0].x == ("code", "conversation", "all")
    assert [data[5] for data in figure.data[0].customdata] == list(figure.data[0].x)


def test_the_measured_speedup_is_hatched() -> None:
    bars = plot_difference(TERMS).data[0]
    assert bars.marker.pattern.shape == ("", "", "", "", "", "", "/")
    assert "(" not in bars.text[0] and "(" in bars.text[1]
