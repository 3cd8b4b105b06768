"""What would make a cell faster, and by how much: one sentence a lever, with its numbers.

The levers are the parts of the formula, each moved by a stated step: c halved, v = 1, o = 0, half of the
rejections gone. A gain is measured speedup against measured speedup with that one part changed, everything
else, the unexplained share included, as it is. How hard a lever is to move, nothing here knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.bench.explain.accounts import Accounts, overhead_parts
from specdec_lib.theory.speedup import draft_cost_for, expected_tokens

VISIBLE = 0.005
"""A gain, or a share of a forward, that two decimals show."""

_UNEVEN = 0.02
_LARGE = 0.05


@dataclass(frozen=True)
class Advice:
    """One thing to know about a cell.

    Attributes:
        key: names it for programs: "draft", "width", "overhead", "acceptance", "unexplained", …
        sentence: says it to people.
        numbers: the numbers in the sentence, unrounded.
        gain: speedup to be gained, None where it is no lever.
    """

    key: str
    sentence: str
    numbers: dict[str, float | int]
    gain: float | None = None


def levers(
    accounts: Accounts,
    costs: Mapping[str, Any],
    phases: Mapping[str, Any] | None = None,
    reach: float | None = None,
) -> list[Advice]:
    """All that the numbers of one cell say about making it faster, the largest gain first.

    Args:
        reach: a speedup to be reached, for which the cost of the draft is told.
    """
    overheads = [] if phases is None else [_overhead(accounts, overhead_parts(phases, costs))]
    found = [
        _draft(accounts),
        _width(accounts),
        *overheads,
        _acceptance(accounts),
        None if reach is None else _reach(accounts, reach),
        _counts(accounts),
        _prompt(accounts),
    ]
    said = [advice for advice in found if advice is not None]
    return sorted(said, key=lambda advice: (advice.gain is None, -(advice.gain or 0.0)))


def _draft(a: Accounts) -> Advice | None:
    half = a.c / 2.0
    reached = a.reached(a.cost - a.k * half)
    gain = reached - a.measured
    if gain < VISIBLE:
        return None
    return Advice(
        "draft",
        f"Your draft costs {_cost(a.c)} of a target forward. At {_cost(half)} this pair would reach "
        f"{reached:.2f}× at K = {a.k}.",
        {"c": a.c, "better_c": half, "speedup": reached},
        gain,
    )


def _cost(c: float) -> str:
    return f"{c:.2f}" if c >= 0.1 else f"{c:.3f}"


def _width(a: Accounts) -> Advice | None:
    gain = a.reached(a.cost - (a.v - 1.0)) - a.measured
    if gain < VISIBLE:
        return None
    sentence = f"Verifying {a.k + 1} tokens costs {a.v:.2f} forwards; at 1.00 you would gain {gain:.2f}×."
    return Advice("width", sentence, {"v": a.v, "width": a.k + 1}, gain)


def _overhead(a: Accounts, parts: Mapping[str, float]) -> Advice | None:
    total = sum(parts.values())
    if total < -VISIBLE:
        return Advice(
            "overhead_unknown",
            f"Overhead cannot be told and is taken as 0: profiled rounds took {-total:.2f} forwards less "
            "than their forwards by themselves.",
            {"total": total, **parts},
        )
    if total < VISIBLE:
        return None
    gain = a.reached(a.cost - total) - a.measured
    return Advice(
        "overhead",
        f"Overhead is {total:.2f} forwards a round ({_listed(parts)}); without it you would gain "
        f"{gain:.2f}×.",
        {"total": total, **parts},
        gain,
    )


def _listed(parts: Mapping[str, float]) -> str:
    """Parts by name; drafting goes into other where the draft's forwards alone took longer."""
    shown = {"sampling": parts["sampling"], "roll-back": parts["rollback"]}
    if parts["drafting"] >= 0.0:
        shown |= {"drafting": parts["drafting"], "other": parts["other"]}
    else:
        shown["other"] = parts["drafting"] + parts["other"]
    return ", ".join(f"{name} {value:.2f}" for name, value in shown.items() if value > -VISIBLE)


def _acceptance(a: Accounts) -> Advice:
    numbers: dict[str, float | int] = {"alpha": a.alpha}
    if a.break_even is None:
        most = a.reached(a.cost) * (a.k + 1) / a.expected
        return Advice(
            "acceptance",
            f"α is {a.alpha:.2f}, and no α is enough at this cost: with every draft accepted it would be "
            f"{most:.2f}×.",
            numbers | {"speedup_at_1": most},
        )
    sentence = f"α is {a.alpha:.2f}; to break even at this cost it must be at least {a.break_even:.2f}"
    if a.break_even < VISIBLE:
        sentence = f"α is {a.alpha:.2f}; at this cost a round breaks even without an accepted draft"
    numbers["break_even"] = a.break_even
    better = (1.0 + a.alpha) / 2.0
    reached = a.measured * expected_tokens(better, a.k) / a.expected
    gain = reached - a.measured
    if gain < VISIBLE:
        return Advice("acceptance", f"{sentence}.", numbers)
    sentence += f", and at {better:.2f}, with half of the rejections, it would reach {reached:.2f}×."
    return Advice("acceptance", sentence, numbers | {"better_alpha": better, "speedup": reached}, gain)


def _reach(a: Accounts, wanted: float) -> Advice:
    """The c at which the cell would be as fast as ``wanted``, its unexplained share kept."""
    formula = a.expected / a.cost
    c = draft_cost_for(wanted * formula / a.measured, a.alpha, a.k, a.v, a.beside)
    numbers = {"wanted": wanted, "c": a.c, "measured": a.measured}
    if c is None:
        free = a.reached(a.cost - a.k * a.c)
        return Advice(
            "reach",
            f"No draft is cheap enough for {wanted:.2f}× at K = {a.k}: a free one would reach {free:.2f}×.",
            numbers | {"speedup_when_free": free},
        )
    return Advice(
        "reach",
        f"To reach {wanted:.2f}× at K = {a.k} the draft may cost {_cost(c)} of a target forward; it costs "
        f"{_cost(a.c)}.",
        numbers | {"needed_c": c},
    )


def _counts(a: Accounts) -> Advice | None:
    if abs(a.counted / a.expected - 1.0) < _UNEVEN:
        return None
    why = "acceptance is uneven"
    why += ", or the last rounds were cut" if a.counted < a.expected else ""
    return Advice(
        "counts",
        f"A round gave {a.counted:.2f} tokens, where a constant α gives {a.expected:.2f}: {why}.",
        {"counted": a.counted, "expected": a.expected},
    )


def _prompt(a: Accounts) -> Advice | None:
    if abs(a.whole / a.measured - 1.0) < _LARGE:
        return None
    return Advice(
        "prompt",
        f"Whole runs reach {a.whole:.2f}×, and {a.measured:.2f}× after their first round, which reads the "
        "prompt at the same price in both arms.",
        {"whole": a.whole, "measured": a.measured},
    )
