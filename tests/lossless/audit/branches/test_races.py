"""Tests for races of exponentials."""

from __future__ import annotations

import pytest

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches.draws import exponential_draw, uniform_draw
from specdec_lib.lossless.audit.branches.races import winner
from specdec_lib.lossless.audit.branches.tree import ReplayTree

PROBS = [0.5, 0.2, 0.3]


@pytest.mark.parametrize("largest", [True, False])
def test_a_race_is_won_in_proportion_to_the_rates(largest: bool) -> None:
    tree = ReplayTree()
    while not tree.is_done:
        path = tree.next_path()
        raced = [p / exponential_draw(path) if largest else exponential_draw(path) / p for p in PROBS]
        path.end(winner(path, raced, largest))
    assert [tree.law[token] for token in range(3)] == pytest.approx(PROBS)
    assert tree.unvisited == pytest.approx(0, abs=1e-12)


def test_uniforms_alone_are_no_race() -> None:
    path = ReplayTree().next_path()
    with pytest.raises(Unfollowed):
        winner(path, [uniform_draw(path), uniform_draw(path)], largest=True)
