"""Time: of a token, of a round and its phases, of one text round by round, and of a cell's stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from specdec_lib.bench.records.kinds.counts import bin_seconds
from specdec_lib.bench.records.schema import PHASES
from specdec_lib.bench.tables.cells import counting
from specdec_lib.bench.tables.cells.counting import Counted
from specdec_lib.bench.tables.cells.gathering import COLUMNS, Gathered
from specdec_lib.bench.tables.cells.rows import ArmLatency, ArmPhases, CellStage, TimelineRow
from specdec_lib.bench.tables.cells.setups import CellGroup
from specdec_lib.bench.tables.cells.within import ALIKE

BASELINE = "AR"
BESIDE = "AR beside {}"
_QUANTILES = np.linspace(0, 1, 201)
_ROUND: tuple[str, ...] = (
    "drafted",
    "accepted",
    "draft_ms",
    "verify_ms",
    "sampling_ms",
    "rollback_ms",
    "total_ms",
)
_STAGES = ("kernel", "load", "warm_up", "runs", "costs", "profile")

_Arm = tuple[str, float, int, str]
"""Setup, temperature, K (0: the baseline) and decoder."""


def decoder_name(group: CellGroup) -> str:
    """ "K = 4", or the policy that decides."""
    return f"K = {group.length}" if group.length.isdigit() else group.length


def _arms(gathered: Gathered) -> list[tuple[_Arm, _Arm]]:
    """Of each group its baseline and its draft; all domains together."""
    arms = []
    for group in gathered.groups:
        at = gathered.setups[group.setup].name, group.temperature
        arms.append(((*at, 0, BASELINE), (*at, group.k, decoder_name(group))))
    return arms


def _with_own_baselines(counted: Counted, arms: list[tuple[_Arm, _Arm]]) -> list[tuple[_Arm, _Arm]]:
    """The arms with one baseline for all draft lengths where it ran alike beside them, else one for each."""
    steps = dict[_Arm, Any]()
    for number, (_, arm) in enumerate(arms):
        steps[arm] = steps.get(arm, 0.0) + counted.totals[number].rows[:, counting.DECODE].sum(0)
    speeds = dict[_Arm, list[float]]()
    for baseline, arm in arms:
        seconds, tokens = steps[arm][:2]
        speeds.setdefault(baseline, []).extend([tokens / seconds] if seconds else [])
    unlike = {baseline for baseline, own in speeds.items() if own and max(own) > ALIKE * min(own)}
    return [
        ((*baseline[:3], BESIDE.format(arm[3])) if baseline in unlike else baseline, arm)
        for baseline, arm in arms
    ]


# -- of a token ------------------------------------------------------------------------------


def latency_rows(counted: Counted) -> list[ArmLatency]:
    """Time per output token by setup, temperature and arm, from the bins of all its groups."""
    gathered = counted.gathered
    of_group = _with_own_baselines(counted, _arms(gathered))
    arms = sorted({arm for both in of_group for arm in both})
    numbers = {arm: index for index, arm in enumerate(arms)}
    owner = np.array([[numbers[arm] for arm in both] for both in of_group], dtype=np.int64)
    table = gathered.latencies
    widest = int(table[:, 1].max(initial=0)) + 1
    places = owner.reshape(-1)[table[:, 0]] * widest + table[:, 1]
    bins = np.bincount(places, weights=table[:, 2], minlength=len(arms) * widest).reshape(len(arms), widest)
    sums = _sums_of_arms(counted, owner, len(arms))
    return [
        _latency(arm, counts, total)
        for arm, counts, total in zip(arms, bins, sums, strict=True)
        if counts.any()
    ]


def _sums_of_arms(counted: Counted, owner: np.ndarray, number: int) -> Float[np.ndarray, "arms 4"]:
    """Seconds and tokens behind the first round, seconds to the first token, and texts, of each arm."""
    values, blocks = counted.values, counted.gathered.blocks
    decode = values[:, counting.DECODE]
    first = blocks[:, [COLUMNS.index("ar_first_seconds"), COLUMNS.index("sd_first_seconds")]]
    sums = np.zeros((number, 4))
    for side in (0, 1):
        own = np.column_stack([decode[:, 2 * side : 2 * side + 2], first[:, side], values[:, counting.TEXTS]])
        np.add.at(sums, owner[counted.gathered.owners, side], own)
    return sums


def _latency(arm: _Arm, counts: Float[np.ndarray, " bins"], total: Float[np.ndarray, " 4"]) -> ArmLatency:
    reached = np.cumsum(counts)
    found = np.searchsorted(reached, np.r_[_QUANTILES, 0.5, 0.95, 0.99] * reached[-1])
    first = int(np.flatnonzero(counts)[0])
    at_ms = [1e3 * bin_seconds(max(first, int(number)) + 0.5) for number in found]
    seconds, tokens, first_seconds, texts = (float(one) for one in total)
    setup, temperature, k, decoder = arm
    return ArmLatency(
        setup=setup,
        temperature=temperature,
        decoder=decoder,
        k=k,
        beside="" if k else decoder.removeprefix(BASELINE).removeprefix(" beside "),
        num_tokens=int(reached[-1]),
        tpot_ms=1e3 * seconds / tokens if tokens else at_ms[-3],
        p50_ms=at_ms[-3],
        p95_ms=at_ms[-2],
        p99_ms=at_ms[-1],
        ttft_ms=1e3 * first_seconds / texts,
        quantiles_ms=[float(f"{one:.5g}") for one in at_ms[:-3]],
    )


# -- of a round ------------------------------------------------------------------------------


def phase_rows(gathered: Gathered) -> list[ArmPhases]:
    """Where a profiled round's time goes, by setup, temperature and draft length; domains together."""
    totals = dict[_Arm, dict[str, float]]()
    for number, (_, arm) in enumerate(_arms(gathered)):
        total = totals.setdefault(arm, {})
        for name, amount in gathered.phases.get(number, {}).items():
            total[name] = total.get(name, 0.0) + amount
    return [_phases(arm, totals[arm]) for arm in sorted(totals) if totals[arm].get("rounds")]


