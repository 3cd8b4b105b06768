"""Tests for the tree of a decoder's random choices."""

from __future__ import annotations

import pytest

from specdec_lib.errors import NotRepeatable, Unfollowed
from specdec_lib.lossless.audit.branches.tree import ReplayTree


def test_masses_of_outcomes_and_of_what_waits_add_up_to_one() -> None:
    tree = ReplayTree()
    while not tree.is_done:
        path = tree.next_path()
        first = path.choose([1, 3], "a")
        path.end((first, path.choose([2, 1, 1], "b")))
        assert sum(tree.law.values()) + tree.unvisited == pytest.approx(1)
    assert tree.num_replays == 6
    assert tree.law[1, 0] == pytest.approx(0.375)


def test_other_options_at_the_same_place_are_refused() -> None:
    tree = ReplayTree()
    path = tree.next_path()
    path.end(path.choose([1, 3], "a"))
    with pytest.raises(NotRepeatable):
        tree.next_path().choose([1, 1], "a")


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -0.5], [float("nan"), 1.0]])
def test_weights_that_are_no_law_are_refused(weights: list[float]) -> None:
    with pytest.raises(Unfollowed):
        ReplayTree().next_path().choose(weights, "a")
