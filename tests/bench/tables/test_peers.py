"""Ratios of a comparison on records whose every rate is known."""

from __future__ import annotations

import json

import pytest

from specdec_lib.bench.records.identity import OutputsDiffer, identity_of, require_same_ids
from specdec_lib.bench.records.schema import problem_of
from specdec_lib.bench.tables.peers import RATIOS, arms_of, newest_comparison, peer_table, ratio_table
from specdec_lib.errors import RecordError
from tests.bench.comparisons import ARMS, SECONDS, arm, comparison, run
from tests.bench.sessions import timed

SESSION = comparison()


def rows_of(records: list) -> dict:
    return {(row["temperature"], row["arm"]): row for row in peer_table(records, draws=50)}


def ratios_of(records: list) -> dict:
    return {row["name"]: row for row in ratio_table(records, draws=50) if row["temperature"] == 0.0}


def test_the_records_are_records() -> None:
    assert [problem_of(record) for record in SESSION] == [None] * len(SESSION)


def test_an_arms_rate_is_tokens_over_time_and_its_ratio_is_paired() -> None:
    rows = rows_of(SESSION)
    assert len(rows) == 2 * len(ARMS)
    for name, seconds in SECONDS.items():
        row = rows[0.8, name]
        assert row["tokens_per_second"] == pytest.approx(40 / (6 * seconds))  # 1 + 2 + 1 + 2 times as slow
        assert [row[key] for key in ("ratio", "low", "high")] == pytest.approx([1 / seconds] * 3)
        assert (row["num_runs"], row["num_tokens"], row["num_prompts"]) == (4, 40, 4)


def test_the_ratio_is_one_of_totals_and_not_a_mean_of_ratios() -> None:
    """Trap 28."""
    records = [arm("hf-generate"), arm("ours-AR")]
    for prompt, (theirs, ours) in enumerate([(1.0, 1.0), (9.0, 3.0)]):
        records += [run("hf-generate", prompt, theirs), run("ours-AR", prompt, ours)]
    assert rows_of(records)[0.0, "ours-AR"]["ratio"] == pytest.approx(10 / 4)


def test_every_ratio_has_its_name_and_the_best_arm_of_each_side() -> None:
    ratios = ratios_of(SESSION)
    expected = {
        "ours speculative ÷ HF assisted (its better setting)": (
            0.6 / 0.2,
            "ours-K4-compiled",
            "hf-assisted-K4",
        ),
        "ours speculative, eager ÷ HF assisted (its better setting)": (
            0.6 / 0.3,
            "ours-K4",
            "hf-assisted-K4",
        ),
        "ours speculative (best K) ÷ the best autoregressive arm of anybody": (
            0.4 / 0.2,
            "ours-K4-compiled",
            "ours-AR-compiled",
        ),
        "ours autoregressive eager ÷ HF generate dynamic": (1.0 / 0.75, "ours-AR", "hf-generate"),
        "ours autoregressive compiled ÷ HF static + compile": (
            0.5 / 0.4,
            "ours-AR-compiled",
            "hf-static-compiled",
        ),
    }
    assert list(ratios) == list(RATIOS) == list(expected)
    for name, (ratio, above, below) in expected.items():
        row = ratios[name]
        assert (row["above"], row["below"], row["missing"]) == (above, below, None)
        assert [row[key] for key in ("ratio", "low", "high")] == pytest.approx([ratio] * 3)


def test_choosing_the_best_arm_is_part_of_the_interval() -> None:
    """Two settings, each better on one prompt: no draw may be worse for ours than the best of both."""
    records = [arm(name) for name in ("hf-assisted", "hf-assisted-K4", "ours-K4")]
    for prompt, (one, other) in enumerate([(1.0, 2.0), (2.0, 1.0)]):
        records += [run("hf-assisted", prompt, one), run("hf-assisted-K4", prompt, other)]
        records += [run("ours-K4", prompt, 1.0)]
    row = ratios_of(records)["ours speculative ÷ HF assisted (its better setting)"]
    assert (row["ratio"], row["low"], row["high"]) == (1.5, 1.0, 1.5)


def test_only_blocks_that_all_arms_ran_are_paired() -> None:
    records = [record for record in SESSION if record["kind"] == "arm"]
    records += [run("hf-generate", 0, 1.0), run("hf-generate", 1, 50.0), run("ours-AR", 0, 0.5)]
    row = rows_of(records)[0.0, "ours-AR"]
    assert row["ratio"] == pytest.approx(2.0) and row["num_prompts"] == 1


