"""Rolling a key-value cache back: to the first ``keep_length`` positions, without copying.

What a cache of full-attention layers held after fewer tokens is a view of what it holds now, be it
:class:`~specdec_lib.models.caches.preallocated.PreallocatedCache` or a ``DynamicCache`` that a user brings.
``Cache.crop`` is not used: the meaning of its argument changed between versions of Transformers. Sliding
windows are kept whole, because a window is a property of the mask, which the model builds, and a layer that
forgets what left the window cannot come back across its edge. Recurrent states are refused by name.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

from transformers import PretrainedConfig, cache_utils
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from specdec_lib.errors import InvalidArgument, UnsupportedCache, in_one_line
from specdec_lib.models.architecture.module import LanguageModel, cache_name, forward_supports, text_config
from specdec_lib.models.caches import sentences
from specdec_lib.models.caches.fixed import FixedCache
from specdec_lib.models.caches.preallocated import PreallocatedCache, PreallocatedLayer
from specdec_lib.models.caches.ragged import RaggedCache

AnyCache = TypeVar("AnyCache", bound=Cache)
_ATTENTION_LAYERS = frozenset({"full_attention", "sliding_attention", "chunked_attention", "dummy"})
MOST_RESERVED = 8192
"""Positions that a cache makes room for at once; a text that becomes longer lets it grow."""
_NOTHING: type | None = getattr(cache_utils, "DummyLayer", None)
_CROPPABLE = (DynamicLayer, PreallocatedLayer)


def new_cache(model: LanguageModel, reserve: int = 0, most: int | None = None) -> PreallocatedCache:
    """An empty cache for a model, whose every layer keeps all positions.

    Args:
        reserve, most: positions to make room for at once (``MOST_RESERVED`` at most, so that memory follows
            the text and not what was asked for), and at most ahead of need.

    Raises:
        UnsupportedCache: the model carries a state from which no earlier one can be had.
    """
    own = _checked_layers(model)
    return _with_silent(own, PreallocatedCache(len(own), min(reserve, MOST_RESERVED), most))


def new_ragged_cache(model: LanguageModel, num_rows: int, max_length: int = 0) -> RaggedCache:
    """An empty cache for several texts at once, of any length each.

    Args:
        max_length: positions that no row goes beyond, to make room for (``MOST_RESERVED`` at once); 0 where
            nobody knows.

    Raises:
        UnsupportedCache: as :func:`new_cache`.
    """
    own, device = _checked_layers(model), next(model.parameters()).device
    reserve, most = min(max_length, MOST_RESERVED), max_length or None
    return _with_silent(own, RaggedCache(len(own), num_rows, reserve, device, most))


def _checked_layers(model: LanguageModel) -> list[Any]:
    """The layers of a model's own cache, each of which can be rolled back."""
    _refuse_recurrent(model)
    own = _own_layers(model)
    _require(
        own,
        (DynamicLayer, DynamicSlidingWindowLayer),
        f"forward: {type(model).__name__}",
        sentences.OTHER_MODEL,
    )
    return own


def _with_silent(own: Sequence[Any], cache: AnyCache) -> AnyCache:
    """The cache, with those of a model's ``own`` layers that look at what another one holds."""
    for index, layer in enumerate(own):
        if holds_nothing(layer):  # its keys and values roll back there
            cache.layers[index] = layer
    return cache


def _own_layers(model: LanguageModel) -> list[Any]:
    """The layers of the cache that Transformers makes for a model, by its configuration.

    Older versions make none where a configuration says that 0 layers look at another's keys and values.
    """
    try:
        layers = DynamicCache(config=model.config).layers
        return layers or [DynamicLayer() for _ in range(text_config(model).num_hidden_layers)]
    except Exception as error:  # as the field that does not fit happens to be used
        raise UnsupportedCache(
            sentences.NO_CACHE_OF_CONFIG.format(type(model).__name__, in_one_line(error))
        ) from error


