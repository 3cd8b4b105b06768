"""Records of cells made by arithmetic: a sweep whose every number is chosen, of any size, without a model."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.synthetic import SyntheticPair, synthetic_session
from specdec_lib.bench.sweep.condensing import cell_record

DOMAINS = ("code", "conversation", "summarization")
MACHINE = {
    "cpu": "a processor",
    "cores": 2,
    "threads": 1,
    "torch": "2.13.0",
    "gpu": None,
    "hash": "aaaaaaaaaaaa",
}
ROUNDS = [
    [4, 3, 1.0, 10.0, 0.5, 0.1, 12.0],
    [4, 4, 1.0, 10.0, 0.5, 0.1, 12.1],
    [2, 0, 0.5, 9.0, 0.5, 0.1, 10.4],
]


def made_cell(
    k: int = 4,
    domain: str = "code",
    temperature: float = 0.0,
    *,
    alpha: float = 0.8,
    c: float = 0.1,
    seed: int = 0,
    pair: str = "pocket",
    sweep: str = "made",
    environment: dict[str, Any] | None = None,
    num_prompts: int = 4,
    num_tokens: int = 48,
    **parameters: Any,
) -> CellRecord:
    """A cell in which each draft token stays with probability ``alpha`` and costs ``c`` target forwards."""
    numbers = SyntheticPair(alpha=alpha, c=c, v={k: 1.0 + 0.03 * k})
    asked = {"temperature": temperature, "domains": (domain,), "seed": seed}
    session = synthetic_session(
        numbers, **asked, num_prompts=num_prompts, repeats=1, num_tokens=num_tokens, spread=0.03
    )
    told = {"pair": pair, "k_values": [k], "domains": [domain], "temperatures": [temperature], "seed": seed}
    key = f"{abs(hash((pair, k, domain, temperature, seed, *sorted(parameters.items())))) % 16**16:016x}"
    made_of = {"notebook": "a" * 12, "library": "b" * 12, "weights": "c" * 12, "prompts": "d" * 12}
    cell = cell_record(session, key=key, sweep=sweep, parameters=told | parameters, made_of=made_of)
    config = {**cell.line["config"], "model_pair_name": pair}
    from specdec_lib.profiling.config import BenchmarkConfig

    environment = MACHINE if environment is None else environment
    more = {"pair": pair, "config": config, "config_hash": BenchmarkConfig.from_dict(config).config_hash()}
    more |= {"rounds": ROUNDS, "environment": environment, "time": "2026-01-01T00:00:00+00:00"}
    more |= {
        "seconds": {"kernel": 0.3, "load": 0.5, "warm_up": 0.2, "runs": 3.0, "costs": 0.4, "profile": 0.3}
    }
    more |= {"memory_mb": {"load": 300.0, "warm_up": 310.0, "runs": 320.0, "costs": 322.0, "profile": 325.0}}
    return cell | more


def slowed(cell: CellRecord, bins: int = 44) -> CellRecord:
    """The cell as on a machine that takes 2 ** (bins / 32) times as long for everything."""
    factor = 2 ** (bins / 32)
    line = copy.deepcopy(dict(cell.line))
    for arm in ("baseline_counts", "counts"):
        for name in ("seconds", "first_seconds"):
            line[arm][name] = [factor * one for one in line[arm][name]]
        line[arm]["latencies"] = [[number + bins, tokens] for number, tokens in line[arm]["latencies"]]
    for forward in line["costs"]["forwards"]:
        forward["seconds"] = [factor * one for one in forward["seconds"]]
    line["phases"] |= {name: factor * ms for name, ms in line["phases"].items() if name.endswith("_ms")}
    line["rounds"] = [[*one[:2], *(factor * ms for ms in one[2:])] for one in line["rounds"]]
    return cell.of(line)


def made_sweep(
    ks: Sequence[int] = (1, 2, 4, 8),
    domains: Sequence[str] = DOMAINS,
    temperatures: Sequence[float] = (0.0, 0.8),
    seeds: Sequence[int] = (0,),
    **more: Any,
) -> Iterator[CellRecord]:
    """A cell for each place of the grid; the draft is better in code and worse where there is temperature."""
    alphas = {"code": 0.85, "conversation": 0.7, "summarization": 0.75}
    for seed, temperature, domain, k in itertools.product(seeds, temperatures, domains, ks):
        alpha = alphas.get(domain, 0.6) - 0.1 * temperature
        yield made_cell(k, domain, temperature, alpha=alpha, seed=seed, **more)
