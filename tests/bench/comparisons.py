"""A comparison made by arithmetic: every arm's rate is known, and some prompts are slower for all of them."""

from __future__ import annotations

from typing import Any

from specdec_lib.bench.records.kinds import Record
from specdec_lib.bench.records.schema import record_of
from specdec_lib.profiling.metrics import BenchmarkConfig, GenerationResult

TOKENS = 10
ARMS = {  # name -> library, method, k, compiled
    "hf-generate": ("transformers", "autoregressive", 0, False),
    "hf-static-compiled": ("transformers", "autoregressive", 0, True),
    "hf-assisted": ("transformers", "assisted", 0, False),
    "hf-assisted-K4": ("transformers", "assisted", 4, False),
    "hf-lookup": ("transformers", "lookup", 10, False),
    "ours-AR": ("specdec_lib", "autoregressive", 0, False),
    "ours-K4": ("specdec_lib", "speculative", 4, False),
    "ours-AR-compiled": ("specdec_lib", "autoregressive", 0, True),
    "ours-K4-compiled": ("specdec_lib", "speculative", 4, True),
}
SECONDS = {  # of a run on a prompt that is not slow
    "hf-generate": 1.0,
    "hf-static-compiled": 0.5,
    "hf-assisted": 0.8,
    "hf-assisted-K4": 0.6,
    "hf-lookup": 0.9,
    "ours-AR": 0.75,
    "ours-K4": 0.3,
    "ours-AR-compiled": 0.4,
    "ours-K4-compiled": 0.2,
}
_SHARED = {
    "schema": 1,
    "session": "one",
    "time": "2026-01-01T00:00:00+00:00",
    "environment": {"threads": 1},
    "models": {"target": {"name": "tiny", "dtype": "float32", "device": "cpu"}},
}


def arm(name: str, **more: Any) -> Record:
    """What is recorded of an arm after its warm-up."""
    described = dict(zip(("library", "method", "k", "compiled"), ARMS[name], strict=True))
    described |= {"options": {}, "warm_up_seconds": 2.0, "compile_seconds": 30.0 if ARMS[name][3] else 0.0}
    return record_of(_SHARED | {"kind": "arm", "pair": "pocket", "decoder": name, "arm": described | more})


def run(name: str, prompt: int = 0, seconds: float | None = None, **more: Any) -> Record:
    """One timed run; every second prompt is twice as slow for every arm."""
    if seconds is None:
        seconds = SECONDS[name] * (1 + prompt % 2)
    domain, ids = more.pop("domain", "code"), more.pop("ids", list(range(TOKENS)))
    config = BenchmarkConfig("pocket", ARMS[name][2], more.pop("temperature", 0.0), TOKENS, domain, 42)
    return record_of(
        _SHARED
        | {
            "kind": "peer",
            "config": config.to_dict(),
            "config_hash": config.config_hash(),
            "decoder": name,
            "prompt_id": f"{domain}_{prompt:03d}",
            "prompt_tokens": 20,
            "repeat": more.pop("repeat", 0),
            "turn": 0,
            "seed": 1,
            "new_graphs": 0,
            "first_difference": None,
            "result": GenerationResult(generated_ids=ids, total_time=seconds).to_dict(),
        }
        | more
    )


def comparison(
    names: tuple[str, ...] = tuple(ARMS), temperatures: tuple[float, ...] = (0.0, 0.8)
) -> list[Record]:
    """Arms and runs of a whole session: two domains, two prompts each."""
    return [arm(name) for name in names] + [
        run(name, prompt, domain=domain, temperature=temperature)
        for temperature in temperatures
        for domain in ("code", "conversation")
        for prompt in range(2)
        for name in names
    ]
