"""From records to tidy tables: speedup, acceptance by domain and by position, latency.

A table is a list of rows (:mod:`specdec_lib.bench.tables.rows`) in reading order. Every rate is totals over
totals (tokens over time, accepted over drafted), never a mean of per-run rates; rates of acceptance come from
:mod:`specdec_lib.profiling`. Nothing here draws, and nothing here times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specdec_lib.bench.records.runs import ALL_DOMAINS, Run, cells, pool, select
from specdec_lib.bench.tables.bootstrap import bootstrap_interval, by_prompt
from specdec_lib.bench.tables.rows import AcceptanceRow, LatencyRow, PositionRow, SpeedupRow
from specdec_lib.profiling.acceptance import rejecting_rounds

_QUANTILES = 201


# -- speedup ---------------------------------------------------------------------------------


def speedup_table(
    runs: Sequence[Run], *, decode_only: bool = False, level: float = 0.95, draws: int = 2000
) -> list[SpeedupRow]:
    """Speedup by temperature, domain (and ``all`` of them) and K, with a paired bootstrap interval.

    A block is a prompt at one repeat; it counts where both arms ran. The speedup is the ratio of
    total time over total tokens of the two arms.

    Args:
        decode_only: leave out the first round of each run, which also reads the prompt.
    """
    rows = (
        speedup_row(runs, *cell, decode_only=decode_only, level=level, draws=draws) for cell in cells(runs)
    )
    return [row for row in rows if row is not None]


def speedup_row(
    runs: Sequence[Run],
    temperature: float,
    domain: str,
    k: int,
    *,
    decode_only: bool = False,
    level: float = 0.95,
    draws: int = 2000,
) -> SpeedupRow | None:
    """One row of :func:`speedup_table`; None where no prompt was run, and timed, by both arms."""
    blocks = paired_blocks(runs, temperature, domain, k, decode_only)
    pairs = [row for prompts in blocks for rows in prompts for row in rows]
    if not pairs:
        return None
    ar_seconds, ar_tokens, sd_seconds, sd_tokens = np.sum(pairs, axis=0)
    return SpeedupRow(
        temperature,
        domain,
        k,
        *bootstrap_interval(blocks, time_ratio, level, draws),
        ar_tokens_per_second=float(ar_tokens / ar_seconds),
        sd_tokens_per_second=float(sd_tokens / sd_seconds),
        num_prompts=sum(map(len, blocks)),
        has_interval=min(map(len, blocks)) > 1,
        num_pairs=len(pairs),
    )


def shown_interval(row: Mapping[str, Any]) -> str:
    """The interval of a row for people, ``1.20–1.40``; a dash where a domain's one prompt gives none.

    >>> shown_interval({"low": 1.2, "high": 1.4, "has_interval": True})
    '1.20–1.40'
    """
    return f"{row['low']:.2f}–{row['high']:.2f}" if row["has_interval"] else "–"


def time_ratio(totals: np.ndarray) -> np.ndarray:
    """The speedup of each row of totals: seconds a token of AR over SD's; see :func:`paired_blocks`."""
    ar_seconds, ar_tokens, sd_seconds, sd_tokens = totals.T
    return (ar_seconds / ar_tokens) / (sd_seconds / sd_tokens)


def paired_blocks(
    runs: Sequence[Run], temperature: float, domain: str, k: int, decode_only: bool = False
) -> list[list[np.ndarray]]:
    """By domain, by prompt: rows (AR seconds, AR tokens, SD seconds, SD tokens), one a repeat.

    A repeat in which an arm took no time or emitted nothing says nothing about speed, and is left out.
    """
    arms: dict[int, dict[tuple[str, str, int], tuple[float, int]]] = {0: {}, k: {}}
    for run in select(runs, temperature, domain):
        if run.k in arms:
            whole = (run.result.total_time, run.result.num_tokens)
            arms[run.k][run.place] = (run.decode_seconds, run.decode_tokens) if decode_only else whole
    both = [(at[:2], (*arms[0][at], *arms[k][at])) for at in arms[0].keys() & arms[k].keys()]
    return by_prompt(sorted((prompt, row) for prompt, row in both if min(row) > 0))


