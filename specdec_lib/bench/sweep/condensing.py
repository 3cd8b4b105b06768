"""From the session that a cell's notebook recorded to the one record of the cell: counts, nothing derived.

A session of a cell has two arms, a baseline and a draft, at one temperature and in one domain. What is left
out are token ids and the latency of each token; they stay in the session's own file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from specdec_lib.bench.records.kinds import (
    ArmRecord,
    CellRecord,
    CostsRecord,
    ProfileRecord,
    Record,
    RunRecord,
    StagesRecord,
    of_kind,
)
from specdec_lib.bench.records.kinds.counts import ArmCounts, CellBlocks, binned
from specdec_lib.bench.records.parts import Facts, RecordedArm
from specdec_lib.bench.records.runs import Run
from specdec_lib.bench.records.schema import OURS
from specdec_lib.errors import RecordError


def cell_record(
    session: Sequence[Record],
    *,
    key: str,
    sweep: str,
    parameters: Mapping[str, Any],
    made_of: Mapping[str, str],
    engine: str = OURS,
    stages: Mapping[str, float] | None = None,
) -> CellRecord:
    """The record of a cell whose notebook left ``session``.

    Args:
        key, sweep, parameters, made_of: as :class:`~specdec_lib.bench.records.kinds.cells.CellRecord` has
            them.
        stages: seconds that the session does not know of, such as those of the kernel's start.

    Raises:
        RecordError: the session is not one of a cell: an arm is missing, or was refused.
    """
    runs = list(of_kind(session, RunRecord))
    refused = next((r for r in of_kind(session, ArmRecord) if r.arm.refused), None)
    if refused is not None:
        raise RecordError(f"cell: {refused.decoder} was refused: {refused.arm.refused}")
    plain, drafted = ([r for r in runs if bool(r.config.K) is is_draft] for is_draft in (False, True))
    if not plain or [_place(r) for r in plain] != [_place(r) for r in drafted]:
        raise RecordError(
            f"cell: its session has {len(plain)} runs of the baseline and {len(drafted)} of the draft, of "
            "which each block needs both"
        )
    told = next(of_kind(session, StagesRecord), None)
    profile = next((r for r in of_kind(session, ProfileRecord) if r.config.K), None)
    costs = next(of_kind(session, CostsRecord), None)
    first = drafted[0]
    made = CellRecord(
        key=key,
        sweep=sweep,
        pair=first.config.model_pair_name,
        parameters=dict(parameters),
        made_of=dict(made_of),
        config=first.config,
        config_hash=first.config_hash,
        engine=engine,
        baseline=_arm(plain[0], told),
        arm=_arm(first, told),
        blocks=CellBlocks(
            prompt_ids=[r.prompt_id for r in drafted],
            prompt_tokens=[r.prompt_tokens for r in drafted],
            repeats=[r.repeat for r in drafted],
            first_difference=[r.first_difference for r in drafted if r.first_difference is not None],
        ),
        baseline_counts=_counts(plain),
        counts=_counts(drafted),
        costs=None if costs is None else costs.costs,
        phases=None if profile is None else dict(profile.phases),
        rounds=None if told is None else told.rounds,
        seconds={**(stages or {}), **({} if told is None else told.seconds)},
        memory_mb=None if told is None else told.memory_mb,
    )
    return made.stamped(first)


def _place(run: RunRecord) -> tuple[str, int, int]:
    return run.prompt_id, run.repeat, run.seed


def _arm(run: RunRecord, told: StagesRecord | None) -> RecordedArm:
    """The facts of an arm, as the session tells them, or as its runs do."""
    if told is not None and run.decoder in told.arms:
        return RecordedArm.from_dict(told.arms[run.decoder])
    models, k = run.models, run.config.K
    draft = (models.get("draft") or {}).get("name") if k else None
    method = "speculative" if k else "autoregressive"
    policy = {"draft_length": run.config.policy} if run.config.policy else {}
    facts = Facts(OURS, method, k, drafter=draft, dtype=run.target_dtype, options=policy)
    return RecordedArm.of(facts)


def _counts(records: Sequence[RunRecord]) -> ArmCounts:
    """The columns of an arm."""
    runs = [Run(r.config, r.prompt_id, r.prompt_tokens, r.repeat, r.result) for r in records]
    results = [run.result for run in runs]
    rounds = [list(zip(r.drafted_per_round, r.accepted_per_round, strict=True)) for r in results]
    outcomes = Counter(pair for of_run in rounds for pair in of_run)
    later = [t for run in runs for t in run.result.per_token_latencies[run.first_tokens :]]
    return ArmCounts(
        turn=[record.turn or 0 for record in records],
        num_tokens=[r.num_tokens for r in results],
        seconds=[round(r.total_time, 9) for r in results],
        first_seconds=[round(r.time_to_first_token, 9) for r in results],
        first_tokens=[run.first_tokens for run in runs],
        num_forwards=[run.forwards for run in runs],
        num_drafts=[len(of_run) for of_run in rounds],
        num_draft_tokens=[sum(drafted for drafted, _ in of_run) for of_run in rounds],
        num_accepted_tokens=[sum(accepted for _, accepted in of_run) for of_run in rounds],
        num_rejections=[sum(accepted < drafted for drafted, accepted in of_run) for of_run in rounds],
        outcomes=[[drafted, accepted, number] for (drafted, accepted), number in sorted(outcomes.items())],
        latencies=binned(later),
    )
