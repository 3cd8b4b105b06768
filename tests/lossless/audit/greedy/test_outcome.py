"""The rule: what is a fault, what is rounding, and what is neither."""

from __future__ import annotations

import numpy as np
import pytest

from specdec_lib.lossless.audit.greedy import sentences
from specdec_lib.lossless.audit.greedy.likelihood import Likelihood, RoundingLaw
from specdec_lib.lossless.audit.greedy.outcome import GreedyComparison, GreedyParting

LAW = RoundingLaw(np.array([0.01, -0.02]), 2, 1e-7)


def compared(ratios, chance=0.5, num_texts=20, **more):
    """As many texts part as there are ratios, each with the chance of rounding that is named."""
    partings = [
        GreedyParting(n, 3, 1, 2, behind=1 / ratio, gap=1 / ratio, ratio=ratio)
        for n, ratio in enumerate(ratios)
    ]
    found = Likelihood(np.array(ratios), 0.01, np.full(num_texts, chance), len(ratios))
    return GreedyComparison(("A", "B"), num_texts, partings, 5, law=LAW, likelihood=found, **more)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([], "identical"),
        ([20.0], "rounding"),
        ([9.0], "undecided"),
        ([20.0, 20.0, 0.2], "rounding"),
        ([90.0, 90.0, 0.002], "undecided"),  # likely on the whole, and one of them is rare
        ([0.3], "undecided"),
        ([1e-4], "fault"),
        ([50.0] * 12 + [1e-6], "fault"),  # one that is impossible among many ties
        ([50.0] * 12 + [1e-3] * 3, "fault"),
        ([0.3] * 9, "fault"),  # none is impossible, and all of them together are
    ],
)
def test_gaps_decide_by_the_smallest_of_them_and_by_all(ratios, verdict):
    assert compared(ratios).verdict == verdict


def test_too_many_near_ties_are_a_fault():
    found = compared([20.0] * 10, chance=0.02)
    assert found.verdict == "fault" and compared([20.0] * 10, chance=0.5).verdict == "rounding"
    assert compared([20.0] * 10, chance=0.3).verdict == "undecided"  # more ties than one run in twenty has
    parted = sentences.PART.format("A", "B", 10, 20)
    p_value = found.likelihood.p_of_rate
    assert found.says == sentences.FAULT_IN_RATE.format(parted, 10, 0.4, p_value) and p_value < 1e-9
    assert [check.test for check in found.checks() if check.rejected] == ["rate"]


@pytest.mark.parametrize(
    ("repeated", "verdict"), [(0, "fault"), (1, "fault"), (9, "undecided"), (20, "undecided")]
)
def test_an_engine_that_parts_from_itself_as_often_decides_nothing(repeated, verdict):
    found = compared([1e-6] * 12, repeated=repeated)
    assert found.verdict == verdict and found.is_unsteady == (verdict == "undecided")
    control = {check.test: check for check in found.checks()}["control"]
    assert control.verdict == ("pass" if repeated == 0 else "not applicable") and control.num_samples == 20


def test_each_verdict_has_its_evidence_in_its_sentence():
    parted = sentences.PART.format("A", "B", 1, 20)
    assert compared([25.0]).says == sentences.ROUNDING.format(parted, "25", 1, 10.0)
    assert compared([3.0]).says == sentences.UNDECIDED.format(parted, 3.0)
    assert compared([1e-5]).says == sentences.FAULT_IN_GAPS.format(parted, 1, 4, 1e5, 0.02)
    assert compared([1e-5], repeated=1).says == sentences.UNSTEADY.format(parted, "A", 1)
    assert compared([1e-5], strange=3).says == sentences.OTHER_WEIGHTS.format(parted, 3)
    assert compared([], num_texts=100).says == sentences.IDENTICAL.format("A", "B", 100, "3.7 %")


def test_a_few_strange_texts_are_no_reason_to_say_nothing():
    assert (
        compared([1e-5], strange=2).verdict == "fault" and compared([1e-5], strange=3).verdict == "undecided"
    )


def test_a_parting_is_likelier_one_or_the_other_by_ten_times():
    told = [GreedyParting(0, 0, 1, 2, ratio=ratio).likelier for ratio in (None, 10.0, 1.0, 0.1)]
    assert told == ["undecided", "rounding", "undecided", "fault"]


def test_the_share_comes_with_wilsons_interval():
    found = compared([20.0] * 5)
    assert found.share == 0.25 and found.interval == pytest.approx((0.1119, 0.4687), abs=1e-4)
