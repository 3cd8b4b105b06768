"""A benchmark session made by arithmetic: every time and count in it is known in advance.

The target's forward takes 10 ms at width 1 and 12 ms at width K + 1, the draft's 1 ms; a round
takes 2 ms more, a baseline step 11 ms; reading the prompt takes 30 ms. Every round accepts the
same number of drafts.
"""

from __future__ import annotations

from typing import Any

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.schema import record_of
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult

TARGET, WIDER, DRAFT, REST, STEP, PROMPT = 0.010, 0.012, 0.001, 0.002, 0.011, 0.030


def generation(k: int, num_rounds: int, accepted: int, slow: float = 1.0) -> GenerationResult:
    """Rounds that each accept ``accepted`` of ``k`` drafts; ``slow`` multiplies every time."""
    tokens = num_rounds * (accepted + 1)
    round_time = slow * ((k * DRAFT + WIDER + REST) if k else STEP)
    first = round_time + slow * PROMPT
    latencies = [
        t / (accepted + 1) for t in [first] + [round_time] * (num_rounds - 1) for _ in range(accepted + 1)
    ]
    return GenerationResult(
        generated_ids=list(range(tokens)),
        per_token_latencies=latencies,
        total_time=first + round_time * (num_rounds - 1),
        time_to_first_token=first,
        accepted_per_round=[accepted] * num_rounds if k else [],
        drafted_per_round=[k] * num_rounds if k else [],
    )


def record(
    kind: str, domain: str, k: int, prompt: int, repeat: int, result: GenerationResult, **more: Any
) -> Record:
    """A record of a generation, as a file would give it back."""
    return record_of(line(kind, domain, k, prompt, repeat, result, **more))


def line(
    kind: str, domain: str, k: int, prompt: int, repeat: int, result: GenerationResult, **more: Any
) -> dict[str, Any]:
    """What its line says."""
    config = BenchmarkConfig("pocket", k, more.pop("temperature", 0.0), result.num_tokens, domain, 42)
    return {
        "schema": 1,
        "kind": kind,
        "session": more.pop("session", "one"),
        "time": "2026-01-01T00:00:00+00:00",
        "environment": {},
        "models": {"target": {"name": "tiny", "dtype": "float32", "device": "cpu"}},
        "config": config.to_dict(),
        "config_hash": config.config_hash(),
        "decoder": config.decoder_label,
        "prompt_id": f"{domain}_{prompt:03d}",
        "prompt_tokens": 20,
        "repeat": repeat,
        "seed": 1,
        "first_difference": -1 if k else None,
        "result": result.to_dict(),
    } | more


def timed(
    domain: str = "code", k: int = 4, accepted: int = 2, prompts: int = 3, repeats: int = 2, **more: Any
):
    """Paired AR and SD records: twelve tokens each, every second prompt on a machine half as fast."""
    records = []
    for prompt in range(prompts):
        for repeat in range(repeats):
            slow = 1.0 + prompt % 2
            for arm, result in (
                (0, generation(0, 12, 0, slow)),
                (k, generation(k, 12 // (accepted + 1), accepted, slow)),
            ):
                records.append(record("run", domain, arm, prompt, repeat, result, **more))
    return records


def costs(k_values: tuple[int, ...] = (4,), **more: Any) -> Record:
    """Single forwards: the median is right, one of three timings is an outlier."""
    forwards = [{"model": "draft", "width": 1, "seconds": [DRAFT, DRAFT, 9.0]}]
    forwards += [{"model": "target", "width": 1, "seconds": [TARGET, 9.0, TARGET]}]
    forwards += [{"model": "target", "width": k + 1, "seconds": [WIDER, WIDER, 9.0]} for k in k_values]
    shared = {
        key: line("costs", "code", 0, 0, 0, generation(0, 1, 0), **more)[key]
        for key in ("schema", "kind", "session", "time", "environment", "models")
    }
    measured = {"context_length": 50, "forwards": forwards}
    return record_of(shared | {"pair": "pocket", "costs": measured})


def profiled(k: int, accepted: int, **more: Any) -> Record:
    """A profile of ten rounds whose phases add up to what a round takes."""
    phases = {
        "rounds": 10,
        "tokens": 10 * (accepted + 1),
        "drafted": 10 * k,
        "rollback_ms": 1.0 if k else 0.0,
    }
    phases["draft_ms"] = 1e4 * k * DRAFT
    phases["verify_ms"] = 1e4 * (WIDER if k else TARGET)
    phases["sampling_ms"] = 4.0
    phases["total_ms"] = 1e4 * ((k * DRAFT + WIDER + REST) if k else STEP)
    return record("profile", "code", k, 0, 0, generation(k, 4, accepted), phases=phases, **more)


def by_policy(name: str, **more: Any) -> list[Record]:
    """The speculative records of :func:`timed`, as those of a policy."""
    return [as_policy(record, name) for record in timed(**more) if record.config.K]


def as_policy(record: Record, name: str) -> Record:
    """The record of a generation whose draft lengths the policy ``name`` decided."""
    config = BenchmarkConfig.from_dict(record["config"] | {"policy": name})
    told = {"config": config.to_dict(), "config_hash": config.config_hash()}
    return record | told | {"decoder": config.decoder_label}
