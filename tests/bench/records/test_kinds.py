"""Records are objects of their kind, and lines at the two ends of their lives."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from specdec_lib.bench.records.kinds import (
    KINDS,
    CostsRecord,
    PeerRecord,
    ProfileRecord,
    Record,
    RunRecord,
    of_kind,
)
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.records.schema import fields_of, record_of
from specdec_lib.profiling.metrics import BenchmarkConfig
from specdec_lib.utils.paths import data_path
from tests.bench import comparisons, sessions

FILES = ("pocket", "peers", "scaling")
STAMP = ["schema", "session", "environment", "models", "time", "kind"]
RUN = ["config", "config_hash", "decoder", "prompt_id", "prompt_tokens", "repeat", "seed", "first_difference"]


@pytest.mark.parametrize("name", FILES)
def test_a_recorded_line_is_read_as_its_kind_and_written_as_it_was(name: str) -> None:
    path = data_path("results", f"{name}.jsonl")
    records, problems = read_records(path)
    assert problems == []
    for line, record in zip(Path(path).read_bytes().splitlines(), records, strict=True):
        assert type(record) is KINDS[record.kind]
        assert json.dumps(record.line, separators=(",", ":")).encode() == line
        assert set(record.line) <= {field.name for field in fields_of(record.kind)}


@pytest.mark.parametrize("name", FILES)
def test_the_fields_alone_say_all_that_an_earlier_version_wrote(name: str) -> None:
    for record in read_records(data_path("results", f"{name}.jsonl"))[0]:
        again = replace(record).line
        assert set(again) == set(record)
        for field, value in record.items():
            told = again[field]
            assert told == value or told.items() >= value.items()  # a part may know more by now


@pytest.mark.parametrize(
    "kind, more, behind",
    [
        (RunRecord, {}, ["result", "turn"]),
        (ProfileRecord, {"phases": {}}, ["result", "turn", "phases"]),
        (PeerRecord, {"new_graphs": 0}, ["result", "turn", "new_graphs"]),
        (PeerRecord, {"new_graphs": 0, "reference": "x"}, ["result", "turn", "new_graphs", "reference"]),
    ],
)
def test_a_new_line_has_the_keys_that_it_always_had_in_their_order(kind, more: dict, behind: list) -> None:
    read = sessions.record("run", "code", 4, 0, 0, sessions.generation(4, 4, 2))
    fields = {name: getattr(read, name) for name in (*RUN, "result")}
    made = kind(**fields, turn=0, **more).stamped(Record(session="s", models=read.models, time="now"))
    assert [*made] == [*STAMP, *RUN, *behind]
    assert [*made.stamped(Record(prompts={"hash": "1"}))][:5] == [*STAMP[:4], "prompts"]


def test_by_attribute_there_are_objects_and_by_name_what_the_line_says() -> None:
    record = sessions.record("run", "code", 4, 1, 0, sessions.generation(4, 4, 2))
    assert record.config == BenchmarkConfig.from_dict(record["config"]) and record.config.K == 4
    assert record.result.num_tokens == len(record["result"]["generated_ids"])
    with pytest.raises(FrozenInstanceError):
        record.repeat = 3
    costs = sessions.costs()
    assert costs.costs.to_dict() == costs["costs"] and isinstance(costs, CostsRecord)


def test_a_changed_line_is_another_record_and_keeps_what_nobody_knows() -> None:
    record = record_of({**comparisons.run("ours-K4"), "note": "mine"})
    changed = record | {"repeat": 1}
    assert (changed.repeat, changed["note"]) == (1, "mine") and record.repeat == 0
    assert changed != record and changed | {"repeat": 0} == record


def test_a_kind_that_is_made_of_another_is_not_taken_for_it() -> None:
    session = [*sessions.timed(prompts=1), sessions.profiled(4, 2), *comparisons.comparison(("ours-AR",))]
    assert {record.kind for record in of_kind(session, RunRecord)} == {"run"}
    assert {record.kind for record in of_kind(session, PeerRecord)} == {"peer"}
