"""Spread, width and the winner's curse, on runs whose variances are put in by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from specdec_lib.bench.records.runs import Run, runs_of
from specdec_lib.bench.tables.bootstrap import bootstrap_interval
from specdec_lib.bench.tables.planning import Spread, choices_checked, interval_width, prompts_for, spread_of
from specdec_lib.bench.tables.summary import paired_blocks, speedup_row, time_ratio
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult
from tests.bench.sessions import timed


def runs_with(
    log_speedup: Callable[[str, int, int, int], float],
    ks=(4,),
    domains=("code",),
    prompts: int = 4,
    repeats: int = 2,
    pace: Callable[[int, int], float] = lambda prompt, repeat: 1.0,
) -> list[Run]:
    """Runs of ten tokens: the baseline takes ``pace`` seconds, K that over exp(log_speedup(domain, k, …))."""
    runs = []
    for domain in domains:
        for i in range(prompts):
            for j in range(repeats):
                for k in (0, *ks):
                    seconds = pace(i, j) * math.exp(-log_speedup(domain, k, i, j) if k else 0.0)
                    result = GenerationResult([0] * 10, [seconds / 10] * 10, seconds, time_to_first_token=0.0)
                    config = BenchmarkConfig("pocket", k, 0.0, 10, domain, 1)
                    runs.append(Run(config, f"{domain}_{i}", 5, j, result))
    return runs


def test_without_noise_there_is_no_spread() -> None:
    spread = spread_of(runs_with(lambda *_: math.log(2.0)), 0.0, "code", 4)
    assert (spread.num_domains, spread.num_prompts, spread.num_pairs) == (1, 4, 8)
    assert spread.speedup == pytest.approx(2.0) and max(spread.between, spread.within) < 1e-9
    assert interval_width(spread, 1) == pytest.approx(0.0, abs=1e-12) and prompts_for(spread, 0.01) == 1


def test_a_machine_that_slows_both_arms_alike_is_no_spread() -> None:
    """That is what blocks are for."""
    spread = spread_of(runs_with(lambda *_: 0.5, pace=lambda i, j: 1.0 + i + 3 * j), 0.0, "code", 4)
    assert spread.speedup == pytest.approx(math.exp(0.5))
    assert max(spread.between, spread.within) < 1e-9


def test_a_small_example_by_hand() -> None:
    """Two prompts, two repeats, small deviations: levels ±0.03, repeats ±0.01 about them."""
    spread = spread_of(
        runs_with(lambda d, k, i, j: 0.6 + 0.03 * (2 * i - 1) + 0.01 * (2 * j - 1), prompts=2), 0.0, "code", 4
    )
    within = 4 * 0.01**2 / 2  # four squares over (4 - 2) degrees of freedom
    between = (2 * 2 * 0.03**2 / 1 - within) / 2
    assert spread.within == pytest.approx(math.sqrt(within), rel=1e-2)
    assert spread.between == pytest.approx(math.sqrt(between), rel=1e-2)


@pytest.mark.parametrize("between, within", [(0.1, 0.05), (0.0, 0.1), (0.08, 0.0)])
def test_the_components_that_were_put_in_come_out(between: float, within: float) -> None:
    rng = np.random.default_rng(7)
    levels, noise = rng.normal(0, between, (2, 200)), rng.normal(0, within, (2, 200, 3))
    domains = ("code", "conversation")

    def value(domain: str, k: int, i: int, j: int) -> float:
        d = domains.index(domain)
        return 0.7 + 0.2 * d + levels[d, i] + noise[d, i, j]  # domains differ, and that is no spread

    spread = spread_of(runs_with(value, domains=domains, prompts=200, repeats=3), 0.0, "all", 4)
    assert (spread.num_domains, spread.num_prompts, spread.num_pairs) == (2, 400, 1200)
    assert spread.within == pytest.approx(within, abs=0.006)
    assert spread.between**2 == pytest.approx(between**2, rel=0.2, abs=4e-4)


def test_prompts_of_unequal_repeats() -> None:
    """Searle's number of repeats makes the estimate unbiased where the design is not balanced."""
    rng, estimates = np.random.default_rng(3), []
    for _ in range(60):
        levels, noise = rng.normal(0, 0.1, 20), rng.normal(0, 0.05, (20, 4))
        runs = runs_with(lambda d, k, i, j, a=levels, b=noise: a[i] + b[i, j], prompts=20, repeats=4)
        kept = [run for run in runs if run.repeat <= int(run.prompt_id.split("_")[1]) % 4]
        estimates.append(spread_of(kept, 0.0, "code", 4).between ** 2)
    assert np.mean(estimates) == pytest.approx(0.01, rel=0.15)


