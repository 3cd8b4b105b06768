"""A preallocated key-value cache: a step writes in place, a roll-back moves an integer.

``DynamicCache`` concatenates, so every step copies all that it holds, in every layer. Here a layer owns a
buffer ``[batch, heads, capacity, head_dim]`` with room to spare and hands attention a view of the part in
use. Dropping rejected tokens is a shorter view of the same buffer.

Caches are values all the same: a truncated one and the one it was taken from may both be extended. They
share the buffer until one would overwrite what another still holds; that one then moves to a buffer of its
own. A decoding loop lets go of what it truncates, and so never copies. Nothing here knows what a token is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

_LEAST = 64
"""The step to which capacities are rounded up, unless room was asked for."""


class Holders:
    """The caches that look at one buffer, each with its ``length``. One that nobody keeps does not count."""

    def __init__(self) -> None:
        self._references: list[weakref.ref[Any]] = []

    def add(self, holder: Any) -> None:
        """One more looks at the buffer."""
        self._references = [reference for reference in self._references if reference() is not None]
        self._references.append(weakref.ref(holder))

    @property
    def in_use(self) -> bool:
        """Whether anything looks at the buffer."""
        return any(reference() is not None for reference in self._references)

    def reach_beyond(self, holder: Any) -> bool:
        """Whether another of them holds positions behind ``holder``'s last, which it would overwrite."""
        others = (reference() for reference in self._references)
        return any(
            other is not None and other is not holder and other.length > holder.length for other in others
        )


@dataclass(eq=False)
class _Buffer:
    """Keys and values with room to spare, the layers that look at them, and whose turn it is to write."""

    keys: Float[Tensor, "batch heads capacity key_dim"]
    values: Float[Tensor, "batch heads capacity value_dim"]
    turn: int = 0
    holders: Holders = field(default_factory=Holders)


