"""Rounds of drafting arms: how long their drafts were, what they brought, and what they cost.

A round with k draft tokens costs v(k) + k c target forwards, one without a draft a single forward. Where a
drafter is silent in some rounds, or a policy chooses k, no single k stands for all of them; so the costs are
summed over the rounds as they were (a ratio of expectations, as in Leviathan et al. 2023, theorem 3.8, with a
price by width). What the clock says beyond that is overhead, or a draft dearer than the one that was timed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from specdec_lib.bench.records.kinds import PeerRecord, Record, of_kind
from specdec_lib.bench.records.runs import Run
from specdec_lib.bench.records.schema import OURS
from specdec_lib.bench.tables.domains import parts_of
from specdec_lib.bench.tables.peers import PLAIN, arms_of
from specdec_lib.bench.tables.prediction import costs_of
from specdec_lib.bench.tables.rows import Costs
from specdec_lib.bench.tables.summary import speedup_row
from specdec_lib.theory.drafts import alpha_of_mean, implied_round_cost
from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False, kw_only=True)
class RoundsRow(Row):
    """The rounds of an eager arm of ours in one domain, or all of them, over a choice of texts.

    Attributes:
        k: draft tokens of the longest round. lengths: rounds by their draft tokens, 0 where there was no
            draft; the first round of a text included, as in all means but the next.
        tokens_per_round: behind the first round, which reads the prompt. drafted: draft tokens a round.
        v: the target's forward of a round on average, in T_target(1). c: as timed with ``timed_draft``.
        free: speedup over plain decoding if drafts cost nothing, tokens_per_round / v.
        predicted: with their price, tokens_per_round / (v + drafted c); None for a draft that was not timed.
        measured: over our plain decoding, behind the first round; low, high: its interval over prompts.
        round_cost: of a round by the clock, in steps of plain decoding. draft_cost: what that leaves for a
            draft token beyond v, everything else in a round included; None without drafts.
        alpha: with which drafts of k tokens in every round would bring as much.
    """

    domain: str
    texts: str
    arm: str
    k: int
    lengths: Mapping[int, int]
    drafted: float
    tokens_per_round: float
    v: float
    c: float
    free: float
    predicted: float | None
    measured: float
    low: float
    high: float
    num_prompts: int
    has_interval: bool
    round_cost: float
    draft_cost: float | None
    alpha: float


def rounds_table(
    records: Sequence[Record], timed_draft: str = "lookup", *, level: float = 0.95, draws: int = 2000
) -> list[RoundsRow]:
    """One row an eager drafting arm, a domain (``all`` of them first) and a choice of texts; temperature 0.

    Args:
        records: one session. timed_draft: the drafter that its costs were timed with.

    Raises:
        RecordError: the session has no costs.
    """
    costs, table = costs_of(records), []
    eager = {name: arm for name, arm in arms_of(records).items() if arm.library == OURS and not arm.compiled}
    plain = [name for name, arm in eager.items() if arm.method == PLAIN]
    for domain, texts, part in parts_of(records):
        below = [run for name in plain for run in _runs(part, name)]
        for name, arm in eager.items():
            own = [] if name in plain or arm.refused else _runs(part, name)
            c = costs.c if arm.drafter == timed_draft else None
            if own and (row := _row((domain, texts, name), below, own, costs, c, level, draws)):
                table.append(row)
    return table


def verify_cost(costs: Costs, k: int) -> float:
    """v(k): as timed; on the straight line between its neighbours, or beyond the last, where it was not.

    >>> verify_cost(Costs(None, {1: 1.0}, 0.0, 0.0, {2: 1.5, 4: 2.5}), 3)
    2.0
    """
    known = {0: 1.0, **costs.v}
    widths = sorted(known)
    last = widths[-1]
    if k > last > 0:
        return 1.0 + (known[last] - 1.0) * k / last
    return float(np.interp(k, widths, [known[width] for width in widths]))


def _runs(records: Sequence[Record], arm: str) -> list[Run]:
    """The timed runs of an arm at temperature 0."""
    return [
        Run(run.config, run.prompt_id, run.prompt_tokens, run.repeat, run.result)
        for run in of_kind(records, PeerRecord)
        if run.decoder == arm and run.config.temperature == 0
    ]


def _row(
    names: tuple[str, str, str],
    below: Sequence[Run],
    own: Sequence[Run],
    costs: Costs,
    c: float | None,
    level: float,
    draws: int,
) -> RoundsRow | None:
    """None where the clock has nothing to compare, or no text went on behind its first round."""
    domain, texts, arm = names
    asked = {"decode_only": True, "level": level, "draws": draws}
    measured = speedup_row([*below, *own], 0.0, domain, own[0].k, **asked)
    later = sum(run.forwards - 1 for run in own)
    if measured is None or not later:
        return None
    lengths = _lengths(own)
    rounds = sum(lengths.values())
    drafted = sum(k * number for k, number in lengths.items()) / rounds
    v = sum(verify_cost(costs, k) * number for k, number in lengths.items()) / rounds
    tokens = max(1.0, sum(run.decode_tokens for run in own) / later)
    round_cost = implied_round_cost(tokens, measured.speedup)
    kept = ("low", "high", "num_prompts", "has_interval")
    return RoundsRow(
        domain=domain,
        texts=texts,
        arm=arm,
        k=max(lengths),
        lengths=lengths,
        drafted=drafted,
        tokens_per_round=tokens,
        v=v,
        c=costs.c,
        free=tokens / v,
        predicted=None if c is None else tokens / (v + drafted * c),
        measured=measured.speedup,
        **{name: measured[name] for name in kept},
        round_cost=round_cost,
        draft_cost=(round_cost - v) / drafted if drafted else None,
        alpha=_alpha(tokens, max(lengths)),
    )


def _lengths(runs: Sequence[Run]) -> dict[int, int]:
    """Rounds by their draft tokens, the shortest first."""
    counts = Counter(k for run in runs for k in run.result.drafted_per_round)
    counts[0] += sum(run.forwards - len(run.result.drafted_per_round) for run in runs)
    return {k: counts[k] for k in sorted(counts) if counts[k]}


def _alpha(tokens: float, k: int) -> float:
    """Of drafts of k tokens that bring so many a round; 0 without drafts, 1 where no more could come."""
    if not k:
        return 0.0
    return alpha_of_mean(min(float(k), tokens - 1.0), k)