def test_a_refused_arm_keeps_its_line_and_its_reason() -> None:
    reason = "InvalidCxxCompiler: no compiler"
    records = [
        record | {"arm": record["arm"] | {"refused": reason}}
        if record["kind"] == "arm" and record["decoder"] == "hf-static-compiled"
        else record
        for record in SESSION
    ]
    row = rows_of(records)[0.0, "hf-static-compiled"]
    assert row["refused"] == reason and row["tokens_per_second"] is row["ratio"] is row["low"] is None
    ratio = ratios_of(records)["ours autoregressive compiled ÷ HF static + compile"]
    assert ratio["ratio"] is None and ratio["missing"] == f"hf-static-compiled was refused: {reason}"


def test_an_arm_refused_half_way_has_no_rate() -> None:
    records = [*SESSION, arm("hf-lookup", refused="RuntimeError: out of luck")]
    assert arms_of(records)["hf-lookup"].refused == "RuntimeError: out of luck"
    assert rows_of(records)[0.0, "hf-lookup"]["tokens_per_second"] is None
    assert rows_of(records)[0.0, "ours-AR"]["ratio"] == pytest.approx(4 / 3)


def test_without_the_reference_there_are_rates_and_no_ratios() -> None:
    names = tuple(name for name in ARMS if name != "hf-generate")
    row = rows_of(comparison(names))[0.0, "ours-AR"]
    assert row["tokens_per_second"] > 0 and row["ratio"] is None
    ratio = ratios_of(comparison(names))["ours autoregressive eager ÷ HF generate dynamic"]
    assert ratio["missing"] == "no such arm was run"


def test_runs_in_which_something_was_compiled_are_counted() -> None:
    records = [*SESSION, run("ours-AR-compiled", 0, repeat=1, new_graphs=2)]
    assert rows_of(records)[0.0, "ours-AR-compiled"]["recompiled"] == 1
    assert rows_of(SESSION)[0.0, "ours-AR-compiled"]["recompiled"] == 0


def test_the_newest_comparison_of_a_file_is_taken() -> None:
    later = [record | {"session": "two"} for record in SESSION[:3]]
    assert newest_comparison([*SESSION, *later, *timed()]) == later
    with pytest.raises(RecordError, match="bench --peers"):
        newest_comparison(timed())


# -- identity ----------------------------------------------------------------------------------------


def compared(dtype: str) -> list:
    models = {"target": {"name": "tiny", "dtype": dtype, "device": "cpu"}}
    differs = {"first_difference": 5, "reference": "hf-generate", "logit_gap": 0.25, "tied": True}
    return [
        run("hf-generate", models=models),
        run("ours-AR", models=models, first_difference=-1, reference="hf-generate"),
        run("ours-K4", 1, models=models, **differs),
        run("hf-lookup", 1, models=models, **differs),
    ]


def test_in_float32_a_difference_fails_and_names_arms_and_prompts() -> None:
    with pytest.raises(
        OutputsDiffer, match=r"2 of 3 runs .* hf-lookup, ours-K4 on code_001, .* token 5"
    ) as caught:
        require_same_ids(compared("float32"))
    assert "\n" not in str(caught.value)


def test_in_half_precision_it_is_reported_with_its_gap() -> None:
    """Trap 24."""
    found = require_same_ids(compared("bfloat16"))
    assert found == identity_of(compared("bfloat16"))
    assert (found["compared"], found["identical"], len(found["differing"])) == (3, 1, 2)
    assert found["differing"][0] == {
        "decoder": "ours-K4",
        "prompt_id": "code_001",
        "repeat": 0,
        "reference": "hf-generate",
        "first_difference": 5,
        "logit_gap": 0.25,
        "tied": True,
    }


def test_an_arm_whose_runs_took_no_time_has_no_rate() -> None:
    records = [arm("hf-generate"), arm("ours-AR"), arm("ours-K4")]
    records += [run("hf-generate", p) for p in range(3)] + [run("ours-AR", p, seconds=0.0) for p in range(3)]
    records += [run("ours-K4", p, ids=[]) for p in range(3)]
    rows = {row["arm"]: row for row in peer_table(records)}
    assert [rows[name]["tokens_per_second"] for name in ("ours-AR", "ours-K4")] == [None, None]
    assert rows["hf-generate"]["ratio"] == 1.0
    tables = peer_table(records), ratio_table(records)
    json.dumps([list(map(dict, table)) for table in tables], allow_nan=False)
