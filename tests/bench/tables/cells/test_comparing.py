"""Two files: what both have is put over each other, what differs and what only one has is told."""

from __future__ import annotations

import pytest
from made_cells import MACHINE, made_cell, made_sweep

from specdec_lib.bench.tables.cells.comparing import compared
from specdec_lib.bench.tables.cells.tables import counted_cells


def slowed(cell, factor: float, **more):
    counts = {**cell.line["counts"], "seconds": [factor * s for s in cell.counts.seconds]}
    return cell | {"counts": counts, **more}


def test_the_same_file_twice_is_one_everywhere() -> None:
    told = compared(*(counted_cells(made_sweep()) for _ in "ab"))
    assert len(told.rows) == 24 and told.differs == told.only_a == told.only_b == told.ambiguous == []
    for row in told.rows:
        assert row.is_paired and row.draft == row.baseline == row.speedup == row.alpha == 1
        assert row.draft_low == row.draft_high == 1  # the same prompts are drawn together


def test_a_slower_draft_is_seen_in_its_arm_and_its_speedup_and_not_in_the_baseline() -> None:
    cells = list(made_sweep(ks=(4,), temperatures=(0.0,)))
    told = compared(counted_cells(cells), counted_cells(slowed(cell, 1.25) for cell in cells))
    for row in told.rows:
        assert [row.draft, row.speedup, row.baseline] == pytest.approx([0.8, 0.8, 1.0])
        assert row.speedup_b == pytest.approx(0.8 * row.speedup_a)


def test_what_differs_is_told_and_does_not_keep_groups_apart() -> None:
    cell = made_cell(4)
    made_of = {**cell.made_of, "library": "e" * 12, "prompts": "f" * 12}
    other = cell | {"made_of": made_of, "environment": {**MACHINE, "cores": 8, "hash": "b"}}
    told = compared(counted_cells([cell]), counted_cells([other]))
    assert len(told.rows) == 1
    assert told.differs == [
        f"library {'b' * 12} → {'e' * 12}", f"prompts of code {'d' * 12} → {'f' * 12}",
        "machine: cores 2 is now 8",
    ]  # fmt: skip


def test_groups_of_one_file_are_named_and_so_are_those_that_it_has_twice() -> None:
    cell = made_cell(4)
    twice = [cell, cell | {"made_of": {**cell.made_of, "weights": "9" * 12}}]
    a = counted_cells([cell, made_cell(2)])
    told = compared(a, counted_cells([*twice, made_cell(8)]))
    assert told.rows == []
    assert told.only_a == ["code, T = 0, K = 2"] and told.only_b == ["code, T = 0, K = 8"]
    assert told.ambiguous == ["code, T = 0, K = 4"]


def test_other_prompts_are_drawn_for_themselves() -> None:
    cell, other = made_cell(4, num_prompts=6), made_cell(4, num_prompts=7, seed=5)
    (row,) = compared(counted_cells([cell]), counted_cells([other])).rows
    assert not row.is_paired
    assert row.draft_low < row.draft < row.draft_high and row.alpha_low < row.alpha < row.alpha_high
