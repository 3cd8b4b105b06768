"""What rounds brought and cost: of a session made by arithmetic, whose every round is known."""

from __future__ import annotations

import pytest

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.schema import record_of
from specdec_lib.bench.tables.domains import ALL_TEXTS, NO_LOOPS
from specdec_lib.bench.tables.rounds import RoundsRow, rounds_table, verify_cost
from specdec_lib.bench.tables.rows import Costs
from specdec_lib.errors import RecordError
from specdec_lib.profiling.metrics import GenerationResult
from specdec_lib.theory.speedup import expected_tokens
from tests.bench import comparisons

STEP, FIRST = 0.010, 0.1
V, C = {2: 1.2, 4: 1.5}, 0.1
IDS = list(range(13))
LOOP = [7] * 13


def costs() -> Record:
    """Forwards of 10 ms, 12 and 15 for two and four draft tokens, and a millisecond for a draft token."""
    forwards = [
        ("target", 1, STEP),
        ("draft", 1, C * STEP),
        *(("target", k + 1, v * STEP) for k, v in V.items()),
    ]
    told = [{"model": model, "width": width, "seconds": [seconds] * 3} for model, width, seconds in forwards]
    kept = ("schema", "session", "time", "environment", "models")
    shared = {name: comparisons.arm("ours-AR")[name] for name in kept}
    return record_of(
        shared | {"kind": "costs", "pair": "pocket", "costs": {"context_length": 8, "forwards": told}}
    )


def run(name: str, prompt: int, later: float, ids: list[int] = IDS, **counts: object) -> Record:
    """A run whose first token takes 100 ms, and the twelve behind it ``later`` seconds together."""
    times = [FIRST, *[later / 12] * 12]
    result = GenerationResult(ids, times, FIRST + later, time_to_first_token=FIRST, **counts)
    return comparisons.run(name, prompt, ids=ids, result=result.to_dict())


def session(drafter: str = "lookup", later: float = 9.2 * STEP) -> list[Record]:
    """On each prompt a round without a draft, two with four tokens, one with two, four more without.

    They accept 4, 1 and 0: twelve tokens in seven rounds behind the first. The second text loops.
    """
    rounds = {"drafted_per_round": [4, 4, 2], "accepted_per_round": [4, 1, 0], "num_plain_rounds": 5}
    arms = [comparisons.arm("ours-AR"), comparisons.arm("ours-K4", drafter=drafter)]
    made = [*arms, comparisons.arm("ours-K4-compiled", drafter=drafter), costs()]
    for prompt, ids in enumerate((IDS, LOOP)):
        made += [run("ours-AR", prompt, 12 * STEP, ids), run("ours-K4", prompt, later, ids, **rounds)]
        made.append(run("ours-K4-compiled", prompt, later / 2, ids, **rounds))
    return made


def one(records: list[Record]) -> RoundsRow:
    (row,) = [row for row in rounds_table(records, draws=20) if (row.domain, row.texts) == ("all", ALL_TEXTS)]
    return row


def test_lengths_are_counted_with_the_rounds_that_had_no_draft():
    row = one(session())
    assert dict(row.lengths) == {0: 10, 2: 2, 4: 4} and list(row.lengths) == [0, 2, 4]
    assert (row.k, row.drafted) == (4, pytest.approx(10 / 8))


def test_a_round_is_paid_by_the_widths_that_its_forwards_had():
    row = one(session())
    v = (2 * V[4] + V[2] + 5 * 1.0) / 8
    assert row.tokens_per_round == pytest.approx(12 / 7)
    assert (row.v, row.c) == (pytest.approx(v), pytest.approx(C))
    assert row.free == pytest.approx(12 / 7 / v)
    assert row.predicted == pytest.approx(12 / 7 / (v + 10 / 8 * C))


def test_the_clock_is_that_behind_the_prompt_and_says_what_a_round_cost():
    row = one(session())
    assert row.measured == pytest.approx(12 / 9.2)
    assert row.round_cost == pytest.approx(9.2 / 7)
    assert row.draft_cost == pytest.approx((9.2 / 7 - row.v) / row.drafted)
    assert (row.num_prompts, row.has_interval) == (2, True)


def test_a_draft_that_was_not_timed_has_no_prediction_and_a_compiled_arm_no_row():
    row = one(session(drafter="self@int4"))
    assert row.arm == "ours-K4" and row.predicted is None and row.draft_cost is not None


def test_alpha_is_that_of_drafts_in_every_round_that_bring_as_much():
    row = one(session())
    assert expected_tokens(row.alpha, row.k) == pytest.approx(row.tokens_per_round)


def test_the_choices_of_texts_are_those_of_the_domains():
    rows = rounds_table(session(), draws=20)
    assert [(row.domain, row.texts, row.num_prompts) for row in rows] == [
        ("all", ALL_TEXTS, 2),
        ("all", NO_LOOPS, 1),
        ("code", ALL_TEXTS, 2),
        ("code", NO_LOOPS, 1),
    ]


def test_an_arm_that_never_drafts_costs_plain_rounds_and_has_no_price_of_a_draft_token():
    made = [record for record in session() if record.get("decoder") != "ours-K4"]
    texts = enumerate((IDS, LOOP))
    plain = [run("ours-K4", prompt, 12 * STEP, ids, num_plain_rounds=13) for prompt, ids in texts]
    row = one([comparisons.arm("ours-K4", drafter="lookup"), *made, *plain])
    assert (row.k, row.v, row.tokens_per_round, row.alpha) == (0, 1.0, 1.0, 0.0)
    assert row.draft_cost is None and row.predicted == pytest.approx(1.0)


def test_an_arm_that_was_refused_has_no_row():
    assert rounds_table([*session(), comparisons.arm("ours-K4", drafter="lookup", refused="no room")]) == []


def test_a_width_between_those_timed_lies_on_a_line_and_so_does_one_beyond():
    timed = Costs(None, {1: 10.0}, 1.0, 0.1, {2: 1.2, 4: 1.6})
    assert [verify_cost(timed, k) for k in (0, 1, 2, 3, 4, 8)] == pytest.approx([1, 1.1, 1.2, 1.4, 1.6, 2.2])


def test_a_session_without_costs_is_refused():
    with pytest.raises(RecordError, match="costs"):
        rounds_table([record for record in session() if record["kind"] != "costs"])
