"""A cell explained: its terms add up, its verdict is what the interval allows, its sentences have numbers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from specdec_lib.bench.explain.advice import advised
from specdec_lib.bench.explain.cell import Advice, Cell, cell_of
from specdec_lib.bench.explain.sentences import sentence
from specdec_lib.bench.tables.prediction import costs_of, phase_table, prediction_table
from specdec_lib.bench.tables.rows import Costs, PhaseRow, PredictionRow
from tests.bench.sessions import costs, profiled, timed

SESSION = [*timed(accepted=2, prompts=3), profiled(0, 0), profiled(4, 2), costs()]
VERDICTS = {"explained", "nearly_explained", "unexplained", "inseparable"}


def session_cell() -> Cell:
    [row] = prediction_table(SESSION, draws=50)
    baseline, phases = phase_table(SESSION)
    return advised(cell_of(row, costs_of(SESSION), phases, baseline))


def made_cell(
    *,
    alpha: float = 0.7,
    k: int = 4,
    c: float = 0.1,
    v: float = 1.2,
    o: float = 0.2,
    step: float = 1.0,
    slow_step: float = 1.0,
    slow_round: float = 1.0,
    slow_profile: float = 1.0,
    spread: float = 0.0,
    prompts: int = 3,
    counted: float | None = None,
    whole: float = 1.0,
    phases: dict[str, float] | None = None,
    has_profile: bool = True,
    repeats_ms: Sequence[float] = (),
    reach: float | None = None,
) -> Cell:
    """A cell out of its parts: a forward takes 10 ms; ``slow_*`` multiply times and explain nothing."""
    tokens = sum(alpha**i for i in range(k + 1))
    counted = tokens if counted is None else counted
    timed_step, timed_round = slow_step * step, slow_round * (k * c + v + o)
    measured = timed_step * counted / timed_round
    row = PredictionRow(
        temperature=0.0, domain="all", k=k, alpha_hat=alpha, c=c, v=v, overhead=o, baseline=timed_step,
        expected_tokens=tokens, tokens_per_round=counted, predicted=tokens / (k * c + v + o),
        measured=measured, low=measured * (1 - spread / 2), high=measured * (1 + spread / 2),
        num_prompts=prompts, has_interval=prompts > 1, measured_whole=whole * measured,
    )  # fmt: skip
    ms = Costs(None, {1: 10.0, k + 1: 10 * v}, 10 * c, c, {k: v})
    if not has_profile:
        return advised(cell_of(row, ms, repeats_ms=repeats_ms), reach)
    spent = {"draft_ms": 10 * k * c, "verify_ms": 10 * v, "sampling_ms": 5 * o, "rollback_ms": 1 * o}
    spent = {name: slow_profile * ms for name, ms in (spent | (phases or {})).items()}
    cell = _phases(k, slow_profile * 10 * (k * c + v + o), **spent)
    return advised(cell_of(row, ms, cell, _phases(0, 10 * step, verify_ms=10.0), repeats_ms), reach)


def _phases(k: int, round_ms: float, **spent: float) -> PhaseRow:
    """A profiled round of K drafts; what is not named took no time."""
    times = {f"{name}_ms": 0.0 for name in ("draft", "verify", "sampling", "rollback", "other")} | spent
    return PhaseRow(
        0.0, f"K{k}", k, num_rounds=1.0, tokens_per_round=1.0, drafted_per_round=float(k), round_ms=round_ms,
        **times,
    )  # fmt: skip


def keys(cell: Cell) -> list[str]:
    return [advice.key for advice in cell.advice]


def says(advice: Advice, **more: object) -> bool:
    """Whether an advice is worded by its numbers and ``more``; the words are in tests/words.txt."""
    return advice.sentence == sentence(advice.key, **advice.numbers, **more)


# -- the accounts ----------------------------------------------------------------------------------


def test_the_terms_by_hand() -> None:
    """E = 211/81 at alpha = 2/3; a round costs 0.4 + 1.2 + 0.2 forwards and gave 3, a step costs 1.1."""
    cell, tokens = session_cell(), 211 / 81
    names = "free draft, draft, wider forward, overhead, baseline's own, rounds as counted, unexplained"
    assert [term["term"] for term in cell.terms] == names.split(", ")
    speeds = [
        tokens,
        tokens / 1.4,
        tokens / 1.6,
        tokens / 1.8,
        1.1 * tokens / 1.8,
        1.1 * 3 / 1.8,
        1.1 * 3 / 1.8,
    ]
    assert [term["speedup"] for term in cell.terms] == pytest.approx(speeds)
    assert [term["cost"] for term in cell.terms[:4]] == pytest.approx([1.0, 0.4, 0.2, 0.2])
    assert cell.predicted == pytest.approx(tokens / 1.8) and cell.accounted == pytest.approx(1.1 * 3 / 1.8)
    assert cell.overhead == pytest.approx(0.2) and cell.unexplained == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("has_profile", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_the_terms_add_up_to_measured(seed: int, has_profile: bool) -> None:
    draw = random.Random(seed).uniform
    cell = made_cell(
        alpha=draw(0.0, 1.0), k=1 + seed % 8, c=draw(0.0, 1.0) + 1e-3, v=draw(0.8, 2.0), o=draw(0.0, 0.5),
        step=draw(1.0, 1.3), slow_step=draw(0.5, 2.0), slow_round=draw(0.5, 2.0), counted=draw(1.0, 3.0),
        has_profile=has_profile,
    )  # fmt: skip
    assert cell.terms[0]["change"] is None
    total = cell.terms[0]["speedup"] + sum(term["change"] for term in cell.terms[1:])
    assert total == pytest.approx(cell.measured, rel=1e-12)
    for before, after in itertools.pairwise(cell.terms):
        assert after["change"] == pytest.approx(after["speedup"] - before["speedup"], abs=1e-12)


def test_a_load_on_both_arms_cancels_and_a_load_on_one_does_not() -> None:
    assert made_cell(slow_step=1.5, slow_round=1.5).unexplained == pytest.approx(0.0, abs=1e-12)
    assert made_cell(slow_step=1.5).unexplained == pytest.approx(0.5)
    assert made_cell(slow_round=1.25).unexplained == pytest.approx(-0.2)


def test_without_the_baselines_profile_its_timed_step_is_taken() -> None:
    [row] = prediction_table(SESSION, draws=1)
    phases = phase_table(SESSION)
    assert cell_of(row, costs_of(SESSION), phases[1]).step == pytest.approx(row["baseline"])
    assert cell_of(row, costs_of(SESSION), phases[1], phases[0]).step == pytest.approx(1.1)


def test_the_parts_of_the_overhead_add_up_to_it() -> None:
    parts = session_cell().overhead_parts
    assert parts == pytest.approx({"sampling": 0.04, "rollback": 0.01, "drafting": 0.0, "other": 0.15})
    assert sum(parts.values()) == pytest.approx(0.2)


# -- the verdict -----------------------------------------------------------------------------------


def test_with_more_than_half_unexplained_no_lever_is_told() -> None:
    """What a lever gains is computed with the rest left as it is: nonsense where the rest is noise."""
    said = keys(made_cell(slow_step=2.0))
    assert said[0] == "unexplained" and said[-1] == "check_first"
    assert all(key == "unexplained" or key.startswith("check") for key in said)
    assert "check_first" not in keys(made_cell(slow_step=1.4))


def test_inside_the_interval_nothing_is_unexplained() -> None:
    cell = made_cell(slow_round=1.02, spread=0.08)
    verdict = cell.advice[0]
    assert verdict.key == "explained" and says(verdict, has_interval=True, hidden=None)
    assert verdict.numbers["low"] < verdict.numbers["accounted"] < verdict.numbers["high"]


def test_a_wide_interval_hides_and_says_so() -> None:
    cell = made_cell(slow_round=1.08, spread=0.3)
    assert keys(cell)[0] == "explained" and cell.interval_width == pytest.approx(0.3)
    assert says(cell.advice[0], has_interval=True, hidden=cell.interval_width)


def test_a_little_outside_the_interval() -> None:
    cell = made_cell(slow_round=1.04, spread=0.02)
    assert keys(cell)[0] == "nearly_explained" and says(cell.advice[0], has_interval=True)
    assert cell.advice[0].numbers["unexplained"] == pytest.approx(1 / 1.04 - 1)
    assert not any(key.startswith("check") for key in keys(cell))


def test_much_outside_the_interval_comes_first_with_what_to_check() -> None:
    cell = made_cell(slow_round=1.25, spread=0.02)
    assert keys(cell)[:2] == ["unexplained", "check_rounds"]
    told = {"accounted": 2.7731 / 1.8, "measured": 2.7731 / 2.25, "unexplained": -0.2}
    assert {name: cell.advice[0].numbers[name] for name in told} == pytest.approx(told)
    assert cell.said("check_rounds").numbers == pytest.approx({"timed_ms": 22.5, "parts_ms": 18.0})


def test_one_prompt_gives_no_interval() -> None:
    assert session_cell().advice[0].key == "explained"
    cell = made_cell(slow_round=1.02, prompts=1)
    assert keys(cell)[0] == "nearly_explained" and says(cell.advice[0], has_interval=False)
    exact = made_cell(prompts=1)
    assert keys(exact)[0] == "explained" and says(exact.advice[0], has_interval=False, hidden=None)
    assert keys(made_cell(slow_round=1.1, prompts=1))[0] == "unexplained"
    repeated = made_cell(
        slow_round=1.1, prompts=1, spread=0.3
    )  # repeats of one prompt spread: no interval either
    assert keys(repeated)[0] == "unexplained" and "check_noise" not in keys(repeated)


def test_a_cost_below_a_step_asks_nothing_of_the_draft() -> None:
    """Where a round costs less than a plain step, no α is too low: "at least 0.00" says nothing."""
    assert made_cell(step=3.0).said("acceptance").numbers["break_even"] == 0.0  # worded by itself
    assert made_cell().said("acceptance").numbers["break_even"] > 0.1


def test_without_a_profile_overhead_and_the_rest_are_one() -> None:
    cell = made_cell(has_profile=False)
    assert (cell.overhead, cell.predicted, cell.accounted, cell.unexplained) == (None, None, None, None)
    assert keys(cell)[0] == "inseparable" and cell.advice[0].numbers["rest"] == pytest.approx(0.2)
    assert cell.terms[-1]["term"] == "overhead and rest" and cell.terms[-1]["cost"] == pytest.approx(0.2)
    assert not {"overhead", "explained"} & set(keys(cell))
    with_profile = made_cell()
    for key in ("draft", "width", "acceptance"):  # what does not need the profile is the same
        assert cell.said(key).gain == pytest.approx(with_profile.said(key).gain)


def test_there_is_one_verdict() -> None:
    for cell in (made_cell(), made_cell(slow_step=2.0), made_cell(has_profile=False)):
        assert len(VERDICTS & set(keys(cell))) == 1


@pytest.mark.parametrize(
    "changes, key, numbers",
    [
        ({"slow_step": 1.2}, "check_baseline", {"timed_ms": 12.0, "parts_ms": 10.0}),
        ({"slow_round": 1.2}, "check_profile", {"profiled_ms": 18.0, "timed_ms": 21.6}),
        ({"slow_round": 0.8}, "check_profile", {"profiled_ms": 18.0, "timed_ms": 14.4}),
        ({"slow_step": 1.2, "phases": {"verify_ms": 10.0}}, "check_width", {"v": 1.2, "profiled_v": 1.0}),
        ({"slow_step": 1.2, "phases": {"draft_ms": 3.0}}, "check_draft", {"c": 0.1, "profiled_c": 0.075}),
        (
            {"slow_step": 1.2, "repeats_ms": [10.0, 10.4, 13.0]},
            "check_machine",
            {"fastest_ms": 10.0, "slowest_ms": 13.0},
        ),
        ({"slow_step": 1.4, "spread": 0.2}, "check_noise", {"width": 0.2}),
    ],
)
def test_every_check_names_the_two_clocks_that_differ(changes: dict, key: str, numbers: dict) -> None:
    cell = made_cell(**changes)
    assert keys(cell)[0] == "unexplained" and cell.said(key).numbers == pytest.approx(numbers)


def test_a_check_is_silent_where_its_clocks_agree() -> None:
    checks = {
        key for key in keys(made_cell(slow_step=1.2, repeats_ms=[10.0, 10.4])) if key.startswith("check")
    }
    assert checks == {"check_baseline"}
    assert "check_draft" not in keys(
        made_cell(slow_step=1.2, phases={"draft_ms": 8.0})
    )  # drafting is not all forward


def test_where_no_clock_stands_out_it_says_to_measure_again() -> None:
    cell = made_cell(slow_step=1.04, slow_round=0.975)  # neither alone is more than 5 %
    assert keys(cell)[:2] == ["unexplained", "check_again"]


# -- the levers ------------------------------------------------------------------------------------


def test_the_levers_by_hand() -> None:
    """Measured is 3.3 / 1.8; without 0.2 of the round's 1.8 forwards it would be 3.3 / 1.6 = 2.0625."""
    cell = session_cell()
    gain = 3.3 / 1.6 - 3.3 / 1.8
    for key in ("draft", "width", "overhead"):
        assert cell.said(key).gain == pytest.approx(gain)
    assert cell.said("draft").numbers == pytest.approx({"c": 0.1, "better_c": 0.05, "speedup": 2.0625})
    assert cell.said("width").numbers == pytest.approx({"v": 1.2, "width": 5})
    parts = {"sampling": 0.04, "rollback": 0.01, "drafting": 0.0, "other": 0.15}
    assert cell.said("overhead").numbers == pytest.approx({"total": 0.2, **parts})
    assert says(cell.said("draft"), k=4) and says(cell.said("overhead"), gained=gain)
    better = sum((5 / 6) ** i for i in range(5)) / (211 / 81)
    assert cell.said("acceptance").gain == pytest.approx(3.3 / 1.8 * (better - 1))
    alpha = cell.said("acceptance").numbers["break_even"]
    assert sum(alpha**i for i in range(5)) == pytest.approx(1.8 / 1.1)


