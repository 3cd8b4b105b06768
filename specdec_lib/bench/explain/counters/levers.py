"""What to do about it: whether rounds pay, which part of them costs, and what another draft would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specdec_lib.bench.explain.cell import Advice, Term
from specdec_lib.bench.explain.counters import sentences
from specdec_lib.bench.explain.counters.parts import CounterParts
from specdec_lib.theory.dialects import ASSUMED
from specdec_lib.theory.drafts import accepted_by_law
from specdec_lib.utils.numbers import percent

MOST_K = 32
"""The longest draft that is considered."""
_CLOCKS = 0.05


def _said(key: str, template: str, gain: float | None = None, /, **numbers: float | str) -> Advice:
    plain = {name: value for name, value in numbers.items() if not isinstance(value, str)}
    return Advice(key, template.format(**numbers), plain, gain)


def levers(parts: CounterParts, terms: Sequence[Term]) -> Iterator[Advice]:
    """What the parts say: the verdict first, then what it rests on, then what would change it."""
    if parts.cost is None:
        yield Advice("times", sentences.WANTED, {})
    else:
        yield from _of_costs(parts, parts.cost, terms)
    if parts.basis == ASSUMED:
        yield Advice("assumed", sentences.ASSUMED, {})


def _of_costs(parts: CounterParts, cost: float, terms: Sequence[Term]) -> Iterator[Advice]:
    tokens, k, alpha, c = parts.tokens, parts.k, parts.alpha, parts.c
    speedup = tokens / cost
    verdict = sentences.PAYS if speedup >= 1.0 else sentences.LOSES
    yield _said("verdict", verdict, cost=cost, tokens=tokens, speedup=speedup)
    if cost < 1.0:
        yield _said("check", sentences.CHEAPER_THAN_A_STEP, cost=cost)
    if k is not None and alpha is not None:
        needed = parts.break_even
        if needed is None:
            yield _said("nothing_pays", sentences.NOTHING_PAYS, cost=cost, most=k + 1.0)
        else:
            yield _said("break_even", sentences.BREAK_EVEN, k=k, needed=needed, alpha=alpha)
        if c is not None:
            yield _said("costs", sentences.WHERE_IT_GOES, draft=k * c, rest=cost - 1.0 - k * c)
        yield from _lengths(alpha, k, cost, c)
        yield from _acceptance(alpha, k, tokens, speedup)
    if (over_all := parts.over_all) is not None:
        gain, share = speedup - over_all, percent(parts.silent / parts.steps)
        yield _said("silent", sentences.SILENT, gain, share=share, speedup=over_all, gain=gain)
    last = terms[-1]
    if last.term == "the engine's clock" and abs(last.speedup / terms[-2].speedup - 1.0) > _CLOCKS:
        yield _said("clock", sentences.CLOCK, clock=last.speedup, accounted=terms[-2].speedup)


def _lengths(alpha: float, k: float, cost: float, c: float | None) -> Iterator[Advice]:
    """Which K is best: if all that a round costs beside a plain step grows with K, and if its draft alone."""
    now = (1.0 + accepted_by_law(alpha, k)) / cost
    best_k, best = longest_gain(alpha, 1.0, max(0.0, cost - 1.0) / k)
    if best <= 1.0:
        yield _said("no_k", sentences.NO_K, alpha=alpha)
    elif c is None:
        yield _said("length", sentences.LENGTH_ONE, best - now, now=now, best_k=best_k, best=best)
    else:
        long_k, long = longest_gain(alpha, cost - k * c, c)
        told = {"now": now, "best_k": best_k, "best": best, "long_k": long_k, "long": long}
        yield _said("length", sentences.LENGTH, max(best, long) - now, **told)


def longest_gain(alpha: float, fixed: float, per_token: float) -> tuple[int, float]:
    """The K up to ``MOST_K`` that is fastest where a round costs ``fixed + per_token K``, and how fast."""
    speedups = {k: (1.0 + accepted_by_law(alpha, k)) / (fixed + per_token * k) for k in range(1, MOST_K + 1)}
    best = max(speedups.values())
    return next((k, found) for k, found in speedups.items() if found >= best * (1.0 - 1e-12))


def _acceptance(alpha: float, k: float, tokens: float, speedup: float) -> Iterator[Advice]:
    by_law = 1.0 + accepted_by_law(alpha, k)
    ever = f"{1.0 / (1.0 - alpha):.2f}×" if alpha < 1.0 else sentences.NO_LIMIT
    yield _said("at_best", sentences.AT_BEST, here=tokens, ever=ever)
    if alpha < 1.0:
        better = (1.0 + alpha) / 2.0
        gained = speedup * (1.0 + accepted_by_law(better, k)) / by_law
        yield _said("acceptance", sentences.ACCEPTANCE, gained - speedup, alpha=better, speedup=gained)
