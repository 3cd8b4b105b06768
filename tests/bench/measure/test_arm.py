"""Facts of arms: plain data with a hash of their own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import tiny_models

from specdec_lib.bench.measure.arm import Ours, our_facts
from specdec_lib.bench.records.parts import Facts, RecordedArm

FACTS = Facts("specdec_lib", "speculative", 4, drafter="tiny", verifier="token", dtype="float32")


def test_the_hash_is_of_what_the_facts_say_and_survives_json() -> None:
    told = json.loads(json.dumps(RecordedArm.of(FACTS).to_dict()))
    again = Facts(**{name: value for name, value in told.items() if name != "facts_hash"})
    assert again.hash == FACTS.hash == told["facts_hash"] and len(FACTS.hash) == 12


@pytest.mark.parametrize(
    "change",
    [
        {"library": "transformers"},
        {"method": "lookup"},
        {"k": 5},
        {"compiled": True},
        {"drafter": "other"},
        {"verifier": "block"},
        {"batch": 2},
        {"dtype": "bfloat16"},
        {"options": {"depth": 3}},
    ],
)
def test_every_fact_counts(change: dict) -> None:
    assert replace(FACTS, **change).hash != FACTS.hash


def test_our_facts_and_our_engine() -> None:
    target, draft = tiny_models.tiny_pair("llama")
    assert our_facts(target) == Facts("specdec_lib", "autoregressive", dtype="float32")
    assert our_facts(target, draft, 2).k == 2 and our_facts(target, draft, 2).drafter == draft.name
    plain, fast = (Ours(target, *more)([1, 2, 3], 6, 0.0, 0) for more in ((), (draft, 2)))
    assert plain.generated_ids == fast.generated_ids and plain.trace is None
    assert len(Ours(target, draft, 2, profile=True)([1, 2, 3], 6, 0.0, 0).trace.rounds) > 1