def test_they_are_ranked_by_what_they_gain() -> None:
    for cell in (session_cell(), made_cell(c=0.6), made_cell(v=2.5), made_cell(o=1.0)):
        gains = [advice.gain for advice in cell.advice[1:]]
        known = [gain for gain in gains if gain is not None]
        assert known == sorted(known, reverse=True) and gains[: len(known)] == known
    assert keys(made_cell(c=0.6))[1] == "draft"
    assert keys(made_cell(v=2.5))[1] == "width"
    assert keys(made_cell(o=1.0))[1] == "overhead"


def test_a_gain_keeps_the_unexplained_share() -> None:
    quiet, loaded = made_cell(), made_cell(slow_round=1.25)
    for key in ("draft", "width", "overhead", "acceptance"):
        assert loaded.said(key).gain == pytest.approx(quiet.said(key).gain / 1.25)


@pytest.mark.parametrize(
    "changes, silent",
    [
        ({"c": 1e-4}, "draft"),
        ({"v": 1.0}, "width"),
        ({"v": 0.9}, "width"),
        ({"o": 0.0}, "overhead"),
        ({"counted": 2.77}, "counts"),  # E is 2.7731
        ({"whole": 0.97}, "prompt"),
        ({}, "reach"),
        ({}, "overhead_unknown"),
    ],
)
def test_what_the_numbers_do_not_carry_is_not_said(changes: dict, silent: str) -> None:
    assert silent not in keys(made_cell(**changes))


