"""Intervals over prompts: reproducible, paired by stream, and those of the slow rule."""

from __future__ import annotations

import numpy as np
import pytest

from specdec_lib.bench.tables.bootstrap import bootstrap_interval
from specdec_lib.bench.tables.cells.intervals import drawn_totals, draws_for, ends, ratio, totals_by_prompt


def test_totals_add_up_by_owner_and_prompt() -> None:
    owners, prompts = np.array([1, 0, 1, 1]), np.array([7, 7, 3, 7])
    totals = totals_by_prompt(owners, prompts, np.array([[1.0], [2.0], [4.0], [8.0]]))
    assert totals[0].prompts.tolist() == [7] and totals[0].rows.tolist() == [[2.0]]
    assert totals[1].prompts.tolist() == [3, 7] and totals[1].rows.tolist() == [[4.0], [9.0]]
    assert totals_by_prompt(owners[:0], prompts[:0], np.zeros((0, 1))) == {}


def test_every_draw_takes_as_many_prompts_as_there_are() -> None:
    drawn = drawn_totals(np.ones((5, 1)), 100)
    assert (drawn == 5).all()
    assert (drawn_totals(np.eye(5), 100).sum(axis=1) == 5).all()


def test_one_stream_is_drawn_alike_and_another_is_not() -> None:
    rows = np.arange(6.0)[:, None]
    assert (drawn_totals(rows, 50, 1) == drawn_totals(rows, 50, 1)).all()
    assert (drawn_totals(rows, 50, 1) != drawn_totals(rows, 50, 2)).any()


def test_an_interval_is_that_of_the_bootstrap_of_all_tables() -> None:
    rows = np.random.default_rng(3).gamma(9.0, size=(40, 2))

    def share(totals: np.ndarray) -> np.ndarray:
        return totals[:, 0] / totals[:, 1]

    middle, low, high = bootstrap_interval([[row[None] for row in rows]], share)
    ((a, b),) = ends([middle], share(drawn_totals(rows, 2000))[:, None])
    assert a == pytest.approx(low, rel=0.02) and b == pytest.approx(high, rel=0.02)


def test_an_interval_holds_its_estimate_whatever_was_drawn() -> None:
    assert ends([2.0, 0.5], np.array([[1.0, np.nan], [1.0, np.nan]])) == [(1.0, 2.0), (0.5, 0.5)]


def test_a_ratio_over_nothing_is_no_number() -> None:
    assert np.isnan(ratio(np.array([1.0, 0.0]), np.zeros(2))).all()


def test_the_more_groups_the_fewer_draws() -> None:
    draws = [draws_for(groups) for groups in (1, 500, 1000, 10**6)]
    assert draws == sorted(draws, reverse=True) and draws[-1] >= 400
