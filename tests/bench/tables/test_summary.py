"""Tables are totals over totals, and agree with a session that was made by arithmetic."""

from __future__ import annotations

import json

import pytest

from specdec_lib.bench.records import runs as runs_module
from specdec_lib.bench.records.appending import append_record, append_records
from specdec_lib.bench.records.runs import load_results, load_session, newest_session, pool, runs_of
from specdec_lib.bench.tables.summary import acceptance_table, latency_table, position_table, speedup_table
from specdec_lib.errors import RecordError
from specdec_lib.profiling.metrics import BenchmarkConfig
from tests.bench import sessions
from tests.bench.sessions import PROMPT, STEP, generation, timed

ROUND = 4 * 0.001 + 0.012 + 0.002  # of four drafts


def test_speedup_of_whole_runs_and_after_the_prompt() -> None:
    runs = runs_of(timed())
    [whole] = speedup_table(runs)
    assert (whole["temperature"], whole["domain"], whole["k"]) == (0.0, "code", 4)
    assert whole["speedup"] == pytest.approx((PROMPT + 12 * STEP) / (PROMPT + 4 * ROUND))
    assert (whole["num_prompts"], whole["num_pairs"]) == (3, 6)
    [after] = speedup_table(runs, decode_only=True)
    assert after["speedup"] == pytest.approx(STEP / (ROUND / 3))
    assert after["low"] == pytest.approx(after["speedup"]) == pytest.approx(after["high"])


def test_a_rate_is_total_tokens_over_total_time() -> None:
    """Trap 28: one of three prompts ran on a machine half as fast; a mean of rates would say otherwise."""
    [row] = speedup_table(runs_of(timed(prompts=3, repeats=1)))
    seconds = PROMPT + 12 * STEP
    assert row["ar_tokens_per_second"] == pytest.approx(3 * 12 / (4 * seconds))
    assert row["ar_tokens_per_second"] != pytest.approx((1 + 1 / 2 + 1) / 3 * 12 / seconds)


def test_only_blocks_in_which_both_arms_ran_count() -> None:
    records = timed(repeats=2)
    cut = [r for r in records if not (r["repeat"] == 1 and r["decoder"] == "AR")]
    [row] = speedup_table(runs_of(cut))
    assert row["num_pairs"] == 3
    alone = [r for r in records if r["decoder"] != "AR"]
    assert speedup_table(runs_of(alone)) == []


def test_all_domains_are_pooled_last() -> None:
    records = timed("code", accepted=2) + timed("conversation", accepted=3)
    rows = speedup_table(runs_of(records))
    assert [row["domain"] for row in rows] == ["code", "conversation", "all"]
    assert rows[2]["num_prompts"] == 6
    assert rows[0]["speedup"] < rows[2]["speedup"] < rows[1]["speedup"]


def test_acceptance_pools_counts_and_tells_alpha_from_accepted_over_drafted() -> None:
    records = timed(accepted=2, prompts=1, repeats=1) + timed(accepted=3, prompts=1, repeats=1)
    records[2:] = [record | {"prompt_id": "code_009"} for record in records[2:]]
    [row] = acceptance_table(runs_of(records))
    assert (row["num_rounds"], row["num_draft_tokens"], row["num_accepted_draft_tokens"]) == (7, 28, 17)
    assert row["alpha_hat"] == pytest.approx(17 / (17 + 7))
    assert row["acceptance_rate"] == pytest.approx(17 / 28)
    assert row["mean_acceptance_length"] == pytest.approx(1 + 17 / 7)
    assert row["alpha_low"] == pytest.approx(8 / 12) and row["alpha_high"] == pytest.approx(9 / 12)


