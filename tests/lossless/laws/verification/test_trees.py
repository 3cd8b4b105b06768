"""Trees of drafts: how they are drawn, and the laws of the rules that judge them."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from rational_tables import CLOCK, rational_model, without_memory

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws.enumeration import drafts, target_law, total_variation
from specdec_lib.lossless.laws.reference import judge_block, judge_tokens
from specdec_lib.lossless.laws.verification.paths import best_path, chosen_path_laws, judge_best_path
from specdec_lib.lossless.laws.verification.rules import ChainRule, law_of_rounds, round_means
from specdec_lib.lossless.laws.verification.siblings import (
    judge_matching,
    judge_siblings,
    judge_siblings_without,
)
from specdec_lib.lossless.laws.verification.traversal import judge_traversal, judge_traversal_without
from specdec_lib.lossless.laws.verification.trees import TreeRule, siblings, trees, without

WITH = {"siblings": judge_siblings, "traversal": judge_traversal, "matching": judge_matching}
WITHOUT = {
    "siblings": judge_siblings_without,
    "traversal": judge_traversal_without,
    "matching": judge_matching,
}
RULES = {
    **{f"{name}, with": TreeRule(judge) for name, judge in WITH.items()},
    **{f"{name}, without": TreeRule(judge, replacement=False) for name, judge in WITHOUT.items()},
    **{f"{name}, paths": TreeRule(judge, is_bundle=True) for name, judge in WITH.items()},
    "best path": TreeRule(judge_best_path, is_bundle=True),
}


def is_exact(rule, target, draft, k, length):
    law = law_of_rounds(rule, target, draft, length, k)
    return {text: chance for text, chance in law.items() if chance} == target_law(target, length)


# --- what is drawn -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("widths", [(), (1, 1), (2, 2), (3, 1), (2, 1, 1)])
def test_the_trees_that_can_be_drawn_have_probability_one_together(widths, replacement):
    drawn = list(trees(rational_model(1, 2 if len(widths) > 2 else 3), (), widths, replacement))
    assert sum(chance for _, chance in drawn) == 1
    assert len({tree for tree, _ in drawn}) == len(drawn)


def test_a_tree_of_width_one_is_a_draft():
    model = rational_model(2, 3)
    chains = {}
    for tree, chance in trees(model, (), (1, 1)):
        (token, ((next_token, _),)), *others = tree
        assert not others
        chains[token, next_token] = chance
    assert chains == dict(drafts(model, (), 2))


def test_siblings_without_replacement_are_different_and_end_where_nothing_is_left():
    law = [Fraction(1, 2), Fraction(1, 2), Fraction(0)]
    assert dict(siblings(law, 3, replacement=False)) == {(0, 1): Fraction(1, 2), (1, 0): Fraction(1, 2)}
    assert len(list(siblings(law, 3))) == 8
    assert without(law, 0) == [0, 1, 0] and without([0, 1], 1) == [0, 0]


def test_a_tree_without_children_is_refused():
    with pytest.raises(InvalidArgument, match="width 0"):
        TreeRule(judge_siblings, width=0).widths(2)


# --- exact or not ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_rules_for_trees_are_exact_in_fractions(name, seed):
    """Chained over two rounds; every second target has tokens that cannot come."""
    target, draft = rational_model(seed, 3, zeros=seed % 2 == 1), rational_model(seed + 50, 3)
    assert is_exact(RULES[name], target, draft, 1, 3)
    binary = rational_model(seed, 2), rational_model(seed + 50, 2)
    assert is_exact(RULES[name], *binary, 2, 4)


@pytest.mark.parametrize("name", RULES)
def test_rules_for_trees_are_exact_where_the_draft_lacks_a_token(name):
    target, draft = rational_model(5, 3), without_memory("1/3", "0", "2/3")
    assert is_exact(RULES[name], target, draft, 2, 3)


@pytest.mark.parametrize("seed", range(4))
def test_trees_of_two_levels_and_three_words(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    for rule in (RULES["traversal, without"], RULES["best path"]):
        assert is_exact(rule, target, draft, 2, 3)


@pytest.mark.parametrize("seed", range(4))
def test_siblings_without_replacement_judged_as_if_with_are_off(seed):
    """The draft's law is not renewed: a rejected token is weighed as if it could come again."""
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    rule = TreeRule(judge_siblings, replacement=False)
    error = total_variation(law_of_rounds(rule, target, draft, 3, 2), target_law(target, 3))
    assert error > Fraction(1, 200)


