"""Fixed buffers for compiled code: same addresses and shapes at every step, a roll-back moves an integer.

A store holds the keys and values of all layers ``[1, heads, capacity, head_dim]`` and one number, where the
next token goes. What lies behind it is hidden by the mask, so a cache is a store and a length, and dropping
rejected tokens changes the length. On a GPU attention runs over the whole capacity, because a CUDA graph
replays fixed shapes; on a CPU, where reading positions that nobody sees costs time, over a window whose
length is the one number that compiled code does not know in advance.

Caches are values, as in :mod:`specdec_lib.models.caches.preallocated`: one that would overwrite what another
still holds gets a store of its own first.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from specdec_lib.models.caches.preallocated import Holders, room_for

_LEAST = 1024


def bucket(length: int) -> int:
    """The capacity that holds ``length`` positions: a power of two, at least 1024, so that few graphs do."""
    return max(_LEAST, 1 << (max(1, length) - 1).bit_length())


class FixedLayer(CacheLayerMixin):
    """One layer of a store. ``update`` writes behind the store's start and returns what its window shows."""

    is_compileable = True
    is_sliding = False
    is_croppable = False
    keys: Tensor
    values: Tensor

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.frame = frame

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate, zeroed: what is masked still takes part in a product, and NaN times 0 is NaN."""
        self.dtype, self.device = key_states.dtype, key_states.device
        with torch.inference_mode(False):  # so that they may be written to in any mode
            self.keys = room_for(key_states, self.frame.capacity).zero_()
            self.values = room_for(value_states, self.frame.capacity).zero_()
        if self.device.type == "cuda":
            for tensor in (self.keys, self.values):
                torch._dynamo.mark_static_address(tensor)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any):
        """Write n positions ``[1, heads, n, dim]`` at the store's start."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        positions = torch.arange(key_states.shape[-2], device=key_states.device) + self.frame.start
        self.keys.index_copy_(2, positions, key_states)
        self.values.index_copy_(2, positions, value_states)
        shown = self.frame.window.shape[0]
        return self.keys[:, :, :shown], self.values[:, :, :shown]

    def get_mask_sizes(self, query_length: Any) -> tuple[int, int]:
        """The window takes part."""
        return self.frame.window.shape[0], 0

    def get_seq_length(self, *args: Any) -> Integer[Tensor, ""]:
        """Positions before the store's start; a tensor, so that compiled code does not depend on it."""
        return self.frame.start

    def get_max_length(self) -> int:
        """The capacity."""
        return self.frame.capacity

    get_max_cache_shape = get_max_length


class Frame:
    """Where the layers of a store write and what they show: ``start``, and ``window`` = 0, 1, …, n − 1."""

    def __init__(self, capacity: int, device: torch.device) -> None:
        self.capacity = capacity
        with torch.inference_mode(False):
            self.start = torch.zeros((), dtype=torch.long, device=device)
            self.window = self._positions = torch.arange(capacity, device=device)
        self._fixed = device.type == "cuda"
        if self._fixed:
            for tensor in (self.start, self.window):
                torch._dynamo.mark_static_address(tensor)

    def move(self, start: int, end: int) -> None:
        """The next token goes to ``start``, and nobody looks behind ``end``."""
        self.start.fill_(start)
        if not self._fixed:
            with torch.inference_mode(False):
                self.window = self._positions[:end]
            torch._dynamo.mark_dynamic(self.window, 0)


class Store(Cache):
    """The buffers of all layers and the frame that they share."""

    layers: list[FixedLayer]

    def __init__(self, num_layers: int, capacity: int, device: torch.device) -> None:
        self.frame, self.capacity = Frame(capacity, device), capacity
        self.holders = Holders()
        super().__init__(layers=[FixedLayer(self.frame) for _ in range(num_layers)])

    def mask(self, width: int, dtype: torch.dtype) -> Float[Tensor, "1 1 width window"]:
        """0 for what a token may see, minus infinity for what it may not."""
        device = self.frame.start.device
        last_seen = torch.arange(width, device=device) + self.frame.start
        hidden = self.frame.window[None, :] > last_seen[:, None]
        seen = torch.zeros((1, 1, *hidden.shape), dtype=dtype, device=device)
        return seen.masked_fill(hidden, -torch.inf)

    def first_layers(self, count: int) -> Store:
        """The buffers of the first ``count`` layers, with the same frame and the same holders."""
        fewer = copy.copy(self)
        fewer.layers = self.layers[:count]
        return fewer

    def copied_into(self, other: Store, length: int) -> None:
        """The first ``length`` positions, written to ``other``."""
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            if mine.is_initialized:
                if not theirs.is_initialized:
                    theirs.lazy_initialization(mine.keys, mine.values)
                theirs.keys.narrow(2, 0, length).copy_(mine.keys.narrow(2, 0, length))
                theirs.values.narrow(2, 0, length).copy_(mine.values.narrow(2, 0, length))


class FixedCache:
    """The first ``length`` positions of a store, as ``past_key_values`` of a compiled ModelWrapper."""

    def __init__(self, store: Store, length: int = 0) -> None:
        self.length = length
        self.hold(store)

    def hold(self, store: Store) -> None:
        """Look at that store from now on."""
        self.store = store
        store.holders.add(self)

    def truncated(self, keep_length: int) -> FixedCache:
        """The first ``keep_length`` positions, on the same store."""
        return FixedCache(self.store, keep_length)

    def get_seq_length(self, *args: Any) -> int:
        """Positions held."""
        return self.length

    @property
    def capacity(self) -> int:
        """Positions that fit before the next allocation."""
        return self.store.capacity

    @property
    def memory_mb(self) -> float:
        """Memory of the store, room to spare included, in units of 2**20 bytes."""
        layers = [layer for layer in self.store.layers if layer.is_initialized]
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in layers) / 2**20
