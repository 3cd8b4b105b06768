"""The joint law of three sampled tokens is the target's: chi-square over all 64 outcomes, at 1e-4.

A table model gives the exact law of every outcome and the loop gives 200 000 samples of it. That the test
can fail is shown by the mutants in ``tests/lossless``.
"""

from __future__ import annotations

import joint_law
import pytest

from specdec_lib.lossless.evidence.chi_square import chi_square_test, deviation_caught

pytestmark = pytest.mark.unchecked

LEVEL = 1e-4


@pytest.mark.parametrize(("k", "verifier", "num_samples"), [(2, "token", 200_000), (2, "block", 20_000)])
def test_speculative_decoding_has_the_targets_joint_law(k, verifier, num_samples):
    counts = joint_law.sample(k, verifier, num_samples)
    test = chi_square_test(counts, joint_law.exact_law())
    assert test.num_samples == num_samples and test.degrees == 63
    assert test.p_value > LEVEL
    assert deviation_caught(200_000, 64, LEVEL) < 0.0125  # what 200 000 samples would have seen
