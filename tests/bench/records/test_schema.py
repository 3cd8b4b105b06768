"""What is a record, and what is wrong with something that is none."""

from __future__ import annotations

import pytest

from specdec_lib.bench.records import appending, reading, schema
from specdec_lib.bench.records.kinds import KINDS
from specdec_lib.bench.records.schema import fields_of, problem_of
from specdec_lib.profiling.metrics import BenchmarkConfig
from tests.made_cells import made_cell

CONFIG = BenchmarkConfig("pocket", 4, 0.0, 3, "code", 42)


PHASES = {"rounds": 3, "tokens": 9, "drafted": 12, "total_ms": 30.0, "draft_ms": 3.0}
COSTS = {"context_length": 5, "forwards": [{"model": "target", "width": 1, "seconds": [0.01]}]}
ARM = {"library": "specdec_lib", "method": "speculative", "k": 4, "compiled": False, "options": {}}


def make_record(repeat: int = 0, kind: str = "run", **fields) -> dict:
    return {
        "schema": 1,
        "kind": kind,
        "session": "s",
        "time": "2026-01-01T00:00:00+00:00",
        "config": CONFIG.to_dict(),
        "config_hash": CONFIG.config_hash(),
        "environment": {},
        "models": {"target": {"name": "tiny", "dtype": "float32", "device": "cpu"}},
        "seed": 1,
        "decoder": "SD-K4",
        "prompt_id": "code_000",
        "prompt_tokens": 7,
        "repeat": repeat,
        "result": {"generated_ids": [1, 2, 3]},
    } | fields


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_a_kind_needs_is_missed(kind: str) -> None:
    growth = {"vary": "k", "value": 4, "seconds": {}, "weight_bytes": 1.0, "copy_bytes_per_second": 1.0}
    cell = {name: value for name, value in made_cell().items() if name not in ("kind", "seconds", "config")}
    more = growth | {"arms": {"AR": ARM}} | {"seed": 1, **cell, "config_hash": CONFIG.config_hash()}
    record = make_record(kind=kind, **more | {"phases": PHASES, "costs": COSTS, "arm": ARM})
    assert problem_of(record) is None
    for name in (field.name for field in fields_of(kind) if field.is_needed):
        assert name in problem_of({key: value for key, value in record.items() if key != name})


# -- records of other hands ------------------------------------------------------------------------

TARGET = {"name": "tiny", "dtype": "float32", "device": "cpu"}


@pytest.mark.parametrize(
    "kind, change, said",
    [
        ("run", {"models": {}}, "'models' names no target"),
        ("run", {"models": {"target": None}}, "'models' names no target"),
        ("run", {"models": {"target": "gpt2"}}, "'models' holds target 'gpt2'"),
        ("peer", {"models": {"target": {"name": "x"}}}, "'models' says no dtype, device of the target"),
        (
            "run",
            {"models": {"target": TARGET, "draft": {"name": 3}}},
            "says no name of the draft",
        ),
        ("run", {"first_difference": "x"}, "'first_difference' is 'x'"),
        ("run", {"first_difference": 1.5}, "'first_difference' is 1.5"),
        ("run", {"first_difference": True}, "'first_difference' is True"),
        ("peer", {"first_difference": -2}, "'first_difference' is -2"),
        ("peer", {"logit_gap": "wide"}, "'logit_gap' is 'wide'"),
        ("peer", {"new_graphs": None, "reference": 5}, "'reference' is 5"),
        ("run", {"repeat": -1}, "'repeat' is -1, not a count"),
        ("run", {"prompt_tokens": -1}, "'prompt_tokens' is -1"),
        ("run", {"prompts": "mine.jsonl"}, "'prompts' is 'mine.jsonl'"),
        ("profile", {"phases": {}}, "'phases' holds no number for rounds, tokens, drafted, total_ms"),
        ("profile", {"phases": PHASES | {"draft_ms": None}}, "no number for draft_ms"),
        ("profile", {"phases": PHASES | {"tokens": -1}}, "no number for tokens"),
        ("costs", {"costs": {}}, "'costs' holds no list of forwards"),
        ("costs", {"costs": {"forwards": [1]}}, "'costs' holds a forward (0) without"),
        ("costs", {"costs": {"forwards": [{"model": "target", "width": 1, "seconds": []}]}}, "a forward (0)"),
        (
            "costs",
            {"costs": {"forwards": [{"model": "target", "width": 1, "seconds": "x"}]}},
            "a forward (0)",
        ),
        ("arm", {"arm": {}}, "nothing sound about library, method, compiled"),
        ("arm", {"arm": ARM | {"compile_seconds": "long"}}, "nothing sound about compile_seconds"),
        ("arm", {"arm": ARM | {"refused": ["no"]}}, "nothing sound about refused"),
        ("scaling", {"seconds": {"ours": [1, "two"]}}, "'seconds' holds no list of seconds for ours"),
    ],
)
def test_what_a_field_holds_is_looked_at(kind: str, change: dict, said: str) -> None:
    growth = {"vary": "k", "value": 4, "seconds": {"ours": [0.1]}}
    cell = {name: value for name, value in made_cell().items() if name not in ("kind", "seconds", "config")}
    more = growth | {"arms": {"AR": ARM}} | {"seed": 1, **cell, "config_hash": CONFIG.config_hash()}
    record = make_record(kind=kind, **more | {"phases": PHASES, "costs": COSTS, "arm": ARM})
    assert problem_of(record) is None
    problem = problem_of(record | change)
    assert problem is not None and said in problem and "\n" not in problem


@pytest.mark.parametrize("name", ["read_records", "append_record", "append_records"])
def test_what_reads_and_appends_is_importable_from_where_it_was(name: str) -> None:
    home = reading if name == "read_records" else appending
    assert getattr(schema, name) is getattr(home, name)
    assert not hasattr(schema, f"{name}_again")
