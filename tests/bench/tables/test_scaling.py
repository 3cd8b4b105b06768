"""Tables of growth hold medians, quartiles and ratios of what was recorded, of the newest machine alone."""

from __future__ import annotations

import pytest

from specdec_lib.bench.records.appending import append_record
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.records.schema import problem_of
from specdec_lib.bench.tables.scaling import growth_table, newest_scaling, scaling_table
from specdec_lib.errors import RecordError
from tests.bench.growth import block, session


def test_records_of_growth_are_records(tmp_path) -> None:
    for record in session():
        append_record(tmp_path / "scaling.jsonl", record)
    assert read_records(tmp_path / "scaling.jsonl") == (session(), [])
    assert problem_of(block("k", 1, 0, {}) | {"value": True}) == "field 'value' is bool, not int"


def test_a_row_holds_the_median_and_quartiles_of_all_repeats() -> None:
    records = [block("k", 2, repeat, {"ours round": [0.001, 0.002, 0.003]}) for repeat in range(2)]
    (row,) = scaling_table(records)
    assert (row["median"], row["low"], row["high"]) == pytest.approx((2.0, 1.25, 2.75))
    assert (row["vary"], row["value"], row["arm"], row["num_samples"]) == ("k", 2, "ours round", 6)
    (alone,) = scaling_table([block("k", 2, 0, {"ours round": [0.001], "nothing": []})])
    assert (alone["median"], alone["low"], alone["high"]) == (1.0, 1.0, 1.0)


def test_a_ratio_is_to_the_smallest_value_of_the_same_arm() -> None:
    rows = {(r["vary"], r["arm"], r["value"]): r for r in scaling_table(session()[::-1])}
    assert rows["depth", "HF token", 20]["ratio"] == pytest.approx(4.0)
    assert {r["ratio"] for key, r in rows.items() if key[2] in (128, 1, 5)} == {1.0}


def test_what_lies_beyond_the_training_is_said() -> None:
    rows = [row for row in scaling_table(session()) if row["beyond_training"]]
    assert {(row["vary"], row["value"]) for row in rows} == {("context", 4096)} and len(rows) == 4


def test_growth_of_a_round_from_256_to_4096_ours_against_theirs() -> None:
    rows = {row["arm"]: row for row in growth_table(scaling_table(session()), 256, 4096)}
    assert rows["ours round"]["growth"] == pytest.approx((20 + 4.096) / (20 + 0.256))
    assert rows["HF round"]["growth"] == pytest.approx((25 + 4 * 4.096) / (25 + 4 * 0.256))
    assert rows["HF round"]["large_ms"] == pytest.approx(25 + 4 * 4.096)


def test_growth_is_from_end_to_end_unless_told_and_leaves_out_what_is_missing() -> None:
    rows = scaling_table(session())
    assert {(r["small"], r["large"]) for r in growth_table(rows, vary="depth")} == {(5, 20)}
    assert growth_table(rows, 128, 999) == [] == growth_table(rows, vary="width")


def test_records_of_another_machine_or_pair_do_not_mix() -> None:
    other = [record | {"environment": {"cpu": "another"}} for record in session(1)]
    assert newest_scaling(other + session()) == session()
    assert len(newest_scaling([*session(), *other])) == len(other)


@pytest.mark.parametrize("name", ["k", "context", "depth", "new_tokens"])
def test_times_of_other_settings_are_not_pooled(name) -> None:
    settings = {"k": 4, "context": 128, "depth": 20, "new_tokens": 32}
    before, now, further = (
        block(
            "depth" if name == "context" else "context",
            128,
            0,
            {"ours round": [1e-3 * ms]},
            **settings | {name: value},
        )
        for ms, value in ((7, 8), (1, 9), (3, 9))
    )
    assert newest_scaling([before, now, further]) == [now, further]
    (row,) = scaling_table([before, now, further])
    assert (row["median"], row["num_samples"]) == (pytest.approx(2.0), 2)
    longer = before | {"value": 512}
    assert newest_scaling([before, longer, now]) == [now], "no ratio between times of other settings"
    assert newest_scaling([before, longer, now | {"vary": "k", "value": 20}])[:2] == [before, longer]


def test_more_drafts_emit_more_tokens_and_are_one_axis_all_the_same() -> None:
    axis = [block("k", k, 0, {"ours round": [1e-3 * k]}, k=k, new_tokens=4 * (k + 1)) for k in (1, 8)]
    assert newest_scaling(axis) == axis
    assert newest_scaling([axis[0] | {"new_tokens": 32}, *axis]) == axis


def test_without_records_the_reader_is_told_how_to_get_some() -> None:
    with pytest.raises(RecordError, match=r"python -m specdec_lib\.bench\.scaling"):
        scaling_table([])
