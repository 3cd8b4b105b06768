"""Every sentence about a cell, about all K, and about what was not measured: numbers in, words out.

:func:`sentence` says an advice by its key and its numbers. Nothing is computed or decided here but the form;
the words of the triage's questions are in :mod:`specdec_lib.bench.explain.questions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from specdec_lib.utils.numbers import apart, percent

VISIBLE = 0.005
"""A gain, or a share of a forward, that two decimals show."""
TERMS = {
    "free draft": "E = {expected:.2f} tokens a forward",
    "draft": "{k} drafts at c = {c:.3f}",
    "wider forward": "verifying {width} tokens: v = {v:.2f}",
    "overhead": "o = {overhead:.2f} beside forwards",
    "baseline's own": "a baseline step costs {step:.2f}",
    "rounds as counted": "{rounds}",
    "unexplained": "what the timed runs show",
    "overhead and rest": "inseparable without a profile",
}
"""Why a term of a cell changes the speedup."""

_PLAIN = {
    "inseparable": "A round takes {rest:.2f} forwards beside its own forwards: how much of it is overhead "
    "and how much is unexplained, only a profile tells.",
    "check_baseline": "Check the baseline: a step took {timed_ms:.3g} ms when timed and {parts_ms:.3g} ms by "
    "its parts, as if under another load.",
    "check_rounds": "Check the rounds: one took {timed_ms:.3g} ms when timed and {parts_ms:.3g} ms by its "
    "parts.",
    "check_width": "Check v: verifying {width} tokens costs {v:.2f} forwards timed by itself and "
    "{profiled_v:.2f} in profiled rounds.",
    "check_machine": "Check the machine: a baseline step took {fastest_ms:.3g} ms in one repeat and "
    "{slowest_ms:.3g} ms in another, as if it grew hot or was shared.",
    "check_again": "No clock stands out: measure again on a quiet machine, with more prompts and repeats.",
    "prompt": "Whole runs reach {whole:.2f}×, and {measured:.2f}× after their first round, which reads the "
    "prompt at the same price in both arms.",
}


def rounds_line(counted: float, expected: float) -> str:
    """What a round gave, and what a constant α gives, where that shows."""
    told, instead = f"{counted:.2f}", f"{expected:.2f}"
    return f"{told} a round, " + ("as expected" if told == instead else f"not {instead}")


def sentence(key: str, **numbers: Any) -> str:
    """The words of an advice: its numbers, and what else its sentence needs."""
    return _PLAIN[key].format(**numbers) if key in _PLAIN else _CHOSEN[key](**numbers)


# -- the verdict and the clocks --------------------------------------------------------------------


def _explained(
    accounted: float, low: float, high: float, has_interval: bool, hidden: float | None, **_: Any
) -> str:
    where = f", inside the measured {low:.2f}–{high:.2f}." if has_interval else ", as measured."
    wide = "" if hidden is None else f" That interval is {percent(hidden)} wide and hides what is smaller."
    return f"Nothing is unexplained: the parts add up to {accounted:.2f}×{where}{wide}"


def _unexplained(
    unexplained: float, accounted: float, measured: float, has_interval: bool, verb: str = "are", **ends: Any
) -> str:
    parts, clock, *told = apart(accounted, measured, *((ends["low"], ends["high"]) if has_interval else ()))
    interval = f" ({'–'.join(told)})" if told else ", of one prompt a domain"
    share = "Less than 1 %" if abs(unexplained) < VISIBLE else percent(abs(unexplained))
    return f"{share} {verb} unexplained: the parts add up to {parts}×, measured is {clock}×{interval}."


def _check_draft(c: float, profiled_c: float) -> str:
    alone, profiled = apart(c, profiled_c, decimals=3)
    return f"Check c: a draft token costs {alone} forwards timed by itself and {profiled} in profiled rounds."


def _check_profile(profiled_ms: float, timed_ms: float) -> str:
    size = "large" if profiled_ms > timed_ms else "small"
    times = f"its rounds took {profiled_ms:.3g} ms, timed ones {timed_ms:.3g} ms"
    return f"Check the profile: {times}; o may be too {size}."


def _check_noise(width: float) -> str:
    return (
        f"Check the noise: the interval is {percent(width)} wide; more prompts and repeats would narrow it."
    )


def _check_first(unexplained: float) -> str:
    return (
        f"With {percent(abs(unexplained))} unexplained, what another K or a cheaper draft would gain is not "
        "told: measure again, on a quiet machine, with more prompts and repeats."
    )


# -- the levers ------------------------------------------------------------------------------------


def _cost(c: float) -> str:
    return f"{c:.2f}" if c >= 0.1 else f"{c:.3f}"


def _draft(c: float, better_c: float, speedup: float, k: int) -> str:
    return (
        f"Your draft costs {_cost(c)} of a target forward. At {_cost(better_c)} this pair would reach "
        f"{speedup:.2f}× at K = {k}."
    )


def _width(width: int, v: float, gained: float) -> str:
    costs, one = apart(v, 1.0)
    return f"Verifying {width} tokens costs {costs} forwards; at {one} you would gain {gained:.2f}×."


def _overhead(total: float, gained: float, **parts: float) -> str:
    gain = f"without it you would gain {gained:.2f}×"
    return f"Overhead is {total:.2f} forwards a round ({_listed(parts)}); {gain}."


def _overhead_unknown(total: float, **parts: float) -> str:
    return (
        f"Overhead cannot be told and is taken as 0: profiled rounds took {-total:.2f} forwards less "
        "than their forwards by themselves."
    )


def _listed(parts: Mapping[str, float]) -> str:
    """Parts by name; drafting goes into other where the draft's forwards alone took longer."""
    shown = {"sampling": parts["sampling"], "roll-back": parts["rollback"]}
    if parts["drafting"] >= 0.0:
        shown |= {"drafting": parts["drafting"], "other": parts["other"]}
    else:
        shown["other"] = parts["drafting"] + parts["other"]
    return ", ".join(f"{name} {value:.2f}" for name, value in shown.items() if value > -VISIBLE)


