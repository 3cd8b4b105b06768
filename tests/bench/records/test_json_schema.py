"""The published JSON Schema is that of the dataclasses, and takes and refuses what a reader does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from specdec_lib.bench.records.json_schema import json_schema
from specdec_lib.bench.records.kinds import KINDS
from specdec_lib.bench.records.parts import Facts, RecordedArm
from specdec_lib.bench.records.schema import fields_of, problem_of, record_of
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.profiling.metrics import BenchmarkConfig
from specdec_lib.utils.paths import data_path
from tests.bench import comparisons, growth, sessions
from tests.bench.records.test_schema import make_record
from tests.made_cells import made_cell

PUBLISHED = Path(data_path("results", "records.schema.json"))


@cache
def validator() -> Draft202012Validator:
    schema = json.loads(PUBLISHED.read_text(encoding="utf8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def refusal(line: dict) -> str | None:
    """What the schema says of a line, where it refuses it."""
    found = next(validator().iter_errors(line), None)
    return None if found is None else found.message


def test_the_published_file_is_what_the_dataclasses_say() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf8")) == json_schema(), (
        "write it anew: python -m specdec_lib.bench.records.json_schema > data/results/records.schema.json"
    )


@pytest.mark.unchecked
@pytest.mark.parametrize("name", ["pocket", "peers", "scaling"])
def test_every_recorded_line_is_one_that_the_schema_takes(name: str) -> None:
    lines = Path(data_path("results", f"{name}.jsonl")).read_bytes().splitlines()
    assert [refusal(json.loads(line)) for line in lines] == [None] * len(lines)


def test_new_records_of_every_kind_are_taken() -> None:
    shape = dict(sessions.costs()) | {"kind": "shape", "weight_bytes": 1.0, "copy_bytes_per_second": 2.0}
    records = synthetic_session(SyntheticPair(), num_prompts=1, repeats=1, num_tokens=8)
    records += [*comparisons.comparison(("ours-AR",)), *growth.session(1)]
    stages = dict(sessions.costs()) | {"kind": "stages", "arms": {"AR": ARM}, "seconds": {"load": 1.0}}
    lines = [dict(record) for record in [*records, made_cell()]] + [shape, stages]
    assert {line["kind"] for line in lines} == set(KINDS)
    assert [refusal(line) for line in lines] == [None] * len(lines)
    assert [problem_of(line) for line in lines] == [None] * len(lines)


RUN = dict(sessions.record("run", "code", 4, 0, 0, sessions.generation(4, 4, 2)))
PEER, PROFILE, COSTS = map(dict, (comparisons.run("ours-K4"), sessions.profiled(4, 2), sessions.costs()))


@pytest.mark.parametrize(
    "line, change, named",
    [
        (RUN, {"schema": 2}, "1 was expected"),
        (RUN, {"kind": "dream"}, "'dream' is not one of"),
        (RUN, {"kind": "profile"}, "'phases' is a required"),
        (RUN, {"repeat": "first"}, "'first' is not of type 'integer'"),
        (RUN, {"repeat": -1}, "-1 is less than the minimum"),
        (RUN, {"models": {}}, "'target' is a required"),
        (RUN, {"models": {"target": {"name": "x"}}}, "'dtype' is a required"),
        (RUN, {"config": {"K": 4}}, "'model_pair_name' is a required"),
        (RUN, {"result": {}}, "'generated_ids' is a required"),
        (RUN, {"first_difference": 1.5}, "1.5 is not of type 'integer', 'null'"),
        (PEER, {"logit_gap": "wide"}, "'wide' is not of type 'number', 'null'"),
        (PROFILE, {"phases": {}}, "'rounds' is a required"),
        (COSTS, {"costs": {"forwards": [{"model": "target"}]}}, "'width' is a required"),
    ],
)
def test_what_a_reader_refuses_the_schema_refuses_too(line: dict, change: dict, named: str) -> None:
    assert named in (refusal(line | change) or "")
    assert problem_of(line | change) is not None


@pytest.mark.parametrize("name", ["session", "config_hash", "result", "seed"])
def test_a_field_that_a_reader_needs_the_schema_asks_for(name: str) -> None:
    line = {field: value for field, value in RUN.items() if field != name}
    assert refusal(line) == f"'{name}' is a required property" and name in (problem_of(line) or "")


# -- every field with every wrong value -------------------------------------------------------------

TARGET = {"name": "tiny", "dtype": "float32", "device": "cpu"}
CONFIG = BenchmarkConfig("pocket", 4, 0.0, 3, "code", 42, policy="entropy")
RESULT = sessions.generation(4, 2, 2).to_dict()
COSTS_TOLD = {"context_length": 5, "forwards": [{"model": "target", "width": 1, "seconds": [0.01]}]}
FACTS = Facts("specdec_lib", "speculative", 4, drafter="tiny", verifier="token", dtype="x", options={"a": 1})
ARM = {**RecordedArm.of(FACTS).to_dict(), "warm_up_seconds": 2.0, "compile_seconds": 0.0, "refused": "no"}
PHASES = {"rounds": 3, "tokens": 9, "drafted": 12, "total_ms": 30.0, "draft_ms": 3.0}
FULL = {
    "models": {"target": TARGET, "draft": {"name": "small"}, "other": None},
    "prompts": {"hash": "1"}, "drafter": "tiny", "turn": 0, "first_difference": -1,
    "config": CONFIG.to_dict(), "config_hash": CONFIG.config_hash(), "result": RESULT,
    "phases": PHASES, "new_graphs": 0, "reference": "x", "logit_gap": 0.5, "tied": True,
    "prompt_seconds": 0.5, "decode_seconds": 0.5,
    "pair": "pocket", "costs": COSTS_TOLD, "arm": ARM, "weight_bytes": 1.0, "copy_bytes_per_second": 2.0,
    "vary": "k", "value": 4, "k": 4, "context": 8, "depth": 2, "new_tokens": 3, "beyond_training": False,
    "seconds": {"ours": [0.1], "theirs": []}, "arms": {"AR": ARM}, "memory_mb": {"load": 300.0},
    "key": "1", "sweep": "mine", "parameters": {"pair": "pocket"}, "made_of": {"library": "1"},
    "engine": "specdec_lib", "baseline": ARM, "rounds": [[4, 3, 1.5]],
    "blocks": made_cell()["blocks"], "baseline_counts": made_cell()["baseline_counts"],
    "counts": made_cell()["counts"],
}  # fmt: skip
OF_STAGES = {"seconds": {"load": 1.0}}
"""Seconds of a session's stages are no lists."""
WRONG: tuple[Any, ...] = (None, True, -1, 0, 4, 4.0, 1.5, -0.5, "", "x", [], {}, [-1], [1], ["x"], {"x": [0]})
AGREEMENT = (
    "its configuration's", "latencies for", "both counts", "per-round lists", "cannot accept",
    "draft tokens;", "different lengths",
)  # fmt: skip
"""What a schema cannot say: that a hash is its configuration's, and that counts agree."""