def test_the_width_is_the_deviation_of_speedups_that_are_measured_again_and_again() -> None:
    """The formula against a simulation that knows nothing of it."""
    rng, n, r = np.random.default_rng(5), 8, 2
    spread = Spread(2.0, between=0.12, within=0.09, num_domains=1, num_prompts=8, num_pairs=16)
    logs = []
    for _ in range(250):
        levels, noise = rng.normal(0, 0.12, n), rng.normal(0, 0.09, (n, r))
        runs = runs_with(lambda d, k, i, j, a=levels, b=noise: a[i] + b[i, j], prompts=n, repeats=r)
        logs.append(math.log(speedup_row(runs, 0.0, "code", 4, draws=1)["speedup"]))
    assert 2 * 1.96 * np.std(logs) == pytest.approx(interval_width(spread, n, r), rel=0.15)


def test_width_and_prompts_are_each_others_inverse() -> None:
    spread = Spread(2.0, 0.1, 0.06, 3, 18, 36)
    for repeats in (1, 2, 5):
        for width in (0.5, 0.1, 0.03):
            n = prompts_for(spread, width, repeats)
            assert interval_width(spread, n, repeats) <= width * (1 + 1e-9)
            assert n == 1 or interval_width(spread, n - 1, repeats) > width
    assert prompts_for(spread, interval_width(spread, 7, 2), 2) == 7
    assert interval_width(spread, 4) == pytest.approx(interval_width(spread, 1) / 2)


def test_repeats_help_only_against_what_differs_within() -> None:
    between, within = Spread(2.0, 0.1, 0.0, 1, 6, 12), Spread(2.0, 0.0, 0.1, 1, 6, 12)
    assert interval_width(between, 6, 9) == interval_width(between, 6, 1)
    assert interval_width(within, 6, 9) == pytest.approx(interval_width(within, 6, 1) / 3)


def test_a_prompt_more_is_worth_at_least_a_repeat_more() -> None:
    for between, within in ((0.0, 0.1), (0.05, 0.1), (0.1, 0.0)):
        spread = Spread(2.0, between, within, 1, 6, 12)
        assert interval_width(spread, 12, 1) <= interval_width(spread, 6, 2) * (1 + 1e-12)


def test_the_level_is_that_of_the_normal_law() -> None:
    spread = Spread(2.0, 0.1, 0.0, 1, 4, 8)
    assert interval_width(spread, 1, level=0.95) == pytest.approx(2 * 1.959964 * 0.1, rel=1e-6)
    assert interval_width(spread, 1, level=0.5) == pytest.approx(2 * 0.674490 * 0.1, rel=1e-5)


def test_it_agrees_with_the_bootstrap_where_there_are_many_prompts() -> None:
    rng = np.random.default_rng(1)
    levels, noise = rng.normal(0, 0.1, 80), rng.normal(0, 0.03, (80, 2))
    runs = runs_with(lambda d, k, i, j: 0.6 + levels[i] + noise[i, j], prompts=80)
    _, low, high = bootstrap_interval(paired_blocks(runs, 0.0, "code", 4), time_ratio)
    spread = spread_of(runs, 0.0, "code", 4)
    assert interval_width(spread, 80, 2) == pytest.approx((high - low) / spread.speedup, rel=0.1)


