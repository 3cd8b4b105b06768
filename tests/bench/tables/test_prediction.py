"""The prediction is made of its measured parts, and what it misses is told step by step."""

from __future__ import annotations

import pytest

from specdec_lib.bench.explain.cell import cell_of
from specdec_lib.bench.records.schema import record_of
from specdec_lib.bench.tables.prediction import costs_of, overhead, phase_table, prediction_table
from specdec_lib.errors import RecordError
from tests.bench.sessions import costs, profiled, timed

SESSION = [*timed(accepted=2, prompts=1), profiled(0, 0), profiled(4, 2), costs()]


def test_costs_are_medians() -> None:
    found = costs_of(SESSION)
    assert found["c"] == pytest.approx(0.1)
    assert found["v"] == {4: pytest.approx(1.2)}
    assert found["target_ms"] == {1: pytest.approx(10.0), 5: pytest.approx(12.0)}
    assert found["context_length"] == 50


def test_phases_add_up_to_the_round() -> None:
    baseline, speculative = phase_table(SESSION)
    assert (baseline["decoder"], speculative["decoder"]) == ("AR", "SD-K4")
    assert speculative["round_ms"] == pytest.approx(18.0)
    parts = [speculative[f"{name}_ms"] for name in ("draft", "verify", "sampling", "rollback", "other")]
    assert parts == pytest.approx([4.0, 12.0, 0.4, 0.1, 1.5])
    assert speculative["tokens_per_round"] == 3 and speculative["drafted_per_round"] == 4


def test_phases_of_several_profiles_are_pooled_by_round() -> None:
    [row] = phase_table([profiled(4, 2), profiled(4, 0)])
    assert row["num_rounds"] == 20 and row["tokens_per_round"] == 2.0
    assert row["round_ms"] == pytest.approx(18.0)


def test_overhead_is_what_neither_model_takes() -> None:
    assert overhead(phase_table(SESSION)[1], costs_of(SESSION)) == pytest.approx(0.2)


def test_the_prediction_by_hand() -> None:
    """alpha = 2/3 at K = 4: E = 1 + 2/3 + 4/9 + 8/27 + 16/81 = 211/81."""
    [row] = prediction_table(SESSION)
    expected = 211 / 81
    assert row["alpha_hat"] == pytest.approx(2 / 3)
    assert row["expected_tokens"] == pytest.approx(expected)
    assert row["predicted"] == pytest.approx(expected / 1.8)
    assert row["baseline"] == pytest.approx(1.1)
    # Each round accepted two, nothing random about it, and the session has no other cost.
    assert row["measured"] == pytest.approx(1.1 * 3 / 1.8)
    assert row["measured_whole"] == pytest.approx((30 + 12 * 11) / (30 + 4 * 18))
    assert row["low"] <= row["measured"] <= row["high"]


def test_the_terms_lead_from_a_free_draft_to_the_measured_speedup() -> None:
    [row] = prediction_table(SESSION)
    plain, speculative = phase_table(SESSION)
    terms = cell_of(row, costs_of(SESSION), speculative, plain).terms
    expected = 211 / 81
    by_hand = [expected, *(expected / cost for cost in (1.4, 1.6, 1.8)), 1.1 * expected / 1.8, 1.1 * 3 / 1.8]
    assert [t["speedup"] for t in terms] == pytest.approx([*by_hand, row["measured"]])
    changes = sum(t["change"] for t in terms[1:])
    assert terms[0]["change"] is None and terms[0]["speedup"] + changes == pytest.approx(row["measured"])
    assert "v = 1.20" in terms[2]["meaning"] and "o = 0.20" in terms[3]["meaning"]


@pytest.mark.parametrize(
    "records, why",
    [
        ([*timed(), profiled(4, 2)], "no record of the forwards' costs"),
        ([*timed(), costs()], "no profiled run at K = 4"),
    ],
)
def test_a_session_without_its_profile_says_so(records: list, why: str) -> None:
    with pytest.raises(RecordError, match=why):
        prediction_table(records)


@pytest.mark.parametrize(
    "damage",
    [
        lambda costs: costs.update(forwards=[f for f in costs["forwards"] if f["model"] == "target"]),
        lambda costs: costs["forwards"][1].update(seconds=[0.0]),
    ],
)
def test_an_incomplete_record_of_costs_is_refused_by_name(damage) -> None:
    record = costs()
    damage(record["costs"])
    with pytest.raises(RecordError, match="forwards' costs is not complete"):
        costs_of([record_of(record)])


@pytest.mark.parametrize(
    "damage",
    [
        lambda costs: costs.pop("forwards"),
        lambda costs: costs["forwards"][0].update(seconds=[]),
        lambda costs: costs["forwards"][1].update(seconds=["fast"]),
        lambda costs: costs["forwards"][1].update(width=None),
        lambda costs: costs.update(forwards=7),
    ],
)
def test_costs_that_no_forward_has_make_no_record(damage) -> None:
    record = costs()
    damage(record["costs"])
    with pytest.raises(RecordError, match="field 'costs' holds"):
        record_of(record)


@pytest.mark.parametrize("damage", [{"total_ms": None}, {"total_ms": -1.0}, {"rounds": "ten"}])
def test_incomplete_phases_are_refused_by_name(damage: dict) -> None:
    record = profiled(4, 2)
    record["phases"].update(damage)
    with pytest.raises(RecordError, match=f"field 'phases' holds no number for {next(iter(damage))}"):
        record_of(record)


def test_phases_that_lack_one_are_refused_by_name() -> None:
    record = profiled(4, 2)
    del record["phases"]["draft_ms"]
    with pytest.raises(RecordError, match="a profiled run at K = 4 are not complete \\('draft_ms'\\)"):
        phase_table([record_of(record)])


def test_a_forward_of_neither_model_is_passed_over() -> None:
    record = costs()
    record["costs"]["forwards"].append({"model": "head", "width": 3, "seconds": [1.0]})
    assert costs_of([record_of(record)]) == costs_of([costs()])
