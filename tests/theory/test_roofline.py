"""The roofline: the 7B example, the batch table, and the shapes that must hold for any numbers."""

from __future__ import annotations

import itertools
import math

import pytest

from specdec_lib.theory.roofline import (
    arithmetic_intensity,
    batch_speedup,
    batch_verify_cost,
    break_even_batch,
    compute_time,
    critical_batch,
    memory_time,
    ridge_point,
    time_per_token,
    utilisation,
)
from specdec_lib.theory.speedup import speedup

SEVEN_B = {"flops": 14e9, "bytes_moved": 14e9, "peak_flops": 300e12, "bandwidth": 900e9}


def test_seven_billion_parameters_in_half_precision() -> None:
    assert arithmetic_intensity(14e9, 14e9) == 1.0
    assert round(ridge_point(300e12, 900e9)) == 333
    assert round(time_per_token(**SEVEN_B) * 1e3, 1) == 15.6
    assert round(1 / time_per_token(**SEVEN_B)) == 64
    assert round(compute_time(14e9, 300e12) * 1e3, 3) == 0.047
    assert round(utilisation(**SEVEN_B) * 100, 1) == 0.3
    assert critical_batch(**SEVEN_B) == pytest.approx(1000 / 3)


@pytest.mark.parametrize("tokens", [1, 10, 300, 333, 334, 1000])
def test_time_is_the_slower_of_the_two(tokens: int) -> None:
    """Scoring ``tokens`` at once reads the weights once; B* is where the arithmetic takes over."""
    work = SEVEN_B | {"flops": 14e9 * tokens}
    memory, compute = memory_time(14e9, 900e9), compute_time(14e9 * tokens, 300e12)
    assert time_per_token(**work) == max(memory, compute)
    assert (compute > memory) == (tokens > critical_batch(**SEVEN_B))
    assert utilisation(**work) == pytest.approx(compute / max(memory, compute))


def test_published_batch_table() -> None:
    table = {32: 2.80, 64: 1.87, 128: 0.99}
    assert {batch: round(batch_speedup(0.8, 4, 0.05, batch, 200), 2) for batch in table} == table
    assert batch_speedup(0.8, 4, 0.05, 1, 200) == speedup(0.8, 4, 0.05)


def test_verification_is_free_until_the_batch_fills_the_arithmetic() -> None:
    assert [batch_verify_cost(4, batch, 200) for batch in (1, 40, 64, 200, 4000)] == [1, 1, 1.6, 5, 5]
    assert batch_verify_cost(0, 1000, 200) == 1.0


@pytest.mark.parametrize("k", [1, 3, 8])
def test_cost_of_verification_grows_with_the_batch_and_stays_within_its_ends(k: int) -> None:
    costs = [batch_verify_cost(k, batch, 96.5) for batch in range(1, 300)]
    assert all(after > before - 1e-12 for before, after in itertools.pairwise(costs))
    assert costs[0] == 1.0 and costs[-1] == pytest.approx(k + 1)


def test_verification_cost_is_the_ratio_of_two_roofline_times() -> None:
    """Independently of its formula: time to score B (k + 1) tokens over time to score B."""
    star = critical_batch(**SEVEN_B)
    for batch in (1, 50, 150, 500):
        times = [time_per_token(**(SEVEN_B | {"flops": 14e9 * batch * width})) for width in (5, 1)]
        assert batch_verify_cost(4, batch, star) == pytest.approx(times[0] / times[1])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", sorted(SEVEN_B))
def test_work_and_peaks_are_positive(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} "):
        time_per_token(**(SEVEN_B | {name: bad}))
    with pytest.raises(ValueError, match=f"^{name} "):
        critical_batch(**(SEVEN_B | {name: bad}))


@pytest.mark.parametrize(
    ("arguments", "name"), [((-1, 1, 200), "k"), ((4, 0, 200), "batch"), ((4, 1, 0.0), "critical")]
)
def test_batch_arguments_are_named(arguments: tuple, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} "):
        batch_verify_cost(*arguments)


def test_a_batch_breaks_even_where_its_speedup_is_one() -> None:
    assert round(break_even_batch(0.8, 4, 0.05, 200), 1) == 126.5
    for alpha, k, c, overhead in itertools.product(
        (0.5, 0.8, 1.0), (1, 2, 4, 8), (0.0, 0.05, 0.2), (0.0, 0.1)
    ):
        even = break_even_batch(alpha, k, c, 1e6, overhead)
        if even:
            assert even <= 1e6
            assert batch_speedup(alpha, k, c, round(even), 1e6, overhead) == pytest.approx(1, abs=1e-4)
            assert batch_speedup(alpha, k, c, round(even / 2), 1e6, overhead) > 1
        else:
            assert batch_speedup(alpha, k, c, 1, 1e6, overhead) <= 1


def test_a_draft_that_never_pays_has_no_batch() -> None:
    assert break_even_batch(0.1, 4, 0.3, 200) == 0.0
