"""An illness that is put into a session is what its triage ends with, and limits are those of the law."""

from __future__ import annotations

import pytest

from specdec_lib.bench.explain import questions
from specdec_lib.bench.explain.report import explain_session
from specdec_lib.bench.explain.triage import triage
from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.speedup import speedup


def session(pair: SyntheticPair, **options) -> list[Record]:
    """Short runs, and one of each prompt: what is tried out here needs no more."""
    return synthetic_session(pair, **{"num_tokens": 40, "repeats": 1, "num_prompts": 8} | options)


HEALTHY = session(SyntheticPair())


@pytest.mark.parametrize(
    "pair, end",
    [
        ({"c": 0.6}, "draft"),
        ({"c": 0.4, "alpha": 0.3}, "pays"),
        ({"v": {1: 1.4, 2: 1.8, 4: 2.5, 8: 4.0}}, "width"),
        ({"overhead": 0.9}, "overhead"),
        ({"alpha": 0.5, "c": 0.02}, "acceptance"),
        ({"baseline": 1.3}, "baseline"),
        ({"rounds": 1.3}, "sum"),
        ({"rounds": 1.3, "baseline": 1.3}, "acceptance"),  # slowed alike: that cancels
    ],
)
def test_an_illness_is_found(pair: dict, end: str) -> None:
    found = triage(session(SyntheticPair(**pair)), draws=200)
    assert found.end == end == found.found.key


def test_a_healthy_pair_is_asked_everything_and_ends_at_its_largest_lever() -> None:
    found = triage(HEALTHY, draws=200)
    assert [q.holds for q in found.questions] == [True] * 7
    assert found.end == max(found.parts, key=lambda part: part.gain).key
    cell = explain_session(HEALTHY, draws=20).groups[0].best
    assert (found.k, found.speedup) == (cell.k, cell.measured)
    assert {part.key: part.gain for part in found.parts if part.gain} == {
        a.key: pytest.approx(a.gain) for a in cell.advice if a.key in ("draft", "overhead", "acceptance")
    }


def test_wrong_tokens_come_before_everything() -> None:
    sick = session(SyntheticPair(c=0.6, baseline=1.3))
    sick = [r | {"first_difference": 3} if r.get("decoder") == "SD-K1" else r for r in sick]
    found = triage(sick, k=1, draws=50)
    assert found.end == "tokens" and found.found.measured.startswith("0 of 8")
    assert triage(sick, k=2, draws=50).end == "baseline"  # the tokens of another K are another matter


def test_in_half_precision_a_difference_is_no_verdict() -> None:
    half = [r | {"models": {"target": {"dtype": "bfloat16"}}} for r in HEALTHY]
    half = [r | {"first_difference": 3} if r.get("first_difference") == -1 else r for r in half]
    question = triage(half, draws=50).questions[0]
    assert question.holds is None and "ties between logits" in question.needed


def test_when_sampling_the_greedy_runs_of_the_session_vouch_for_the_tokens() -> None:
    both = HEALTHY[:-1] + session(SyntheticPair(), temperature=0.8)
    assert triage(both, temperature=0.8, draws=50).questions[0].holds is True
    alone = triage(session(SyntheticPair(), temperature=0.8), temperature=0.8, draws=50)
    assert alone.questions[0].holds is None and alone.questions[0].measured == questions.NOT_COMPARED


def test_unequal_lengths_are_found() -> None:
    short = session(SyntheticPair(), num_tokens=24)
    mixed = [r for r in HEALTHY if r.get("decoder") != "SD-K4" or r["kind"] != "run"]
    config = next(r for r in HEALTHY if r.get("decoder") == "SD-K4")
    same = {"config": config["config"], "config_hash": config["config_hash"]}
    mixed += [r | same for r in short if r.get("decoder") == "SD-K4" and r["kind"] == "run"]
    found = triage(mixed, k=4, draws=50)
    assert found.end == "length" and found.found.measured == "24 to 40 tokens"


