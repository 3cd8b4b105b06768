"""The joint law of three sampled tokens is the target's: chi-square over all 64 outcomes, at 1e-4.

A table model gives the exact law of every outcome, the loop gives the sample, and seven broken
verifiers show that the test can fail.
"""

from __future__ import annotations

import joint_law
import pytest
from broken_verifiers import BROKEN
from scipy.stats import chisquare

LEVEL = 1e-4


def p_value(k: int, verifier: str, num_samples: int) -> float:
    counts = joint_law.sample(k, verifier, num_samples)
    assert counts.sum() == num_samples
    return float(chisquare(counts, joint_law.exact_law() * num_samples).pvalue)


def test_speculative_decoding_has_the_targets_joint_law():
    assert p_value(2, "token", 200_000) > LEVEL


@pytest.mark.parametrize(
    ("k", "verifier"), [(0, "none"), (1, "token"), (5, "token"), (2, "block"), (5, "block"), (2, "correct")]
)
def test_so_have_the_baseline_other_k_block_verification_and_the_control(k, verifier):
    assert p_value(k, verifier, 20_000) > LEVEL


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_verifiers_are_rejected(broken):
    assert p_value(2, broken.__name__, 6_000) < LEVEL
