"""A benchmark session made by arithmetic: records of a pair whose alpha, c, v and o are chosen, not measured.

What a benchmark would have recorded if a round of K drafts took exactly K c + v(K) + o target forwards and
each draft token stayed with probability alpha. Everything that reads records can be tried out on it: what
would be said of a draft twice as fast, or of a baseline that was slowed down? It runs no model and looks at
no clock; rounds are drawn, times are computed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from specdec_lib.bench.records.generations import AnyRun, TokenisedPrompt, run_record, run_seed
from specdec_lib.bench.records.kinds import CostsRecord, ProfileRecord, Record, RunRecord
from specdec_lib.bench.records.parts import ForwardTimes, TimedForward
from specdec_lib.errors import InvalidArgument
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult
from specdec_lib.theory.checks import positive, probability, quantity, whole

_PARTS = {"sampling": 0.5, "rollback": 0.25}  # of the overhead; the rest is in no phase


@dataclass(frozen=True)
class SyntheticPair:
    """The numbers of a pair.

    Attributes:
        alpha, c, overhead: as in the formula; costs in target forwards.
        v: T_target(K + 1) / T_target(1) by K, one entry for each K that is to be run; between them linear.
        step_ms: milliseconds of a target forward. prompt_ms: of reading the prompt.
        baseline: what timed baseline steps take, over what they should: 1.3 is a baseline of straw.
        rounds: likewise for timed rounds: 1.2 is a load that only they felt.
    """

    alpha: float = 0.8
    c: float = 0.05
    v: Mapping[int, float] | Any = None
    overhead: float = 0.05
    step_ms: float = 20.0
    prompt_ms: float = 60.0
    baseline: float = 1.0
    rounds: float = 1.0

    def __post_init__(self) -> None:
        widths = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0} if self.v is None else dict(self.v)
        if not widths:
            raise InvalidArgument("synthetic pair: v is empty; pass a width for each K, such as {4: 1.1}")
        object.__setattr__(self, "v", {whole(k, "K", 1): positive(v, "v") for k, v in widths.items()})
        probability(self.alpha, "alpha")
        for name in ("c", "overhead", "prompt_ms"):
            quantity(getattr(self, name), name)
        for name in ("step_ms", "baseline", "rounds"):
            positive(getattr(self, name), name)

    def width(self, k: int) -> float:
        """v of a round of k drafts: measured ones, and linear from v(0) = 1 between them."""
        ks = sorted(self.v)
        return float(np.interp(k, [0, *ks], [1.0, *(self.v[at] for at in ks)]))

    def round_forwards(self, k: int) -> float:
        """K c + v(K) + o; a round that drafts nothing is a plain forward and the overhead."""
        return k * self.c + self.width(k) + self.overhead


def synthetic_session(
    pair: SyntheticPair,
    *,
    temperature: float = 0.0,
    domains: Sequence[str] = ("code",),
    num_prompts: int = 6,
    repeats: int = 2,
    num_tokens: int = 64,
    spread: float = 0.0,
    seed: int = 0,
) -> list[Record]:
    """The records of one session of ``pair``: timed runs, profiles, and the costs of single forwards.

    Args:
        spread: standard deviation of the logarithm of a run's time about what it should be.
        seed: of the rounds and of the spread.

    Raises:
        InvalidArgument: a count that is not positive, or a spread below 0.
    """
    for name, count in (("num_prompts", num_prompts), ("repeats", repeats), ("num_tokens", num_tokens)):
        whole(count, name, 1)
    maker = _Maker(pair, temperature, num_tokens, quantity(spread, "spread"), seed)
    arms = (0, *sorted(pair.v))
    blocks = itertools.product(range(repeats), domains, range(num_prompts))
    records: list[Record] = []
    records += [maker.run(arm, domain, prompt, repeat) for repeat, domain, prompt in blocks for arm in arms]
    records += [maker.profile(arm, domain) for domain in domains for arm in arms]
    return [*records, maker.costs()]


class _Maker:
    """Makes the records of one session."""

    def __init__(
        self, pair: SyntheticPair, temperature: float, num_tokens: int, spread: float, seed: int
    ) -> None:
        self.pair, self.temperature, self.num_tokens = pair, temperature, num_tokens
        self.spread, self.seed = spread, seed

    def run(self, k: int, domain: str, prompt: int, repeat: int) -> RunRecord:
        """One timed generation."""
        seed = run_seed(self.seed, domain, prompt, 0 if self.temperature == 0 else repeat)
        generator = np.random.default_rng(seed)
        rounds = self._rounds(k, generator)
        noise = np.random.default_rng(run_seed(self.seed, "clock", k, domain, prompt, repeat))
        factor = math.exp(self.spread * noise.normal()) * (self.pair.rounds if k else self.pair.baseline)
        return self._record(RunRecord, k, domain, prompt, repeat, seed, self._result(k, rounds, factor))

    def profile(self, k: int, domain: str) -> ProfileRecord:
        """One profiled generation, whose phases add up to its rounds."""
        seed = run_seed(self.seed, domain, 0, 0)
        rounds = self._rounds(k, np.random.default_rng(seed))
        later, step, pair = rounds[1:], self.pair.step_ms, self.pair
        phases: dict[str, float] = {
            "rounds": len(later),
            "tokens": sum(accepted + 1 for _, accepted in later),
            "drafted": sum(drafted for drafted, _ in later),
            "draft_ms": step * pair.c * sum(drafted for drafted, _ in later),
            "verify_ms": step * sum(pair.width(drafted) for drafted, _ in later),
            "total_ms": sum(self._milliseconds(k, drafted) for drafted, _ in later),
        }
        phases |= {
            f"{name}_ms": share * step * pair.overhead * len(later) * bool(k)
            for name, share in _PARTS.items()
        }
        result = self._result(k, rounds, 1.0)
        return self._record(ProfileRecord, k, domain, 0, 0, seed, result, phases=phases)

    def costs(self) -> CostsRecord:
        """The single forwards."""
        step = 1e-3 * self.pair.step_ms
        forwards = [TimedForward("draft", 1, [step * max(self.pair.c, 1e-9)])]
        forwards += [
            TimedForward("target", k + 1, [step * self.pair.width(k)]) for k in (0, *sorted(self.pair.v))
        ]
        costs = ForwardTimes(self.num_tokens, forwards)
        return CostsRecord(pair="synthetic", costs=costs).stamped(self._stamp)

    def _rounds(self, k: int, generator: np.random.Generator) -> list[tuple[int, int]]:
        """Drafted and accepted tokens of each round, as the loop drafts: no more than can be used."""
        rounds: list[tuple[int, int]] = []
        left = self.num_tokens
        while left:
            drafted = min(k, left - 1)
            stays = generator.random(drafted) < self.pair.alpha
            accepted = drafted if stays.all() else int(stays.argmin())
            rounds.append((drafted, accepted))
            left -= accepted + 1
        return rounds

    def _milliseconds(self, k: int, drafted: int) -> float:
        """A round's time by its parts; a step of the baseline has no overhead."""
        return self.pair.step_ms * (self.pair.round_forwards(drafted) if k else 1.0)

    def _result(self, k: int, rounds: Sequence[tuple[int, int]], factor: float) -> GenerationResult:
        times = [1e-3 * factor * self._milliseconds(k, drafted) for drafted, _ in rounds]
        times[0] += 1e-3 * factor * self.pair.prompt_ms
        judged = [(drafted, accepted) for drafted, accepted in rounds if drafted]
        return GenerationResult(
            generated_ids=list(range(self.num_tokens)),
            per_token_latencies=[
                time / (accepted + 1)
                for time, (_, accepted) in zip(times, rounds, strict=True)
                for _ in range(accepted + 1)
            ],
            total_time=sum(times),
            time_to_first_token=times[0],
            drafted_per_round=[drafted for drafted, _ in judged],
            accepted_per_round=[accepted for _, accepted in judged],
        )

    def _record(
        self,
        kind: type[AnyRun],
        k: int,
        domain: str,
        prompt: int,
        repeat: int,
        seed: int,
        result: GenerationResult,
        **more: Any,
    ) -> AnyRun:
        config = BenchmarkConfig("synthetic", k, self.temperature, self.num_tokens, domain, self.seed)
        asked = TokenisedPrompt(f"{domain}_{prompt:03d}", [0])
        more |= {"first_difference": -1 if k and self.temperature == 0 else None}
        run = run_record(kind, config.decoder_label, config, asked, repeat, seed, result, **more)
        return run.stamped(self._stamp)

    @property
    def _stamp(self) -> Record:
        model = {"name": "synthetic", "dtype": "float32", "device": "none"}
        return Record(
            session=f"synthetic-{self.seed}",
            models={"target": model, "draft": model},
            time="1970-01-01T00:00:00+00:00",
        )
