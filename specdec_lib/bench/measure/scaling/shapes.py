"""Models of known shape: random weights, real costs, and the bandwidth of the memory they are read from.

Of the four questions: *how fast should it be?*, with costs measured for ``bench.shapes``.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PretrainedConfig

from specdec_lib.bench.measure.costs import measure_costs
from specdec_lib.bench.measure.session import Session
from specdec_lib.bench.records.kinds import ShapeRecord
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.profiling.timer import cuda_sync_time

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


def random_pair(
    shape: str, dtype: str, device: torch.device, compile: bool = False
) -> tuple[ModelWrapper, ModelWrapper]:
    """Target and draft of one of :data:`SHAPES`; ``dtype`` by its name."""
    target, draft = SHAPES[shape]
    options = getattr(torch, dtype), device, compile
    return random_model(target, *options), random_model(draft, *options)


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
) -> ShapeRecord:
    """Costs of single forwards behind ``context`` random tokens, as one record of kind ``shape``.

    Raises:
        InvalidArgument: no context, or no repeat.
    """
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(target.vocab_size, (context,), generator=generator).tolist()
    record = ShapeRecord(
        pair=name,
        costs=measure_costs(target, draft, ids, k_values, repeats),
        weight_bytes=target.memory_footprint_mb * 2**20,
        copy_bytes_per_second=copy_bandwidth(target.device, copy_megabytes),
    )
    return Session(output_path, target, draft).append([record])[0]
