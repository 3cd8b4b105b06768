"""The columns of a cell: what JSON would call a whole number, and what no column may hold."""

from __future__ import annotations

import math

import pytest

from specdec_lib.bench.records.contents import part_of, rows_of_numbers
from specdec_lib.bench.records.kinds.counts import ArmCounts, CellBlocks

BLOCKS = {"prompt_ids": ["a", "b"], "prompt_tokens": [1, 2], "repeats": [0, 1], "first_difference": []}
COUNTS = {name: [1, 2] for name in ArmCounts.__dataclass_fields__} | {
    "seconds": [0.5, 2],
    "outcomes": [[4, 2, 9]],
    "latencies": [],
}


def test_columns_as_they_are_written_are_sound_and_so_are_whole_numbers_with_a_point() -> None:
    assert part_of(CellBlocks)(BLOCKS) is None
    assert part_of(ArmCounts)(COUNTS) is None
    assert part_of(ArmCounts)(COUNTS | {"turn": [0.0, 1], "outcomes": [[4.0, 2, 9]]}) is None
    assert part_of(ArmCounts)(COUNTS | {"seconds": [10**12, 0]}) is None


@pytest.mark.parametrize(
    "column, entries",
    [
        ("turn", [0, 0.5]),
        ("turn", [0, True]),
        ("turn", [0, "1"]),
        ("turn", 3),
        ("seconds", [0.5, -0.5]),
        ("seconds", [0.5, math.nan]),
        ("seconds", [0.5, math.inf]),
        ("seconds", [0.5, None]),
        ("outcomes", [[4, 2, 9], 3]),
        ("outcomes", [[4, 2, "9"]]),
        ("outcomes", None),
    ],
)
def test_what_no_column_may_hold_is_named(column: str, entries: object) -> None:
    assert part_of(ArmCounts)(COUNTS | {column: entries}) == f"has no sound column {column}"


def test_columns_of_several_lengths_are_no_columns_of_blocks() -> None:
    assert part_of(ArmCounts)(COUNTS | {"turn": [0]}) == "has columns of different lengths"


@pytest.mark.parametrize("rows", [[1.0], [[1.0, -1.0]], [[True]], [[math.nan]], {}])
def test_rows_of_numbers_hold_numbers(rows: object) -> None:
    assert rows_of_numbers([[1, 0.5], []]) is None
    assert "not rows of numbers" in str(rows_of_numbers(rows))
