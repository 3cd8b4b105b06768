"""Keys and values of several texts side by side, each of its own length, written by one forward.

A layer holds ``[rows, capacity, heads, head_dim]``, and each row writes behind its own last position. What
lies beyond a row's length is hidden by the mask of the forward, so rolling a row back changes one number.
What pads a row is written to its last place, which is never shown: padding takes no room, however wide a
forward is. Only a row that leaves, or a buffer that grows, has anything copied. Unlike the caches of single
texts these are no values: a batch owns its cache, and changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

_LEAST = 64
"""The step to which capacities are rounded up."""


class Places:
    """Where the rows of a cache write next, and how many positions are shown; shared by its layers.

    Args:
        num_rows: texts side by side.
        reserve: positions a row to make room for at once.
        most: positions that growing ahead of need does not go beyond (the longest text's end); None for no
            limit. What is really written always fits.
    """

    def __init__(self, num_rows: int, reserve: int, device: torch.device, most: int | None = None) -> None:
        self.lengths = [0] * num_rows
        self.capacity = reserve + 1
        """Places a row: its positions, and the last one for padding."""
        self.shown, self._device, self._most = 0, device, most
        self.flat: Integer[Tensor, " rows_times_width"] = torch.empty(0, dtype=torch.long, device=device)

    def prepare(self, widths: Sequence[int], least: int = 0) -> Integer[Tensor, "rows width"]:
        """Place a forward of that many tokens a row, aligned to the right of ``width``, the widest.

        Args:
            least: a larger ``width``, of which even the widest row has padding.

        Returns:
            The position of every token in its row; negative where a row is narrower, and holds padding.
        """
        width, ends = max(least, *widths), self.ends(widths)
        self.shown = max(ends)
        if self.shown >= self.capacity:
            self.capacity = self._room_for(self.shown) + 1
        end, own = torch.tensor([ends, list(widths)], device=self._device)[:, :, None]
        turn = torch.arange(-width, 0, device=self._device)
        places = torch.where(turn < -own, -1, end + turn)
        first = torch.arange(len(ends), device=self._device)[:, None] * self.capacity
        self.flat = (first + places.remainder(self.capacity)).flatten()  # -1 is the last place
        return places

    def advance(self, widths: Sequence[int]) -> None:
        """The tokens that were placed are there."""
        self.lengths = self.ends(widths)

    def ends(self, widths: Sequence[int]) -> list[int]:
        """Positions that the rows hold when so many more are there."""
        return [held + width for held, width in zip(self.lengths, widths, strict=True)]

    def _room_for(self, needed: int) -> int:
        """Positions to make room for: as many again as there are, within what the texts may need."""
        ahead = -(-max(needed, 2 * max(self.lengths)) // _LEAST) * _LEAST
        return ahead if self._most is None else max(needed, min(ahead, self._most))


class RaggedLayer(CacheLayerMixin):
    """One layer's keys and values of all rows. A model calls it as any Transformers layer."""

    is_compileable = False
    is_sliding = False
    is_croppable = False
    keys: Tensor
    values: Tensor

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate, zeroed: what is masked still takes part in a product, and NaN times 0 is NaN."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self._keys, self._values = self._room(key_states), self._room(value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any):
        """Write ``[rows, heads, width, dim]`` where the places say; returns all that is shown of each row."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self._keys.shape[1] < self.places.capacity:
            held = self.get_seq_length()
            self._keys, self._values = self._grown(self._keys[:, :held]), self._grown(self._values[:, :held])
        self.keys = self._written(self._keys, key_states)
        self.values = self._written(self._values, value_states)
        return self.keys, self.values

    def keep(self, rows: Integer[Tensor, " kept"], length: int) -> None:
        """Only these rows, and the first ``length`` positions of each."""
        if self.is_initialized:
            self._keys, self._values = (self._grown(b[rows, :length]) for b in (self._keys, self._values))

    def get_mask_sizes(self, query_length: Any) -> tuple[int, int]:
        """All that is shown takes part."""
        return self.places.shown, 0

    def get_seq_length(self, *args: Any) -> int:
        """Positions of the longest row."""
        return max(self.places.lengths, default=0)

    def get_max_length(self) -> int:
        """No limit: the buffer grows."""
        return -1

    get_max_cache_shape = get_max_length

    @property
    def num_bytes(self) -> int:
        """Memory of the buffers, room to spare included."""
        return self._keys.nbytes + self._values.nbytes if self.is_initialized else 0

    def _room(self, states: Float[Tensor, "rows heads width dim"]) -> Tensor:
        with torch.inference_mode(False):  # so that it may be written to in any mode
            return states.new_zeros((states.shape[0], self.places.capacity, states.shape[1], states.shape[3]))

    def _grown(self, buffer: Float[Tensor, "rows length heads dim"]) -> Tensor:
        with torch.inference_mode(False):
            larger = buffer.new_zeros((buffer.shape[0], self.places.capacity, *buffer.shape[2:]))
        larger[:, : buffer.shape[1]] = buffer
        return larger

    def _written(self, buffer: Tensor, states: Float[Tensor, "rows heads width dim"]) -> Tensor:
        flat = states.transpose(1, 2).flatten(0, 1)
        buffer.flatten(0, 1).index_copy_(0, self.places.flat, flat)
        return buffer[:, : self.places.shown].transpose(1, 2)


class RaggedCache(Cache):
    """A Transformers cache of :class:`RaggedLayer`: several texts, each of its own length.

    Args:
        num_layers: layers of the model that keep keys and values.
        num_rows: texts.
        reserve, most: see :class:`Places`.
    """

    def __init__(
        self, num_layers: int, num_rows: int, reserve: int, device: torch.device, most: int | None = None
    ) -> None:
        self.places = Places(num_rows, reserve, device, most)
        super().__init__(layers=[RaggedLayer(self.places) for _ in range(num_layers)])

    @property
    def lengths(self) -> list[int]:
        """Positions that each row holds."""
        return self.places.lengths

    @property
    def memory_mb(self) -> float:
        """Memory of all buffers, room to spare included, in units of 2**20 bytes."""
        return sum(layer.num_bytes for layer in self._own) / 2**20

    def truncate(self, lengths: Sequence[int]) -> None:
        """Roll each row back to its own length; nothing is copied."""
        self.places.lengths = list(lengths)

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order: they are copied, once, and the others cost nothing any more."""
        self.places.lengths = [self.lengths[row] for row in rows]
        chosen = torch.tensor(list(rows), dtype=torch.long, device=self.places.flat.device)
        for layer in self._own:
            layer.keep(chosen, max(self.lengths, default=0))

    @property
    def _own(self) -> list[RaggedLayer]:
        """The layers that hold something; others look at what these hold."""
        return [layer for layer in self.layers if isinstance(layer, RaggedLayer)]
