"""The audit that counts: its level over right engines, its power over wrong ones, what it does not ask."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_engines import DrawnEngine, Rows, letters, moved, opposite, other_stream, plain
from scipy.stats import binom

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.sampled.counting import LOOKS, audit_by_counting, samples_wanted
from specdec_lib.lossless.audit.sampled.report import AuditReport
from specdec_lib.lossless.evidence.chi_square import samples_to_catch

pytestmark = pytest.mark.unchecked

TWO, THREE = EngineRequest(2, (1, 2)), EngineRequest(3, (1, 2))
LEVEL = 0.01


def right_audit(number: int) -> AuditReport:
    """One of the right engines: with and without ends, ids, laws; seeds are bound in three ways."""
    rows = Rows(number, vocab=2 + number % 4, ends=number % 3 == 0)
    uniform = (other_stream, plain, opposite)[number % 3]
    texts, told = number % 5 == 0, number % 4 != 1
    law = rows.joint(TWO)
    ours, theirs = (DrawnEngine(law, name, u, texts) for name, u in (("ours", uniform), ("plain", plain)))
    more = {"decode": letters} if texts else {}
    return audit_by_counting(ours, theirs, rows if told else None, TWO, 400, LEVEL, number, mass=1.0, **more)


def test_right_engines_are_called_inexact_no_more_often_than_the_level_says():
    found = [right_audit(number) for number in range(200)]
    most = int(binom.ppf(0.999, len(found), LEVEL))
    assert sum(report.verdict == "not exact" for report in found) <= most
    assert sum(report.verdict == "not askable" for report in found) <= most
    assert all(report.exit_code == 0 for report in found if report.verdict == "exact as far as seen")


def test_the_level_is_that_of_all_checks_and_looks_together():
    """At a level so high that a test which takes it twice is seen."""
    verdicts = []
    for number in range(120):
        rows = Rows(number, vocab=4)
        ours, theirs = (DrawnEngine(rows.joint(TWO), "drawn", u) for u in (other_stream, plain))
        verdicts.append(audit_by_counting(ours, theirs, rows, TWO, 300, 0.2, number).verdict)
    assert verdicts.count("not exact") <= binom.ppf(0.999, 120, 0.2)
    assert sum(share for _, share in LOOKS) == pytest.approx(1) and LOOKS[-1][0] == 1


@pytest.mark.parametrize("told", [True, False])
def test_a_law_at_the_distance_that_is_claimed_is_found_with_the_number_of_answers_that_is_claimed(told):
    rows = Rows(3, vocab=3)
    law = rows.joint(TWO)
    wanted = samples_wanted(0.08, len(law))
    assert wanted > samples_to_catch(0.08, len(law))
    num = wanted if told else 2 * wanted
    wrong = moved(law, 0.08)
    for seed in range(6):
        engine, control = DrawnEngine(wrong, "wrong", other_stream), DrawnEngine(law)
        report = audit_by_counting(engine, control, rows if told else None, TWO, num, seed=seed, mass=1.0)
        assert report.verdict == "not exact" and report.exit_code == 1
        assert report.variation.low <= 0.08 <= report.variation.high
    assert report.num_cells >= len(law) - 1 and report.catches < 0.12


def test_a_deviation_of_three_hundredths_is_found():
    rows = Rows(8, vocab=3)
    law = rows.joint(TWO)
    num = samples_wanted(0.03, len(law))
    engine, control = DrawnEngine(moved(law, 0.03), "wrong", other_stream), DrawnEngine(law)
    report = audit_by_counting(engine, control, rows, TWO, num)
    assert report.verdict == "not exact"
    assert report.variation.low <= 0.03 <= report.variation.high < 0.12


def test_what_is_far_off_ends_at_the_first_look():
    rows = Rows(3)
    law = rows.joint(TWO)
    likeliest = max(law, key=law.get)
    wrong = {one: p / 2 + (one == likeliest) / 2 for one, p in law.items()}
    report = audit_by_counting(DrawnEngine(wrong, uniform=other_stream), DrawnEngine(law), rows, TWO, 4_000)
    assert report.verdict == "not exact" and report.looks == (1_000,) and report.ended == "settled early"
    assert report.num_samples == 1_000 and "not exact" in report.says


def test_the_joint_law_sees_what_no_token_shows():
    """Both tokens keep their own law, and know too much of each other."""
    pairs = {((a, b), False): (0.25 + (0.1 if a == b else -0.1)) for a in (0, 1) for b in (0, 1)}

    class Even:
        def next_law(self, request, continuation):
            return {0: 0.5, 1: 0.5}

    law = {outcome: 0.25 for outcome in pairs}
    engine, control = DrawnEngine(pairs, uniform=other_stream), DrawnEngine(law)
    report = audit_by_counting(engine, control, Even(), TWO, 4_000)
    verdicts = {check.title: check.verdict for check in report.checks}
    assert verdicts["token 1"] == verdicts["token 2"] == "pass"
    assert verdicts["joint law"] == verdicts["two samples"] == verdicts["distance"] == "rejected"
    assert verdicts["joint law (control)"] == "pass"


def test_a_control_that_fails_leaves_nothing_to_be_said():
    """Some warper is on for both: the engine does as its control, and is not to blame."""
    rows = Rows(5)
    both = moved(rows.joint(TWO), 0.2)
    engine, control = DrawnEngine(both, "engine", other_stream), DrawnEngine(both, "control")
    report = audit_by_counting(engine, control, rows, TWO, 2_000)
    assert report.verdict == "not askable" and report.exit_code == 2 and "control" in report.why
    assert report.ended == "settled early" and "joint law (control)" in [
        check.title for check in report.checks if check.rejected
    ]
    alone = audit_by_counting(engine, control, None, TWO, 2_000)
    assert alone.verdict == "exact as far as seen"


def test_a_law_that_is_a_little_off_convicts_nobody():
    """Where the control only just passes, an engine with the same law may not be rejected for its law."""
    told = Rows(6, vocab=4)
    both = moved(told.joint(TWO), 0.07)
    verdicts = []
    for seed in range(20):
        engine, control = DrawnEngine(both, "engine", other_stream), DrawnEngine(both)
        verdicts.append(audit_by_counting(engine, control, told, TWO, 1_600, seed=seed).verdict)
    assert verdicts.count("not exact") <= 3 and verdicts.count("not askable") >= 6


@pytest.mark.parametrize("told", [True, False])
def test_a_fixed_seed_is_no_law(told):
    rows = Rows(4, vocab=4)
    law = rows.joint(TWO)
    engine, control = DrawnEngine(law, "fixed", lambda seed: 0.4), DrawnEngine(law)
    report = audit_by_counting(engine, control, rows if told else None, TWO, 1_000)
    assert report.verdict == "not askable" and "seed" in report.why
    backwards = audit_by_counting(control, engine, rows if told else None, TWO, 1_000)
    assert backwards.verdict == "not askable"


@pytest.mark.parametrize("told", [True, False])
def test_an_engine_that_remembers_is_not_asked(told):
    """A third of its answers are the last one again: each alone has the right law."""
    rows = Rows(4, vocab=4)
    law, last = rows.joint(TWO), []

    def again(answer: Answer, request: EngineRequest) -> Answer:
        kept = last[-1] if last and np.random.default_rng(request.seed).random() < 1 / 3 else answer
        last.append(kept)
        return kept

    engine = DrawnEngine(law, "remembers", other_stream, fault=again)
    report = audit_by_counting(engine, DrawnEngine(law), rows if told else None, TWO, 1_000)
    assert report.verdict == "not askable" and "depend" in report.why


def test_a_token_too_few_is_a_fault_of_the_engine_and_of_the_control_a_reason_not_to_ask():
    rows = Rows(4, vocab=4)
    law = rows.joint(TWO)

    def short(answer: Answer, request: EngineRequest) -> Answer:
        return replace(answer, ids=answer.ids[:1]) if request.seed % 50 == 0 else answer

    engine, control = DrawnEngine(law, "short", other_stream, fault=short), DrawnEngine(law)
    report = audit_by_counting(engine, control, rows, TWO, 1_000)
    assert report.verdict == "not exact" and "lengths" in [one.title for one in report.checks if one.rejected]
    backwards = audit_by_counting(control, engine, rows, TWO, 1_000)
    assert backwards.verdict == "not askable" and "length" in backwards.why


def test_an_engine_that_says_nothing_at_all_is_not_exact():
    rows = Rows(2)
    silent = DrawnEngine(rows.joint(TWO), "silent", fault=lambda answer, request: Answer((), "", False))
    report = audit_by_counting(silent, DrawnEngine(rows.joint(TWO)), rows, TWO, 400)
    assert report.verdict == "not exact"
    assert [check.passed for check in report.checks if check.test == "uniformity"] == [None]


def test_an_engine_that_never_drafts_is_no_speculation():
    rows = Rows(4)
    law = rows.joint(TWO)
    counts = {"num_drafted": 0, "num_accepted": 0}
    engine = DrawnEngine(law, "idle", other_stream, fault=lambda answer, request: replace(answer, **counts))
    report = audit_by_counting(engine, DrawnEngine(law), rows, TWO, 400)
    assert report.verdict == "not askable" and "drafted" in report.why and report.num_drafted == 0


def test_texts_alone_are_compared_by_text():
    """Three tokens that read alike: the law is merged, and an engine that tells no ids is counted by it."""
    rows = Rows(4, vocab=3, ends=True)
    law = rows.joint(THREE)
    engine, control = (DrawnEngine(law, "texts", u, texts=True) for u in (other_stream, plain))
    read = lambda ids: letters(ids).replace("b", "a")  # noqa: E731
    same = lambda answer, request: replace(answer, text=answer.text.replace("b", "a"))  # noqa: E731
    for one in (engine, control):
        one._fault = same
    report = audit_by_counting(engine, control, rows, THREE, 2_000, decode=read, mass=1.0)
    verdicts = {check.title: check.verdict for check in report.checks}
    assert report.verdict == "exact as far as seen" and verdicts["joint law"] == "pass"
    assert verdicts["lengths"] == "not applicable"
    wrong = DrawnEngine(moved(law, 0.2), "wrong", other_stream, texts=True, fault=same)
    assert audit_by_counting(wrong, control, rows, THREE, 2_000, decode=read, mass=1.0).exit_code == 1
    cut = audit_by_counting(engine, control, rows, THREE, 2_000, decode=read, mass=0.5)
    assert cut.checks[0].test == "two samples" and cut.exit_code == 0


def test_prompts_take_turns_and_each_has_its_law():
    rows = Rows(4, vocab=3)
    requests = [EngineRequest(2, (1,)), EngineRequest(2, (2,))]
    laws = {request.prompt_ids: rows.joint(request) for request in requests}

    class Both:
        name = "both"

        def __init__(self, laws, uniform):
            self._engines = {key: DrawnEngine(law, uniform=uniform) for key, law in laws.items()}

        def answer(self, request):
            return self._engines[request.prompt_ids].answer(request)

    control = Both(laws, plain)
    report = audit_by_counting(Both(laws, other_stream), control, rows, requests, 2_000)
    assert report.exit_code == 0 and report.num_listed == 18
    swapped = {(1,): laws[1,], (2,): moved(laws[2,], 0.25)}
    assert audit_by_counting(Both(swapped, other_stream), control, rows, requests, 2_000).exit_code == 1


def test_both_are_asked_with_the_same_seeds_and_all_differ():
    rows = Rows(4)
    engine, control = (DrawnEngine(rows.joint(TWO), uniform=u) for u in (other_stream, plain))
    audit_by_counting(engine, control, rows, TWO, 200, seed=3)
    seeds = [request.seed for request in engine.asked]
    assert seeds == [request.seed for request in control.asked]
    assert len(set(seeds)) == 200 and all(0 < seed < 2**31 for seed in seeds)
    again = DrawnEngine(rows.joint(TWO))
    audit_by_counting(again, control, rows, TWO, 200, seed=3)
    assert [request.seed for request in again.asked] == seeds


def test_a_deadline_keeps_what_was_counted(monkeypatch):
    rows, clock = Rows(4), [0.0]
    law = rows.joint(TWO)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def tick(answer, request):
        clock[0] += 1.0
        return answer

    engine = DrawnEngine(law, "slow", other_stream, fault=tick)
    report = audit_by_counting(engine, DrawnEngine(law), rows, TWO, 4_000, deadline=600)
    assert report.ended == "deadline" and report.num_samples == 600 and report.looks == (600,)
    assert report.verdict == "exact as far as seen" and "time was up after 600 answers" in report.says
    few = audit_by_counting(engine, DrawnEngine(law), rows, TWO, 4_000, deadline=10)
    assert few.verdict == "not askable" and few.num_samples == 10 and few.exit_code == 2


def test_an_interrupt_keeps_what_was_counted():
    rows = Rows(4)
    law = rows.joint(TWO)
    engine = DrawnEngine(law, "interrupted", other_stream)

    def interrupt(answer, request):
        if len(engine.asked) > 300:
            raise KeyboardInterrupt
        return answer

    engine._fault = interrupt
    report = audit_by_counting(engine, DrawnEngine(law), rows, TWO, 1_000)
    assert report.ended == "interrupted" and report.num_samples == 300 and report.looks == (250, 300)
    assert report.exit_code == 0 and "interrupted after 300 answers" in report.says


def test_a_law_without_chance_is_not_called_exact():
    class One:
        def next_law(self, request, continuation):
            return {7: 1.0}

    law = {((7, 7), False): 1.0}
    engine, control = DrawnEngine(law), DrawnEngine(law)
    for told in (One(), None):
        report = audit_by_counting(engine, control, told, TWO, 400)
        assert report.verdict == "not askable" and report.why


def test_a_report_is_plain_json_and_tells_progress():
    rows, told = Rows(4), []
    engine, control = (DrawnEngine(rows.joint(TWO), uniform=u) for u in (other_stream, plain))
    report = audit_by_counting(engine, control, rows, TWO, 400, report=told.append)
    plain_report = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain_report["verdict"] == report.verdict and plain_report["says"] == report.says
    assert plain_report["variation"]["high"] == report.variation.high and plain_report["exit_code"] == 0
    assert [check["test"] for check in plain_report["checks"]] == [check.test for check in report.checks]
    assert report.law_requests == rows.asked - 8 == 4 and report.mass == 1.0 and len(told) >= 4


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"requests": []}, "no request"),
        ({"requests": [TWO, THREE]}, "2 and 3"),
        ({"num_samples": 5}, "5 samples"),
        ({"num_samples": 10**12}, "10,000,000|10000000|10 000 000"),
        ({"level": 0.0}, "level 0"),
        ({"requests": replace(TWO, temperature=0.0)}, "temperature 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(change, wrong):
    rows = Rows(4)
    engine = DrawnEngine(rows.joint(TWO))
    asked = {"requests": TWO, "num_samples": 400} | change
    with pytest.raises(InvalidArgument, match=wrong):
        audit_by_counting(engine, engine, rows, **asked)
