"""What the formula could give with the measured costs: the best K, and the alpha that each K needs.

v and o are measured at a few K; between them they are interpolated linearly (v from v(0) = 1 on), and
beyond the largest measured K nothing is said. alpha is that of all runs together, whatever their K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specdec_lib.bench.explain.accounts import Accounts
from specdec_lib.bench.explain.advice import VISIBLE, Advice
from specdec_lib.bench.tables.summary import Table
from specdec_lib.theory.speedup import break_even_alpha, speedup

_TIE = 1e-9  # speedups closer than this are one and the same: the smaller K wins


@dataclass(frozen=True)
class Outlook:
    """All K at one temperature and in one domain.

    Attributes:
        alpha: pooled over all K.
        curve: rows of k, v, overhead, speedup (by the formula), break_even_alpha (None where no alpha is
            enough), is_measured.
        best_k, best_speedup: of the curve; best_k is 0 where no K pays.
        measured_best_k, measured_best: of the timed runs.
        advice: what follows.
    """

    alpha: float
    curve: Table
    best_k: int
    best_speedup: float
    measured_best_k: int
    measured_best: float
    advice: list[Advice]


def look_ahead(cells: Sequence[Accounts], alpha: float, costs: Mapping[str, Any]) -> Outlook:
    """The outlook from the cells of one temperature and domain, at least one.

    Args:
        cells: the accounts by K.
        alpha: estimated from all their rounds.
        costs: of :func:`~specdec_lib.bench.tables.prediction.costs_of`.
    """
    measured = max(cells, key=lambda cell: cell.measured)
    step = float(np.mean([cell.step for cell in cells]))
    curve = speedup_curve(alpha, costs, {cell.k: cell.beside for cell in cells}, step)
    best = curve[0]
    for row in curve:
        best = row if row["speedup"] > best["speedup"] * (1.0 + _TIE) else best
    pays = best["speedup"] * step > 1.0
    if pays or measured.measured > 1.0:
        at_measured = next(row for row in curve if row["k"] == measured.k)
        advice = _best_k(measured, best, at_measured, curve[-1]["k"])
    else:
        advice = _no_k_pays(alpha, curve, costs, step)
    return Outlook(
        alpha=alpha,
        curve=curve,
        best_k=best["k"] if pays else 0,
        best_speedup=best["speedup"],
        measured_best_k=measured.k,
        measured_best=measured.measured,
        advice=[advice],
    )


def speedup_curve(
    alpha: float, costs: Mapping[str, Any], overheads: Mapping[int, float], step: float = 1.0
) -> Table:
    """S(K) by the formula for every K up to the largest with a measured v and o.

    Args:
        overheads: o by K.
        step: what a baseline step costs in forwards; the break-even alpha is against it.

    Returns:
        Rows of k, v, overhead, speedup, break_even_alpha, is_measured.
    """
    ks, widths = sorted(overheads), {0: 1.0, **costs["v"]}
    v_at, v = zip(*sorted(widths.items()), strict=True)
    c, curve = costs["c"], []
    for k in range(1, min(ks[-1], v_at[-1]) + 1):
        wide = float(np.interp(k, v_at, v))
        o = float(np.interp(k, ks, [overheads[at] for at in ks]))
        curve.append(
            {
                "k": k,
                "v": wide,
                "overhead": o,
                "speedup": speedup(alpha, k, c, wide, o),
                "break_even_alpha": break_even_alpha(k, c / step, wide / step, o / step),
                "is_measured": k in overheads and k in costs["v"],
            }
        )
    return curve


def _best_k(
    measured: Accounts, best: Mapping[str, Any], at_measured: Mapping[str, Any], largest: int
) -> Advice:
    gain = best["speedup"] - at_measured["speedup"]
    numbers = {
        "measured_best_k": measured.k,
        "measured_best": measured.measured,
        "best_k": best["k"],
        "best_speedup": best["speedup"],
    }
    sentence = f"K = {measured.k} is measured best ({measured.measured:.2f}×)"
    if best["k"] == measured.k:
        sentence += f", and with these costs theory agrees ({best['speedup']:.2f}×)"
    else:
        how = "" if best["is_measured"] else ", its v interpolated"
        sentence += f"; with these costs theory says K = {best['k']} ({best['speedup']:.2f}×{how})"
        sentence += _worth(gain, measured)
    if best["k"] == largest:
        sentence += "; larger K were not measured"
    return Advice("best_k", f"{sentence}.", numbers, gain)


def _worth(gain: float, measured: Accounts) -> str:
    if gain < VISIBLE:
        return ", which is no faster to two decimals"
    hidden = measured.has_interval and gain < (measured.high - measured.low) / 2.0
    return f", which would gain {gain:.2f}×" + (", less than the interval shows" if hidden else "")


def _no_k_pays(alpha: float, curve: Table, costs: Mapping[str, Any], step: float) -> Advice:
    """The K that needs the smallest alpha, and whether draft and width alone ask for too much."""
    possible = [row for row in curve if row["break_even_alpha"] is not None]
    numbers = {"alpha": alpha, "c": costs["c"]}
    sentence = f"No K pays: α is {alpha:.2f}, "
    if possible:
        least = min(possible, key=lambda row: row["break_even_alpha"])
        numbers |= {"k": least["k"], "break_even": least["break_even_alpha"]}
        sentence += f"and K = {least['k']}, which needs least, needs {least['break_even_alpha']:.2f}."
    else:
        sentence += "and not even 1 would be enough at these costs."
    slope = min((v - 1.0) / k for k, v in costs["v"].items())
    if alpha <= (costs["c"] + slope) / step:
        numbers["slope"] = slope
        sentence += (
            f" c + s is {costs['c'] + slope:.2f} by itself, s being the smallest (v − 1) / K: without a "
            "cheaper draft or a better one nothing helps."
        )
    return Advice("no_k_pays", sentence, numbers)