def test_uneven_acceptance_and_the_prompt_are_facts_without_a_gain() -> None:
    cell = made_cell(counted=2.5, whole=0.9)
    assert cell.said("counts").numbers == pytest.approx({"counted": 2.5, "expected": 2.7731})
    assert made_cell(counted=3.0).said("counts").numbers["counted"] == 3.0
    first = {"whole": 0.9 * cell.measured, "measured": cell.measured}
    assert cell.said("prompt").numbers == pytest.approx(first)
    assert cell.said("counts").gain is None and cell.said("prompt").gain is None


def test_acceptance_at_the_ends() -> None:
    assert made_cell(alpha=1.0).said("acceptance").gain is None  # no rejection left to avoid
    hopeless = made_cell(k=2, c=1.5).said("acceptance")
    assert "break_even" not in hopeless.numbers and hopeless.gain is None
    assert hopeless.numbers["speedup_at_1"] == pytest.approx(3 / (3.0 + 1.2 + 0.2))


def test_the_published_break_even() -> None:
    cell = made_cell(alpha=0.8, c=0.5, v=1.0, o=0.0)
    assert cell.said("acceptance").numbers["break_even"] == pytest.approx(0.741, abs=5e-4)


def test_overhead_below_zero_is_not_called_overhead() -> None:
    """Profiled rounds at half the load of the single forwards."""
    cell = made_cell(slow_profile=0.5)
    assert cell.overhead == 0.0 and "overhead" not in keys(cell)
    said = cell.said("overhead_unknown")
    assert said.numbers["total"] == pytest.approx(0.9 - 0.6 - 0.4)


def test_drafting_below_its_forwards_goes_into_other() -> None:
    cell = made_cell(phases={"draft_ms": 3.5})
    parts = {"sampling": 0.1, "rollback": 0.02, "drafting": -0.05, "other": 0.13}
    assert cell.said("overhead").numbers == pytest.approx({"total": 0.2, **parts})


def test_the_draft_that_a_stated_speedup_needs() -> None:
    """2.7731 tokens at 1.8 are 1.54; for 2 a round may cost 1.387, of which 1.4 is not the draft's."""
    impossible = made_cell(reach=2.0).said("reach")
    assert impossible.numbers["speedup_when_free"] == pytest.approx(2.7731 / 1.4)
    assert "needed_c" not in impossible.numbers and says(impossible, needed_c=None, k=4)
    possible = made_cell(reach=1.8).said("reach")
    assert possible.numbers["needed_c"] == pytest.approx((2.7731 / 1.8 - 1.4) / 4)
    assert says(possible, speedup_when_free=None, k=4)
    slower = made_cell(reach=1.8 / 1.25, slow_round=1.25).said("reach")  # all is slower: the same draft
    assert slower.numbers["needed_c"] == pytest.approx(possible.numbers["needed_c"])