def _phases(arm: _Arm, total: Mapping[str, float]) -> ArmPhases:
    setup, temperature, k, decoder = arm
    rounds, steps = total["rounds"], total.get("step_rounds")
    spent = {f"{name}_ms": total.get(f"{name}_ms", 0.0) / rounds for name in PHASES}
    round_ms = total["total_ms"] / rounds
    return ArmPhases(
        setup=setup,
        temperature=temperature,
        decoder=decoder,
        k=k,
        num_rounds=rounds,
        tokens_per_round=total["tokens"] / rounds,
        drafted_per_round=total["drafted"] / rounds,
        round_ms=round_ms,
        **spent,
        other_ms=max(0.0, round_ms - sum(spent.values())),
        step_ms=total["step_ms"] / steps if steps else None,
    )


def timeline_rows(gathered: Gathered) -> list[TimelineRow]:
    """The rounds of one profiled text for each setup, temperature and draft length that has them."""
    rows = []
    for facts in gathered.setups.values():
        for (temperature, length), cell in facts.rounds.items():
            told = [dict(zip(_ROUND, one, strict=False)) for one in cell.rounds or [] if len(one) >= 7]
            place = {"setup": facts.name, "temperature": temperature, "length": length}
            if told:
                rows.append(TimelineRow(**place, domain=cell.config.prompt_domain, rounds=told))
    return rows


# -- of a cell -------------------------------------------------------------------------------


def stage_rows(gathered: Gathered) -> list[CellStage]:
    """Memory and seconds of each stage of a setup's cells, in the order in which a cell goes through them."""
    rows = []
    for facts in gathered.setups.values():
        known = [stage for stage in _STAGES if stage in facts.stages]
        for stage in [*known, *(stage for stage in facts.stages if stage not in _STAGES)]:
            memory, seconds = facts.stages[stage]
            rows.append(
                CellStage(
                    setup=facts.name,
                    stage=stage,
                    memory_mb=float(np.median(memory)) if memory else None,
                    most_memory_mb=max(memory) if memory else None,
                    seconds=float(np.median(seconds)) if seconds else None,
                    num_cells=facts.num_cells,
                )
            )
    return rows
