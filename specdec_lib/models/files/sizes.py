"""The memory that models take, by their headers, configurations and names.

Nothing is loaded and nobody is asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specdec_lib.models.files.headers import FLOATS, read_header, weight_files
from specdec_lib.models.registry import ModelPair
from specdec_lib.models.source import find_source

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB = 2**30
ROOM = 1.2
"""Weights are not all: caches, activations and the runtime get a fifth on top."""

BYTES_PER_PARAMETER = {"float64": 8.0, "float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int4": 0.53125}
"""int4: half a byte, and a scale of 16 bits for 64 weights, of those that are packed; others take 2 bytes."""

MILLIONS = {
    "gpt2": (124, 40),
    "gpt2-xl": (1558, 83),
    "EleutherAI/pythia-70m": (70, 52),
    "EleutherAI/pythia-1.4b": (1415, 207),
    "HuggingFaceTB/SmolLM2-135M-Instruct": (135, 29),
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": (1711, 101),
    "Qwen/Qwen2.5-0.5B-Instruct": (494, 137),
    "Qwen/Qwen2.5-7B-Instruct": (7616, 1091),
    "Qwen/Qwen3-0.6B": (596, 156),
    "Qwen/Qwen3-8B": (8191, 1245),
    "meta-llama/Meta-Llama-3-8B-Instruct": (8030, 1051),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": (1100, 131),
    "microsoft/Phi-3-mini-4k-instruct": (3821, 197),
}
"""Parameters of the registry's hub models, and of them those that int4 leaves in 16 bits: embeddings of
tokens and positions, a head that is not tied."""


@dataclass(frozen=True)
class Size:
    """Number of a model's weights, and of those that int4 would leave in 16 bits."""

    parameters: int
    unpacked: int


def parameters_of(model_id: str) -> int | None:
    """Number of weights: counted in the headers of a folder's or the hub cache's files, or known by name.

    None where neither is possible: nothing on this disk, other files than safetensors, packed weights.

    Raises:
        ModelUnavailable: a file that is there and cannot be read.
    """
    found = stored_weights(model_id)
    if found is not None:
        return found.parameters
    return MILLIONS[model_id][0] * 10**6 if model_id in MILLIONS else None


@dataclass(frozen=True)
class StoredWeights:
    """What lies on the disk: the number of weights, and the dtype that most of them are stored in."""

    parameters: int
    dtype: str


def stored_weights(model_id: str) -> StoredWeights | None:
    """What the safetensors files of a model hold, by their headers alone; None where there are none to count.

    Raises:
        ModelUnavailable: a file that is there and cannot be read.
    """
    counts: Counter[str] = Counter()
    for path in weight_files(model_id):
        for tensor in read_header(path).values():
            counts[tensor.dtype] += tensor.size
    del counts["BOOL"]  # buffers of true and false are no weights
    if not counts or counts.keys() - FLOATS.keys():  # packed: an element is no weight
        return None
    return StoredWeights(counts.total(), FLOATS[counts.most_common(1)[0][0]])


def size_of(model_id: str) -> Size | None:
    """A model's size as far as this disk and the names of the registry tell; None where they do not.

    Raises:
        ModelUnavailable: a file that cannot be read, or a configuration that no model can be made of.
    """
    parameters = parameters_of(model_id)
    if parameters is None:
        return None
    if model_id in MILLIONS:
        return Size(parameters, MILLIONS[model_id][1] * 10**6)
    from specdec_lib.models.files.folder import described_model, read_config

    source = find_source(model_id)
    return described_size(described_model(source, read_config(source)), parameters)


def described_size(model: PreTrainedModel, parameters: int | None = None) -> Size:
    """The size of a model without weights; ``parameters`` where the files have been counted."""
    from specdec_lib.models.files.checkpoint import packed_by_int4

    total, packed = sum(parameter.numel() for parameter in model.parameters()), packed_by_int4(model)
    return Size(total if parameters is None else parameters, total - packed)


def needs(pair: ModelPair, target: Size, draft: Size) -> dict[str, float]:
    """GiB that the pair needs "as listed" in the registry, and with both models in each dtype."""

    def gib(target_dtype: str, draft_dtype: str) -> float:
        shared = pair.is_self and target_dtype == draft_dtype  # one model serves as both
        held = bytes_of(target, _dtype(target_dtype, pair.target_model_id))
        held += 0 if shared else bytes_of(draft, _dtype(draft_dtype, pair.draft_model_id))
        return ROOM * held / GIB

    listed = {"as listed": gib(pair.target_dtype, pair.draft_dtype)}
    return listed | {dtype: gib(dtype, dtype) for dtype in ("float32", "bfloat16", "int4")}


def bytes_of(size: Size, dtype: str) -> float:
    """Bytes of the weights in a dtype; in int4 only linear layers are packed.

    >>> bytes_of(Size(1000, 200), "float32"), bytes_of(Size(1000, 200), "int4")
    (4000.0, 825.0)
    """
    unpacked = size.unpacked if dtype == "int4" else 0
    return (size.parameters - unpacked) * BYTES_PER_PARAMETER[dtype] + 2.0 * unpacked


def _dtype(dtype: str, model_id: str) -> str:
    """What "auto" means: what the weights are stored in, and float32 where that is unknown."""
    if dtype != "auto":
        return dtype
    found = stored_weights(model_id)
    return "float32" if found is None else found.dtype
