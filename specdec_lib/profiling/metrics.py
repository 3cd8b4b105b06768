"""What came of a generation (GenerationResult): raw counts in, rates out.

Every rate of the project is derived here, once, from counts: acceptance_rate is accepted / drafted,
mean_acceptance_length is 1 + accepted / rounds, alpha_hat is the estimator of
:func:`specdec_lib.theory.speedup.estimate_alpha`. To pool over runs, concatenate the per-round lists and
use :mod:`specdec_lib.profiling.acceptance`; means of per-run rates are never formed.

Times without a unit in their name are seconds; names ending in _ms are milliseconds. Nothing here
knows models, tensors or tokenizers: a result is plain numbers, and its JSON never holds NaN or Infinity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, cast

import numpy as np

from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling import acceptance
from specdec_lib.profiling.config import BenchmarkConfig as BenchmarkConfig  # its home until 0.2
from specdec_lib.profiling.config import field_values
from specdec_lib.theory.checks import probability, quantity, whole
from specdec_lib.theory.dialects import acceptance_length

FINISH_REASONS = ("length", "eos", "stop", "interrupted")

_SECONDS = ("total_time", "time_to_first_token")
_MILLISECONDS = tuple(f"{phase}_time_total_ms" for phase in ("draft", "verify", "sampling", "rollback"))
COMPUTED = (
    "num_tokens",
    "is_speculative",
    "tokens_per_second",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "mean_acceptance_length",
    "alpha_hat",
    "acceptance_histogram",
    "acceptance_by_position_unconditional",
    "acceptance_by_position_conditional",
)


def latency_percentile(latencies: Sequence[float], percent: float) -> float:
    """The ``percent``-th percentile, linear between order statistics; 0.0 where there are no latencies."""
    return float(np.percentile(np.asarray(latencies, dtype=np.float64), percent)) if len(latencies) else 0.0


@dataclass(frozen=True)
class GenerationResult:
    """The tokens of one generation, its times, and its raw counts.

    Attributes:
        generated_ids: token ids emitted, prompt excluded, cut at the end that was reached.
        per_token_latencies: seconds a token; a round's time is spread over the tokens it emitted.
        total_time: seconds, prompt included.
        peak_memory_mb: MiB, in the sense of the watch that the caller used (``profiling.memory``); None
            where nobody watched.
        time_to_first_token: seconds from the call to the first token.
        acceptance_rate: accepted / drafted; derived where counts are given; None for autoregressive decoding.
        tokens_per_step: tokens emitted per target forward; derived where counts are given.
        num_speculation_rounds: target forwards that verified a draft (0 for autoregressive decoding).
        num_plain_rounds: target forwards of a speculative run that had no draft to verify: the drafter
            proposed nothing, or there was room for one token only.
        num_draft_tokens, num_accepted_draft_tokens: totals, correction and bonus excluded; by default the
            sums of the per-round lists, with which they must agree.
        drafted_per_round, accepted_per_round: the verdict of each round. A round that the end cut short
            counts a rejection only if it has one, that is, if it accepted fewer tokens than it drafted.
        draft_time_total_ms …: milliseconds by phase, measured in a separate, marked run; 0.0 otherwise.
        finish_reason: "length", "eos" or "stop"; "interrupted" where somebody ended it before the text did.
        trace: the rounds in full where they were asked for; neither compared nor serialised.

    Raises:
        InvalidArgument: a count or a time is negative or not finite, counts contradict each other, there are
            more latencies than tokens, or the finish reason is unknown.
    """

    generated_ids: list[int]
    per_token_latencies: list[float] = field(default_factory=list)
    total_time: float = 0.0
    peak_memory_mb: float | None = 0.0
    time_to_first_token: float = 0.0
    acceptance_rate: float | None = None
    tokens_per_step: float | None = None
    num_speculation_rounds: int | None = None
    draft_time_total_ms: float = 0.0
    verify_time_total_ms: float = 0.0
    sampling_time_total_ms: float = 0.0
    rollback_time_total_ms: float = 0.0
    num_draft_tokens: int | None = None
    num_accepted_draft_tokens: int | None = None
    num_plain_rounds: int = 0
    accepted_per_round: list[int] = field(default_factory=list)
    drafted_per_round: list[int] = field(default_factory=list)
    finish_reason: str = "length"
    trace: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._set("generated_ids", [whole(i, "a token id") for i in self._entries("generated_ids")])
        latencies = self._entries("per_token_latencies")
        self._set("per_token_latencies", [quantity(t, "a latency") for t in latencies])
        watched = () if self.peak_memory_mb is None else ("peak_memory_mb",)
        for name in (*_SECONDS, *watched, *_MILLISECONDS):
            self._set(name, quantity(getattr(self, name), name))
        if len(self.per_token_latencies) > len(self.generated_ids):
            raise InvalidArgument(
                f"GenerationResult got {len(self.per_token_latencies)} latencies for "
                f"{len(self.generated_ids)} tokens; cut ids and latencies alike where generation ended"
            )
        if self.finish_reason not in FINISH_REASONS:
            raise InvalidArgument(
                f"finish_reason: got {self.finish_reason!r}; pass one of {', '.join(FINISH_REASONS)}"
            )
        self._settle_counts()
        self._settle_rates()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _entries(self, name: str) -> Iterable[Any]:
        """A list's; a text or an object is none, though it has entries too."""
        values = getattr(self, name)
        if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
            raise InvalidArgument(f"{name} is a list: got {values!r:.40}; pass an entry a token, or a round")
        return cast(Iterable[Any], values)

    def _settle_counts(self) -> None:
        for name in ("accepted_per_round", "drafted_per_round"):
            self._set(name, [whole(n, name) for n in self._entries(name)])
        rounds = acceptance.paired_rounds(self.accepted_per_round, self.drafted_per_round)
        for name, total in (
            ("num_speculation_rounds", len(rounds)),
            ("num_draft_tokens", sum(self.drafted_per_round)),
            ("num_accepted_draft_tokens", sum(self.accepted_per_round)),
        ):
            given = getattr(self, name)
            number = total if given is None else whole(given, name)
            if rounds and number != total:
                raise InvalidArgument(
                    f"{name} is {number}, but the per-round lists say {total}; "
                    "pass one of the two, or make them agree"
                )
            self._set(name, number)
        self._set("num_plain_rounds", whole(self.num_plain_rounds, "num_plain_rounds"))
        if (self.num_accepted_draft_tokens or 0) > (self.num_draft_tokens or 0):
            raise InvalidArgument(
                f"GenerationResult got {self.num_accepted_draft_tokens} accepted of {self.num_draft_tokens} "
                "draft tokens; count a draft token once, and leave corrections and bonuses out"
            )

    def _settle_rates(self) -> None:
        rate, step = self.acceptance_rate, self.tokens_per_step
        rate = None if rate is None else probability(rate, "acceptance_rate")
        step = None if step is None else quantity(step, "tokens_per_step")
        if self.num_draft_tokens:
            rate = (self.num_accepted_draft_tokens or 0) / self.num_draft_tokens
        if self._has_counts and self.num_speculation_rounds:
            step = self.num_tokens / (self.num_speculation_rounds + self.num_plain_rounds)
        self._set("acceptance_rate", rate)
        self._set("tokens_per_step", step)

    @property
    def _has_counts(self) -> bool:
        return bool(self.accepted_per_round or self.num_draft_tokens)

    @property
    def num_tokens(self) -> int:
        """Tokens emitted."""
        return len(self.generated_ids)

    @property
    def is_speculative(self) -> bool:
        """Whether a draft took part: there were rounds, or a rate of acceptance was given."""
        return bool(self.num_speculation_rounds) or self.acceptance_rate is not None

    @property
    def tokens_per_second(self) -> float:
        """Tokens over total time; 0.0 where no time was measured."""
        return self.num_tokens / self.total_time if self.total_time > 0.0 else 0.0

    @property
    def latency_p50(self) -> float:
        """Median of the per-token latencies, seconds."""
        return latency_percentile(self.per_token_latencies, 50)

    @property
    def latency_p95(self) -> float:
        """95th percentile of the per-token latencies, seconds."""
        return latency_percentile(self.per_token_latencies, 95)

    @property
    def latency_p99(self) -> float:
        """99th percentile of the per-token latencies, seconds."""
        return latency_percentile(self.per_token_latencies, 99)

    @property
    def mean_acceptance_length(self) -> float | None:
        """1 + accepted / rounds: the bonus or correction is included. None without counts."""
        rounds = (self.num_speculation_rounds or 0) if self._has_counts else 0
        return acceptance_length(self.num_accepted_draft_tokens or 0, rounds)

    @property
    def alpha_hat(self) -> float | None:
        """Maximum-likelihood alpha; None where no per-round verdict says anything about it."""
        return acceptance.pooled_alpha_hat(self.accepted_per_round, self.drafted_per_round)

    @property
    def acceptance_histogram(self) -> list[int]:
        """Rounds by number of accepted draft tokens, as ``acceptance.acceptance_histogram`` counts them."""
        return acceptance.acceptance_histogram(self.accepted_per_round, self.drafted_per_round)

    @property
    def acceptance_by_position_unconditional(self) -> list[float]:
        """Entry i: of the rounds that drafted position i, the share that accepted it."""
        return acceptance.unconditional_acceptance(self.accepted_per_round, self.drafted_per_round)

    @property
    def acceptance_by_position_conditional(self) -> list[float | None]:
        """Entry i: of the rounds whose drafts before i were all accepted, the share that accepted i."""
        return acceptance.conditional_acceptance(self.accepted_per_round, self.drafted_per_round)

    def to_dict(self) -> dict[str, Any]:
        """Fields and computed values, as plain JSON types; the trace stays out."""
        names = [f.name for f in fields(self) if f.name != "trace"]
        values = {name: getattr(self, name) for name in (*names, *COMPUTED)}
        return {name: list(value) if isinstance(value, list) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GenerationResult:
        """The result that :meth:`to_dict` wrote; computed keys are ignored and computed anew.

        Raises:
            InvalidArgument: ``generated_ids`` is missing, a key is unknown, or a value is not acceptable.
        """
        return cls(**field_values(cls, data, COMPUTED))

    def to_json_line(self) -> str:
        """One line of JSON, its end included: lines written one after the other are a file of JSON lines."""
        return json.dumps(self.to_dict(), allow_nan=False) + "\n"

    def summary(self) -> str:
        """One line for people: ``AR  | 50 tok | 63.2 tok/s | p50=15ms p95=21ms | mem=0MB``.

        ``accept`` is accepted / drafted, which is not alpha; unknown memory is ``mem=n/a``.
        """
        memory = "n/a" if self.peak_memory_mb is None else f"{self.peak_memory_mb:.0f}MB"
        parts = [
            "SD " if self.is_speculative else "AR ",
            f"{self.num_tokens} tok",
            f"{self.tokens_per_second:.1f} tok/s",
            f"p50={self.latency_p50 * 1e3:.0f}ms p95={self.latency_p95 * 1e3:.0f}ms",
            f"mem={memory}",
        ]
        if self.is_speculative:
            rate = "n/a" if self.acceptance_rate is None else f"{self.acceptance_rate:.2f}"
            parts.append(f"accept={rate} rounds={self.num_speculation_rounds}")
        return " | ".join(parts)