def test_positions_under_both_conventions() -> None:
    """Trap 34: rounds accepting 0, 1 and 2 of 2 drafts, one cut to a single draft."""
    result = generation(2, 4, 0)
    changed = {
        "generated_ids": list(range(8)),
        "accepted_per_round": [0, 1, 2, 1],
        "drafted_per_round": [2, 2, 2, 1],
    }
    record = sessions.record("run", "code", 2, 0, 0, result) | {"result": changed}
    first, second = position_table(runs_of([record]))
    assert (first["num_drafted"], first["num_reached"], first["num_accepted"]) == (4, 4, 3)
    assert first["unconditional"] == first["conditional"] == pytest.approx(3 / 4)
    assert (second["num_drafted"], second["num_reached"], second["num_accepted"]) == (3, 2, 1)
    assert second["unconditional"] == pytest.approx(1 / 3)
    assert second["conditional"] == pytest.approx(1 / 2)


def test_latency_is_per_token_and_leaves_the_prompt_out() -> None:
    """Trap 31: a round's time is spread over its tokens."""
    baseline, speculative = latency_table(runs_of(timed(prompts=1)))
    assert (baseline["decoder"], speculative["decoder"]) == ("AR", "SD-K4")
    assert baseline["tpot_ms"] == pytest.approx(1e3 * STEP) == pytest.approx(baseline["p95_ms"])
    assert speculative["tpot_ms"] == pytest.approx(1e3 * ROUND / 3) == pytest.approx(speculative["p50_ms"])
    assert speculative["num_tokens"] == 2 * 9
    assert baseline["ttft_ms"] == pytest.approx(1e3 * (PROMPT + STEP))
    assert len(baseline["quantiles_ms"]) == 201 and baseline["quantiles_ms"] == sorted(
        baseline["quantiles_ms"]
    )


def test_forwards_count_rounds_that_could_not_draft() -> None:
    changed = {
        "generated_ids": list(range(13)),
        "accepted_per_round": [2] * 4,
        "drafted_per_round": [4] * 4,
    }
    [run] = runs_of([timed(prompts=1, repeats=1)[1] | {"result": changed}])
    assert (run.forwards, run.first_tokens, run.decode_tokens) == (5, 3, 10)


def test_only_the_newest_session_is_summarised(tmp_path) -> None:
    path = tmp_path / "runs.jsonl"
    for record in timed(session="old") + timed(session="new", prompts=1) + [sessions.costs(session="after")]:
        append_record(path, record)
    with path.open("a") as stream:
        stream.write("torn")
    records, problems = load_session(path)
    assert {record["session"] for record in records} == {"new"} and len(records) == 4
    assert len(problems) == 1 and ":18: " in problems[0]


def test_a_session_that_misses_a_cell_or_its_costs_is_passed_over() -> None:
    complete = [*timed(session="complete"), sessions.profiled(4, 2, session="complete")]
    complete.append(sessions.costs(session="complete"))
    partial = timed(k=2, session="partial")
    cut_short = timed(session="cut short")
    cells = [BenchmarkConfig.from_dict(record["config"]) for record in timed()]
    for later in ([], partial, cut_short, partial + cut_short):
        assert {r["session"] for r in newest_session(complete + later, cells)} == {"complete"}
    assert {r["session"] for r in newest_session(complete + partial)} == {"partial"}
    with pytest.raises(RecordError, match="no session that ran all of 2 cells"):
        newest_session(partial + cut_short, cells)


def test_measured_results_come_before_recorded_ones(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runs_module, "data_path", lambda *parts: tmp_path.joinpath("data", *parts))
    cells = [BenchmarkConfig.from_dict(record["config"]) for record in timed()]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(
        RecordError, match=r"no session of 'mine' that ran all of 2 cells in runs.mine\.jsonl"
    ):
        load_results("mine", cells)
    for folder in (tmp_path / "data" / "results", tmp_path / "runs", tmp_path / "here" / "runs"):
        for record in [*timed(), sessions.profiled(4, 2), sessions.costs()]:
            append_record(folder / "mine.jsonl", record)
        assert load_results("mine", cells)[1] == folder / "mine.jsonl"


