"""The rows of a sweep's tables: what each column means, on one page.

A *setup* is all of a cell but its draft length, its domain and its temperature: models, verifier, dtype,
machine, library. It goes by a short name that no other setup of the file has. A *group* is the cells of one
setup, domain, temperature and draft length, whose seeds and repeats are pooled. Intervals are over prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False, kw_only=True)
class SetupRow(Row):
    """A setup: what ran, on which machine (``environment``), and of what its cells were made (hashes).

    ``baseline_low`` and ``_high`` are the slowest and fastest baseline of a cell, tokens a second behind the
    first round; ``has_changed`` where they are too far apart for one machine. ``num_prompts`` are those of a
    group, each number that occurs; ``is_model`` where a model drafts.
    """

    setup: str
    pair: str
    target: str
    draft: str
    verifier: str | None
    dtype: str
    compiled: bool
    batch: int
    engine: str
    max_new_tokens: int
    device: str
    machine: str
    environment: Mapping[str, Any]
    made_of: Mapping[str, str]
    sweeps: list[str]
    domains: list[str]
    lengths: list[str]
    temperatures: list[float]
    first_time: str
    last_time: str
    num_cells: int
    num_groups: int
    baseline_low: float | None
    baseline_high: float | None
    has_changed: bool
    num_prompts: list[int]
    is_model: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupRow(Row):
    """Which group: ``length`` is the draft length as it was asked for, ``k`` the most tokens of a draft."""

    setup: str
    temperature: float
    domain: str
    length: str
    k: int


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupSpeedup(GroupRow):
    """Speed of the draft over its own baseline, total over total; one prompt gives no interval.

    ``num_identical`` of ``num_compared`` texts have the baseline's ids.
    """

    speedup: float
    low: float
    high: float
    has_interval: bool
    ar_tokens_per_second: float
    sd_tokens_per_second: float
    num_prompts: int
    num_pairs: int
    num_cells: int
    num_identical: int
    num_compared: int


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupAcceptance(GroupRow):
    """Accepted / (accepted + rejections), with its interval; accepted / drafted; tokens a round."""

    alpha_hat: float
    alpha_low: float
    alpha_high: float
    has_interval: bool
    acceptance_rate: float
    mean_acceptance_length: float
    num_rounds: int
    num_draft_tokens: int
    num_accepted_draft_tokens: int
    num_prompts: int


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupPosition(GroupRow):
    """Acceptance at one position, as :class:`specdec_lib.bench.tables.rows.PositionRow` has it."""

    position: int
    num_drafted: int
    num_reached: int
    num_accepted: int
    unconditional: float | None
    conditional: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class TextsRow(Row):
    """α̂ of each text of a domain, all draft lengths together, in order; and of all of them."""

    setup: str
    temperature: float
    domain: str
    alphas: list[float]
    alpha_hat: float
    alpha_low: float
    alpha_high: float
    has_interval: bool
    num_prompts: int


@dataclass(frozen=True, eq=False, kw_only=True)
class ArmLatency(Row):
    """Time per output token behind the first round, of all domains; ``quantiles_ms`` are 201, evenly spaced,
    and as fine as the bins, 2.2 %. ``ttft_ms`` is the mean time to the first token. A baseline is
    ``beside`` the draft length of its own cells; "" where those of all lengths are alike, and of a draft."""

    setup: str
    temperature: float
    decoder: str
    k: int
    beside: str
    num_tokens: int
    tpot_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    ttft_ms: float
    quantiles_ms: list[float]


@dataclass(frozen=True, eq=False, kw_only=True)
class ArmPhases(Row):
    """Where a profiled round's time goes, and ``step_ms``, a step of the baseline of the same cells."""

    setup: str
    temperature: float
    decoder: str
    k: int
    num_rounds: float
    tokens_per_round: float
    drafted_per_round: float
    round_ms: float
    draft_ms: float
    verify_ms: float
    sampling_ms: float
    rollback_ms: float
    other_ms: float
    step_ms: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class TimelineRow(Row):
    """The rounds of one profiled text, one after the other; milliseconds as in :class:`ArmPhases`."""

    setup: str
    temperature: float
    domain: str
    length: str
    rounds: list[dict[str, float]]


@dataclass(frozen=True, eq=False, kw_only=True)
class ForwardRow(Row):
    """A model's forward of some width, and what it implies where bytes of weights and parameters are known:
    GB/s of weights read, GFLOP/s, FLOP/byte.

    ``ratio`` to its width 1 and ``over_target``, to the target's width 1, are medians over cells of ratios
    within a cell; ``ms``, with quartiles, is ``over_target`` times the median of the target's width 1.
    """

    setup: str
    model: str
    name: str
    width: int
    ms: float
    low_ms: float
    high_ms: float
    num_cells: int
    ratio: float | None
    over_target: float | None
    weights_mb: float | None
    gigabytes_per_second: float | None
    gigaflops: float | None
    intensity: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupPrediction(GroupRow):
    """E / (K c + v + o) beside the speedup behind the first round; ``difference``: measured / predicted
    − 1."""

    alpha_hat: float
    c: float
    v: float
    overhead: float
    has_overhead: bool
    predicted: float
    measured: float
    low: float
    high: float
    has_interval: bool
    difference: float
    is_inside: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class CellStage(Row):
    """A stage of a cell's session: most MiB held in it and its seconds, median and most over cells."""

    setup: str
    stage: str
    memory_mb: float | None
    most_memory_mb: float | None
    seconds: float | None
    num_cells: int


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparedRow(GroupRow):
    """A group of one file over the same group of another, B / A each; ``is_paired`` where both had the same
    prompts. ``name`` is what both setups have in common."""

    name: str
    is_paired: bool
    has_interval: bool
    num_prompts: int
    speedup_a: float
    speedup_b: float
    draft: float
    draft_low: float
    draft_high: float
    baseline: float
    baseline_low: float
    baseline_high: float
    speedup: float
    speedup_low: float
    speedup_high: float
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
