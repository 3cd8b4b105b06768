"""Whether the parts explain what was measured, and what to look at where they do not.

The verdict holds the speedup that the parts add up to against the interval of the measured one. Where it
lies outside by more than ``LARGE``, every pair of clocks that should agree is compared, and those that do
not are named. An explanation is never guessed: a check says which two numbers differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specdec_lib.bench.explain.accounts import Accounts
from specdec_lib.bench.explain.advice import Advice
from specdec_lib.utils.numbers import percent

LARGE = 0.05
"""A share of the speedup, or of a time, that is worth a word."""

WIDE = 0.10
"""A width of the interval, as a share of the speedup, that hides what is smaller."""

_EXACT = 1e-9


def diagnose(
    accounts: Accounts,
    phases: Mapping[str, Any] | None = None,
    baseline_phases: Mapping[str, Any] | None = None,
    repeats_ms: Sequence[float] = (),
) -> list[Advice]:
    """The verdict on a cell, followed by what to check where more than ``LARGE`` is unexplained.

    Args:
        phases, baseline_phases: rows of :func:`~specdec_lib.bench.tables.prediction.phase_table`.
        repeats_ms: milliseconds of a timed baseline step, one number a repeat.
    """
    verdict = _verdict(accounts)
    if verdict.key != "unexplained":
        return [verdict]
    checks = [
        _check_step(accounts),
        _check_round(accounts),
        _check_profile(accounts, phases),
        _check_width(accounts, phases, baseline_phases),
        _check_draft(accounts, phases, baseline_phases),
        _check_repeats(repeats_ms),
        _check_noise(accounts),
    ]
    found = [check for check in checks if check is not None]
    return [verdict, *(found or [Advice("check_again", _AGAIN, {})])]


_AGAIN = "No clock stands out: measure again on a quiet machine, with more prompts and repeats."


def _verdict(a: Accounts) -> Advice:
    if a.accounted is None:
        rest = a.timed_round - a.k * a.c - a.v
        return Advice(
            "inseparable",
            f"A round takes {rest:.2f} forwards beside its own forwards: how much of it is overhead and "
            "how much is unexplained, only a profile tells.",
            {"rest": rest},
        )
    rest, numbers = abs(a.unexplained), _numbers(a)
    inside = a.has_interval and a.low <= a.accounted <= a.high
    if inside or rest <= _EXACT:
        sentence = f"Nothing is unexplained: the parts add up to {a.accounted:.2f}×"
        sentence += f", inside the measured {a.low:.2f}–{a.high:.2f}." if a.has_interval else ", as measured."
        if _width_of(a) > WIDE:
            sentence += f" That interval is {percent(_width_of(a))} wide and hides what is smaller."
        return Advice("explained", sentence, numbers)
    where = f"the parts add up to {a.accounted:.2f}×, measured is {a.measured:.2f}×"
    where += f" ({a.low:.2f}–{a.high:.2f})" if a.has_interval else ", of one prompt a domain"
    if rest <= LARGE:
        return Advice("nearly_explained", f"{percent(rest)} is unexplained: {where}.", numbers)
    return Advice("unexplained", f"{percent(rest)} are unexplained: {where}.", numbers)


def _numbers(a: Accounts) -> dict[str, float]:
    return {
        "accounted": a.accounted,
        "measured": a.measured,
        "low": a.low,
        "high": a.high,
        "unexplained": a.unexplained,
    }


def _width_of(a: Accounts) -> float:
    return (a.high - a.low) / a.measured if a.has_interval else 0.0


def _differ(one: float, other: float) -> bool:
    return abs(one / other - 1.0) > LARGE


# -- clocks that should agree ----------------------------------------------------------------------


def _check_step(a: Accounts) -> Advice | None:
    if not _differ(a.timed_step, a.step):
        return None
    timed, parts = a.timed_step * a.target_ms, a.step * a.target_ms
    return Advice(
        "check_baseline",
        f"Check the baseline: a step took {timed:.3g} ms when timed and {parts:.3g} ms by its parts, as if "
        "under another load.",
        {"timed_ms": timed, "parts_ms": parts},
    )


def _check_round(a: Accounts) -> Advice | None:
    if not _differ(a.timed_round, a.cost):
        return None
    timed, parts = a.timed_round * a.target_ms, a.cost * a.target_ms
    return Advice(
        "check_rounds",
        f"Check the rounds: one took {timed:.3g} ms when timed and {parts:.3g} ms by its parts.",
        {"timed_ms": timed, "parts_ms": parts},
    )


def _check_profile(a: Accounts, phases: Mapping[str, Any] | None) -> Advice | None:
    timed = a.timed_round * a.target_ms
    if phases is None or not _differ(phases["round_ms"], timed):
        return None
    slower = phases["round_ms"] > timed
    consequence = "o may be too large" if slower else "o may be too small"
    return Advice(
        "check_profile",
        f"Check the profile: its rounds took {phases['round_ms']:.3g} ms, timed ones {timed:.3g} ms; "
        f"{consequence}.",
        {"profiled_ms": phases["round_ms"], "timed_ms": timed},
    )


def _check_width(
    a: Accounts, phases: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None
) -> Advice | None:
    if phases is None or baseline is None or not baseline["verify_ms"]:
        return None
    profiled = phases["verify_ms"] / baseline["verify_ms"]
    if not _differ(profiled, a.v):
        return None
    return Advice(
        "check_width",
        f"Check v: verifying {a.k + 1} tokens costs {a.v:.2f} forwards timed by itself and {profiled:.2f} in "
        "profiled rounds.",
        {"v": a.v, "profiled_v": profiled},
    )


def _check_draft(
    a: Accounts, phases: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None
) -> Advice | None:
    """Drafting holds more than forwards, so only a c that is larger than all of it is suspicious."""
    if phases is None or baseline is None or not (baseline["verify_ms"] and phases["drafted_per_round"]):
        return None
    profiled = phases["draft_ms"] / phases["drafted_per_round"] / baseline["verify_ms"]
    if profiled > a.c * (1.0 - LARGE):
        return None
    return Advice(
        "check_draft",
        f"Check c: a draft token costs {a.c:.3f} forwards timed by itself and {profiled:.3f} in profiled "
        "rounds.",
        {"c": a.c, "profiled_c": profiled},
    )


def _check_repeats(repeats_ms: Sequence[float]) -> Advice | None:
    if not repeats_ms or max(repeats_ms) <= min(repeats_ms) * (1.0 + LARGE):
        return None
    fast, slow = min(repeats_ms), max(repeats_ms)
    return Advice(
        "check_machine",
        f"Check the machine: a baseline step took {fast:.3g} ms in one repeat and {slow:.3g} ms in another, "
        "as if it grew hot or was shared.",
        {"fastest_ms": fast, "slowest_ms": slow},
    )


def _check_noise(a: Accounts) -> Advice | None:
    if _width_of(a) <= WIDE:
        return None
    return Advice(
        "check_noise",
        f"Check the noise: the interval is {percent(_width_of(a))} wide; more prompts and repeats would "
        "narrow it.",
        {"width": _width_of(a)},
    )
