"""Rolling a key-value cache back: to the first ``keep_length`` positions, without copying.

A cache of full-attention layers is a list of tensors ``[1, heads, length, head_dim]``; what
it held after fewer tokens is a view of them. ``Cache.crop`` is not used: the meaning of its
argument changed between versions of Transformers. Sliding windows are kept whole, because a
window is a property of the mask, which the model builds, and a layer that forgets what left
the window cannot come back across its edge. Recurrent states are refused by name.

It refuses to know what the tokens were or who proposed them.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

from torch import nn
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from specdec_lib.errors import InvalidArgument, UnsupportedCache

_ATTENTION_LAYERS = frozenset({"full_attention", "sliding_attention", "chunked_attention"})


def new_cache(model: nn.Module) -> Cache:
    """An empty cache for a model, whose every layer keeps all positions.

    Raises:
        UnsupportedCache: the model carries a state from which no earlier one can be had.
    """
    _refuse_recurrent(model)
    cache = DynamicCache(config=model.config)
    cache.layers = [
        DynamicLayer() if type(layer) is DynamicSlidingWindowLayer else layer for layer in cache.layers
    ]
    _require_croppable(cache)
    return cache


def cache_length(cache: Cache | None) -> int:
    """Tokens that a cache holds; 0 for None."""
    return 0 if cache is None else int(cache.get_seq_length())


def truncated(cache: Cache | None, keep_length: int) -> Cache | None:
    """A cache of the first ``keep_length`` positions; the given one stays valid and unchanged.

    The new cache holds views. A full-attention layer grows by concatenation into new tensors,
    so extending either cache leaves the other alone.

    Raises:
        InvalidArgument: ``keep_length`` outside ``[0, length]``.
        UnsupportedCache: a layer that cannot be rolled back, by its name.
    """
    length = cache_length(cache)
    if not 0 <= keep_length <= length:
        raise InvalidArgument(
            f"truncate_cache: keep_length {keep_length} is outside [0, {length}], the cache's length"
        )
    if cache is None:
        return None
    _require_croppable(cache)
    shortened = copy.copy(cache)
    shortened.layers = [_first_positions(layer, keep_length) for layer in cache.layers]
    return shortened


def _first_positions(layer: DynamicLayer, keep_length: int) -> DynamicLayer:
    shortened = copy.copy(layer)
    if layer.get_seq_length():
        shortened.keys = layer.keys[..., :keep_length, :]
        shortened.values = layer.values[..., :keep_length, :]
    return shortened


def _require_croppable(cache: Cache) -> None:
    """Every layer holds one key and one value a position, and nothing else."""
    for layer in cache.layers:
        if type(layer) is not DynamicLayer:
            raise UnsupportedCache(
                f"truncate_cache: a {type(cache).__name__} with a {type(layer).__name__} cannot be rolled "
                "back; use the cache that ModelWrapper.forward returns"
            )


def _refuse_recurrent(model: nn.Module) -> None:
    """Refuse a model whose state after n tokens does not hold its state after n - 1."""
    layer_types: Any = getattr(model.config.get_text_config(decoder=True), "layer_types", None) or ()
    other = sorted(set(layer_types) - _ATTENTION_LAYERS)
    takes_cache = "past_key_values" in inspect.signature(model.forward).parameters
    if other or getattr(model, "_is_stateful", False) or not takes_cache:
        kind = f"{', '.join(other)} layers" if other else "a recurrent state"
        raise UnsupportedCache(
            f"forward: {type(model).__name__} has {kind}, which cannot be rolled back; "
            "choose an attention-only model, or pass use_cache=False"
        )
