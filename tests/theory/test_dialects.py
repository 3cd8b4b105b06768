"""Every definition of acceptance, by simulated rounds and by their totals: they agree, or say why not."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.theory.dialects import (
    FORMULAS,
    acceptance_length,
    acceptances,
    per_drafted_token,
)
from specdec_lib.theory.dialects import (
    acceptance_named as named,
)
from specdec_lib.theory.drafts import alpha_of_mean
from specdec_lib.theory.speedup import estimate_alpha, expected_accepted
from specdec_lib.theory.tally import Tally


def simulated(seed: int, alpha: float, lengths: tuple[int, ...], rounds: int = 400) -> list[tuple[int, int]]:
    """(accepted, drafted) of rounds with one alpha and draft lengths drawn from ``lengths``."""
    draws = np.random.default_rng(seed)
    drafted = draws.choice(lengths, size=rounds)
    accepted = np.minimum(draws.geometric(1.0 - alpha, size=rounds) - 1, drafted)
    return [(int(a), int(k)) for a, k in zip(accepted, drafted, strict=True)]


def totals_of(tally: Tally, **more) -> Tally:
    """What vLLM would tell of it: totals, and positions over all rounds."""
    names = ("num_drafts", "num_draft_tokens", "num_accepted_tokens", "num_steps", "accepted_at")
    return Tally(**{name: getattr(tally, name) for name in names}, **more)


@pytest.mark.parametrize("seed", range(20))
def test_totals_of_drafts_of_one_length_say_all_that_rounds_say(seed):
    draws = np.random.default_rng(seed)
    k, alpha = int(draws.integers(1, 9)), float(draws.uniform(0.05, 0.95))
    rounds = Tally.of_rounds(simulated(seed, alpha, (k,)))
    told = {(one.key, one.position): one for one in acceptances(totals_of(rounds, k=k))}
    for one in acceptances(rounds):
        other = told[one.key, one.position]
        assert (one.value, one.basis) == (pytest.approx(other.value), other.basis) or one.value is None
        if one.low is not None:
            assert (one.low, one.high) == (pytest.approx(other.low), pytest.approx(other.high)), one.key


@pytest.mark.parametrize("seed", range(20))
def test_each_definition_is_what_it_says_round_by_round(seed):
    """Counted anew here, by loops over the rounds."""
    rounds = simulated(seed, 0.7, (0, 1, 3, 5), 200)
    found = acceptances(Tally.of_rounds(rounds, num_tokens=200 + sum(a for a, _ in rounds) + 1, num_texts=1))
    drafts = [(a, k) for a, k in rounds if k]
    accepted, drafted = sum(a for a, _ in drafts), sum(k for _, k in drafts)
    assert (
        named(found, "per_drafted_token").value == accepted / drafted == per_drafted_token(accepted, drafted)
    )
    assert named(found, "alpha").value == estimate_alpha(accepted, sum(a < k for a, k in drafts))
    assert named(found, "accepted_per_draft").value == pytest.approx(np.mean([a for a, _ in drafts]))
    assert named(found, "acceptance_length").value == pytest.approx(np.mean([a + 1 for a, _ in drafts]))
    assert acceptance_length(accepted, len(drafts)) == named(found, "acceptance_length").value
    assert named(found, "tokens_per_step").value == pytest.approx(np.mean([a + 1 for a, _ in rounds]))
    assert named(found, "emitted_per_draft").value == pytest.approx((201 + accepted) / len(drafts))
    assert named(found, "first_position").value == pytest.approx(np.mean([a > 0 for a, _ in drafts]))
    for i in range(5):
        by = {
            "by_round": [a > i for a, _ in drafts],
            "by_draft": [a > i for a, k in drafts if k > i],
            "by_reached": [a > i for a, k in drafts if k > i and a >= i],
        }
        for key, shares in by.items():
            assert named(found, key, i + 1).value == pytest.approx(np.mean(shares)), (key, i)


def test_the_conditional_positions_multiply_to_the_unconditional_ones():
    found = acceptances(Tally.of_rounds(simulated(3, 0.6, (4,))))
    product = 1.0
    for i in range(1, 5):
        product *= named(found, "by_reached", i).value
        assert product == pytest.approx(named(found, "by_round", i).value)
    length = 1.0 + sum(named(found, "by_round", i).value for i in range(1, 5))
    assert length == pytest.approx(named(found, "acceptance_length").value)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8, 0.95])
def test_totals_alone_give_alpha_by_the_law_and_say_so(alpha):
    rounds = Tally.of_rounds(simulated(7, alpha, (4,), 4000))
    alone = Tally(
        num_drafts=rounds.num_drafts,
        num_draft_tokens=rounds.num_draft_tokens,
        num_accepted_tokens=rounds.num_accepted_tokens,
    )
    found = named(acceptances(alone), "alpha")
    assert found.basis == "assumed" and "one alpha" in found.note
    assert found.low < alpha < found.high and found.value == pytest.approx(alpha, abs=0.02)
    assert named(acceptances(rounds), "alpha").basis == "counted"


def test_one_alpha_is_a_wrong_assumption_where_the_first_position_is_hard():
    """The law is solved for the mean; a hard first position makes it another number than alpha."""
    rounds = Tally.of_rounds([(0, 4)] * 50 + [(4, 4)] * 50)
    told = Tally(num_drafts=100, num_draft_tokens=400, num_accepted_tokens=200)
    counted, assumed = (named(acceptances(one), "alpha").value for one in (rounds, told))
    assert counted == 200 / 250 and abs(assumed - counted) > 0.05


@pytest.mark.parametrize("k", [1, 2, 5, 2.5])
def test_alpha_of_a_mean_is_the_inverse_of_the_mean(k):
    low, high = int(k), int(k) + 1
    for alpha in (0.0, 0.3, 0.9, 1.0):
        mean = (high - k) * expected_accepted(alpha, low) + (k - low) * expected_accepted(alpha, high)
        assert alpha_of_mean(min(mean, k), k) == pytest.approx(alpha, abs=1e-9)


@pytest.mark.parametrize(("accepted", "drafted"), [(-0.1, 2), (3.0, 2), (0.2, 0.5), (float("nan"), 2)])
def test_a_mean_that_no_alpha_gives_is_refused(accepted, drafted):
    with pytest.raises(InvalidArgument, match="alpha_of_mean"):
        alpha_of_mean(accepted, drafted)


def test_what_was_not_counted_says_so():
    found = acceptances(Tally(num_draft_tokens=100, num_accepted_tokens=60))
    assert named(found, "per_drafted_token").value == 0.6 and named(found, "per_drafted_token").low is None
    for key in FORMULAS:
        if key != "per_drafted_token":
            one = named(found, key)
            assert one.value is None and one.basis == "unknown" and one.note, key


def test_nothing_drafted_is_no_rate():
    for tally in (
        Tally(),
        Tally(num_drafts=0, num_draft_tokens=0, num_accepted_tokens=0),
        Tally.of_rounds([]),
    ):
        found = acceptances(tally)
        assert all(one.value is None and one.note for one in found)
        assert {one.key for one in found} <= set(FORMULAS)


def test_a_deepseek_head_of_one_token_has_its_acceptance_by_every_name():
    found = acceptances(Tally(num_drafts=200, num_draft_tokens=200, num_accepted_tokens=170, k=1))
    values = {
        named(found, key).value for key in ("per_drafted_token", "accepted_per_draft", "first_position")
    }
    assert values == {0.85} and named(found, "acceptance_length").value == 1.85


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    inside = {"alpha": 0, "assumed": 0, "acceptance_length": 0, "per_drafted_token": 0}
    truth = 0.7 + 0.49 + 0.343 + 0.2401
    true = {"alpha": 0.7, "acceptance_length": 1 + truth, "per_drafted_token": truth / 4}
    for seed in range(400):
        tally = Tally.of_rounds(simulated(1000 + seed, 0.7, (4,), 150))
        found = acceptances(tally)
        for key, value in true.items():
            one = named(found, key)
            inside[key] += one.low <= value <= one.high
        alone = Tally(num_drafts=150, num_draft_tokens=600, num_accepted_tokens=tally.num_accepted_tokens)
        one = named(acceptances(alone), "alpha")
        inside["assumed"] += one.low <= 0.7 <= one.high
    assert all(0.92 <= n / 400 <= 0.98 for n in inside.values()), inside


def test_an_acceptance_is_plain_data_and_an_unknown_key_is_refused():
    found = acceptances(Tally.of_rounds([(1, 2)]))
    assert set(asdict(found[0])) >= {"key", "value", "low", "high", "basis", "note"}
    with pytest.raises(InvalidArgument, match="no definition 'beta'"):
        named(found, "beta")


@pytest.mark.parametrize("seed", range(10))
def test_drafts_that_were_shorter_bound_alpha_and_the_bounds_hold_it(seed):
    """llama.cpp and others shorten the last drafts of a text: 1 in 8 here."""
    rounds = Tally.of_rounds(simulated(seed, 0.75, (4,) * 7 + (2,), 400))
    found = named(acceptances(totals_of(rounds, k=4)), "alpha")
    truth = named(acceptances(rounds), "alpha").value
    bounds = totals_of(rounds, k=4).rejections_between
    assert bounds is not None
    least, most = bounds
    assert least <= rounds.num_rejections <= most
    low, high = (rounds.num_accepted_tokens / (rounds.num_accepted_tokens + n) for n in (most, least))
    assert found.basis == "bounded" and low <= truth <= high and found.low < low < high < found.high
    assert low <= found.value <= high and found.value == pytest.approx(truth, abs=0.05)
