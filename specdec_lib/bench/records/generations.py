"""What a record keeps of one generation, whoever ran it: the setting, the prompt, the raw result, the phases.

Raw counts and times, nothing derived. The seed of a run is a function of the benchmark's seed and of its
place, so that a run can be made again alone. It knows results and rounds, no models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from specdec_lib.bench.records.kinds import RunRecord
from specdec_lib.bench.records.schema import PHASES
from specdec_lib.decoding.trace import Round
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult

_MOST_ROUNDS = 48
AnyRun = TypeVar("AnyRun", bound=RunRecord)


@dataclass(frozen=True)
class TokenisedPrompt:
    """A prompt as the target's token ids."""

    prompt_id: str
    ids: list[int]

    @property
    def asked(self) -> Sequence[Any]:
        """What an engine is given of it."""
        return self.ids


def run_seed(seed: int, *parts: object) -> int:
    """A 31-bit seed for one block, a function of the benchmark's seed and of the block alone."""
    digest = hashlib.sha256(repr((seed, *parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def run_record(
    kind: type[AnyRun],
    decoder: str,
    config: BenchmarkConfig,
    prompt: TokenisedPrompt,
    repeat: int,
    seed: int,
    result: GenerationResult,
    **more: Any,
) -> AnyRun:
    """The record of one run, whoever ran it: the setting, the prompt, and the raw result.

    Args:
        result: its trace is not kept, and its latencies to the nanosecond.
        **more: other fields of that kind.
    """
    latencies = [round(t, 9) for t in result.per_token_latencies]
    return kind(
        config=config,
        config_hash=config.config_hash(),
        decoder=decoder,
        prompt_id=prompt.prompt_id,
        prompt_tokens=len(prompt.ids),
        repeat=repeat,
        seed=seed,
        result=replace(result, per_token_latencies=latencies, trace=None),
        **more,
    )


def first_rounds(rounds: Sequence[Round]) -> list[list[float]]:
    """A row a round, the first ones: drafted, accepted, milliseconds of each of ``PHASES``, and in all."""
    return [
        [
            len(r.draft_ids),
            r.num_accepted,
            *(round(r.phases_ms.get(name, 0.0), 4) for name in PHASES),
            round(1e3 * r.seconds, 4),
        ]
        for r in rounds[:_MOST_ROUNDS]
    ]


def decode_phases(rounds: Sequence[Round]) -> dict[str, float]:
    """Totals over the rounds after the first, which read the prompt: rounds, tokens, milliseconds by phase.

    ``total_ms`` is the time of those rounds; what the phases do not cover is everything else.
    """
    later = rounds[1:]
    phases = {f"{name}_ms": sum(r.phases_ms.get(name, 0.0) for r in later) for name in PHASES}
    return {
        "rounds": len(later),
        "tokens": sum(len(r.token_ids) for r in later),
        "drafted": sum(len(r.draft_ids) for r in later),
        "total_ms": 1e3 * sum(r.seconds for r in later),
        **phases,
    }
