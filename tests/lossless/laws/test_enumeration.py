"""Laws summed over every draft and verdict: in rational numbers, in float64, and by the plain sampler."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from rational_tables import rational_model

from specdec_lib.decoding.rejection import PLANS, VERIFIERS
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.laws import reference
from specdec_lib.lossless.laws.enumeration import (
    accepted_law,
    drafts,
    judge_with,
    largest_difference,
    library_judge,
    mean_accepted,
    output_law,
    target_law,
    total_variation,
)

REFERENCE = {"token": reference.judge_tokens, "block": reference.judge_block}


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.parametrize(
    ("vocab", "length", "k", "zeros"), [(2, 5, 4, False), (3, 4, 3, False), (3, 4, 2, True)]
)
def test_the_output_law_equals_the_targets_in_rational_numbers(verifier, vocab, length, k, zeros):
    target, draft = rational_model(1, vocab, zeros), rational_model(2, vocab, zeros)
    law = output_law(target, draft, length, k, REFERENCE[verifier])
    assert {ids: chance for ids, chance in law.items() if chance} == target_law(target, length)


@pytest.mark.parametrize("verifier", ["token", "block"])
@pytest.mark.parametrize("seed", range(4))
def test_the_librarys_verifiers_equal_the_reference_verdict_by_verdict(verifier, seed):
    target, draft, k = rational_model(seed, 3, True), rational_model(seed + 50, 3, True), 3
    for ids, _ in drafts(draft, (), k):
        laws = [target(ids[:n]) for n in range(k + 1)], [draft(ids[:n]) for n in range(k)]
        exact = REFERENCE[verifier](*laws, ids)
        floats = library_judge(verifier)(*laws, ids)
        for (weight, law), (same, other) in zip(exact, floats, strict=True):
            assert same == pytest.approx(float(weight), abs=1e-14)
            if weight:
                assert other == pytest.approx([float(p) for p in law], abs=1e-13)


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_the_librarys_law_over_chained_rounds_is_the_targets_within_1e_12(verifier):
    for seed in range(5):
        target, draft = rational_model(seed, 3), rational_model(seed + 100, 3)
        law = output_law(target, draft, 5, 3, library_judge(verifier))
        assert largest_difference(law, target_law(target, 5)) < 1e-12


def test_block_verification_accepts_at_least_as_many_and_sometimes_more():
    gains = []
    for seed in range(6):
        target, draft = rational_model(seed, 3), rational_model(seed + 7, 3)
        token, block = (mean_accepted(target, draft, 3, judge) for judge in REFERENCE.values())
        gains.append(block - token)
    assert min(gains) >= 0 and max(gains) > Fraction(1, 100)


def test_at_least_i_tokens_stay_with_the_mean_of_p_i():
    """Sun et al. 2024: P(tau >= i) is the mean of the clamped running product over drafts."""
    target, draft, k = rational_model(3, 3), rational_model(4, 3), 3
    law = accepted_law(target, draft, k, reference.judge_block)
    assert sum(law) == 1
    for i in range(1, k + 1):
        mean = Fraction(0)
        for ids, chance in drafts(draft, (), i):
            running = Fraction(1)
            for n, token in enumerate(ids):
                running = min(1, running * target(ids[:n])[token] / draft(ids[:n])[token])
            mean += chance * running
        assert sum(law[i:]) == mean


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_the_verifier_samples_what_its_plan_says(verifier):
    """Four thousand verdicts on one draft: numbers accepted and tokens that follow, against the plan."""
    target, draft, ids, num = rational_model(5, 4), rational_model(6, 4), (1, 2, 0), 4_000
    laws = [target(ids[:n]) for n in range(4)], [draft(ids[:n]) for n in range(3)]
    judgement = judge_with(PLANS[verifier], *laws, ids)
    p, q = (torch.tensor([[float(x) for x in law] for law in rows], dtype=torch.float64) for rows in laws)
    generator, counts = torch.Generator().manual_seed(0), np.zeros((4, 4))
    for _ in range(num):
        verdict = VERIFIERS[verifier](p, q, torch.tensor(ids), generator=generator)
        counts[verdict.num_accepted, verdict.next_id] += 1
    expected = num * np.array([[weight * chance for chance in law] for weight, law in judgement])
    seen = expected > 0
    assert counts[~seen].sum() == 0
    statistic = ((counts - expected)[seen] ** 2 / expected[seen]).sum()
    assert statistic < seen.sum() + 6 * np.sqrt(2 * seen.sum())


def test_a_wrong_judge_is_seen():
    """A judge that corrects from p: its law is off, by the total variation that the formula gives."""

    def wrong(target, draft, ids):
        judgement = reference.judge_tokens(target, draft, ids)
        return [(weight, target[n]) for n, (weight, _) in enumerate(judgement)]

    target, draft = rational_model(1, 3), rational_model(2, 3)
    law = output_law(target, draft, 2, 1, wrong)
    assert sum(law.values()) == 1 and total_variation(law, target_law(target, 2)) > Fraction(1, 50)


def test_drafts_that_cannot_come_up_are_left_out():
    assert dict(drafts(lambda prefix: [Fraction(0), Fraction(1)], (), 3)) == {(1, 1, 1): 1}
    assert dict(drafts(lambda prefix: [Fraction(1)], (), 0)) == {(): 1}


def test_an_unknown_verifier_is_refused():
    with pytest.raises(InvalidArgument, match="choose from"):
        library_judge("tree")


def test_an_empty_draft_gives_the_targets_law():
    law = [Fraction(1, 4), Fraction(3, 4)]
    for judge in (*REFERENCE.values(), *map(partial, map(library_judge, PLANS))):
        assert [float(weight) for weight, _ in judge([law], [], ())] == [1.0]


def test_every_outcome_is_there():
    target = rational_model(8, 2)
    assert set(target_law(target, 3)) == set(itertools.product(range(2), repeat=3))


def test_a_coupling_has_both_laws_for_its_sums_and_keeps_what_they_share():
    p = [Fraction(share, 100) for share in (10, 5, 5, 30, 50)]
    q = [Fraction(share, 100) for share in (6, 3, 5, 5, 81)]
    joint = reference.coupling(p, q)
    assert [sum(line) for line in joint] == q
    assert [sum(column) for column in zip(*joint, strict=True)] == p
    assert [joint[i][i] for i in range(5)] == list(map(min, p, q))
    assert reference.coupling(p, p) == [[p[i] * (i == j) for j in range(5)] for i in range(5)]
