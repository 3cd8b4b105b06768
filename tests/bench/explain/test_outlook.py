"""The best K by theory: against the published table, with v interpolated, and where no K pays."""

from __future__ import annotations

import pytest

from specdec_lib.bench.explain.cell import Advice, Cell
from specdec_lib.bench.explain.outlook import look_ahead, speedup_curve
from specdec_lib.bench.explain.sentences import sentence
from specdec_lib.bench.tables.rows import Costs


def accounts(
    k: int, measured: float, *, o: float | None = 0.0, step: float = 1.0, spread: float = 0.0
) -> Cell:
    """A cell of which only the speedup, the overhead and the baseline's step matter here."""
    return Cell(
        temperature=0.0, domain="all", k=k, alpha=0.5, c=0.1, v=1.0, overhead=o, step=step,
        timed_step=step, expected=1.5, counted=1.5, measured=measured,
        low=measured - spread / 2, high=measured + spread / 2,
        has_interval=True, whole=measured, costs=costs(0.1, {}),
    )  # fmt: skip


def costs(c: float, v: dict[int, float]) -> Costs:
    return Costs(context_length=None, target_ms={1: 10.0}, draft_ms=10.0 * c, c=c, v=v)


@pytest.mark.parametrize(
    ("alpha", "c", "best_k", "gain"),
    [(0.5, 0.05, 3, 1.630), (0.7, 0.1, 4, 1.981), (0.8, 0.05, 8, 3.092), (0.9, 0.1, 10, 3.431)],
)
def test_the_published_best_k(alpha: float, c: float, best_k: int, gain: float) -> None:
    found = look_ahead([accounts(1, 1.1), accounts(16, 1.2)], alpha, costs(c, {1: 1.0, 16: 1.0}))
    assert found.best_k == best_k and found.best_speedup == pytest.approx(gain, abs=5e-4)
    assert (found.measured_best_k, found.measured_best) == (16, 1.2)


def test_v_and_o_are_interpolated_between_measured_k() -> None:
    """v: 1 at K = 0, 1.2 at 2, 1.6 at 4; o: 0.1 at 2, 0.3 at 4, and below 2 that of 2."""
    curve = speedup_curve(0.5, costs(0.1, {2: 1.2, 4: 1.6}), {2: 0.1, 4: 0.3})
    assert [row["k"] for row in curve] == [1, 2, 3, 4]
    assert [row["v"] for row in curve] == pytest.approx([1.1, 1.2, 1.4, 1.6])
    assert [row["overhead"] for row in curve] == pytest.approx([0.1, 0.1, 0.2, 0.3])
    assert [row["is_measured"] for row in curve] == [False, True, False, True]
    assert curve[2]["speedup"] == pytest.approx((1 + 1 / 2 + 1 / 4 + 1 / 8) / (0.3 + 1.4 + 0.2))


def test_nothing_is_said_beyond_what_was_measured() -> None:
    assert len(speedup_curve(0.5, costs(0.1, {2: 1.2, 16: 1.6}), {2: 0.1, 4: 0.3})) == 4
    assert len(speedup_curve(0.5, costs(0.1, {2: 1.2}), {2: 0.1, 4: 0.3})) == 2


def test_the_alpha_that_each_k_needs() -> None:
    [one, two] = speedup_curve(0.5, costs(0.3, {1: 1.1, 2: 1.1}), {1: 0.1, 2: 0.1}, step=1.25)
    assert one["break_even_alpha"] == pytest.approx(1.5 / 1.25 - 1)  # 1 + alpha = cost / step
    alpha = two["break_even_alpha"]
    assert 1 + alpha + alpha**2 == pytest.approx(1.8 / 1.25)
    assert speedup_curve(0.5, costs(1.5, {1: 1.0}), {1: 0.0})[0]["break_even_alpha"] is None


def said(cells: list[Cell], alpha: float, c: float, v: dict[int, float]) -> Advice:
    [advice] = look_ahead(cells, alpha, costs(c, v)).advice
    return advice


def chosen(advice: Advice, *facts: str, tried: float | None = None) -> bool:
    """Whether of a best K just these facts are told; the words themselves are in tests/words.txt."""
    flags = {name: name in facts for name in ("is_measured", "is_hidden", "is_largest")}
    told = sentence("best_k", **advice.numbers, gained=advice.gain, tried=tried, **flags)
    return advice.key == "best_k" and advice.sentence == told


def test_theory_agrees_with_the_measured_best() -> None:
    cells = [accounts(2, 1.4), accounts(4, 1.9), accounts(8, 1.8)]
    advice = said(cells, 0.7, 0.1, {2: 1.0, 4: 1.0, 8: 1.0})
    both = {"measured_best_k": 4, "measured_best": 1.9, "best_k": 4, "best_speedup": 1.9808}
    assert chosen(advice, "is_measured") and advice.numbers == pytest.approx(both, abs=5e-5)


