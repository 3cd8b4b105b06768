"""A session made by arithmetic gives back the numbers that went in, through the code that reads real ones."""

from __future__ import annotations

import pytest

from specdec_lib.bench.explain.report import explain_session
from specdec_lib.bench.records.runs import runs_of
from specdec_lib.bench.records.schema import problem_of
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.bench.tables.prediction import costs_of, phase_table
from specdec_lib.bench.tables.summary import acceptance_table, speedup_row
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import expected_tokens, speedup

PAIR = SyntheticPair(alpha=0.7, c=0.1, v={1: 1.05, 4: 1.2}, overhead=0.15)


def test_every_record_is_one_that_a_file_would_take() -> None:
    records = synthetic_session(PAIR, num_prompts=2)
    assert [problem_of(record) for record in records] == [None] * len(records)
    assert {record["kind"] for record in records} == {"run", "profile", "costs"}
    assert len([r for r in records if r["kind"] == "run"]) == 2 * 2 * 3


def test_costs_and_overhead_come_back_exactly() -> None:
    records = synthetic_session(PAIR)
    costs = costs_of(records)
    assert costs["c"] == pytest.approx(0.1) and costs["v"] == pytest.approx({1: 1.05, 4: 1.2})
    cells = {cell.k: cell for cell in explain_session(records, draws=20).groups[0].cells}
    assert [cells[k].overhead for k in (1, 4)] == pytest.approx([0.15, 0.15], abs=0.02)
    assert cells[4].step == pytest.approx(1.0)
    parts = cells[4].said("overhead").numbers
    assert parts["sampling"] == pytest.approx(0.075) and parts["rollback"] == pytest.approx(0.0375)


def test_acceptance_and_speedup_come_back_within_chance() -> None:
    records = synthetic_session(PAIR, num_prompts=60, repeats=1, temperature=0.8)
    rows = {row["k"]: row for row in acceptance_table(runs_of(records), draws=20)}
    for k in (1, 4):
        assert rows[k]["alpha_hat"] == pytest.approx(0.7, abs=0.03)
        measured = speedup_row(runs_of(records), 0.8, "code", k, decode_only=True, draws=1)["speedup"]
        assert measured == pytest.approx(speedup(0.7, k, 0.1, PAIR.v[k], 0.15), rel=0.06)
    assert rows[4]["mean_acceptance_length"] == pytest.approx(expected_tokens(0.7, 4), rel=0.06)


def test_the_phases_of_a_profile_add_up_to_its_rounds() -> None:
    for row in phase_table(synthetic_session(PAIR)):
        parts = sum(row[f"{name}_ms"] for name in ("draft", "verify", "sampling", "rollback", "other"))
        assert parts == pytest.approx(row["round_ms"])
        assert row["sampling_ms"] == (0.0 if row["k"] == 0 else pytest.approx(0.5 * 0.15 * 20.0))


def test_a_factor_slows_the_timed_runs_of_its_arm_alone() -> None:
    plain, straw, disturbed = (
        explain_session(synthetic_session(SyntheticPair(v={4: 1.0}, **change)), draws=20).groups[0].best
        for change in ({}, {"baseline": 1.3}, {"rounds": 1.3})
    )
    assert straw.measured / plain.measured == pytest.approx(1.3)
    assert plain.measured / disturbed.measured == pytest.approx(1.3)
    assert straw.accounted == pytest.approx(plain.accounted) == pytest.approx(disturbed.accounted)
    assert (straw.timed_step, straw.step) == (pytest.approx(1.3), pytest.approx(1.0))


def test_every_run_is_as_long_as_asked_and_greedy_repeats_are_the_same_text() -> None:
    runs = runs_of(synthetic_session(PAIR, num_tokens=17))
    assert {run.result.num_tokens for run in runs} == {17}
    rounds = {(r.k, r.prompt_id): set() for r in runs}
    for run in runs:
        rounds[run.k, run.prompt_id].add(tuple(run.result.accepted_per_round))
    assert all(len(found) == 1 for found in rounds.values())
    sampled = runs_of(synthetic_session(PAIR, temperature=0.8))
    first, second = ([r.result.accepted_per_round for r in sampled if r.repeat == j] for j in (0, 1))
    assert first != second


def test_spread_and_seed() -> None:
    assert synthetic_session(PAIR) == synthetic_session(PAIR)
    assert synthetic_session(PAIR, seed=1) != synthetic_session(PAIR)
    times = {r["result"]["total_time"] for r in synthetic_session(PAIR, spread=0.1) if r["kind"] == "run"}
    assert len(times) == 6 * 2 * 3
    steady = synthetic_session(PAIR, num_prompts=3)
    assert len({r["result"]["total_time"] for r in steady if r.get("decoder") == "AR"}) == 1


def test_widths_between_the_given_ones_are_linear() -> None:
    pair = SyntheticPair(v={2: 1.2, 4: 1.6})
    assert [pair.width(k) for k in (0, 1, 2, 3, 4)] == pytest.approx([1.0, 1.1, 1.2, 1.4, 1.6])


@pytest.mark.parametrize(
    "numbers",
    [{"alpha": 1.2}, {"c": -1}, {"v": {}}, {"v": {4: 0}}, {"v": {0: 1}}, {"baseline": 0}, {"step_ms": 0}],
)
def test_numbers_that_no_pair_has_are_refused(numbers: dict) -> None:
    with pytest.raises(InvalidArgument):
        SyntheticPair(**numbers)


@pytest.mark.parametrize("counts", [{"num_prompts": 0}, {"repeats": 0}, {"num_tokens": 0}, {"spread": -1.0}])
def test_counts_that_no_session_has_are_refused(counts: dict) -> None:
    with pytest.raises(InvalidArgument):
        synthetic_session(PAIR, **counts)
