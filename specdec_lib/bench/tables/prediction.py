"""Predicted against measured: S = E / (K c + v + o) from its measured parts.

c and v(K) come from single forwards timed by themselves, o from the profiled rounds, alpha from
the counts of the timed runs; the speedup that they predict is compared with the one that the
timed runs show, which none of the four has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from specdec_lib.bench.records.kinds import CostsRecord, ProfileRecord, Record, of_kind
from specdec_lib.bench.records.parts import ForwardTimes
from specdec_lib.bench.records.runs import Run, cells, pool, runs_of, select
from specdec_lib.bench.records.schema import PHASES
from specdec_lib.bench.tables.rows import Costs, PhaseRow, PredictionRow
from specdec_lib.bench.tables.summary import speedup_row
from specdec_lib.errors import RecordError
from specdec_lib.profiling.metrics import BenchmarkConfig
from specdec_lib.theory.checks import positive, quantity, whole
from specdec_lib.theory.speedup import expected_tokens, speedup

_AS_MEASURED = ("temperature", "domain", "k", "low", "high", "num_prompts", "has_interval")
"""What a prediction takes over from its row of the speedup as it is."""
_TOTALS = ("rounds", "tokens", "drafted", "total_ms", *(f"{name}_ms" for name in PHASES))


def costs_of(records: Sequence[Record]) -> Costs:
    """Median costs of single forwards, from the session's last record of them.

    Raises:
        RecordError: the session has no record of kind ``costs``, or an incomplete one.
    """
    last = next(of_kind(reversed(records), CostsRecord), None)
    if last is None:
        raise RecordError("prediction: no record of the forwards' costs; run the benchmark with profile=True")
    return costs_in(last.costs)


def costs_in(measured: ForwardTimes) -> Costs:
    """Median costs of single forwards.

    Raises:
        RecordError: the target's or the draft's forward of width 1 is missing, or took no time.
    """
    try:
        times = {
            (model, whole(width, "width", 1)): positive(1e3 * seconds, "a median")
            for (model, width), seconds in measured.medians.items()
        }
        draft_ms, one = times["draft", 1], times["target", 1]
    except (KeyError, ValueError) as error:
        raise RecordError(
            f"prediction: the record of the forwards' costs is not complete ({error}); measure again"
        ) from error
    target = {width: ms for (model, width), ms in sorted(times.items()) if model == "target"}
    v = {width - 1: ms / one for width, ms in target.items() if width > 1}
    return Costs(measured.context_length, target, draft_ms, draft_ms / one, v)


def phase_table(records: Sequence[Record]) -> list[PhaseRow]:
    """Where a round's time goes, from the profiled runs: rounds after the first, all domains together.

    Raises:
        RecordError: the phases of a profiled run are not complete.
    """
    profiled: dict[tuple[float, int], list[Mapping[str, float]]] = {}
    for record in of_kind(records, ProfileRecord):
        if record.config.policy:
            continue  # its rounds are of several lengths, and the formula is of one
        cell = record.config.temperature, record.config.K
        profiled.setdefault(cell, []).append(record.phases)
    return [_phase_row(*cell, profiled[cell]) for cell in sorted(profiled)]


def _phase_row(temperature: float, k: int, phases: Sequence[Mapping[str, float]]) -> PhaseRow:
    try:
        total = {name: sum(quantity(p[name], name) for p in phases) for name in _TOTALS}
    except (KeyError, ValueError) as error:
        raise RecordError(
            f"prediction: the phases of a profiled run at K = {k} are not complete ({error}); measure again"
        ) from error
    rounds = total["rounds"] or 1
    spent = {f"{name}_ms": total[f"{name}_ms"] / rounds for name in PHASES}
    round_ms = total["total_ms"] / rounds
    return PhaseRow(
        temperature,
        BenchmarkConfig("pair", k, 0.0, 1, "domain", 0).decoder_label,
        k,
        num_rounds=total["rounds"],
        tokens_per_round=total["tokens"] / rounds,
        drafted_per_round=total["drafted"] / rounds,
        round_ms=round_ms,
        **spent,
        other_ms=max(0.0, round_ms - sum(spent.values())),
    )


def overhead(phases: PhaseRow, costs: Costs) -> float:
    """o of a profiled round: all that is neither verification nor the draft's forwards, in T_target(1)."""
    rest = phases.round_ms - phases.verify_ms - phases.drafted_per_round * costs.draft_ms
    return max(0.0, rest) / costs.forward_ms


def prediction_table(records: Sequence[Record], *, draws: int = 2000) -> list[PredictionRow]:
    """Predicted and measured speedup of every cell, with each part of the prediction.

    ``measured`` leaves out the first round of every run, because the formula is about rounds that
    do not read a prompt; ``measured_whole`` is the whole run, prompt included. What lies between predicted
    and measured is the matter of ``specdec_lib.bench.explain``.

    Raises:
        RecordError: the costs or the profiled runs are missing.
    """
    runs, costs, table = runs_of(records), costs_of(records), []
    profiled = {(row.temperature, row.k): row for row in phase_table(records)}
    for cell in cells(runs):
        phases = profiled.get((cell[0], cell[2]))
        row = prediction_row(runs, *cell, costs, phases, draws=draws)
        if row is None:
            continue
        if phases is None:
            raise RecordError(
                f"prediction: no profiled run at K = {cell[2]}; run the benchmark with profile=True"
            )
        table.append(row)
    return table


def prediction_row(
    runs: Sequence[Run],
    temperature: float,
    domain: str,
    k: int,
    costs: Costs,
    phases: PhaseRow | None,
    *,
    draws: int = 2000,
) -> PredictionRow | None:
    """One row of :func:`prediction_table`; None where no prompt was run by both arms, or no draft judged.

    Args:
        phases: the cell's row of :func:`phase_table`; without one the overhead is taken as 0.
    """
    row = speedup_row(runs, temperature, domain, k, decode_only=True, draws=draws)
    whole_runs = speedup_row(runs, temperature, domain, k, draws=1)
    chosen = select(runs, temperature, domain, k)
    alpha = pool(run.result for run in chosen).alpha_hat
    if row is None or whole_runs is None or alpha is None:
        return None
    c, v = costs.c, costs.v[k]
    o = 0.0 if phases is None else overhead(phases, costs)
    later_tokens = sum(run.decode_tokens for run in chosen)
    return PredictionRow(
        **{name: row[name] for name in _AS_MEASURED},
        alpha_hat=alpha,
        c=c,
        v=v,
        overhead=o,
        baseline=1e3 / row.ar_tokens_per_second / costs.forward_ms,
        expected_tokens=expected_tokens(alpha, k),
        tokens_per_round=later_tokens / max(1, sum(run.forwards - 1 for run in chosen)),
        predicted=speedup(alpha, k, c, v, o),
        measured=row.speedup,
        measured_whole=whole_runs.speedup,
    )
