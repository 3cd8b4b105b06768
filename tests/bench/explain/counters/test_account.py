"""The account of a foreign run: of rounds that cost what they are said to cost, it finds these costs."""

from __future__ import annotations

import json

import foreign_samples as samples
import pytest

from specdec_lib.bench.explain.counters.account import explain_counters
from specdec_lib.bench.explain.counters.levers import MOST_K, longest_gain
from specdec_lib.bench.foreign.reading import run_of_text
from specdec_lib.bench.foreign.run import ForeignRun
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.drafts import accepted_by_law
from specdec_lib.theory.speedup import break_even_alpha, expected_tokens, optimal_k, speedup
from specdec_lib.theory.tally import Tally


def by_law(alpha: float, k: int, drafts: int = 10**7, **more) -> ForeignRun:
    """A run whose counts are those of the law."""
    at = tuple(round(drafts * alpha ** (i + 1)) for i in range(k))
    tally = Tally(num_drafts=drafts, num_draft_tokens=drafts * k, accepted_at=at, k=k)
    return ForeignRun("vllm", tally, "f", **more)


def said(account, key: str):
    return next((advice for advice in account.advice if advice.key == key), None)


@pytest.mark.parametrize(("alpha", "k"), [(0.8, 4), (0.3, 2), (0.95, 8)])
def test_it_is_the_speedup_law_with_the_costs_that_were_timed(alpha, k):
    c, v, o, plain = 0.1, 1.2, 0.05, 15.0
    round_ms = plain * (k * c + v + o)
    account = explain_counters(by_law(alpha, k), plain, round_ms, plain * c)
    assert account.speedup == pytest.approx(speedup(alpha, k, c, v, o), rel=1e-5)
    assert account.alpha == pytest.approx(alpha, rel=1e-5) and account.alpha_basis == "counted"
    assert (account.c, account.rest) == (pytest.approx(c), pytest.approx(v + o))
    assert account.expected == pytest.approx(expected_tokens(alpha, k), rel=1e-5)
    assert account.break_even == pytest.approx(break_even_alpha(k, c, v, o), abs=1e-6)
    terms = {term.term: term for term in account.terms}
    assert terms["draft"].cost == pytest.approx(k * c)
    assert terms["verification and rest"].cost == pytest.approx(v + o - 1.0)


def test_terms_add_up_to_what_was_measured():
    run = run_of_text(samples.VLLM, "f")
    for times in ((15.0, 21.0, 1.2), (15.0, 21.0), (15.0,)):
        account = explain_counters(run, *times)
        changes = sum(term.change for term in account.terms[1:])
        assert account.terms[0].speedup + changes == pytest.approx(account.measured)
        assert account.terms[-1].term == "the engine's clock"
        assert account.measured == pytest.approx(15.0 / run.token_ms)


def test_without_a_draft_step_the_sum_is_one_term():
    account = explain_counters(by_law(0.8, 4), 10.0, 16.0)
    assert account.c is None and account.rest is None
    (term,) = [term for term in account.terms if term.term == "draft, verification and rest"]
    assert term.cost == pytest.approx(0.6)


def test_the_engine_s_own_round_is_freed_of_its_plain_steps():
    """45 steps of 20 ms on average, 5 of them plain ones of 15 ms."""
    account = explain_counters(run_of_text(samples.VLLM, "f"), 15.0)
    assert account.round_ms == pytest.approx((45 * 20.0 - 5 * 15.0) / 40)
    silent = next(term for term in account.terms if term.term == "rounds without a draft")
    assert silent.speedup == pytest.approx((40 * 3.25 + 5) / (45 * 20.0 / 15.0))


def test_an_answer_without_rounds_is_explained_by_its_steps_or_by_k():
    run = run_of_text(json.dumps(samples.LLAMA_ANSWER), "f")
    account = explain_counters(run, 15.0)
    assert account.k is None and account.tokens == 3.25 and account.speedup == pytest.approx(15.0 / 6.5)
    told = explain_counters(run, 15.0, k=4)
    assert told.k == 4 and told.alpha_basis == "assumed" and said(told, "assumed")