# -- acceptance ------------------------------------------------------------------------------


def acceptance_table(runs: Sequence[Run], *, level: float = 0.95, draws: int = 2000) -> list[AcceptanceRow]:
    """Acceptance by temperature, domain (and ``all``) and K, counts pooled over runs."""
    table = []
    for cell in cells(runs):
        chosen = select(runs, *cell)
        pooled = pool(run.result for run in chosen)
        if pooled.alpha_hat is None or pooled.acceptance_rate is None:  # no draft token was judged
            continue
        table.append(
            AcceptanceRow(
                *cell,
                *bootstrap_interval(_verdicts(chosen), lambda t: t[:, 0] / t.sum(axis=1), level, draws),
                acceptance_rate=pooled.acceptance_rate,
                mean_acceptance_length=pooled.mean_acceptance_length or 1.0,
                num_rounds=len(pooled.accepted_per_round),
                num_draft_tokens=sum(pooled.drafted_per_round),
                num_accepted_draft_tokens=sum(pooled.accepted_per_round),
            )
        )
    return table


def position_table(runs: Sequence[Run]) -> list[PositionRow]:
    """Acceptance by position of the draft token in its round, under both conventions."""
    table = []
    for cell in cells(runs):
        pooled = pool(run.result for run in select(runs, *cell))
        rounds = list(zip(pooled.accepted_per_round, pooled.drafted_per_round, strict=True))
        conditionals = pooled.acceptance_by_position_conditional
        for index, unconditional in enumerate(pooled.acceptance_by_position_unconditional):
            drafted = sum(d > index for _, d in rounds)
            reached = sum(d > index and a >= index for a, d in rounds)
            accepted = sum(a > index for a, _ in rounds)
            rates = unconditional, conditionals[index]
            table.append(PositionRow(*cell, index + 1, drafted, reached, accepted, *rates))
    return table


def _verdicts(runs: Sequence[Run]) -> list[list[np.ndarray]]:
    """By domain, by prompt: rows (accepted, rejecting rounds), one a repeat that has verdicts."""
    rows: list[tuple[tuple[str, str], list[float]]] = []
    for run in runs:
        rejecting = rejecting_rounds(run.result.accepted_per_round, run.result.drafted_per_round)
        rows.append((run.place[:2], [run.result.num_accepted_draft_tokens or 0, rejecting]))
    return by_prompt((prompt, counts) for prompt, counts in rows if any(counts))


# -- latency ---------------------------------------------------------------------------------


def latency_table(runs: Sequence[Run]) -> list[LatencyRow]:
    """Time per output token by temperature and decoder, over all domains.

    A token's latency is its round's time over its round's tokens; the first round of each run,
    which reads the prompt, is left out (it is the time to the first token).
    """
    table = []
    for temperature in sorted({run.config.temperature for run in runs}):
        for k in sorted({run.k for run in runs}):
            chosen = [r for r in select(runs, temperature, ALL_DOMAINS, k) if r.decode_tokens > 0]
            latencies = [1e3 * t for r in chosen for t in r.result.per_token_latencies[r.first_tokens :]]
            if latencies:
                table.append(_latency_row(temperature, chosen, latencies))
    return table


def _latency_row(temperature: float, runs: Sequence[Run], latencies_ms: Sequence[float]) -> LatencyRow:
    quantiles = np.quantile(latencies_ms, np.linspace(0, 1, _QUANTILES))
    p50, p95, p99 = np.quantile(latencies_ms, [0.5, 0.95, 0.99])
    return LatencyRow(
        temperature,
        decoder=runs[0].config.decoder_label,
        k=runs[0].k,
        num_tokens=len(latencies_ms),
        tpot_ms=1e3 * sum(r.decode_seconds for r in runs) / sum(r.decode_tokens for r in runs),
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        ttft_ms=1e3 * sum(r.result.time_to_first_token for r in runs) / len(runs),
        quantiles_ms=[round(float(q), 4) for q in quantiles],
    )