def test_a_best_path_judged_by_the_drafts_own_law_is_off():
    """The chosen path does not come from q: verifying it as if it did is a plausible mistake."""
    target, draft = CLOCK

    def as_if_unchosen(target, draft, prefix, tree):
        ids = best_path(target, draft, prefix, tree)
        rows = [target(ids[:n]) for n in range(len(ids) + 1)], [draft(ids[:n]) for n in range(len(ids))]
        return [(ids[:n], chance, law) for n, (chance, law) in enumerate(judge_block(*rows, ids))]

    rule = TreeRule(as_if_unchosen, is_bundle=True)
    assert total_variation(law_of_rounds(rule, target, draft, 2, 1), target_law(target, 2)) == Fraction(1, 9)


# --- how they are related ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("judge", "chain"),
    [
        (judge_siblings, judge_tokens),
        (judge_siblings_without, judge_tokens),
        (judge_traversal, judge_block),
        (judge_traversal_without, judge_block),
        (judge_best_path, judge_block),
    ],
)
def test_on_one_path_each_is_a_rule_for_chains(judge, chain, seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    for ids in product(range(3), repeat=3):
        tree = ()
        for token in reversed(ids):
            tree = ((token, tree),)
        verdicts = [
            (kept, chance, list(law)) for kept, chance, law in judge(target, draft, (), tree) if chance
        ]
        rows = [target(ids[:n]) for n in range(4)], [draft(ids[:n]) for n in range(3)]
        expected = [
            (ids[:n], chance, list(law)) for n, (chance, law) in enumerate(chain(*rows, ids)) if chance
        ]
        assert sorted(verdicts) == sorted(expected)


@pytest.mark.parametrize("seed", range(4))
def test_siblings_and_traversal_are_one_rule_at_one_level(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    for first, second in (
        (judge_siblings, judge_traversal),
        (judge_siblings_without, judge_traversal_without),
    ):
        for tree, _ in trees(draft, (), (2,), first is judge_siblings):
            verdicts = [
                sorted(
                    (kept, chance, list(law))
                    for kept, chance, law in judge(target, draft, (), tree)
                    if chance
                )
                for judge in (first, second)
            ]
            assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("seed", range(6))
def test_two_children_accept_at_least_as_many_as_one_and_traversal_as_siblings(seed):
    target, draft = rational_model(seed, 3), rational_model(seed + 50, 3)
    token, block = (round_means(ChainRule(judge), target, draft, 2) for judge in (judge_tokens, judge_block))
    one, two = (
        round_means(RULES[f"{name}, without"], target, draft, 2).num_accepted
        for name in ("siblings", "traversal")
    )
    assert token.num_accepted < one <= two and block.num_accepted < two


def test_what_two_paths_of_the_clock_accept():
    means = {name: round_means(RULES[f"{name}, paths"], *CLOCK, 2).num_accepted for name in WITH}
    means["best path"] = round_means(RULES["best path"], *CLOCK, 2).num_accepted
    assert means == {
        "matching": Fraction(82, 81),
        "siblings": Fraction(35, 27),
        "traversal": Fraction(38, 27),
        "best path": Fraction(131, 81),
    }


def test_equal_models_are_never_interrupted_but_for_a_best_path_and_a_matching():
    """A best path is not drawn from q, and a match needs luck: both accept less than one path would."""
    model = rational_model(4, 3)
    for name, rule in RULES.items():
        accepted = round_means(rule, model, model, 2).num_accepted
        interrupted = name == "best path" or name.startswith("matching")
        assert accepted < 2 if interrupted else accepted == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_law_of_the_chosen_path_is_what_choosing_gives(count):
    target, draft = rational_model(1, 3), rational_model(51, 3)
    chosen: dict = {}
    for tree, chance in trees(draft, (), (count, 1)):
        path = best_path(target, draft, (), tree)
        chosen[path] = chosen.get(path, 0) + chance
    for path, chance in chosen.items():
        first, second = chosen_path_laws(target, draft, (), path, count)
        assert first[path[0]] * second[path[1]] == chance
        assert sum(first) == sum(second) == 1
    assert sum(chosen.values()) == 1
