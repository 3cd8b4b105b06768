"""Which pairs fit in memory, from how many parameters their models have. It loads nothing and asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from specdec_lib.errors import ModelUnavailable
from specdec_lib.models.registry import ModelPair
from specdec_lib.utils.paths import data_path

GIB = 2**30
ROOM = 1.2
"""Weights are not all: caches, activations and the runtime get a fifth on top."""

BYTES_PER_PARAMETER = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int4": 0.6}
"""int4: half a byte, the scales, and the embeddings that stay in 16 bits."""

MILLIONS = {
    "gpt2": 124,
    "gpt2-xl": 1558,
    "EleutherAI/pythia-70m": 70,
    "EleutherAI/pythia-1.4b": 1415,
    "HuggingFaceTB/SmolLM2-135M-Instruct": 135,
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": 1711,
    "Qwen/Qwen2.5-0.5B-Instruct": 494,
    "Qwen/Qwen2.5-7B-Instruct": 7616,
    "Qwen/Qwen3-0.6B": 596,
    "Qwen/Qwen3-8B": 8191,
    "meta-llama/Meta-Llama-3-8B-Instruct": 8030,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1100,
    "microsoft/Phi-3-mini-4k-instruct": 3821,
}
"""Parameters of the registry's hub models."""


@dataclass(frozen=True)
class Need:
    """Memory that a pair needs at one choice of dtypes, GiB."""

    dtype: str
    gib: float


def parameters_of(model_id: str) -> int | None:
    """Number of weights: known, or counted in an embedded model's file; None where neither is possible.

    Raises:
        ModelUnavailable: an embedded file that is there and cannot be read.
    """
    if model_id in MILLIONS:
        return MILLIONS[model_id] * 10**6
    weights = data_path("models", model_id, "model.safetensors")
    return count_weights(weights) if weights.is_file() else None


def count_weights(path: Path) -> int:
    """Number of weights in a safetensors file, read off its header.

    Raises:
        ModelUnavailable: the file is damaged or cannot be read.
    """
    from math import prod

    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            return sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelUnavailable(
            f"{path.parent.name}: its weights are damaged ({error}); restore them"
        ) from error


def needs(pair: ModelPair, target_parameters: int, draft_parameters: int) -> list[Need]:
    """What the pair needs as listed in the registry, and with both models in each dtype."""

    def gib(target_dtype: str, draft_dtype: str) -> float:
        shared = pair.is_self and target_dtype == draft_dtype  # one model serves as both
        held = target_parameters * BYTES_PER_PARAMETER[target_dtype]
        held += 0 if shared else draft_parameters * BYTES_PER_PARAMETER[draft_dtype]
        return ROOM * held / GIB

    listed = Need("as listed", gib(pair.target_dtype, pair.draft_dtype))
    return [listed, *(Need(dtype, gib(dtype, dtype)) for dtype in ("float32", "bfloat16", "int4"))]