def full_line(kind: str) -> dict[str, Any]:
    """A line in which every field of the kind stands, and none of another."""
    own = {field.name for field in fields_of(kind)}
    line = make_record(kind=kind, **FULL | (OF_STAGES if "memory_mb" in own else {}))
    return {name: value for name, value in line.items() if name in own}


def changed(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Where a value was changed, and what it is then: each part another, left out, or added to."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, part in inner:
        whole = dict(value) if isinstance(value, dict) else list(value)
        others = [new for new in WRONG if type(new) is not type(part) or new != part]
        for new in others:
            whole[key] = new
            yield (key,), whole.copy()
        if isinstance(part, (dict, list)):
            for at, new in changed(part):
                whole[key] = new
                yield (key, *at), whole.copy()
        del whole[key]
        yield (key,), whole
    if isinstance(value, dict):
        yield ("unknown",), {**value, "unknown": 1}


@pytest.mark.unchecked
@pytest.mark.parametrize("kind", KINDS)
def test_no_wrong_value_of_any_field_is_taken_by_one_and_refused_by_the_other(kind: str) -> None:
    line = full_line(kind)
    assert set(line) == {field.name for field in fields_of(kind)}
    assert refusal(line) is None and problem_of(line) is None
    apart, refused = [], 0
    for at, wrong in changed(line):
        said, problem = refusal(wrong), problem_of(wrong)
        is_agreement = said is None and problem is not None and any(word in problem for word in AGREEMENT)
        if (said is None) != (problem is None) and not is_agreement:
            apart.append((at, wrong.get(at[0]), said, problem))
        assert problem is None or (str(at[0]) in problem and "\n" not in problem), (at, problem)
        refused += problem is not None
    assert apart == [] and refused > 100


@pytest.mark.unchecked
def test_a_whole_number_may_be_written_with_a_point_and_is_one_that_is_read() -> None:
    line = full_line("run") | {"repeat": 2.0, "turn": 3.0}
    record = record_of(line)
    assert refusal(line) is None and record["repeat"] == 2.0
    assert [type(value) for value in (record.repeat, record.turn, record.first_difference)] == [int] * 3
    forwards = [COSTS_TOLD["forwards"][0] | {"width": 5.0}]
    costs = record_of(full_line("costs") | {"costs": {"context_length": 50.0, "forwards": forwards}}).costs
    assert [type(value) for value in (costs.context_length, costs.forwards[0].width)] == [int] * 2
    assert type(record_of(full_line("arm") | {"arm": ARM | {"k": 4.0}}).arm.k) is int
    assert problem_of(full_line("shape") | {"weight_bytes": 100, "copy_bytes_per_second": 5}) is None
