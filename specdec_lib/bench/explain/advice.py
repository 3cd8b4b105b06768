"""What is said of a cell: whether its parts explain it, what to check where they do not, what would help.

The verdict holds the speedup that the parts add up to against the interval of the measured one. Where it lies
outside by more than ``LARGE``, every pair of clocks that should agree is compared, and those that do not are
named: an explanation is never guessed. The levers are the parts of the formula, each moved by a stated step:
c halved, v = 1, o = 0, half of the rejections gone; a gain changes that one part alone and keeps everything
else, the unexplained share included, as it is. How hard a lever is to move, nothing here knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from specdec_lib.bench.explain.cell import LARGE, Advice, Cell
from specdec_lib.bench.explain.sentences import VISIBLE, sentence
from specdec_lib.theory.speedup import draft_cost_for, expected_tokens

TOO_MUCH = 0.5
"""An unexplained share of the speedup above which no lever is told: its gain would rest on that."""
WIDE = 0.10
"""A width of the interval, as a share of the speedup, that hides what is smaller."""

_EXACT = 1e-9
_UNEVEN = 0.02


def advised(cell: Cell, reach: float | None = None) -> Cell:
    """The cell with all that its numbers say: the verdict, its checks, and what would make it faster.

    Args:
        reach: a speedup to be reached, for which the cost of the draft is told.
    """
    advice = [_verdict(cell)]
    if advice[0].key == "unexplained":
        advice += _checks(cell) or [said("check_again", {})]
    if cell.unexplained is not None and abs(cell.unexplained) > TOO_MUCH:
        return replace(cell, advice=[*advice, said("check_first", {"unexplained": cell.unexplained})])
    return replace(cell, advice=advice + _levers(cell, reach))


def said(key: str, numbers: dict[str, float | int], gain: float | None = None, **more: Any) -> Advice:
    """An advice in its words; ``more`` is what these need beside its numbers."""
    return Advice(key, sentence(key, **numbers, **more), numbers, gain)


# -- the verdict, and clocks that should agree -----------------------------------------------------


def _verdict(cell: Cell) -> Advice:
    if cell.accounted is None or cell.unexplained is None:
        return said("inseparable", {"rest": cell.rest})
    rest = abs(cell.unexplained)
    names = ("accounted", "measured", "low", "high", "unexplained")
    numbers: dict[str, float | int] = {name: getattr(cell, name) for name in names}
    if (cell.has_interval and cell.low <= cell.accounted <= cell.high) or rest <= _EXACT:
        hidden = cell.interval_width if cell.interval_width > WIDE else None
        return said("explained", numbers, has_interval=cell.has_interval, hidden=hidden)
    key = "nearly_explained" if rest <= LARGE else "unexplained"
    return said(key, numbers, has_interval=cell.has_interval)


def _checks(cell: Cell) -> list[Advice]:
    one = cell.costs.forward_ms
    found = []
    if _differ(cell.timed_step, cell.step):
        found.append(said("check_baseline", {"timed_ms": cell.timed_step * one, "parts_ms": cell.step * one}))
    if _differ(cell.timed_round, cell.cost):
        found.append(said("check_rounds", {"timed_ms": cell.timed_round * one, "parts_ms": cell.cost * one}))
    found += _profile_checks(cell)
    repeats = cell.repeats_ms
    if repeats and max(repeats) > min(repeats) * (1.0 + LARGE):
        found.append(said("check_machine", {"fastest_ms": min(repeats), "slowest_ms": max(repeats)}))
    if cell.interval_width > WIDE:
        found.append(said("check_noise", {"width": cell.interval_width}))
    return found


def _profile_checks(cell: Cell) -> list[Advice]:
    """Profiled rounds against timed ones, and the single forwards against those in profiled rounds.

    Drafting holds more than forwards, so only a c that is larger than all of it is suspicious.
    """
    phases, baseline, found = cell.phases, cell.baseline_phases, []
    timed = cell.timed_round * cell.costs.forward_ms
    if phases is not None and _differ(phases.round_ms, timed):
        found.append(said("check_profile", {"profiled_ms": phases.round_ms, "timed_ms": timed}))
    if phases is None or baseline is None or not baseline.verify_ms:
        return found
    v = phases.verify_ms / baseline.verify_ms
    if _differ(v, cell.v):
        found.append(said("check_width", {"v": cell.v, "profiled_v": v}, width=cell.k + 1))
    if phases.drafted_per_round:
        c = phases.draft_ms / phases.drafted_per_round / baseline.verify_ms
        if c <= cell.c * (1.0 - LARGE):
            found.append(said("check_draft", {"c": cell.c, "profiled_c": c}))
    return found


def _differ(one: float, other: float) -> bool:
    return abs(one / other - 1.0) > LARGE


# -- the levers ------------------------------------------------------------------------------------


def _levers(cell: Cell, reach: float | None) -> list[Advice]:
    """What would make the cell faster, the largest gain first, and facts beside."""
    found = [_draft(cell), _width(cell), _overhead(cell), _acceptance(cell)]
    found += [None if reach is None else _reach(cell, reach)]
    if abs(cell.counted / cell.expected - 1.0) >= _UNEVEN:
        found.append(said("counts", {"counted": cell.counted, "expected": cell.expected}))
    if abs(cell.whole / cell.measured - 1.0) >= LARGE:
        found.append(said("prompt", {"whole": cell.whole, "measured": cell.measured}))
    told = [advice for advice in found if advice is not None]
    return sorted(told, key=lambda advice: (advice.gain is None, -(advice.gain or 0.0)))


def _draft(cell: Cell) -> Advice | None:
    half = cell.c / 2.0
    reached = cell.reached(cell.cost - cell.k * half)
    gain = reached - cell.measured
    numbers: dict[str, float | int] = {"c": cell.c, "better_c": half, "speedup": reached}
    return None if gain < VISIBLE else said("draft", numbers, gain, k=cell.k)


def _width(cell: Cell) -> Advice | None:
    gain = cell.reached(cell.cost - (cell.v - 1.0)) - cell.measured
    return None if gain < VISIBLE else said("width", {"v": cell.v, "width": cell.k + 1}, gain, gained=gain)


def _overhead(cell: Cell) -> Advice | None:
    parts = cell.overhead_parts
    total = sum(parts.values())
    numbers: dict[str, float | int] = {"total": total, **parts}
    if total < -VISIBLE:
        return said("overhead_unknown", numbers)
    if total < VISIBLE:
        return None
    gain = cell.reached(cell.cost - total) - cell.measured
    return said("overhead", numbers, gain, gained=gain)


def _acceptance(cell: Cell) -> Advice:
    numbers: dict[str, float | int] = {"alpha": cell.alpha}
    if cell.break_even is None:
        most = cell.reached(cell.cost) * (cell.k + 1) / cell.expected
        return said("acceptance", numbers | {"speedup_at_1": most})
    numbers["break_even"] = cell.break_even
    better = (1.0 + cell.alpha) / 2.0
    reached = cell.measured * expected_tokens(better, cell.k) / cell.expected
    gain = reached - cell.measured
    if gain < VISIBLE:
        return said("acceptance", numbers)
    return said("acceptance", numbers | {"better_alpha": better, "speedup": reached}, gain)


def _reach(cell: Cell, wanted: float) -> Advice:
    """The c at which the cell would be as fast as ``wanted``, its unexplained share kept."""
    formula = cell.expected / cell.cost
    c = draft_cost_for(wanted * formula / cell.measured, cell.alpha, cell.k, cell.v, cell.beside)
    numbers: dict[str, float | int] = {"wanted": wanted, "c": cell.c, "measured": cell.measured}
    if c is None:
        free = cell.reached(cell.cost - cell.k * cell.c)
        return said("reach", numbers | {"speedup_when_free": free}, needed_c=None, k=cell.k)
    return said("reach", numbers | {"needed_c": c}, speedup_when_free=None, k=cell.k)
