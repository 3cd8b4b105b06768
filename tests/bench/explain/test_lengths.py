"""What a report says of policies: how near they came to the best length that is a number."""

from __future__ import annotations

from specdec_lib.bench.explain.lengths import policy_notes
from specdec_lib.bench.explain.report import explain_session
from tests.bench.sessions import by_policy, costs, profiled, timed


def test_a_policy_is_held_against_the_best_fixed_length() -> None:
    records = [*timed(k=4, accepted=2), *timed(k=8, accepted=2), *by_policy("cost-aware", k=8, accepted=3)]
    assert policy_notes(records, 0.0, "code", 4) == [
        "cost-aware at temperature 0, code: 2.00× (2.00–2.00), 1.09 of the best fixed length, K = 4"
    ]
    assert policy_notes(timed(k=4), 0.0, "code", 4) == []
    assert policy_notes(records, 0.8, "code", 4) == []


def test_a_report_tells_it_unless_one_k_was_asked_for() -> None:
    records = [
        *timed(k=4),
        *by_policy("cost-aware", k=4, accepted=3),
        costs(),
        profiled(0, 0),
        profiled(4, 2),
    ]
    assert any("cost-aware" in note for note in explain_session(records).notes)
    assert not any("cost-aware" in note for note in explain_session(records, k=4).notes)
