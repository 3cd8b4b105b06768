"""What the weights of a model are: how many, how large, where, and which.

Packed int4 tensors count for what they stand for, tied ones once. Where a model computes need not be where
its weights lie: offloaded ones are fetched layer by layer, and then lie on the device ``meta`` in between.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from specdec_lib.models.architecture.module import LanguageModel
from specdec_lib.models.base import cached_property

_CHUNK = 2**21
"""Words of eight bytes that are mixed at once, so that hashing takes 16 MB of memory."""
_MEBIBYTE = 2**20
_NAMES = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")
"""Fields of a configuration that change nothing of what is computed."""


class Weighed:
    """What has a model, and says what its weights are."""

    model: LanguageModel

    @cached_property
    def device(self) -> torch.device:
        """Where token ids go: where the embeddings are, or where offloaded weights are fetched to."""
        embeddings = getattr(self.model, "get_input_embeddings", lambda: None)()
        first = next((self.model if embeddings is None else embeddings).parameters(), None)
        device = next(self.model.parameters()).device if first is None else first.device
        hooks = (getattr(module, "_hf_hook", None) for module in (self.model, embeddings))
        places = (getattr(hook, "execution_device", None) for hook in hooks)
        fetched_to = next((place for place in places if place is not None), None)
        if device.type != "meta" or fetched_to is None:
            return device
        return torch.device("cuda", fetched_to) if isinstance(fetched_to, int) else torch.device(fetched_to)

    @cached_property
    def dtype(self) -> torch.dtype:
        """Type of the floating-point weights, and so of the logits (int4: what it computes in)."""
        return compute_dtype(self.model)

    @cached_property
    def number_format(self) -> str:
        """What the weights are kept in: "float32", "int4" and so on, or another quantisation by its name."""
        if any(hasattr(parameter, "quant_state") for parameter in self.model.parameters()):
            return "int4"
        stored = getattr(getattr(self.model, "config", None), "quantization_config", None)
        method = getattr(stored, "quant_method", None)
        if method is None:
            return str(self.dtype).removeprefix("torch.")
        return str(getattr(method, "value", method))

    @cached_property
    def weights_hash(self) -> str:
        """Of the weights' content, 16 hex digits; "" where they are not at hand (offloaded, ``meta``)."""
        return content_hash(self.model)

    @cached_property
    def param_count(self) -> int:
        """Number of weights: tied ones once, packed int4 ones by what they stand for."""
        return num_weights(self.model)

    @property
    def memory_footprint_mb(self) -> float:
        """Memory of weights and buffers, in units of 2**20 bytes (int4: with its scales)."""
        return num_bytes(self.model) / _MEBIBYTE


def num_weights(model: nn.Module) -> int:
    """Tied ones once, packed int4 ones by what they stand for."""
    return sum(math.prod(_logical_shape(parameter)) for parameter in model.parameters())


def num_bytes(model: nn.Module) -> int:
    """Of weights and buffers; int4 with its scales."""
    held = [*model.parameters(), *model.buffers()]
    return sum(part.numel() * part.element_size() for tensor in held for part in (tensor, *_scales(tensor)))


def compute_dtype(model: nn.Module) -> torch.dtype:
    """Type of the floating-point weights, and so of the logits (int4: what it computes in)."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def content_hash(model: nn.Module) -> str:
    """Sixteen hex digits of all names, shapes, types and bits of the weights; "" where they are not at hand.

    The same weights in another folder or on another device have the same hash, those trained on have another.
    A word changed anywhere changes it; it is no protection against somebody who wants two to be equal.
    """
    digest = hashlib.sha256()
    for name, tensor in _named_tensors(model):
        if tensor.device.type == "meta":
            return ""
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} {_mixed(tensor)}\n".encode())
    return digest.hexdigest()[:16]


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter, and what unpacks it if it is packed."""
    for name, parameter in model.named_parameters():
        flatten = getattr(parameter, "__tensor_flatten__", None)  # a tensor made of others, such as torchao's
        parts = [parameter] if flatten is None else [getattr(parameter, part) for part in flatten()[0]]
        for index, part in enumerate((*parts, *_scales(parameter))):
            yield f"{name}.{index}", part.detach()


@torch.inference_mode()
def _mixed(tensor: Tensor) -> int:
    """Σ wᵢ·rᵢ modulo 2**64 over the words of the tensor, rᵢ odd and different for each place: one read."""
    octets = tensor.contiguous().reshape(-1).view(torch.uint8)
    octets = nn.functional.pad(octets, (0, -len(octets) % 8)) if len(octets) % 8 else octets
    total, factors = 0, _factors(min(_CHUNK, len(octets) // 8), tensor.device)
    for number, words in enumerate(octets.split(8 * _CHUNK)):
        words = words.clone().view(torch.int64) if words.storage_offset() % 8 else words.view(torch.int64)
        mixed = int((words * factors[: len(words)]).sum())
        total = (total + mixed * (2 * number * 0x9E3779B97F4A7C15 + 1)) % 2**64
    return total


def _factors(count: int, device: torch.device) -> Tensor:
    """Odd numbers that look random, a fixed one for each place."""
    place = torch.arange(count, dtype=torch.int64, device=device)
    scrambled = (place + 1) * 0x1E3779B97F4A7C15
    scrambled = (scrambled ^ (scrambled >> 29)) * 0x3F58476D1CE4E5B9
    return (scrambled ^ (scrambled >> 32)) | 1


@torch.inference_mode()
def are_one_model(one: LanguageModel, other: LanguageModel) -> bool:
    """Whether both compute the same, so that drafting with one for the other saves nothing.

    Configurations must be equal, and weights in dtype and in every bit; they are compared one by one, up to
    the first that differs, so that telling two models apart costs next to nothing.
    """
    if one is other:
        return True
    if _described(one) != _described(other):
        return False
    ours, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    return ours.keys() == theirs.keys() and all(_equal(ours[name], theirs[name]) for name in ours)


def _described(model: LanguageModel) -> dict[str, Any]:
    described = model.config.to_dict()
    return {name: value for name, value in described.items() if name not in _NAMES}


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)


def _logical_shape(parameter: Tensor) -> tuple[int, ...]:
    """Shape of the weights that a tensor stands for: two packed int4 weights share a byte."""
    state = getattr(parameter, "quant_state", None)
    return tuple(parameter.shape if state is None else state.shape)


def _scales(tensor: Tensor) -> list[Tensor]:
    """What unpacks an int4 tensor; nothing for others."""
    state = getattr(tensor, "quant_state", None)
    nested = getattr(state, "state2", None)
    return [part for s in (state, nested) if s is not None for part in (s.absmax, s.code)]