def require_cache_fields(config: PretrainedConfig) -> None:
    """Raise what Transformers raises where a field that the cache of attention layers needs does not fit.

    Layers of other kinds are for :func:`new_cache` to refuse, by their name.
    """
    if not _other_layers(config):
        DynamicCache(config=config)


def _other_layers(config: PretrainedConfig) -> list[str]:
    """Types of layers that do not keep a key and a value for each position."""
    layer_types: Any = getattr(config.get_text_config(decoder=True), "layer_types", None) or ()
    return sorted(set(layer_types) - _ATTENTION_LAYERS)


def holds_nothing(layer: Any) -> bool:
    """Whether a layer of a cache keeps neither keys and values nor a state, and so is always rolled back."""
    return _NOTHING is not None and type(layer) is _NOTHING


def cache_length(cache: Cache | FixedCache | None) -> int:
    """Tokens that a cache holds; 0 for None."""
    return 0 if cache is None else int(cache.get_seq_length())


def truncated(cache: Cache | FixedCache | None, keep_length: int) -> Cache | FixedCache | None:
    """The first ``keep_length`` positions: a cache of views; either may be extended without the other.

    Raises:
        InvalidArgument: ``keep_length`` outside ``[0, length]``.
        UnsupportedCache: a layer that cannot be rolled back, by its name.
    """
    length = cache_length(cache)
    if not 0 <= keep_length <= length:
        raise InvalidArgument(sentences.OUTSIDE_THE_CACHE.format(keep_length, length))
    if cache is None:
        return None
    if isinstance(cache, FixedCache):
        return cache.truncated(keep_length)
    _require(cache.layers, _CROPPABLE, f"truncate_cache: a {type(cache).__name__}", sentences.OWN_CACHE)
    shortened = copy.copy(cache)
    shortened.layers = [
        layer if holds_nothing(layer) else _first_positions(layer, keep_length) for layer in cache.layers
    ]
    return shortened


def first_layers(cache: Cache | FixedCache, count: int) -> Cache | FixedCache:
    """What the first ``count`` layers hold, as a cache of theirs on the same buffers; nothing is copied.

    Extended, it writes behind the positions of ``cache``, which stays as it was. Let go of it before
    ``cache`` is extended, or that one moves to buffers of its own.
    """
    if isinstance(cache, FixedCache):
        return FixedCache(cache.store.first_layers(count), cache.length)
    fewer = truncated(cache, cache_length(cache))
    assert isinstance(fewer, Cache)
    fewer.layers = fewer.layers[:count]
    return fewer


def _first_positions(layer: Any, keep_length: int) -> Any:
    if isinstance(layer, PreallocatedLayer):
        return layer.truncated(keep_length)
    shortened = copy.copy(layer)
    if layer.get_seq_length():
        shortened.keys = layer.keys[..., :keep_length, :]
        shortened.values = layer.values[..., :keep_length, :]
    return shortened


def _require(layers: Sequence[Any], kinds: tuple[type, ...], who: str, advice: str) -> None:
    """Every layer holds one key and one value a position, and nothing else."""
    for layer in layers:
        if type(layer) not in kinds and not holds_nothing(layer):
            raise UnsupportedCache(sentences.LAYER_STAYS.format(who, type(layer).__name__, advice))


def _refuse_recurrent(model: LanguageModel) -> None:
    """Refuse a model whose state after n tokens does not hold its state after n - 1."""
    other = _other_layers(model.config)
    supports_cache = forward_supports(model, cache_name(model))
    if other or getattr(model, "_is_stateful", False) or not supports_cache:
        kind = sentences.RECURRENT_STATE if supports_cache else sentences.NO_CACHE
        kind = f"{', '.join(other)} layers" if other else kind
        raise UnsupportedCache(
            sentences.STATE_STAYS.format(type(model).__name__, kind, sentences.OTHER_MODEL)
        )