@pytest.mark.parametrize("prompts, repeats", [(1, 3), (4, 1)])
def test_one_prompt_or_one_repeat_tells_nothing_apart(prompts: int, repeats: int) -> None:
    runs = runs_with(lambda *_: 0.5, prompts=prompts, repeats=repeats)
    with pytest.raises(RecordError, match="at least two prompts a domain and two repeats are needed"):
        spread_of(runs, 0.0, "code", 4)
    with pytest.raises(RecordError, match="0 prompts and 0 pairs"):
        spread_of(runs, 0.8, "code", 4)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((0,), "num_prompts is a whole number"),
        ((1, 0), "repeats is a whole number"),
        ((1, 1, 1.0), "level is 1.0"),
        ((1, 1, 0.0), "level is 0.0"),
    ],
)
def test_bad_plans_are_refused(arguments: tuple, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        interval_width(Spread(2.0, 0.1, 0.1, 1, 4, 8), *arguments)


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="width"):
        prompts_for(Spread(2.0, 0.1, 0.1, 1, 4, 8), 0.0)


def test_decoding_alone_leaves_the_first_round_out() -> None:
    runs = runs_of(timed(prompts=4))
    assert (
        spread_of(runs, 0.0, "code", 4).speedup != spread_of(runs, 0.0, "code", 4, decode_only=True).speedup
    )
    wanted = speedup_row(runs, 0.0, "code", 4, decode_only=True, draws=1)["speedup"]
    assert spread_of(runs, 0.0, "code", 4, decode_only=True).speedup == pytest.approx(wanted)


# -- the winner's curse ----------------------------------------------------------------------------


def test_equal_arms_make_winners_of_noise() -> None:
    """All K are worth 1.5; the best of four noisy ones claims more, and delivers 1.5."""
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.15, (9, 40))
    runs = runs_with(lambda d, k, i, j: math.log(1.5) + noise[k, i], ks=(1, 2, 4, 8), prompts=40, repeats=1)
    gaps = {}
    for n in (2, 5, 20):
        rows = choices_checked(runs, 0.0, "code", n, draws=300)
        claimed, delivered = (np.mean([row[name] for row in rows]) for name in ("claimed", "delivered"))
        assert delivered == pytest.approx(1.5, rel=0.03)
        gaps[n] = claimed / delivered - 1
    expected = 1.03 * 0.15 / math.sqrt(5)  # the mean of the largest of four normal numbers
    assert gaps[5] == pytest.approx(expected, rel=0.35) and gaps[2] > gaps[5] > gaps[20] > 0


def test_a_clear_winner_claims_what_it_delivers() -> None:
    runs = runs_with(lambda d, k, i, j: 0.1 * k, ks=(1, 4), prompts=6)
    rows = choices_checked(runs, 0.0, "code", 3, draws=20)
    assert {row["k"] for row in rows} == {4}
    assert all(row["claimed"] == pytest.approx(row["delivered"]) for row in rows)


def test_choices_are_the_same_for_one_seed() -> None:
    runs = runs_with(lambda d, k, i, j: 0.1 * k + 0.3 * math.sin(7 * i + k), ks=(1, 2), prompts=8)
    assert choices_checked(runs, 0.0, "code", 2, 30) == choices_checked(runs, 0.0, "code", 2, 30)
    assert choices_checked(runs, 0.0, "code", 2, 30) != choices_checked(runs, 0.0, "code", 2, 30, seed=1)


def test_the_halves_have_no_prompt_in_common() -> None:
    """Each prompt has a speedup of its own: with one prompt a half the two can never agree."""
    runs = runs_with(lambda d, k, i, j: 0.2 * i, prompts=4, repeats=1)
    assert all(row["claimed"] != row["delivered"] for row in choices_checked(runs, 0.0, "code", 1, 50))


def test_only_blocks_that_all_arms_ran_count() -> None:
    runs = runs_with(lambda d, k, i, j: 0.1 * k, ks=(1, 4), prompts=5)
    cut = [run for run in runs if not (run.k == 4 and run.prompt_id == "code_2")]
    assert len(choices_checked(cut, 0.0, "code", 2, 10)) == 10
    with pytest.raises(RecordError, match=r"3 prompts a domain to choose by .* the runs have 4"):
        choices_checked(cut, 0.0, "code", 3)
    with pytest.raises(RecordError, match="the runs have 0"):
        choices_checked([], 0.0, "code", 1)
