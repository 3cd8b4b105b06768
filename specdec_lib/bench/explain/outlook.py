"""What the formula could give with the measured costs: the best K, and the alpha that each K needs.

v and o are measured at a few K; between them they are interpolated linearly (v from v(0) = 1 on), and
beyond the largest measured K nothing is said. alpha is that of all runs together, whatever their K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from specdec_lib.bench.explain.advice import said
from specdec_lib.bench.explain.cell import Advice, Cell
from specdec_lib.bench.tables.rows import Costs
from specdec_lib.theory.speedup import break_even_alpha, speedup
from specdec_lib.utils.row import Row

_TIE = 1e-9  # speedups closer than this are one and the same: the smaller K wins


@dataclass(frozen=True, eq=False)
class CurveRow(Row):
    """One K by the formula; ``break_even_alpha`` is None where no alpha is enough."""

    k: int
    v: float
    overhead: float
    speedup: float
    break_even_alpha: float | None
    is_measured: bool


@dataclass(frozen=True)
class Outlook:
    """All K at one temperature and in one domain.

    Attributes:
        alpha: pooled over all K.
        curve: by the formula, a row for each K from 1 on.
        best_k, best_speedup: of the curve; best_k is 0 where no K pays.
        measured_best_k, measured_best: of the timed runs.
        advice: what follows.
    """

    alpha: float
    curve: list[CurveRow]
    best_k: int
    best_speedup: float
    measured_best_k: int
    measured_best: float
    advice: list[Advice]

    @property
    def least_needed(self) -> CurveRow | None:
        """The K that breaks even at the smallest alpha; None where none does."""
        possible = [row for row in self.curve if row.break_even_alpha is not None]
        return min(possible, key=lambda row: row.break_even_alpha or 0.0, default=None)


def look_ahead(cells: Sequence[Cell], alpha: float, costs: Costs) -> Outlook:
    """The outlook from the cells of one temperature and domain, at least one.

    Args:
        alpha: estimated from all their rounds.
    """
    measured = max(cells, key=lambda cell: cell.measured)
    step = float(np.mean([cell.step for cell in cells]))
    curve = speedup_curve(alpha, costs, {cell.k: cell.beside for cell in cells}, step)
    best = curve[0]
    for row in curve:
        best = row if row.speedup > best.speedup * (1.0 + _TIE) else best
    pays = best.speedup * step > 1.0
    best_k = best.k if pays else 0
    outlook = Outlook(alpha, curve, best_k, best.speedup, measured.k, measured.measured, advice=[])
    if pays or measured.measured > 1.0:
        tried = next((cell.measured for cell in cells if cell.k == best.k), None)
        return replace(outlook, advice=[_best_k(measured, best, curve, tried)])
    return replace(outlook, advice=[_no_k_pays(outlook, costs, step)])


def speedup_curve(
    alpha: float, costs: Costs, overheads: Mapping[int, float], step: float = 1.0
) -> list[CurveRow]:
    """S(K) by the formula for every K up to the largest with a measured v and o.

    Args:
        overheads: o by K.
        step: what a baseline step costs in forwards; the break-even alpha is against it.
    """
    ks, widths = sorted(overheads), {0: 1.0, **costs.v}
    v_at, v = zip(*sorted(widths.items()), strict=True)
    c, curve = costs.c, []
    for k in range(1, min(ks[-1], v_at[-1]) + 1):
        wide = float(np.interp(k, v_at, v))
        o = float(np.interp(k, ks, [overheads[at] for at in ks]))
        needed = break_even_alpha(k, c / step, wide / step, o / step)
        is_measured = k in overheads and k in costs.v
        curve.append(CurveRow(k, wide, o, speedup(alpha, k, c, wide, o), needed, is_measured))
    return curve


def _best_k(measured: Cell, best: CurveRow, curve: Sequence[CurveRow], tried: float | None) -> Advice:
    at_measured = next(row for row in curve if row.k == measured.k)
    gain = best.speedup - at_measured.speedup
    numbers: dict[str, float | int] = {
        "measured_best_k": measured.k,
        "measured_best": measured.measured,
        "best_k": best.k,
        "best_speedup": best.speedup,
    }
    return said(
        "best_k",
        numbers,
        gain,
        gained=gain,
        is_measured=best.is_measured,
        is_hidden=measured.has_interval and gain < (measured.high - measured.low) / 2.0,
        is_largest=best.k == curve[-1].k,
        tried=tried,
    )


def _no_k_pays(outlook: Outlook, costs: Costs, step: float) -> Advice:
    """The K that needs the smallest alpha, and whether draft and width alone ask for too much."""
    numbers: dict[str, float | int] = {"alpha": outlook.alpha, "c": costs.c}
    least = outlook.least_needed
    if least is not None and least.break_even_alpha is not None:
        numbers |= {"k": least.k, "break_even": least.break_even_alpha}
    slope = min((v - 1.0) / k for k, v in costs.v.items())
    if outlook.alpha <= (costs.c + slope) / step:
        numbers["slope"] = slope
    return said("no_k_pays", numbers)
