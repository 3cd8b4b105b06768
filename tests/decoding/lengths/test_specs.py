"""What a draft length becomes when it is opened, with costs, without, and cut to a smaller size."""

from __future__ import annotations

import pytest

from specdec_lib.decoding.cost_aware import CostAware
from specdec_lib.decoding.draft_length import Confidence, DraftLength, Entropy, Fixed
from specdec_lib.decoding.lengths import LengthCosts, read_length
from specdec_lib.errors import InvalidArgument


@pytest.mark.parametrize(
    "written, opened",
    [
        ("4", Fixed(4)),
        ("confidence:0.3", Confidence(0.3, 8)),
        ("entropy:0.3,most=5,gamma=0.1", Entropy(0.3, 5, 0.1)),
    ],
)
def test_policies_without_costs_are_those_of_the_library(written, opened) -> None:
    spec = read_length(written)
    assert spec.open() == opened and spec.most == opened.lengths[-1]


@pytest.mark.parametrize("written", ["4", "confidence", "entropy", "cost-aware"])
def test_a_length_can_be_cut(written) -> None:
    for most in (1, 2, 3):
        policy = read_length(written).open(most=most)
        assert isinstance(policy, DraftLength) and max(policy.lengths) <= most


def test_cost_aware_takes_the_measured_lengths_and_no_other_text() -> None:
    spec = read_length("cost-aware")
    assert spec.lengths == (1, 2, 3, 4, 6, 8)
    measured = LengthCosts(0.2, {k: 1 + 0.1 * k for k in (*spec.lengths, 16)}, 0.05)
    policy = spec.open(measured)
    assert isinstance(policy, CostAware) and not policy.shared
    assert (policy.c, policy.overhead, policy.lengths) == (0.2, 0.05, spec.lengths)
    assert policy.v == {k: pytest.approx(1 + 0.1 * k) for k in spec.lengths}
    assert read_length("cost-aware:most=5").lengths == (1, 2, 3, 4, 5)
    assert read_length("cost-aware:most=20").open().lengths == (1, 2, 3, 4, 6, 8, 12, 16, 20)


@pytest.mark.parametrize(
    "text", ["confidence:0.99999999", "entropy:0.12345678,gamma=0.3000001", "confidence:1"]
)
def test_a_spelling_is_read_as_the_same_policy_again(text):
    spec = read_length(text)
    assert read_length(str(spec)) == spec


def test_no_draft_is_timed_that_nobody_would_wait_for():
    with pytest.raises(InvalidArgument, match="64 at most"):
        read_length("cost-aware:most=2000")
    assert max(read_length("cost-aware:most=64").lengths) == 64
