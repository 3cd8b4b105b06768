"""Parts of records come back from a line as they were, also from one of a version that knew less."""

from __future__ import annotations

import json
from dataclasses import replace

from specdec_lib.bench.records.parts import Facts, ForwardTimes, RecordedArm, TimedForward

FACTS = Facts("specdec_lib", "speculative", 4, drafter="tiny", options={"depth": 3})


def test_an_arm_comes_back_and_says_only_what_is_known() -> None:
    warm = replace(RecordedArm.of(FACTS), warm_up_seconds=2.0, compile_seconds=0.0)
    told = json.loads(json.dumps(warm.to_dict()))
    assert RecordedArm.from_dict(told) == warm and told["facts_hash"] == FACTS.hash
    assert "refused" not in told and told["verifier"] is None


def test_an_arm_of_a_version_that_knew_fewer_facts_has_no_hash() -> None:
    old = {"library": "specdec_lib", "method": "speculative", "k": 4, "compiled": False, "options": {}}
    arm = RecordedArm.from_dict(old | {"somebody": "else's"})
    assert (arm.facts_hash, arm.drafter, arm.dtype, arm.batch) == (None, None, None, 1)


def test_what_is_recorded_later_counts_and_what_was_known_stays() -> None:
    warm = replace(RecordedArm.of(FACTS), warm_up_seconds=2.0, compile_seconds=1.0)
    refused = replace(RecordedArm.of(FACTS), refused="no")
    assert refused.behind(warm) == replace(warm, refused="no")
    assert warm.behind(warm) == warm


def test_forwards_come_back_with_and_without_their_context() -> None:
    times = ForwardTimes(50, [TimedForward("target", 5, [0.01])])
    assert ForwardTimes.from_dict(times.to_dict()) == times
    assert ForwardTimes.from_dict({"forwards": []}) == ForwardTimes(None, [])
