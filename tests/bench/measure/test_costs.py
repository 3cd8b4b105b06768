"""What forwards cost, as a draft length takes it: medians, in forwards of the target."""

from __future__ import annotations

import pytest
import tiny_models

from specdec_lib.bench.measure import costs as costs_module
from specdec_lib.bench.measure.costs import (
    ForwardTimes,
    TimedForward,
    length_costs,
    measure_costs,
    open_length,
)
from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.draft_length import Fixed
from specdec_lib.decoding.lengths import read_length

TIMES = ForwardTimes(
    32,
    [
        TimedForward("target", 1, [2.0, 9.0, 2.0]),
        TimedForward("draft", 1, [0.4, 0.4, 7.0]),
        TimedForward("target", 3, [2.5]),
        TimedForward("target", 5, [3.0]),
    ],
)


def test_costs_are_medians_over_the_targets_own() -> None:
    found = length_costs(TIMES)
    assert found.c == pytest.approx(0.2)
    assert found.v == {2: pytest.approx(1.25), 4: pytest.approx(1.5)}


def test_time_that_has_passed_ends_the_repeats_after_the_first() -> None:
    target, draft = tiny_models.tiny_pair("llama")
    times = measure_costs(target, draft, [1, 2, 3], (2,), repeats=1000, seconds=0.0)
    assert {one.width: len(one.seconds) for one in times.forwards if one.model == "target"} == {1: 3, 3: 1}


def test_only_a_length_that_goes_by_costs_has_them_measured(monkeypatch) -> None:
    target, draft = tiny_models.tiny_pair("llama")
    policy = open_length(read_length("cost-aware:most=3"), target, draft, [1, 2, 3], seconds=0.0)
    assert isinstance(policy, CostAware) and policy.lengths == (1, 2, 3) and policy.c > 0
    monkeypatch.setattr(costs_module, "measure_costs", None)
    assert open_length(read_length("3"), target, draft, [1, 2, 3]) == Fixed(3)


def test_a_short_context_leaves_room_for_the_widest_draft() -> None:
    target, draft = tiny_models.tiny_pair("llama")
    limit = target.context_length
    assert limit is not None
    policy = open_length(read_length("cost-aware"), target, draft, [1] * limit, seconds=0.0)
    assert policy.lengths == (1, 2, 3, 4, 6, 8)
