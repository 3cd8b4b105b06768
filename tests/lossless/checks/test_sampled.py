"""What is counted: counts that could not see a mistake pass nothing; the power that is claimed is there."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from specdec_lib.lossless import sentences
from specdec_lib.lossless.checks import check_efficiency
from specdec_lib.lossless.checks.sampled import pooled_test
from specdec_lib.lossless.evidence.chi_square import deviation_caught
from specdec_lib.lossless.replays.replay import ReplayedRound

pytestmark = pytest.mark.unchecked


def rounds_that_accept(num_rounds: int, accepted: int) -> list[ReplayedRound]:
    """Rounds of K = 2 whose target leaves half of each draft token, the first ``accepted`` stay."""
    p, q = torch.tensor([0.5, 0.5]).repeat(3, 1), torch.tensor([1.0, 0.0]).repeat(3, 1)
    ids = torch.zeros(2, dtype=torch.long)
    return [ReplayedRound(p, q, ids, ids, accepted) for _ in range(num_rounds)]


@pytest.mark.parametrize("verifier", ["token", "block"])
def test_counts_that_could_not_see_a_lack_of_all_pass_nothing(verifier):
    """0.75 tokens a round are expected: a dozen rounds would pass a draft of which nothing stays."""
    few = check_efficiency(verifier, rounds_that_accept(12, 1), 1e-4)
    assert few.verdict == "not applicable" and few.num_samples == 12
    told = re.escape(sentences.why_blind(12, 9.999, 0.75)).replace(r"9\.999", r"(\S+)")
    assert float(re.search(told, few.says)[1]) >= 0.75
    assert check_efficiency(verifier, rounds_that_accept(12, 0), 1e-4).verdict == "not applicable"
    many = check_efficiency(verifier, rounds_that_accept(400, 1), 1e-4)
    assert many.num_samples == 400 and many.passed is not None and many.catches < 0.75
    assert check_efficiency(verifier, rounds_that_accept(400, 0), 1e-4).rejected
    assert check_efficiency(verifier, rounds_that_accept(12, 1), 1e-4, short=1).rejected


def test_the_power_that_is_claimed_is_there_where_outcomes_are_thin():
    """A law with outcomes that never show, and another at the distance which is said to be caught."""
    rng = np.random.default_rng(0)
    law = np.append(rng.dirichlet(np.full(64, 0.15)), 0.0)
    num = 5_000
    _, cells = pooled_test(rng.multinomial(num, law).astype(float), law)
    deviation = deviation_caught(num, cells)
    other = law.copy()
    large = np.argsort(law)[-12:]
    shift = law[large] * np.resize([1, -1], 12)
    other[large] += (shift - shift.mean()) * deviation / (np.abs(shift - shift.mean()).sum() / 2)
    assert other.min() >= 0 and np.abs(other - law).sum() / 2 == pytest.approx(deviation)
    draws = [[rng.multinomial(num, p / p.sum()).astype(float) for _ in range(100)] for p in (law, other)]
    right, wrong = ([pooled_test(counts, law)[0].p_value < 1e-4 for counts in row] for row in draws)
    assert sum(right) <= 1 and sum(wrong) >= 95


def test_an_outcome_that_cannot_be_refutes():
    law = np.array([0.5, 0.5, 0.0])
    assert pooled_test(np.array([50.0, 49.0, 1.0]), law)[0].p_value == 0.0
