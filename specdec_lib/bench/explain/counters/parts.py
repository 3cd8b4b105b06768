"""What an account of counters is made of: tokens a round, times, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from specdec_lib.bench.explain.counters import sentences
from specdec_lib.bench.foreign.run import ForeignRun
from specdec_lib.errors import RecordError
from specdec_lib.theory.dialects import ASSUMED, Acceptance, acceptance_named
from specdec_lib.theory.drafts import accepted_by_law, alpha_of_mean
from specdec_lib.theory.speedup import smallest_share


@dataclass(frozen=True)
class CounterParts:
    """What is known of a round; None is what nobody told. Times in milliseconds, costs in plain steps.

    Attributes:
        k: draft tokens a draft. tokens: a round. alpha, basis: as of ``theory.dialects``.
        plain, round, draft: times of a plain step, a whole round, a draft step.
        silent, steps: steps that drafted nothing, of all; 0 where nobody counted. clock: the engine's own
            time of a token.
    """

    k: float | None
    tokens: float
    alpha: float | None
    basis: str | None
    plain: float | None
    round: float | None
    draft: float | None
    silent: int
    steps: int
    clock: float | None

    @property
    def cost(self) -> float | None:
        return None if self.plain is None or self.round is None else self.round / self.plain

    @property
    def c(self) -> float | None:
        return None if self.plain is None or self.draft is None else self.draft / self.plain

    @property
    def expected(self) -> float | None:
        return None if self.k is None or self.alpha is None else 1.0 + accepted_by_law(self.alpha, self.k)

    @property
    def break_even(self) -> float | None:
        """The alpha at which drafts of this length pay at this cost; None where none does."""
        k, cost = self.k, self.cost
        if k is None or cost is None:
            return None
        return smallest_share(lambda alpha: 1.0 + accepted_by_law(alpha, k) >= cost)

    @property
    def over_all(self) -> float | None:
        """The speedup over rounds and steps that drafted nothing; None where there are none of these."""
        rounds = self.steps - self.silent
        if self.cost is None or not self.silent or rounds <= 0:
            return None
        return (rounds * self.tokens + self.silent) / (rounds * self.cost + self.silent)


def counter_parts(
    run: ForeignRun,
    found: Sequence[Acceptance],
    plain: float | None,
    timed_round: float | None,
    draft: float | None,
) -> tuple[CounterParts, list[str]]:
    """The parts of a run, and notes on where they come from.

    Raises:
        RecordError: no tokens a round in it, or times that contradict each other.
    """
    tally, notes = run.tally, []
    length = acceptance_named(found, "acceptance_length").value
    per_step = acceptance_named(found, "tokens_per_step").value
    tokens = next((one for one in (length, run.told_length, per_step) if one is not None), None)
    if tally.num_drafts == 0:
        raise RecordError(sentences.NO_DRAFT.format(run.source))
    if tokens is None:
        raise RecordError(sentences.NO_LENGTH.format(run.source))
    k = tally.mean_length if tally.mean_length is not None else tally.k
    told = acceptance_named(found, "alpha")
    alpha, basis = told.value, told.basis if told.value is not None else None
    if alpha is None and k is not None and tokens - 1.0 <= k:
        alpha, basis = alpha_of_mean(tokens - 1.0, float(k)), ASSUMED
    steps, drafts = tally.num_steps, tally.num_drafts
    silent = steps - drafts if steps is not None and drafts is not None else 0
    clock = run.token_ms
    if timed_round is None and plain is not None:
        timed_round, note = _own_round(run, plain, silent, per_step or tokens)
        notes += [note] if note else []
        clock = None if note == sentences.FROM_TOKENS else clock
    parts = CounterParts(k, tokens, alpha, basis, plain, timed_round, draft, silent, steps or 0, clock)
    return parts, notes


def _own_round(
    run: ForeignRun, plain: float, silent: int, per_step: float
) -> tuple[float | None, str | None]:
    """The time of a round by the engine's own clock: steps without a draft are taken out as plain ones."""
    steps = run.tally.num_steps
    mean = run.round_ms
    note = sentences.FROM_ROUNDS
    if mean is None and run.token_ms is not None:
        mean, note = run.token_ms * per_step, sentences.FROM_TOKENS
    if mean is None or not silent or not steps or steps == silent:
        return mean, None if mean is None else note
    left = mean * steps - plain * silent
    if left <= 0.0:
        raise RecordError(sentences.NO_ROUND_LEFT.format(plain, steps))
    return left / (steps - silent), note
