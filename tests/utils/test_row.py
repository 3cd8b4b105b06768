"""A row is read by attribute and by name, and a record takes it as plain data, rows in rows included."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from specdec_lib.bench.measure.costs import ForwardTimes, TimedForward
from specdec_lib.bench.records.identity import Identity, PartingRow
from specdec_lib.bench.tables.prediction import costs_in
from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False)
class Point(Row):
    x: int
    label: str | None = None


def test_a_row_is_its_columns_by_name_and_by_attribute() -> None:
    point = Point(3)
    assert (point.x, point["x"], dict(point), len(point)) == (3, 3, {"x": 3, "label": None}, 2)
    assert point == Point(3) != replace(point, x=4) and point | {"y": 1} == {"x": 3, "label": None, "y": 1}
    assert "to_dict" not in point
    with pytest.raises(KeyError):
        point["to_dict"]


def test_a_row_of_rows_is_plain_data_for_a_record() -> None:
    forwards = [TimedForward("target", 1, [0.5]), TimedForward("draft", 1, [0.25])]
    measured = ForwardTimes(7, forwards)
    plain = {
        "context_length": 7,
        "forwards": [
            {"model": "target", "width": 1, "seconds": [0.5]},
            {"model": "draft", "width": 1, "seconds": [0.25]},
        ],
    }
    assert json.loads(json.dumps(measured.to_dict())) == measured.to_dict() == plain == measured
    both = [costs_in(costs) for costs in (measured, ForwardTimes.from_dict(plain))]
    assert both[0] == both[1] and both[0].c == 0.5


def test_ids_that_part_are_told_as_they_were_recorded() -> None:
    row = PartingRow(decoder="ours-K4", prompt_id="code_000", repeat=0, first_difference=3)
    assert list(row) == [
        "decoder", "prompt_id", "repeat", "reference", "first_difference", "logit_gap", "tied",
    ]  # fmt: skip
    assert Identity(2, 1, [row]).to_dict()["differing"] == [dict(row)]