def test_theory_says_another_k_that_was_measured_and_was_slower() -> None:
    cells = [accounts(2, 1.4), accounts(4, 1.2)]
    advice = said(cells, 0.8, 0.1, {2: 1.0, 4: 1.0})
    assert (advice.numbers["best_k"], advice.numbers["measured_best_k"]) == (4, 2)
    assert advice.sentence.endswith("which measured 1.20×; larger K were not measured.")


def test_theory_says_another_k_that_was_not_measured() -> None:
    cells = [accounts(2, 1.4), accounts(4, 1.2), accounts(8, 1.1)]  # alpha = 0.8, c = 0.3: best is 3
    advice = said(cells, 0.8, 0.3, {2: 1.0, 4: 1.0, 8: 1.0})
    both = {"measured_best_k": 2, "measured_best": 1.4, "best_k": 3, "best_speedup": 2.952 / 1.9}
    assert chosen(advice) and advice.numbers == pytest.approx(both)
    assert advice.gain == pytest.approx(2.952 / 1.9 - 2.44 / 1.6)


def test_a_gain_that_the_interval_hides_and_one_that_two_decimals_hide() -> None:
    cells = [accounts(2, 1.4, spread=0.2), accounts(4, 1.2)]
    assert chosen(said(cells, 0.8, 0.3, {2: 1.0, 4: 1.0}), "is_hidden")
    cells.append(accounts(3, 1.3))
    assert chosen(said(cells, 0.8, 0.3, {2: 1.0, 3: 1.0, 4: 1.0}), "is_measured", "is_hidden", tried=1.3)
    cells = [accounts(4, 1.8), accounts(5, 1.7)]  # alpha = 0.7, c = 0.1: 1.981 and 1.961
    assert said(cells, 0.7, 0.1, {4: 1.0, 5: 1.0}).numbers["best_k"] == 4
    even = said([accounts(4, 1.7), accounts(5, 1.8)], 0.5, 0.0175, {4: 1.0, 5: 1.0})  # 1.8107 and 1.8103
    assert even.numbers["best_k"] == 4 and 0.0 < even.gain < 0.005


def test_the_largest_k_may_not_be_the_best_there_is() -> None:
    cells = [accounts(1, 1.4), accounts(2, 1.9)]
    assert chosen(said(cells, 0.9, 0.1, {1: 1.0, 2: 1.0}), "is_measured", "is_largest")


def test_no_k_pays_exactly_up_to_c_plus_s() -> None:
    """Without overhead, v = 1 + 0.1 K: no K helps up to alpha = 0.4, and K = 1 does above."""
    cells, v = [accounts(1, 0.95), accounts(2, 0.9), accounts(4, 0.8)], {1: 1.1, 2: 1.2, 4: 1.4}
    found = look_ahead(cells, 0.39, costs(0.3, v))
    assert found.best_k == 0
    assert found.advice[0].key == "no_k_pays" and found.advice[0].numbers["slope"] == pytest.approx(0.1)
    least = {"alpha": 0.39, "c": 0.3, "k": 1, "break_even": 0.4, "slope": 0.1}
    assert found.advice[0].numbers == pytest.approx(least)
    assert look_ahead(cells, 0.41, costs(0.3, v)).best_k == 1


def test_no_k_pays_for_its_overhead_alone() -> None:
    cells = [accounts(1, 0.95, o=0.2)]
    advice = said(cells, 0.45, 0.3, {1: 1.1})
    least = {"alpha": 0.45, "c": 0.3, "k": 1, "break_even": 0.6}  # and no slope: it is the overhead
    assert advice.key == "no_k_pays" and advice.numbers == pytest.approx(least)


def test_no_alpha_is_enough_for_any_k() -> None:
    advice = said([accounts(2, 0.5)], 0.9, 1.5, {2: 1.0})
    assert advice.key == "no_k_pays" and "break_even" not in advice.numbers


def test_a_measured_gain_is_not_talked_away() -> None:
    """Theory sees none, the clock does: the best K is named; the verdict on the cell has to say why."""
    advice = said([accounts(1, 1.1), accounts(2, 1.05)], 0.2, 0.3, {1: 1.1, 2: 1.2})
    both = {"measured_best_k": 1, "measured_best": 1.1, "best_k": 1, "best_speedup": 1.2 / 1.4}
    assert advice.key == "best_k" and advice.numbers == pytest.approx(both)


def test_a_costly_baseline_step_makes_a_k_pay() -> None:
    assert look_ahead([accounts(1, 0.95)], 0.35, costs(0.3, {1: 1.1})).best_k == 0
    assert look_ahead([accounts(1, 0.95, step=1.1)], 0.35, costs(0.3, {1: 1.1})).best_k == 1