def test_noise_around_1_is_found_and_told_how_many_prompts_it_takes() -> None:
    pair = SyntheticPair(alpha=0.6, c=0.5, v={1: 1.0}, overhead=0.08)
    found = triage(session(pair, spread=0.4, num_prompts=5, repeats=1), draws=400)
    assert found.end == "noise" and "prompts" in found.found.remedy
    question = found.found
    low, high = map(float, question.measured.split(" on ")[0].split(" to "))
    needed = int(question.remedy.split()[2])
    assert low <= 1.0 <= high
    assert needed == pytest.approx(5 * ((high - low) / 2 / abs(found.speedup - 1)) ** 2, rel=0.2, abs=1.0)


def test_one_prompt_has_no_interval_and_stops_nobody() -> None:
    found = triage(session(SyntheticPair(c=0.6, v={1: 1.0}), num_prompts=1), draws=20)
    assert found.questions[3].holds is None and found.end == "draft"


def test_a_k_that_is_too_long_and_one_that_is_too_short() -> None:
    pair = SyntheticPair(alpha=0.5, c=0.06, v={1: 1.0, 2: 1.0, 8: 1.0})
    made = session(pair, num_prompts=10, repeats=1)
    long = triage(made, k=8, draws=200)
    assert long.end == "k" and long.found.cause == questions.TOO_LONG
    assert long.found.remedy in (questions.TAKE.format(2), questions.TAKE.format(3))
    assert triage(made, k=2, draws=200).end != "k"
    eager = session(SyntheticPair(alpha=0.95, c=0.02), repeats=1)
    short = triage(eager, k=1, draws=200)
    assert short.end == "k" and short.found.cause == questions.TOO_SHORT


def limit(text: str) -> float:
    return float(text.split("=")[-1])


def test_each_limit_is_where_the_law_breaks_even() -> None:
    """Put a part at its limit, leave the others, and the formula gives 1."""
    found = triage(session(SyntheticPair(alpha=0.7, c=0.1, v={4: 1.3}, overhead=0.2)), draws=50)
    cell = explain_session(session(SyntheticPair(alpha=0.7, c=0.1, v={4: 1.3}, overhead=0.2)), draws=5)
    cell = cell.groups[0].best
    at = {"alpha": cell.alpha, "c": cell.c, "v": cell.v, "overhead": cell.overhead}
    names = {"draft": "c", "width": "v", "overhead": "overhead", "acceptance": "alpha"}
    for part in found.parts:
        changed = at | {names[part.key]: limit(part.needed)}
        law = speedup(changed["alpha"], 4, changed["c"], changed["v"], changed["overhead"])
        assert law == pytest.approx(1.0, abs=0.02), part.key


def test_a_pair_beyond_help_is_told_what_its_draft_may_cost() -> None:
    poor = triage(session(SyntheticPair(alpha=0.3, c=0.4), num_prompts=10), draws=50).found
    affordable = float(poor.remedy.split("c = ")[1].split(",")[0])
    assert 0.2 < affordable < 0.3 and "it costs 0.40" in poor.remedy
    hopeless = SyntheticPair(alpha=0.1, c=0.4, v={1: 1.5, 4: 2.0}, overhead=0.5)
    assert triage(session(hopeless), draws=50).found.remedy == questions.HOPELESS


def test_without_a_profile_what_it_would_have_shown_is_not_asked() -> None:
    bare = [r for r in HEALTHY if r["kind"] != "profile"]
    found = triage(bare, draws=50)
    answers = {question.key: question.holds for question in found.questions}
    assert answers["baseline"] is None and answers["sum"] is None and answers["length"] is True
    assert next(part for part in found.parts if part.key == "overhead").measured == questions.NOT_PROFILED


def test_rows_say_what_was_asked_and_where_the_way_ends() -> None:
    rows = triage(session(SyntheticPair(baseline=1.3)), draws=50).rows()
    assert [row["kind"] for row in rows] == ["question"] * 7 + ["part"] * 4
    assert [row["was_asked"] for row in rows] == [True] * 3 + [False] * 8
    assert [row["key"] for row in rows if row["is_end"]] == ["baseline"]
    healthy = triage(HEALTHY, draws=50).rows()
    assert all(row["was_asked"] for row in healthy) and sum(row["is_end"] for row in healthy) == 1


def test_a_cell_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="K 3"):
        triage(HEALTHY, k=3)
    with pytest.raises(InvalidArgument, match="temperature"):
        triage(HEALTHY, temperature=0.5)
