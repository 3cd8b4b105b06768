"""What speculation would gain on models of known shape: random weights, real costs.

A forward takes as long whatever its weights say, so the costs of a pair can be measured without its
checkpoint: T(1) and T(K + 1) of the target, c, and the share of the memory's measured bandwidth that a step
reaches. Acceptance is not real, so it is not measured: the speedup is computed for a range of alpha. Run it
with ``python -m specdec_lib.bench.shapes`` on the machine that will serve the pair.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PretrainedConfig

from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.schema import Record, read_records
from specdec_lib.bench.tables.prediction import costs_of
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.loader import choose_device
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.timer import cuda_sync_time
from specdec_lib.theory.speedup import speedup
from specdec_lib.utils.entry_point import OneLineParser, exit_code

ALPHAS = (0.6, 0.7, 0.8, 0.9)
K_VALUES = (1, 2, 4, 8)


def _llama(hidden: int, inner: int, layers: int, heads: int, kv_heads: int, vocab: int) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        vocab_size=vocab,
        max_position_embeddings=8192,
    )


def _gpt2(hidden: int, layers: int, heads: int) -> GPT2Config:
    return GPT2Config(n_embd=hidden, n_layer=layers, n_head=heads)


SHAPES: dict[str, tuple[PretrainedConfig, PretrainedConfig]] = {
    "llama3_8b": (_llama(4096, 14336, 32, 32, 8, 128_256), _llama(2048, 8192, 16, 32, 8, 128_256)),
    "gpt2_xl": (_gpt2(1600, 48, 25), _gpt2(768, 12, 12)),
    "tinyllama": (_llama(2048, 5632, 22, 32, 4, 32_000), _llama(768, 3072, 2, 12, 12, 32_000)),
}
"""Target and draft: Llama-3-8B and Llama-3.2-1B, GPT-2 XL and GPT-2, TinyLlama-1.1B and a 68M Llama."""


def random_model(
    config: PretrainedConfig, dtype: torch.dtype, device: torch.device, compile: bool = False
) -> ModelWrapper:
    """A model of that shape with random weights, made where it will run."""
    with device:
        model = AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=dtype)
    return ModelWrapper(model.requires_grad_(False), compile=compile)


def copy_bandwidth(device: torch.device, megabytes: int = 1024, repeats: int = 10) -> float:
    """Bytes a second, read and written together, of copying a tensor; the best of ``repeats``."""
    source = torch.empty(megabytes * 2**20, dtype=torch.uint8, device=device).fill_(1)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(repeats):
        start = cuda_sync_time()
        target.copy_(source)
        seconds.append(cuda_sync_time() - start)
    return 2 * source.numel() / min(seconds)


def measure_shape(
    name: str,
    target: ModelWrapper,
    draft: ModelWrapper,
    output_path: str | Path,
    *,
    k_values: Sequence[int] = K_VALUES,
    context: int = 512,
    repeats: int = 20,
    copy_megabytes: int = 1024,
) -> Record:
    """Costs of single forwards behind ``context`` random tokens, as one record of kind ``shape``.

    Raises:
        InvalidArgument: no context, or no repeat.
    """
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(target.vocab_size, (context,), generator=generator).tolist()
    costs = measure_costs(target, draft, ids, k_values, repeats)
    record = {
        "kind": "shape",
        "pair": name,
        "costs": costs.to_dict(),
        "weight_bytes": target.memory_footprint_mb * 2**20,
        "copy_bytes_per_second": copy_bandwidth(target.device, copy_megabytes),
    }
    return Session(output_path, target, draft).append([record])[0]


def shape_summary(record: Record) -> dict[str, Any]:
    """A shape's measured costs, the bandwidth its step reaches, and S = E / (K c + v) for every alpha and K.

    Returns:
        ``pair``, ``step_ms``, ``c``, ``v`` by K, ``bytes_per_second`` (weights over step time) and its
        ``share`` of the copy bandwidth, ``speedups`` as rows of alpha, k, speedup.
    """
    costs = costs_of([record | {"kind": "costs"}])
    step = costs["target_ms"][1] / 1e3
    reached = record["weight_bytes"] / step
    rows = [
        {"alpha": alpha, "k": k, "speedup": speedup(alpha, k, costs["c"], v)}
        for alpha in ALPHAS
        for k, v in costs["v"].items()
    ]
    return {
        "pair": record["pair"],
        "step_ms": 1e3 * step,
        "c": costs["c"],
        "v": costs["v"],
        "bytes_per_second": reached,
        "share": reached / record["copy_bytes_per_second"],
        "speedups": rows,
    }


# -- python -m specdec_lib.bench.shapes ------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one shape or all of them, and print what was found; exit code 2 on bad input."""
    parser = OneLineParser(
        "[shapes] error: ",
        prog="python -m specdec_lib.bench.shapes",
        description=(__doc__ or "").split("\n\n")[0],
    )
    parser.add_argument("--shape", default="all", help=f"one of {', '.join(SHAPES)}, or all")
    parser.add_argument("--dtype", default="bfloat16", choices=("float16", "bfloat16", "float32"))
    parser.add_argument("--device", default=None, help="cuda, mps or cpu; by default the best there is")
    parser.add_argument("--compile", action="store_true", help="compile both models")
    parser.add_argument("--context", type=int, default=512, help="tokens in the cache")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", default="runs/shapes.jsonl", help="results file, appended to")
    return exit_code(lambda: _run(parser.parse_args(arguments)), "[shapes] error: ")


def _run(options: argparse.Namespace) -> None:
    names = list(SHAPES) if options.shape == "all" else [options.shape]
    if unknown := [name for name in names if name not in SHAPES]:
        raise InvalidArgument(f"unknown shape '{unknown[0]}'; choose from {', '.join(SHAPES)}, all")
    device, dtype = choose_device(options.device), getattr(torch, options.dtype)
    for name in names:
        print(f"[shapes] {name}: random weights in {options.dtype} on {device} …", flush=True)
        target, draft = (random_model(config, dtype, device, options.compile) for config in SHAPES[name])
        measure_shape(name, target, draft, options.output, context=options.context, repeats=options.repeats)
        del target, draft
    newest = {r["pair"]: r for r in read_records(options.output)[0] if r["kind"] == "shape"}
    for name in names:
        _show(shape_summary(newest[name]))


def _show(summary: dict[str, Any]) -> None:
    v = ", ".join(f"v({k}) = {value:.2f}" for k, value in summary["v"].items())
    reached = f"{summary['bytes_per_second'] / 1e9:.0f} GB/s, {summary['share']:.0%} of the copy bandwidth"
    print(f"\n{summary['pair']}: {summary['step_ms']:.2f} ms a step ({reached}), c = {summary['c']:.3f}, {v}")
    for alpha in ALPHAS:
        best = max((r for r in summary["speedups"] if r["alpha"] == alpha), key=lambda r: r["speedup"])
        print(f"  alpha = {alpha:g}: at best {best['speedup']:.2f}x, at K = {best['k']}")
    print("  costs are real; acceptance is assumed, because random weights accept nothing")


if __name__ == "__main__":
    sys.exit(main())
