"""Forwards of a few tokens through a native function, on the buffers that compiled forwards use.

A row of an answer is summed in one order whatever is fed beside it: the logits of a verification are, to the
last bit, those of single steps.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from ctypes import c_void_p
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from specdec_lib.models.architecture.module import LanguageModel
from specdec_lib.models.caches.fixed import Store
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.native.building import native_library
from specdec_lib.models.fast.native.reading import ReadModel


class NativeForward:
    """The native forward of one model on a CPU.

    Attributes:
        seconds: what building and reading took.

    Raises:
        NoNative: no compiler, or a model that is built otherwise; why, in a few words.
    """

    def __init__(self, model: LanguageModel) -> None:
        began = time.perf_counter()
        self._model, self._library = model, native_library()
        self._read = ReadModel(model)
        self._seen: WeakKeyDictionary[Store, _Places] = WeakKeyDictionary()
        self.seconds = time.perf_counter() - began

    def look(self) -> None:
        """See, where a text begins, whether the model is what was read; else read it anew.

        Raises:
            NoNative: it has become another, which cannot be read.
        """
        if not self._read.is_current:
            self._read = ReadModel(self._model)

    def __call__(
        self, input_ids: Integer[Tensor, "1 n"], store: Store, start: int, first: int = 0
    ) -> Float[Tensor, "1 kept vocab"]:
        """Logits of all but the ``first`` of ``input_ids``, which go to ``start`` of the store.

        Raises:
            IndexError: an id that has no row in the embedding, or a position that there is no room for.
        """
        read, ids = self._read, input_ids.contiguous()
        places = self._places(store)
        read.reach(store.capacity)
        num, told = ids.shape[1], read.description
        logits = torch.empty((1, num - first, told.vocab), dtype=torch.float32)
        wrong = self._library.specdec_forward(
            told, ids.data_ptr(), num, start, places.keys, places.values, store.capacity, first,
            logits.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip
        if wrong:
            raise IndexError(sentences.OUT_OF_RANGE[wrong - 1])
        return logits.to(read.dtype)

    def _places(self, store: Store) -> _Places:
        """Where the buffers of a store lie, which are made here if nobody has written to them yet."""
        layers = store.layers[: self._read.num_layers]
        firsts = tuple(layer.keys.data_ptr() if layer.is_initialized else 0 for layer in layers[:1])
        known = self._seen.get(store)
        if known is None or known.firsts != firsts or 0 in firsts:
            for layer in layers:
                if not layer.is_initialized:
                    none = torch.empty(1, self._read.key_heads, 0, self._read.head_dim, dtype=self._read.dtype)
                    layer.lazy_initialization(none, none)
            known = self._seen[store] = _Places.of(layers)
        return known


class _Places(NamedTuple):
    """Where the keys and values of each layer begin."""

    keys: Any
    values: Any
    firsts: tuple[int, ...]

    @classmethod
    def of(cls, layers: Sequence[Any]) -> _Places:
        keys, values = ([getattr(layer, name).data_ptr() for layer in layers] for name in ("keys", "values"))
        kind = c_void_p * len(layers)
        return cls(kind(*keys), kind(*values), tuple(keys[:1]))
