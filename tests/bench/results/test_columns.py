"""The flat row of a cell: its columns, and what they are computed from."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import pytest

from specdec_lib.bench.results.columns import ALSO_CALLED, BY_NAME, COLUMNS, FlatCell, cell_row
from tests.made_cells import made_cell


def line(**changes: Any) -> dict[str, Any]:
    """A line as a file holds it; changes are merged into its objects."""
    told = json.loads(json.dumps(dict(made_cell(k=2, temperature=0.8, domain="code"))))
    for name, change in changes.items():
        told[name] = told[name] | change if isinstance(change, dict) else change
    return told


def test_columns_are_the_fields_of_a_row_in_their_order_and_of_their_kinds() -> None:
    kinds = {str: "text", int: "whole", float: "number", bool: "truth"}
    hints = get_type_hints(FlatCell)
    assert [column.name for column in COLUMNS] == list(FlatCell._fields)
    for column in COLUMNS:
        (plain,) = (
            kind
            for kind in kinds
            if kind in (hints[column.name], *getattr(hints[column.name], "__args__", ()))
        )
        assert column.kind == kinds[plain], column
        assert column.meaning
    assert set(ALSO_CALLED.values()) <= BY_NAME.keys()


def test_rates_are_totals_over_totals() -> None:
    counts = {
        "num_tokens": [10, 30],
        "seconds": [0.5, 1.5],
        "num_accepted_tokens": [6, 3],
        "num_rejections": [2, 1],
    }
    plain = {"num_tokens": [10, 30], "seconds": [1.0, 4.0]}
    row = cell_row(line(counts=counts, baseline_counts=plain), "A")
    assert (row.tokens_per_second, row.baseline_tokens_per_second, row.speedup) == (20.0, 8.0, 2.5)
    assert row.alpha == 9 / 12
    assert (row.num_tokens, row.seconds) == (40, 2.0)


def test_what_was_not_timed_or_judged_has_no_rate() -> None:
    nothing = {"num_tokens": [], "seconds": [], "num_accepted_tokens": [], "num_rejections": []}
    row = cell_row(line(counts=nothing), "A")
    assert (row.tokens_per_second, row.speedup, row.alpha) == (None, None, None)


def test_a_row_agrees_with_its_record() -> None:
    cell = made_cell(k=2, temperature=0.8, domain="code")
    row = cell_row(json.loads(json.dumps(dict(cell))), "B")
    assert (row.pair, row.k, row.domain, row.temperature) == ("pocket", 2, "code", 0.8)
    assert (row.draft, row.dtype, row.machine, row.target) == ("synthetic", "float32", "B", "synthetic")
    assert row.num_draft_tokens == sum(cell.counts.num_draft_tokens)
    assert (row.session, row.key, row.weights) == (cell.session, cell.key, "c" * 12)


def test_whole_numbers_may_be_written_with_a_point() -> None:
    row = cell_row(line(config={"K": 2.0}, counts={"num_tokens": [10.0, 2]}), "A")
    assert (row.k, row.num_tokens) == (2, 12) and type(row.k) is type(row.num_tokens) is int


@pytest.mark.parametrize(
    "changes",
    [
        {"pair": 3},
        {"time": None},
        {"sweep": 3},
        {"config": {"K": "4"}},
        {"config": {"K": 4.5}},
        {"config": {"temperature": "0"}},
        {"config": {"temperature": -1}},
        {"counts": {"seconds": ["1"]}},
        {"counts": {"seconds": [float("inf")]}},
        {"counts": None},
        {"arm": []},
        {"models": {}},
        {"made_of": None},
        {"made_of": {"weights": 1}},
    ],
)
def test_what_is_no_sound_cell_makes_no_row(changes: dict[str, Any]) -> None:
    broken = line() | changes if changes == {"models": {}} else line(**changes)
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        cell_row(broken, "A")