class PreallocatedLayer(DynamicLayer):
    """One layer's keys and values, every position kept, written in place.

    A model calls it as any Transformers layer. ``keys`` and ``values`` are views ``[batch, heads, length,
    dim]``.

    Args:
        reserve: positions to make room for at once.
        most: positions that growing ahead of need does not go beyond (the model's context); None for no
            limit. What is really written always fits.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, reserve: int = 0, most: int | None = None) -> None:
        super().__init__()
        self.reserve, self.most, self.length = reserve, most, 0
        self._buffer: _Buffer | None = None
        self._turn = -1

    @property
    def capacity(self) -> int:
        """Positions that fit before the next allocation."""
        return 0 if self._buffer is None else self._buffer.keys.shape[-2]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any):
        """Write n more positions ``[batch, heads, n, dim]``; returns views of all of them."""
        start, width, buffer = self.length, key_states.shape[-2], self._buffer
        end = start + width
        if buffer is None or end > buffer.keys.shape[-2] or not self._may_write(buffer):
            buffer = self._move(end, key_states, value_states)
        buffer.keys.narrow(-2, start, width).copy_(key_states)
        buffer.values.narrow(-2, start, width).copy_(value_states)
        self._show(buffer, end)
        return self.keys, self.values

    def truncated(self, keep_length: int) -> PreallocatedLayer:
        """The first ``keep_length`` positions as a layer of its own, on the same buffer."""
        shorter = PreallocatedLayer(self.reserve, self.most)
        if self._buffer is not None:
            shorter.dtype, shorter.device = self.dtype, self.device
            shorter._look_at(self._buffer, keep_length)
        return shorter

    def get_seq_length(self, *args: Any) -> int:
        """Positions held."""
        return self.length

    def crop(self, tokens_to_remove: int) -> None:
        """Drop that many positions in place: negative numbers count what goes, positive ones what stays.

        Both readings have been Transformers' own (up to 5.17, and from 5.18).
        """
        if self._buffer is not None and tokens_to_remove:
            kept = self.length + tokens_to_remove if tokens_to_remove < 0 else tokens_to_remove
            self._turn = -1  # others may now be longer
            self._show(self._buffer, max(0, min(kept, self.length)))

    def reset(self) -> None:
        """Forget everything, and free the buffer: a layer as it was made."""
        PreallocatedLayer.__init__(self, self.reserve, self.most)

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Choose and repeat sequences of the batch (beam search)."""
        self._rebuild(lambda tensor: tensor.index_select(0, beam_idx.to(tensor.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Every sequence of the batch ``repeats`` times."""
        self._rebuild(lambda tensor: tensor.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """The sequences ``indices`` of the batch."""
        self._rebuild(lambda tensor: tensor[indices, ...])

    @property
    def num_bytes(self) -> int:
        """Memory of the buffer, room to spare included."""
        return 0 if self._buffer is None else self._buffer.keys.nbytes + self._buffer.values.nbytes

    # -- whose buffer it is -----------------------------------------------------------------------

    def _may_write(self, buffer: _Buffer) -> bool:
        """Whether no other living view holds positions that this one would overwrite."""
        if self._turn != buffer.turn:
            if buffer.holders.reach_beyond(self):
                return False
            buffer.turn += 1
            self._turn = buffer.turn
        return True

    def _look_at(self, buffer: _Buffer, length: int) -> None:
        self._buffer, self._turn, self.is_initialized = buffer, -1, True
        buffer.holders.add(self)
        self._show(buffer, length)

    def _show(self, buffer: _Buffer, length: int) -> None:
        self.length = length
        self.keys = buffer.keys.narrow(-2, 0, length)
        self.values = buffer.values.narrow(-2, 0, length)

    def _move(self, needed: int, key_states: Tensor, value_states: Tensor) -> _Buffer:
        """A buffer of one's own, with room for ``needed`` positions and for as many again."""
        capacity, length = self._capacity_for(needed), self.length
        with torch.inference_mode(False):  # so that it may be written to in any mode
            buffer = _Buffer(room_for(key_states, capacity), room_for(value_states, capacity))
        if length:
            buffer.keys.narrow(-2, 0, length).copy_(self.keys)
            buffer.values.narrow(-2, 0, length).copy_(self.values)
        self.dtype, self.device = key_states.dtype, key_states.device
        self._look_at(buffer, length)
        self._turn = buffer.turn
        return buffer

    def _capacity_for(self, needed: int) -> int:
        doubled = 2 * self.length
        wanted = max(needed, doubled if self.most is None else min(doubled, self.most))
        return self.reserve if wanted <= self.reserve else -(-wanted // _LEAST) * _LEAST

    def _rebuild(self, change: Callable[[Tensor], Tensor]) -> None:
        if self._buffer is None:
            return
        keys, values, length = change(self.keys), change(self.values), self.length
        self._buffer, self.length = None, 0
        self.update(keys, values) if length else self.reset()


class PreallocatedCache(Cache):
    """A Transformers cache of :class:`PreallocatedLayer`, as ``past_key_values`` of any attention model.

    Args:
        num_layers: layers of the model that keep keys and values.
        reserve: positions to make room for at once; a loop that knows how long its text may become says so
            and never allocates twice.
        most: see :class:`PreallocatedLayer`.
    """

    def __init__(self, num_layers: int, reserve: int = 0, most: int | None = None) -> None:
        super().__init__(layers=[PreallocatedLayer(reserve, most) for _ in range(num_layers)])

    @property
    def capacity(self) -> int:
        """Positions that fit before the next allocation."""
        return min((layer.capacity for layer in self._own), default=0)

    @property
    def memory_mb(self) -> float:
        """Memory of all buffers, room to spare included, in units of 2**20 bytes."""
        return sum(layer.num_bytes for layer in self._own) / 2**20

    @property
    def _own(self) -> list[PreallocatedLayer]:
        """The layers that hold something; others look at what these hold."""
        return [layer for layer in self.layers if isinstance(layer, PreallocatedLayer)]


def room_for(states: Float[Tensor, "*many n dim"], capacity: int) -> Float[Tensor, "*many capacity dim"]:
    """Room for ``capacity`` positions of states like these, not yet written."""
    return states.new_empty((*states.shape[:-2], capacity, states.shape[-1]))
