"""Two models of the same weights: told apart from others, or made on purpose in another dtype.

Are two models one and the same, under two names? Then drafting with one for the other saves nothing.

It compares configurations, then weights one by one and stops at the first that differs, so that telling two
models apart costs next to nothing.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from specdec_lib.models.wrapper import ModelWrapper

_NAMES = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")


@torch.inference_mode()
def are_one_model(one: nn.Module, other: nn.Module) -> bool:
    """Whether both compute the same: equal configurations, and weights equal in dtype and in every bit."""
    if one is other:
        return True
    if _described(one) != _described(other):
        return False
    ours, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    return ours.keys() == theirs.keys() and all(_equal(ours[name], theirs[name]) for name in ours)


def in_dtype(model: ModelWrapper, dtype: torch.dtype | str) -> ModelWrapper:
    """A copy of the model with its weights rounded to ``dtype`` ("bfloat16", say); the model stays as it is.

    The model itself where it has that dtype already, or is quantised and so cannot have another.
    """
    wanted = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    if model.dtype == wanted or getattr(model.model, "is_quantized", False):
        return model
    return ModelWrapper(copy.deepcopy(model.model).to(wanted), model.tokenizer)


def _described(model: nn.Module) -> dict[str, Any]:
    described = model.config.to_dict()
    return {name: value for name, value in described.items() if name not in _NAMES}


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
