"""Tests for numbers that are decided only when something depends on them."""

from __future__ import annotations

import math
import random

import pytest

from specdec_lib.errors import Unfollowed
from specdec_lib.lossless.audit.branches.draws import Draw, uniform_draw
from specdec_lib.lossless.audit.branches.tree import ReplayTree

STEPS = 4000


def _undecided(made: Draw | float) -> Draw:
    assert isinstance(made, Draw)
    return made


def _composed(rng: random.Random, draw: Draw) -> tuple[Draw, list[float]]:
    """A random monotone function of a uniform, as a draw and by its values at the middles of a grid."""
    values = [(step + 0.5) / STEPS for step in range(STEPS)]
    for _ in range(rng.randrange(1, 6)):
        c = rng.uniform(0.2, 2.0) * rng.choice([-1, 1])
        kind = rng.choice(["add", "from", "times", "over", "log", "exp", "one over"])
        if kind in ("log", "one over") and min(values) <= 0.01:
            shift = 0.5 - min(values)
            draw, values = draw + shift, [value + shift for value in values]
        if kind == "exp" and max(values) > 20:
            continue
        if kind == "add":
            draw, values = draw + c, [value + c for value in values]
        elif kind == "from":
            draw, values = c - draw, [c - value for value in values]
        elif kind == "times":
            draw, values = _undecided(draw * c), [value * c for value in values]
        elif kind == "over":
            draw, values = _undecided(draw / c), [value / c for value in values]
        elif kind == "log":
            draw, values = draw.log(), [math.log(value) for value in values]
        elif kind == "exp":
            draw, values = draw.exp(), [math.exp(value) for value in values]
        else:
            draw, values = _undecided(c / draw), [c / value for value in values]
    return draw, values


@pytest.mark.parametrize("seed", range(60))
def test_place_is_the_share_of_the_uniform_below_a_threshold(seed: int) -> None:
    rng = random.Random(seed)
    draw, values = _composed(rng, uniform_draw(ReplayTree().next_path()))
    for threshold in rng.sample(values, 5):
        place = min(max(draw.place(threshold), 0.0), 1.0)
        below = sum(value < threshold for value in values) / STEPS
        assert (place if draw.rising else 1 - place) == pytest.approx(below, abs=2 / STEPS)


@pytest.mark.parametrize("thresholds", [[math.nan], [0.3, math.nan], [math.nan, 0.3], [0.5, 0.3]])
def test_thresholds_in_no_order_are_refused(thresholds: list[float]) -> None:
    with pytest.raises(Unfollowed):
        uniform_draw(ReplayTree().next_path()).bin_among(thresholds)


def test_a_falling_number_is_below_where_its_uniform_is_above():
    path = ReplayTree().next_path()  # takes the likelier side
    falling = 1 - uniform_draw(path)
    assert not falling.is_below(0.2) and falling.uniform.high == pytest.approx(0.8)
    path = ReplayTree().next_path()
    falling = 1 - uniform_draw(path)
    assert falling.is_below(0.7) and falling.uniform.low == pytest.approx(0.3)