def _acceptance(
    alpha: float,
    break_even: float = 0.0,
    better_alpha: float = 0.0,
    speedup: float | None = None,
    speedup_at_1: float | None = None,
) -> str:
    """``speedup_at_1`` is of a cell that no alpha saves; ``speedup`` what ``better_alpha`` would give."""
    if speedup_at_1 is not None:
        reached = f"with every draft accepted it would be {speedup_at_1:.2f}×"
        return f"α is {alpha:.2f}, and no α is enough at this cost: {reached}."
    needs = [break_even] * (break_even >= VISIBLE) + [better_alpha] * (speedup is not None)
    told, *needed = apart(alpha, *needs)
    words = f"α is {told}; at this cost a round breaks even without an accepted draft"
    if break_even >= VISIBLE:
        words = f"α is {told}; to break even at this cost it must be at least {needed[0]}"
    if speedup is None:
        return f"{words}."
    return f"{words}, and at {needed[-1]}, with half of the rejections, it would reach {speedup:.2f}×."


def _reach(
    wanted: float, c: float, k: int, needed_c: float | None, speedup_when_free: float | None, **_: Any
) -> str:
    if needed_c is not None:
        may, costs = _cost(needed_c), _cost(c)
        if may == costs:
            may, costs = apart(needed_c, c, decimals=3)
        allowed = f"the draft may cost {may} of a target forward; it costs {costs}"
        return f"To reach {wanted:.2f}× at K = {k} {allowed}."
    least, most = apart(wanted, speedup_when_free or 0.0)
    return f"No draft is cheap enough for {least}× at K = {k}: a free one would reach {most}×."


def _counts(counted: float, expected: float) -> str:
    why = "acceptance is uneven" + (", or the last rounds were cut" if counted < expected else "")
    return f"A round gave {counted:.2f} tokens, where a constant α gives {expected:.2f}: {why}."


# -- all K -----------------------------------------------------------------------------------------


def _best_k(
    measured_best_k: int,
    measured_best: float,
    best_k: int,
    best_speedup: float,
    gained: float,
    is_measured: bool,
    is_hidden: bool,
    is_largest: bool,
    tried: float | None = None,
) -> str:
    words = f"K = {measured_best_k} is measured best ({measured_best:.2f}×)"
    if best_k == measured_best_k:
        words += f", and with these costs theory agrees ({best_speedup:.2f}×)"
    else:
        worth = f"would gain {gained:.2f}×" + (", less than the interval shows" if is_hidden else "")
        worth = worth if gained >= VISIBLE else "is no faster to two decimals"
        worth = worth if tried is None else f"measured {tried:.2f}×"
        law = f"{best_speedup:.2f}×" + ("" if is_measured else ", its v interpolated")
        words += f"; with these costs theory says K = {best_k} ({law}), which {worth}"
    return words + ("; larger K were not measured." if is_largest else ".")


def _no_k_pays(
    alpha: float, c: float, k: int = 0, break_even: float | None = None, slope: float | None = None
) -> str:
    words = f"No K pays: α is {alpha:.2f}, and not even 1 would be enough at these costs."
    if break_even is not None:
        told, needed = apart(alpha, break_even)
        words = f"No K pays: α is {told}, and K = {k}, which needs least, needs {needed}."
    if slope is None:
        return words
    return (
        f"{words} c + s is {c + slope:.2f} by itself, s being the smallest (v − 1) / K: without a cheaper "
        "draft or a better one nothing helps."
    )


_CHOSEN: dict[str, Callable[..., str]] = {
    words.__name__.removeprefix("_"): words
    for words in (
        _explained, _unexplained, _check_draft, _check_profile, _check_noise, _check_first, _draft, _width,
        _overhead, _overhead_unknown, _acceptance, _reach, _counts, _best_k, _no_k_pays,
    )
} | {"nearly_explained": partial(_unexplained, verb="is")}  # fmt: skip
"""What chooses its words by its numbers."""

# -- what was not measured -------------------------------------------------------------------------

NO_FORWARDS = (
    "single forwards were not timed: c and v are taken from the profiled rounds, where a draft's forward and "
    "what drafting takes beside it cannot be separated"
)
NO_BASELINE = "the baseline was not profiled: what its steps take beside their forwards is not told from load"
WHY_LEFT_OUT = {
    "forward": "the forward of {width} tokens was not timed",
    "verdicts": "no draft token was judged",
    "interval": "its times hold no interval",
    "rounds": "nothing was timed after the first round",
    "pairs": "no prompt was run by both decoders",
}
LEFT_OUT = "K = {k} at temperature {temperature:g} is left out: {reason}"
NO_PROFILE = "no profile at K = {ks}: overhead and what is unexplained cannot be separated"
DRAFTED_LESS = (
    "at K = {k}, T = {temperature:g}, rounds drafted {drafted:.2f} tokens on average; they cost less, and "
    "give less, than the rounds of {k} that the account is made for"
)


def interpolated(ks: Sequence[int]) -> str:
    """Which v were measured."""
    below, beyond = ("below", "beyond it") if len(ks) == 1 else ("between them", "beyond them")
    return f"v was measured at K = {listed(ks)}; {below} it is interpolated, {beyond} nothing is said"


def listed(ks: Sequence[int]) -> str:
    return ", ".join(map(str, ks))
