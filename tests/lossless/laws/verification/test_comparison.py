"""Rules side by side: nobody exact beats the linear program; who does is not exact, or pays elsewhere."""

from __future__ import annotations

from fractions import Fraction

import pytest
from rational_tables import CLOCK, rational_model

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import drafts
from specdec_lib.lossless.laws.verification.comparison import (
    SINGLE_PATH,
    TWO_CHILDREN,
    TWO_PATHS,
    compare_rules,
)
from specdec_lib.lossless.laws.verification.optimum import joint_overlap, optimal_accepted
from specdec_lib.lossless.laws.verification.rules import ChainRule, RoundOutcome, law_of_rounds, round_means

LOSSY = {"hierarchical, released", "siblings, as if with"}


def by_name(rows):
    return {row.rule: row for row in rows}


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_clock_on_one_path(k):
    rows = by_name(compare_rules(*CLOCK, k))
    assert list(rows) == list(SINGLE_PATH)
    accepted = {name: row.accepted for name, row in rows.items()}
    assert accepted["token"] == [Fraction(2, 3), Fraction(10, 9), Fraction(38, 27)][k - 1]
    assert accepted["block"] == accepted["hierarchical, capped"] == pytest.approx(rows["block"].optimum)
    assert (accepted["hierarchical, released"] > accepted["block"]) == (k > 1)
    assert (accepted["hierarchical, naive"] > accepted["block"]) == (k > 1)
    assert {name for name, row in rows.items() if row.error} == (
        {"hierarchical, released"} if k > 1 else set()
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rules", [SINGLE_PATH, TWO_PATHS, TWO_CHILDREN])
def test_exact_rules_stay_below_the_optimum_and_the_lossy_ones_are_off(seed, rules):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    for row in compare_rules(target, draft, 2, rules):
        assert (row.error > 0) == (row.rule in LOSSY), row
        if row.rule not in LOSSY and row.rule != "hierarchical, naive":
            assert row.accepted <= row.optimum + 1e-9
            assert row.emitted == row.accepted + 1 and row.forwards == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("vocab", "k"), [(2, 1), (2, 3), (3, 2), (4, 2)])
def test_block_verification_is_the_optimum_of_one_path_and_others_are_below(seed, vocab, k):
    target, draft = rational_model(seed, vocab), rational_model(seed + 50, vocab)
    rows = by_name(compare_rules(target, draft, k))
    assert rows["block"].accepted == pytest.approx(rows["block"].optimum, abs=1e-9)
    assert rows["exact match"].accepted < rows["token"].accepted <= rows["block"].accepted
    assert rows["block"].accepted <= joint_overlap(target, draft, k)


@pytest.mark.parametrize("seed", range(4))
def test_with_one_draft_token_all_rules_of_one_path_but_the_match_are_one(seed):
    target, draft = rational_model(seed, 4), rational_model(seed + 50, 4)
    rows = [row for row in compare_rules(target, draft, 1) if row.rule != "exact match"]
    assert {(row.error, row.accepted, row.emitted, row.forwards) for row in rows} == {
        (0, sum(map(min, target(()), draft(()))), 1 + sum(map(min, target(()), draft(()))), 1)
    }


def test_a_rule_that_beats_the_optimum_in_accepted_tokens_has_paid_in_forwards():
    rows = by_name(compare_rules(*CLOCK, 2))
    naive, block = rows["hierarchical, naive"], rows["block"]
    assert naive.error == 0 and naive.accepted == Fraction(4, 3) > block.optimum
    assert naive.tokens_per_forward == 2 < block.tokens_per_forward == Fraction(20, 9)


def test_the_optimum_of_two_draws_is_that_of_optimal_transport():
    """By hand: token 1 is in 5/9 of the pairs, and 0 is wanted in 1/3; what is missing is 2/3 − 5/9 = 1/9."""
    target, draft = CLOCK
    rows = by_name(compare_rules(target, draft, 1, TWO_PATHS))
    assert rows["best path"].accepted == Fraction(8, 9) == pytest.approx(rows["best path"].optimum)
    assert rows["siblings"].accepted == Fraction(7, 9)


def test_the_optimum_knows_what_cannot_come():
    target, draft = rational_model(2, 3, zeros=True), rational_model(52, 3, zeros=True)
    drawn = [(frozenset(ids[:n] for n in range(3)), chance) for ids, chance in drafts(draft, (), 2)]
    block = by_name(compare_rules(target, draft, 2))["block"]
    assert optimal_accepted(target, drawn, 2) == pytest.approx(block.accepted, abs=1e-9)


def test_what_a_path_has_in_common_with_the_target():
    assert [joint_overlap(*CLOCK, k) for k in (1, 2, 3)] == [Fraction(2, 3), Fraction(4, 3), Fraction(50, 27)]


def test_floats_serve_as_well():
    target, draft = (lambda prefix: [0.25, 0.75]), (lambda prefix: [0.5, 0.5])
    for row in compare_rules(target, draft, 2, {name: SINGLE_PATH[name] for name in ("token", "block")}):
        assert row.error < 1e-12 and row.accepted <= row.optimum + 1e-9


def test_without_draft_tokens_there_is_nothing_to_compare():
    with pytest.raises(InvalidArgument, match="0 draft tokens"):
        compare_rules(*CLOCK, 0)


class TooLong:
    """A rule that emits more than a round may."""

    def outcomes(self, target, draft, prefix, k):
        yield RoundOutcome((0,) * (k + 2), k, 1)

    def drawn(self, draft, k):
        yield frozenset({()}), 1


def test_a_rule_that_emits_too_much_is_refused_and_one_that_counts_its_forwards_is_counted():
    with pytest.raises(InvalidArgument, match="emitted 4"):
        law_of_rounds(TooLong(), *CLOCK, 3, 2)
    assert round_means(TooLong(), *CLOCK, 2) == (2, 4, 1)
    assert isinstance(SINGLE_PATH["token"], ChainRule)
