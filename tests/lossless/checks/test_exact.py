"""What is summed over every draft and verdict: a wrong rule is seen, an unreadable one is not judged."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_models import tiny_pair

from specdec_lib.decoding.rejection import plan_block, plan_tokens
from specdec_lib.lossless import sentences
from specdec_lib.lossless.checks import check_tables, one_position_difference
from specdec_lib.lossless.mutants.gallery import find_mutant
from specdec_lib.lossless.mutants.judges import judge_of
from specdec_lib.lossless.verdict import verdict_on

pytestmark = pytest.mark.unchecked


def test_a_rule_that_cannot_be_read_is_not_judged():
    """Dice of its own, or verdicts that no verifier is asked for: the exact rows pass nothing."""
    pair = tiny_pair("llama")
    for name in ("residuals_of_all_rows", "target_unwarped"):
        mutant = find_mutant(name)
        decoder = mutant.build(*pair, 3)
        assert judge_of(mutant, decoder) is None
    check = check_tables("block", None)
    assert check.passed is None and check.verdict == "not applicable" and not check.rejected
    passed = check_tables("token", plan_tokens, num_tables=1)
    assert passed.passed
    assert verdict_on("it", [check, passed]) == sentences.EXACT.format("it", 1, "")


def test_one_position_is_judged_by_the_plan_it_is_given():
    """A plan whose residual is scaled wrongly differs, though its thresholds are right."""

    def scaled(p, q, ids):
        plan = plan_tokens(p, q, ids)
        return replace(plan, scales=plan.scales * 0.7)

    p, q = torch.tensor([0.5, 0.35, 0.15]), torch.tensor([0.2, 0.2, 0.6])
    assert one_position_difference(p, q, plan_block) < 1e-7
    assert one_position_difference(p, q, scaled) > 1e-2


def test_mass_that_does_not_add_up_is_seen():
    p = torch.tensor([0.5, 0.3, 0.2])
    q = torch.tensor([0.2, 0.3, 0.5])
    assert one_position_difference(p, q) < 1e-7
    assert one_position_difference(p * (1 + 3e-6), q) > 1e-6
