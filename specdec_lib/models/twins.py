"""Are two models one and the same, under two names? Then drafting with one for the other saves nothing.

It compares configurations, then weights one by one and stops at the first that differs, so that telling two
models apart costs next to nothing. It refuses to know what the models are called.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

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


def _described(model: nn.Module) -> dict[str, Any]:
    described = model.config.to_dict()
    return {name: value for name, value in described.items() if name not in _NAMES}


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
