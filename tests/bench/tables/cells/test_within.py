"""Cells of a slow hour beside cells of a fast one: ratios are those of one hour."""

from __future__ import annotations

import pytest
from made_cells import made_cell, made_sweep, slowed

from specdec_lib.bench.tables.cells.tables import SweepTables, counted_cells, sweep_tables
from specdec_lib.bench.tables.cells.within import CellCost, cost_of, forwards_of, step_seconds, typical_cost

SLOWER = 2 ** (44 / 32)
CELLS = sorted(made_sweep(ks=(2, 4, 6, 8)), key=lambda cell: cell.config.K)


@pytest.fixture(scope="module")
def quiet() -> SweepTables:
    return sweep_tables(counted_cells(CELLS))


@pytest.fixture(scope="module")
def changed() -> SweepTables:
    half = len(CELLS) // 2
    return sweep_tables(counted_cells([*CELLS[:half], *map(slowed, CELLS[half:])]))


def test_speedups_and_acceptance_are_those_of_one_machine(quiet: SweepTables, changed: SweepTables) -> None:
    for one, other in zip(quiet.speedups, changed.speedups, strict=True):
        assert [other.speedup, other.low, other.high] == pytest.approx([one.speedup, one.low, one.high])
    assert [row.alpha_hat for row in changed.texts] == [row.alpha_hat for row in quiet.texts]


def test_predictions_are_made_of_their_own_cells(quiet: SweepTables, changed: SweepTables) -> None:
    assert len(changed.predictions) == len(quiet.predictions) == 4 * 4 * 2
    for one, other in zip(quiet.predictions, changed.predictions, strict=True):
        for name in ("c", "v", "overhead", "predicted", "measured", "difference"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), abs=1e-9), name
        assert one.is_inside == other.is_inside


def test_a_round_stands_beside_the_step_of_its_own_cells(quiet: SweepTables, changed: SweepTables) -> None:
    for one, other in zip(quiet.phases, changed.phases, strict=True):
        factor = SLOWER if one.k > 4 else 1.0
        assert [other.round_ms, other.step_ms] == pytest.approx([factor * one.round_ms, factor * one.step_ms])


def test_a_wider_forward_costs_more_wherever_it_was_timed(quiet: SweepTables, changed: SweepTables) -> None:
    for one, other in zip(quiet.forwards, changed.forwards, strict=True):
        assert [other.ratio, other.over_target] == pytest.approx([one.ratio, one.over_target])
    times = [row.ms for row in changed.forwards if row.model == "target"]
    assert times == sorted(times)


def test_a_baseline_is_told_beside_each_draft_length_where_it_is_unlike(
    quiet: SweepTables, changed: SweepTables
) -> None:
    assert [row.decoder for row in quiet.latencies if not row.k] == ["AR", "AR"]
    plain = {row.beside: row for row in changed.latencies if not row.k and row.temperature == 0}
    assert list(plain) == ["K = 2", "K = 4", "K = 6", "K = 8"] and plain["K = 8"].decoder == "AR beside K = 8"
    assert plain["K = 8"].p50_ms / plain["K = 2"].p50_ms == pytest.approx(SLOWER, rel=0.05)
    drafts = {row.decoder: row for row in changed.latencies if row.k and row.temperature == 0}
    for row in (row for row in quiet.latencies if row.k and row.temperature == 0):
        gain = next(one for one in quiet.latencies if not one.k).tpot_ms / row.tpot_ms
        assert plain[row.decoder].tpot_ms / drafts[row.decoder].tpot_ms == pytest.approx(gain, rel=0.02)


def test_that_the_machine_changed_is_known(quiet: SweepTables, changed: SweepTables) -> None:
    (one,), (other,) = quiet.setups, changed.setups
    assert not one.has_changed and other.has_changed
    assert other.baseline_high / other.baseline_low == pytest.approx(SLOWER, rel=0.1)
    assert (
        sweep_tables(counted_cells([slowed(cell, bins=10) for cell in CELLS])).setups[0].has_changed is False
    )


def test_what_a_cell_lacks_is_not_made_up() -> None:
    cell = made_cell(4)
    assert step_seconds(cell) == pytest.approx(0.02, rel=0.05)
    assert cost_of(cell, {("target", 1): 0.02, ("draft", 1): 0.002}) is None
    cost = cost_of(cell | {"phases": None}, {("target", 1): 0.02, ("draft", 1): 0.002, ("target", 5): 0.03})
    assert cost is not None and cost.overhead is None and cost.v == pytest.approx(1.5)
    assert forwards_of({("draft", 1): 0.002})["draft", 1].over_target is None
    assert typical_cost([]) is None
    assert typical_cost([CellCost(0.1, 1.0, -0.1), CellCost(0.3, 1.2, None), CellCost(0.2, 1.1, None)]) == (
        0.2, 1.1, 0.0,
    )  # fmt: skip
