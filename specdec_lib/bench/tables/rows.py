"""The rows of all tables: what each column means, on one page.

How a row is read says :mod:`specdec_lib.utils.row`. Times are in milliseconds unless a name says
otherwise; ``k`` is the draft length, 0 the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specdec_lib.utils.row import Row


@dataclass(frozen=True, eq=False)
class CellRow(Row):
    """What is known of one cell."""

    temperature: float
    domain: str
    k: int


@dataclass(frozen=True, eq=False)
class SpeedupRow(CellRow):
    """A cell's speedup; without ``has_interval`` a domain's one prompt leaves nothing to draw among."""

    speedup: float
    low: float
    high: float
    ar_tokens_per_second: float
    sd_tokens_per_second: float
    num_prompts: int
    has_interval: bool
    num_pairs: int


@dataclass(frozen=True, eq=False)
class AcceptanceRow(CellRow):
    """A cell's acceptance: alpha and its bootstrap interval over prompts, accepted / drafted, and tokens a
    forward (1 + accepted / rounds)."""

    alpha_hat: float
    alpha_low: float
    alpha_high: float
    acceptance_rate: float
    mean_acceptance_length: float
    num_rounds: int
    num_draft_tokens: int
    num_accepted_draft_tokens: int


@dataclass(frozen=True, eq=False)
class PositionRow(CellRow):
    """Acceptance at one position (from 1): accepted / drafted, which is vLLM's, and accepted / reached.

    A round reaches a position where it accepted all before it; ``conditional`` is None where none did.
    """

    position: int
    num_drafted: int
    num_reached: int
    num_accepted: int
    unconditional: float | None
    conditional: float | None


@dataclass(frozen=True, eq=False)
class LatencyRow(Row):
    """Time per output token after the first round; ``quantiles_ms`` are 201, evenly spaced."""

    temperature: float
    decoder: str
    k: int
    num_tokens: int
    tpot_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    ttft_ms: float
    quantiles_ms: list[float]


@dataclass(frozen=True, eq=False)
class PhaseRow(Row):
    """Where a profiled round's time goes: round = draft + verify + sampling + rollback + other."""

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


@dataclass(frozen=True, eq=False)
class Costs(Row):
    """Median costs of single forwards: ``target_ms`` by width; ``c`` = T_draft(1) / T_target(1); ``v`` =
    T_target(K + 1) / T_target(1) by K. Behind ``context_length`` tokens, where that was recorded."""

    context_length: int | None
    target_ms: Mapping[int, float]
    draft_ms: float
    c: float
    v: Mapping[int, float]

    @property
    def forward_ms(self) -> float:
        """T_target(1), the unit of all costs."""
        return self.target_ms[1]


@dataclass(frozen=True, eq=False)
class PredictionRow(CellRow):
    """Predicted beside measured: ``baseline`` is T of an autoregressive step in T_target(1), ``measured`` the
    speedup after the first round, which reads the prompt, and ``measured_whole`` that of whole runs."""

    alpha_hat: float
    c: float
    v: float
    overhead: float
    baseline: float
    expected_tokens: float
    tokens_per_round: float
    predicted: float
    measured: float
    low: float
    high: float
    num_prompts: int
    has_interval: bool
    measured_whole: float


@dataclass(frozen=True, eq=False)
class PeerRow(Row):
    """An arm's rate and its ratio to the reference's; ``recompiled`` counts timed runs in which something was
    compiled after all, ``cut`` texts that ended before all tokens were there, whose blocks are left out. Of
    ``compared`` texts at temperature 0 ``identical`` are the reference's. What was not measured is None."""

    temperature: float
    arm: str
    library: str | None
    method: str | None
    k: int | None
    compiled: bool | None
    refused: str | None
    compile_seconds: float | None
    tokens_per_second: float | None
    num_tokens: int
    num_runs: int
    recompiled: int
    cut: int
    compared: int
    identical: int
    ratio: float | None
    low: float | None
    high: float | None
    num_prompts: int
    has_interval: bool


@dataclass(frozen=True, eq=False)
class RatioRow(Row):
    """The best arm of one side over the best of another; ``missing``: why there is no ratio."""

    temperature: float
    name: str
    missing: str | None
    above: str | None
    below: str | None
    ratio: float | None
    low: float | None
    high: float | None
    num_prompts: int
    has_interval: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class DomainRow(Row):
    """An arm in one domain, or all of them, over the best plain decoding there; ``texts`` says which of them.

    What was not measured, or not counted (rounds of another library), is None."""

    domain: str
    texts: str
    arm: str
    library: str | None
    method: str | None
    compiled: bool | None
    refused: str | None
    tokens_per_second: float | None
    ratio: float | None
    low: float | None
    high: float | None
    num_prompts: int
    num_runs: int
    has_interval: bool
    tokens_per_round: float | None
    acceptance_rate: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class DomainRatioRow(RatioRow):
    """A ratio of one domain, or all of them, over a choice of texts."""

    domain: str
    texts: str


@dataclass(frozen=True, eq=False)
class ScalingRow(Row):
    """An arm's time at one value of an axis ("context", "k" or "depth"): median and quartiles, and the
    median's ratio to that at the axis' smallest value."""

    vary: str
    value: int
    arm: str
    median: float
    low: float
    high: float
    ratio: float
    num_samples: int
    beyond_training: bool


@dataclass(frozen=True, eq=False)
class GrowthRow(Row):
    """By how much an arm's time grows from one value of an axis to another."""

    vary: str
    arm: str
    small: int
    large: int
    small_ms: float
    large_ms: float
    growth: float


@dataclass(frozen=True, eq=False)
class ChoiceRow(Row):
    """The K that some prompts chose, its speedup on them (claimed), and on others (delivered)."""

    k: int
    claimed: float
    delivered: float