@pytest.mark.parametrize(
    "pair, asked", [("gpt2_dev", "--pair gpt2_dev"), ("a-1+b-2", "--target MODEL --draft MODEL")]
)
def test_without_results_a_line_says_how_to_measure_them(
    tmp_path, monkeypatch, pair: str, asked: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs_module, "data_path", lambda *parts: tmp_path.joinpath("data", *parts))
    with pytest.raises(RecordError) as caught:
        load_results(pair)
    said = str(caught.value)
    assert f"no results of '{pair}'" in said and f"`specdec bench {asked}`" in said and "\n" not in said
    append_records(tmp_path / "runs" / f"{pair}.jsonl", timed(prompts=1))
    assert (
        load_results(pair)[1] == tmp_path / "runs" / f"{pair}.jsonl"
    )  # of any pair, without a list of cells


def test_a_file_without_timed_runs_is_refused() -> None:
    with pytest.raises(RecordError, match="no timed run"):
        newest_session([sessions.costs()])


def test_pooling_nothing_gives_nothing() -> None:
    empty = pool([])
    assert empty.num_tokens == 0 and empty.alpha_hat is None


def test_a_session_of_two_machines_does_not_pair() -> None:
    """The same rule as for resuming: a quota that a container got in between is another machine."""
    here = {"cpu": "x", "cpu_quota": None, "hash": "1"}
    records = timed(prompts=2, environment=here)
    assert len(newest_session(records)) == len(records)
    records[-1] |= {"environment": here | {"cpu_quota": 0.5, "hash": "2"}}
    with pytest.raises(RecordError, match=r"several machines \(cpu_quota None is now 0.5\)"):
        newest_session(records)


# -- divisors that are 0 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"total_time": 0.0, "time_to_first_token": 0.0},
        {"generated_ids": [], "per_token_latencies": [], "accepted_per_round": [], "drafted_per_round": []},
    ],
)
def test_runs_of_no_time_or_no_token_are_in_no_rate(change: dict) -> None:
    """Of one prompt they leave the others as they are; of all prompts they leave no row."""
    good, bad = timed(prompts=3), timed(prompts=4)[len(timed(prompts=3)) :]
    derived = ("num_draft_tokens", "num_accepted_draft_tokens", "num_speculation_rounds", "acceptance_rate")
    for i, record in enumerate(bad):
        kept = {key: value for key, value in record["result"].items() if key not in derived}
        bad[i] = record | {"result": kept | change}
    whole = speedup_table(runs_of(good + bad))
    assert whole == speedup_table(runs_of(good)) and speedup_table(runs_of(bad)) == []
    for table in (speedup_table, acceptance_table, latency_table, position_table):
        for runs in (good + bad, bad):
            json.dumps(list(map(dict, table(runs_of(runs)))), allow_nan=False)


def test_a_prompt_whose_drafts_were_never_judged_does_not_widen_the_interval() -> None:
    """A draw of nothing but that prompt would be 0 / 0."""
    records = timed(prompts=2, repeats=1)
    last = timed(prompts=3, repeats=1)[-1]
    result = last["result"] | {"accepted_per_round": [0] * 4, "drafted_per_round": [0] * 4}
    for name in ("num_draft_tokens", "num_accepted_draft_tokens", "acceptance_rate"):
        result.pop(name)
    silent = last | {"result": result}
    assert (
        acceptance_table(runs_of([*records, silent]))[0]["alpha_low"]
        == acceptance_table(runs_of(records))[0]["alpha_low"]
    )


def test_domains_of_one_prompt_each_have_no_interval_together() -> None:
    """There is no other prompt of the domain to draw, so nothing says how far it would have moved."""
    alone = timed(prompts=1, repeats=2) + timed("conversation", prompts=1, repeats=2)
    rows = {row["domain"]: row for row in speedup_table(runs_of(alone))}
    assert [rows[domain]["has_interval"] for domain in ("code", "conversation", "all")] == [False] * 3
    assert rows["all"]["num_prompts"] == 2
    several = timed(prompts=2) + timed("conversation", prompts=3)
    assert all(row["has_interval"] for row in speedup_table(runs_of(several)))
