"""Three rules of one name: one is block verification, one is not exact, one is exact over K tokens."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from rational_tables import CLOCK, rational_model

from specdec_lib.lossless.laws.enumeration import target_law, total_variation
from specdec_lib.lossless.laws.reference import judge_block
from specdec_lib.lossless.laws.verification.hierarchical import (
    NaiveHierarchicalRule,
    judge_hierarchical,
    judge_hierarchical_as_released,
)
from specdec_lib.lossless.laws.verification.optimum import joint_overlap
from specdec_lib.lossless.laws.verification.rules import ChainRule, law_of_rounds, round_means

RELEASED = ChainRule(judge_hierarchical_as_released)


def used(judgement):
    """Without the laws that are never drawn from."""
    return [(chance, list(law) if chance else None) for chance, law in judgement]


def rows_along(target, draft, ids):
    k = len(ids)
    return [target(ids[:n]) for n in range(k + 1)], [draft(ids[:n]) for n in range(k)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("vocab", "k"), [(2, 4), (3, 3), (4, 2)])
def test_the_capped_rule_is_block_verification_verdict_by_verdict(seed, vocab, k):
    """With zeros in the target too: chances and laws are the same fractions, draft by draft."""
    target, draft = rational_model(seed, vocab, zeros=seed % 2 == 1), rational_model(seed + 50, vocab)
    for ids in product(range(vocab), repeat=k):
        rows = rows_along(target, draft, ids)
        assert used(judge_hierarchical(*rows, ids)) == used(judge_block(*rows, ids))


@pytest.mark.parametrize("seed", range(6))
def test_the_released_rule_differs_in_its_last_test_only_and_where_a_shorter_prefix_was_above_one(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    differing = 0
    for ids in product(range(3), repeat=3):
        target_rows, draft_rows = rows_along(target, draft, ids)
        ratios = [Fraction(1)]
        for n, x in enumerate(ids):
            ratios.append(ratios[n] * target_rows[n][x] / draft_rows[n][x])
        kept_by_block = judge_block(target_rows, draft_rows, ids)[-1][0]
        kept = judge_hierarchical_as_released(target_rows, draft_rows, ids)[-1][0]
        assert kept == min(1, ratios[3]) and kept_by_block == min(1, ratios[3] / max(ratios[:3]))
        assert (kept == kept_by_block) == (max(ratios[:3]) == 1 or ratios[3] >= max(ratios[:3]))
        differing += kept != kept_by_block
    assert 0 < differing < 27


@pytest.mark.parametrize(
    ("k", "accepted", "error"), [(1, "2/3", "0"), (2, "4/3", "1/9"), (3, "16/9", "8/81")]
)
def test_the_released_rule_on_the_clock_accepts_more_than_any_exact_rule_and_is_off(k, accepted, error):
    target, draft = CLOCK
    law = law_of_rounds(RELEASED, target, draft, k + 1, k)
    assert total_variation(law, target_law(target, k + 1)) == Fraction(error)
    assert round_means(RELEASED, target, draft, k).num_accepted == Fraction(accepted)
    block = round_means(ChainRule(judge_block), target, draft, k).num_accepted
    assert block == {1: Fraction(2, 3), 2: Fraction(11, 9), 3: Fraction(5, 3)}[k] <= Fraction(accepted)


@pytest.mark.parametrize("seed", range(8))
def test_the_released_rule_is_off_by_no_more_than_what_it_accepts_too_often(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    error = total_variation(law_of_rounds(RELEASED, target, draft, 3, 2), target_law(target, 3))
    means = [round_means(rule, target, draft, 2) for rule in (RELEASED, ChainRule(judge_block))]
    assert 0 < error <= means[0].num_accepted - means[1].num_accepted


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("vocab", "k", "length"), [(2, 2, 5), (3, 2, 4), (2, 3, 5)])
def test_the_naive_rule_keeps_the_joint_law_over_several_rounds(seed, vocab, k, length):
    zeros = seed % 2 == 1
    target, draft = rational_model(seed, vocab, zeros), rational_model(seed + 50, vocab)
    law = law_of_rounds(NaiveHierarchicalRule(), target, draft, length, k)
    assert {text: chance for text, chance in law.items() if chance} == target_law(target, length)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("vocab", "k"), [(2, 3), (3, 2)])
def test_the_naive_rule_accepts_all_that_a_path_has_in_common_and_pays_in_forwards(seed, vocab, k):
    target, draft = rational_model(seed, vocab), rational_model(seed + 50, vocab)
    naive = round_means(NaiveHierarchicalRule(), target, draft, k)
    block = round_means(ChainRule(judge_block), target, draft, k)
    assert naive.num_accepted == joint_overlap(target, draft, k) >= block.num_accepted
    assert naive.num_emitted / naive.num_forwards < block.num_emitted / block.num_forwards


def test_a_naive_round_emits_k_tokens_or_the_whole_draft_and_one_more():
    target, draft = rational_model(3, 3), rational_model(53, 3)
    for outcome in NaiveHierarchicalRule().outcomes(target, draft, (), 3):
        whole = outcome.num_accepted == 3
        assert len(outcome.emitted) == 3 + whole
        assert outcome.num_forwards == (1 if whole else 3 - outcome.num_accepted)


def test_two_equal_models_are_never_interrupted():
    model = rational_model(4, 3)
    for rule in (ChainRule(judge_hierarchical), RELEASED, NaiveHierarchicalRule()):
        assert round_means(rule, model, model, 3) == (3, 4, 1)
