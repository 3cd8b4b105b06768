"""What a record keeps of one generation, whoever ran it: the setting, the prompt, the raw result, the phases.

Raw counts and times, nothing derived. The seed of a run is a function of the benchmark's seed and of its
place, so that a run can be made again alone. It knows results and rounds, no models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from specdec_lib.bench.records.schema import PHASES, Record
from specdec_lib.decoding.trace import Round
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult


@dataclass(frozen=True)
class TokenisedPrompt:
    """A prompt as the target's token ids."""

    prompt_id: str
    ids: list[int]


def run_seed(seed: int, *parts: object) -> int:
    """A 31-bit seed for one block, a function of the benchmark's seed and of the block alone."""
    digest = hashlib.sha256(repr((seed, *parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def run_record(
    kind: str,
    decoder: str,
    config: BenchmarkConfig,
    prompt: TokenisedPrompt,
    repeat: int,
    seed: int,
    result: GenerationResult,
) -> Record:
    """What the record of one run holds whoever ran it: the setting, the prompt, and the raw result.

    ``first_difference`` is None until somebody compares.
    """
    return {
        "kind": kind,
        "config": config.to_dict(),
        "config_hash": config.config_hash(),
        "decoder": decoder,
        "prompt_id": prompt.prompt_id,
        "prompt_tokens": len(prompt.ids),
        "repeat": repeat,
        "seed": seed,
        "first_difference": None,
        "result": raw_result(result),
    }


def raw_result(result: GenerationResult) -> dict[str, Any]:
    """What a record keeps of a result: its fields, nothing derived; times to the nanosecond."""
    kept = {f.name: getattr(result, f.name) for f in fields(result) if f.name != "trace"}
    kept["per_token_latencies"] = [round(t, 9) for t in result.per_token_latencies]
    return kept


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
