"""Drafts from another vocabulary: exact while the target is left alone, and off by what was cut from it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from rational_tables import rational_model, without_memory

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import target_law, total_variation
from specdec_lib.lossless.laws.reference import judge_block, judge_tokens
from specdec_lib.lossless.laws.verification.rules import ChainRule, law_of_rounds, round_means
from specdec_lib.lossless.laws.verification.vocabularies import (
    RetokenisedRule,
    TranslatedRule,
    intersected,
    judge_exact_match,
    longest_matches,
)

SHARED = frozenset({0, 2})


def error_of(rule, target, draft, length, k):
    return total_variation(law_of_rounds(rule, target, draft, length, k), target_law(target, length))


@pytest.mark.parametrize("judge", [judge_tokens, judge_block])
@pytest.mark.parametrize("seed", range(4))
def test_a_draft_cut_to_the_shared_tokens_is_exact(judge, seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    assert error_of(TranslatedRule(ChainRule(judge), SHARED), target, draft, 3, 2) == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_target_that_is_cut_too_is_off_by_what_it_can_no_longer_say(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    rule = TranslatedRule(ChainRule(judge_tokens), SHARED, is_target_cut=True)
    assert error_of(rule, target, draft, 1, 1) == target(())[1] > 0
    whole = sum(chance for text, chance in target_law(target, 3).items() if 1 in text)
    assert error_of(rule, target, draft, 3, 2) >= whole


def test_the_law_on_the_shared_tokens_is_renormalised():
    law = intersected(without_memory("1/2", "1/4", "1/4"), SHARED)(())
    assert law == [Fraction(2, 3), 0, Fraction(1, 3)]
    with pytest.raises(InvalidArgument, match="nothing in common can follow"):
        intersected(without_memory("0", "1", "0"), SHARED)(())


def test_drafts_of_a_translated_rule_hold_shared_tokens_alone():
    drawn = list(TranslatedRule(ChainRule(judge_tokens), SHARED).drawn(rational_model(1, 3), 2))
    assert sum(chance for _, chance in drawn) == 1
    assert {token for prefixes, _ in drawn for prefix in prefixes for token in prefix} == SHARED


# --- the text in common ------------------------------------------------------------------------------------

TARGET_WORDS, DRAFT_WORDS = ("a", "b", "ab"), ("b", "a", "ba")


@pytest.mark.parametrize("seed", range(4))
def test_a_text_matched_exactly_is_exact_whoever_wrote_it(seed):
    target, draft = rational_model(seed, 3, zeros=seed == 3), rational_model(seed + 50, 3)
    assert error_of(RetokenisedRule(TARGET_WORDS, DRAFT_WORDS), target, draft, 4, 2) == 0
    assert error_of(ChainRule(judge_exact_match), target, draft, 4, 2) == 0


@pytest.mark.parametrize("seed", range(4))
def test_an_exact_match_accepts_where_both_draws_agree(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    agree = sum(p * q for p, q in zip(target(()), draft(()), strict=True))
    same_words = RetokenisedRule(tuple("abc"), tuple("abc"))
    for rule in (ChainRule(judge_exact_match), same_words):
        assert round_means(rule, target, draft, 1).num_accepted == agree
    token = round_means(ChainRule(judge_tokens), target, draft, 1)
    assert agree < token.num_accepted


def test_the_drafts_text_is_split_by_the_target_and_read_by_the_draft():
    """The draft has said "ba", "ba", which the target splits into b, ab, a; of these two are judged."""
    heard = []

    def draft(prefix):
        heard.append(prefix)
        return [Fraction(0), Fraction(0), Fraction(1)]

    rule = RetokenisedRule(TARGET_WORDS, DRAFT_WORDS)
    ((prefixes, chance),) = rule.drawn(draft, 2)
    assert prefixes == {(), (1,), (1, 2)} and chance == 1
    heard.clear()
    list(rule.outcomes(rational_model(1, 3), draft, (1, 0, 2), 1))  # the text is "ba" and "ab"
    assert heard[0] == (2, 1, 0)


def test_the_longest_word_that_fits_is_taken():
    assert longest_matches("abab", TARGET_WORDS) == (2, 2)
    assert longest_matches("bab", DRAFT_WORDS) == (2, 0)
    assert longest_matches("", DRAFT_WORDS) == ()
    with pytest.raises(InvalidArgument, match="no word fits at 'cb'"):
        longest_matches("acb", TARGET_WORDS)
