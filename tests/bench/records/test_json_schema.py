"""The published JSON Schema is that of the dataclasses, and takes and refuses what a reader does."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from specdec_lib.bench.records.json_schema import json_schema
from specdec_lib.bench.records.kinds import KINDS
from specdec_lib.bench.records.schema import problem_of
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.utils.paths import data_path
from tests.bench import comparisons, growth, sessions

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
    lines = [dict(record) for record in records] + [shape]
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
