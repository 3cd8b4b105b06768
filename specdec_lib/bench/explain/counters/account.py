"""Where the speed of somebody else's run went: its counters and two times, term by term.

An engine tells how many tokens a round brings, and neither c nor v(K). Two times make up for it: that of a
plain step, T, and that of a whole round, R T. Then tokens a round over R is the speedup that rounds have, R
is K c + v(K) + o together, and one more time, that of a draft step, takes the draft out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from specdec_lib.bench.explain.cell import Advice, Term
from specdec_lib.bench.explain.counters import sentences
from specdec_lib.bench.explain.counters.levers import levers
from specdec_lib.bench.explain.counters.parts import CounterParts, counter_parts
from specdec_lib.bench.foreign.run import ForeignRun
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.theory.checks import positive
from specdec_lib.theory.dialects import ASSUMED, Acceptance, acceptances

_LEAST_MS, _MOST_MS = 1e-6, 1e9
"""Milliseconds that a step can take: from a nanosecond to eleven days."""


@dataclass(frozen=True)
class Account:
    """A foreign run, explained; costs are in plain steps, times in milliseconds.

    Attributes:
        k: draft tokens a draft, on average; None where nobody knows.
        tokens: a round, as counted, with the correction or the bonus.
        alpha, alpha_basis: and whether it is "counted" or "assumed"; None without k.
        expected: tokens a round by the law of one alpha.
        plain_ms, round_ms: the two times; cost: their ratio, K c + v(K) + o. None without them.
        c: of one draft step; rest: v(K) + o, None without c.
        speedup: of rounds; measured: with rounds without a draft, or by the engine's clock where it has one.
        terms: from a free draft to ``measured``; the first speedup and all changes add up to it.
        break_even: the alpha at which these drafts pay, None where none does.
        advice: what to know, the verdict first.
    """

    k: float | None
    tokens: float
    alpha: float | None
    alpha_basis: str | None
    expected: float | None
    plain_ms: float | None
    round_ms: float | None
    cost: float | None
    c: float | None
    rest: float | None
    speedup: float | None
    measured: float | None
    break_even: float | None
    terms: list[Term]
    advice: list[Advice]
    notes: list[str]
    definitions: list[Acceptance]


def explain_counters(
    run: ForeignRun,
    plain_ms: float | None = None,
    round_ms: float | None = None,
    draft_ms: float | None = None,
    k: int | None = None,
) -> Account:
    """The account of a foreign run.

    Args:
        plain_ms: of a plain step, milliseconds. round_ms: of a whole round; without it the engine's own time
            is taken where it tells one. draft_ms: of one draft step.
        k: draft tokens a draft, where the run does not tell.

    Raises:
        InvalidArgument: a time that is not positive or no step's, or one without ``plain_ms``.
        RecordError: no tokens a round in it; times that contradict each other.
    """
    for name, ms in (("step-plain", plain_ms), ("step", round_ms), ("draft-step", draft_ms)):
        if ms is not None:
            if not _LEAST_MS <= positive(ms, f"--{name}") <= _MOST_MS:
                raise InvalidArgument(sentences.NO_TIME_OF_A_STEP.format(name, ms, _LEAST_MS, _MOST_MS))
            if plain_ms is None:
                raise InvalidArgument(sentences.TIMES_TOGETHER.format(name))
    run = run.with_length(k)
    found = acceptances(run.tally)
    parts, notes = counter_parts(run, found, plain_ms, round_ms, draft_ms)
    rest = None
    if parts.cost is not None and parts.c is not None and parts.k is not None:
        rest = parts.cost - parts.k * parts.c
        if rest <= 0.0:
            draft, round_ = draft_ms or 0.0, parts.round or 0.0
            raise RecordError(sentences.NO_TIME_LEFT.format(parts.k, draft, parts.k * draft, round_))
    steps = list(_steps(parts))
    before = [None, *(value for _, value, _ in steps)]
    terms = [
        Term(name, value, None if last is None else value - last, cost, _meaning(name, parts))
        for (name, value, cost), last in zip(steps, before, strict=False)
    ]
    return Account(
        k=parts.k,
        tokens=parts.tokens,
        alpha=parts.alpha,
        alpha_basis=parts.basis,
        expected=parts.expected,
        plain_ms=plain_ms,
        round_ms=parts.round,
        cost=parts.cost,
        c=parts.c,
        rest=rest,
        speedup=None if parts.cost is None else parts.tokens / parts.cost,
        measured=terms[-1].speedup if parts.cost is not None else None,
        break_even=parts.break_even,
        terms=terms,
        advice=list(levers(parts, terms)),
        notes=[*notes, *run.notes],
        definitions=found,
    )


# -- its terms -------------------------------------------------------------------------------------


def _steps(parts: CounterParts) -> Iterator[tuple[str, float, float | None]]:
    """Name, speedup after it, and cost in plain steps of each term."""
    tokens, cost, c, k = parts.tokens, parts.cost, parts.c, parts.k
    yield "free draft", parts.expected or tokens, 1.0
    if parts.expected is not None and parts.basis != ASSUMED:
        yield "rounds as counted", tokens, None
    if cost is None:
        return
    if c is not None and k is not None:
        yield "draft", tokens / (1.0 + k * c), k * c
        yield "verification and rest", tokens / cost, cost - 1.0 - k * c
    else:
        yield "draft, verification and rest", tokens / cost, cost - 1.0
    if (over_all := parts.over_all) is not None:
        yield "rounds without a draft", over_all, None
    if parts.clock is not None and parts.plain is not None and parts.clock > 0.0:
        yield "the engine's clock", parts.plain / parts.clock, None


def _meaning(name: str, parts: CounterParts) -> str:
    if name == "free draft" and (parts.alpha is None or parts.k is None):
        return sentences.TERMS_COUNTED.format(tokens=parts.tokens)
    told = {"alpha": parts.alpha, "k": parts.k, "tokens": parts.tokens, "expected": parts.expected}
    more = {"c": parts.c, "silent": parts.silent, "steps": parts.steps, "token_ms": parts.clock}
    return sentences.TERMS[name].format_map(told | more)