def test_a_log_of_rates_alone_is_explained_with_k():
    account = explain_counters(run_of_text(samples.SGLANG_LOG, "f"), 15.0, 21.0, k=4)
    assert account.tokens == 3.25 and account.alpha_basis == "assumed"
    assert accepted_by_law(account.alpha, 4) == pytest.approx(2.25)


def test_without_times_it_says_what_it_wants():
    account = explain_counters(by_law(0.8, 4))
    assert [advice.key for advice in account.advice] == ["times"] and account.measured is None
    assert account.terms[0].speedup == pytest.approx(expected_tokens(0.8, 4), rel=1e-5)


def test_a_round_that_costs_more_than_it_brings_is_said_to_lose():
    account = explain_counters(by_law(0.3, 4), 10.0, 30.0)
    assert said(account, "verdict").sentence.endswith("without a draft.") and account.speedup < 1.0
    assert account.break_even > account.alpha
    hopeless = explain_counters(by_law(0.9, 2), 10.0, 40.0)
    assert hopeless.break_even is None and "nothing pays" in said(hopeless, "nothing_pays").sentence


def test_the_best_length_is_that_of_the_law():
    for alpha, c in ((0.5, 0.05), (0.8, 0.1), (0.7, 0.3)):
        best, gained = longest_gain(alpha, 1.0, c)
        assert best == optimal_k(alpha, c, k_max=MOST_K) and gained == pytest.approx(speedup(alpha, best, c))
    assert said(explain_counters(by_law(0.2, 4), 10.0, 30.0), "no_k")


def test_a_round_cheaper_than_a_step_is_asked_about():
    assert said(explain_counters(by_law(0.8, 4), 20.0, 15.0), "check")


def test_at_a_cost_of_one_step_the_speedup_is_the_tokens_that_were_counted():
    """Not those of the law: acceptance that is uneven over positions brings another number."""
    tally = Tally(num_drafts=100, num_draft_tokens=400, accepted_at=(82, 64, 48, 36), k=4)
    account = explain_counters(ForeignRun("vllm", tally), 20.0, 30.0, 2.0)
    counted = next(term.speedup for term in account.terms if term.term == "rounds as counted")
    best = said(account, "at_best")
    assert best.numbers["here"] == counted == account.tokens != account.expected
    assert "3.30×" in best.sentence and "4.59×" in best.sentence


def test_a_run_in_which_nothing_was_accepted_or_everything():
    none = Tally(num_drafts=10, num_draft_tokens=40, accepted_at=(0, 0, 0, 0), k=4)
    every = Tally(num_drafts=10, num_draft_tokens=40, accepted_at=(10, 10, 10, 10), k=4)
    for tally, tokens in ((none, 1.0), (every, 5.0)):
        account = explain_counters(ForeignRun("vllm", tally), 10.0, 15.0, 1.0)
        assert account.tokens == tokens and all("nan" not in one.sentence for one in account.advice)


@pytest.mark.parametrize(
    ("times", "error", "words"),
    [
        ((None, 20.0), InvalidArgument, "--step is held against a plain step"),
        ((None, None, 1.0), InvalidArgument, "--draft-step is held against"),
        ((0.0, 20.0), InvalidArgument, "step-plain"),
        ((10.0, -1.0), InvalidArgument, "--step"),
        ((10.0, float("nan")), InvalidArgument, "--step"),
        ((1e-320, 1e308), InvalidArgument, "--step-plain is .* milliseconds of one step"),
        ((10.0, 1e308), InvalidArgument, "--step is .* milliseconds of one step"),
        ((10.0, 20.0, 5.0), RecordError, "check --draft-step"),
    ],
)
def test_times_that_cannot_be_are_one_line(times, error, words):
    with pytest.raises(error, match=words):
        explain_counters(by_law(0.8, 4), *times)


def test_counts_without_any_length_are_refused():
    with pytest.raises(RecordError, match="give --k"):
        explain_counters(run_of_text(samples.LLAMA_OLD_LOG, "f"), 10.0, 15.0)


def test_plain_steps_that_take_all_the_time_are_refused():
    with pytest.raises(RecordError, match="check --step-plain"):
        explain_counters(run_of_text(samples.VLLM, "f"), 500.0)
