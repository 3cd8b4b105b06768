"""Forwards of a few tokens through a native function, on the buffers that compiled forwards use.

A row of an answer is summed in one order whatever is fed beside it: the logits of a verification are, to the
last bit, those of single steps.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from ctypes import c_int64, c_void_p
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

AT_ONCE = 128
"""Tokens that are fed at a time, so that what is computed on the way stays small."""

_UNSOUND = 3


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

    @property
    def shortest_window(self) -> int | None:
        """Positions that the layer which sees the fewest can see; None where all see the whole text."""
        return self._read.shortest_window

    def __call__(
        self, input_ids: Integer[Tensor, "1 n"], store: Store, start: int, keep: int = 0
    ) -> tuple[Float[Tensor, "1 kept vocab"], bool]:
        """Logits of the last ``keep`` of ``input_ids`` (0: of all), which go to ``start`` of the store.

        Returns:
            The logits, and whether each row of them is sound: no NaN, no plus infinity, some token possible.

        Raises:
            IndexError: an id that has no row in the embedding, or a position that there is no room for.
        """
        read, num = self._read, input_ids.shape[1]
        kept = min(keep, num) or num
        logits = torch.empty((1, kept, read.description.vocab), dtype=torch.float32)
        sound = True
        for begin in range(0, num, AT_ONCE):
            ids = input_ids[:, begin : begin + AT_ONCE].to(torch.long).contiguous()
            first = min(ids.shape[1], max(0, num - kept - begin))  # those before it want no logits
            into = logits[0, max(0, begin + kept - num) :]
            fed = self._fed(read, ids, store, start + begin)
            told = self._library.specdec_forward(*fed, first, into.data_ptr(), torch.get_num_threads())
            sound &= told != _UNSOUND
            _require_room(told)
        return logits.to(read.dtype), sound

    def draft(
        self,
        input_ids: Integer[Tensor, "1 n"],
        store: Store,
        start: int,
        temperature: float,
        chances: Float[Tensor, " k"],
    ) -> tuple[Integer[Tensor, " k"], Float[Tensor, "k vocab"]]:
        """As many tokens behind ``input_ids`` as there are ``chances``, each drawn by its own.

        The cache then lacks the last of them.

        Returns:
            The tokens, and the laws that they were drawn from; at temperature 0, logits.

        Raises:
            IndexError: an id that has no row in the embedding, or a position that there is no room for.
        """
        read, ids, k = self._read, input_ids.to(torch.long).contiguous(), chances.shape[0]
        chances, drawn = chances.to(torch.float64).contiguous(), torch.empty(k, dtype=torch.long)
        rows = torch.empty((k, read.description.vocab), dtype=torch.float32)
        _require_room(
            self._library.specdec_draft(
                *self._fed(read, ids, store, start), k, temperature, chances.data_ptr(), drawn.data_ptr(),
                rows.data_ptr(), torch.get_num_threads(),
            )
        )  # fmt: skip
        return drawn, rows

    def _fed(self, read: ReadModel, ids: Tensor, store: Store, start: int) -> tuple[Any, ...]:
        """What every native function is told first."""
        places = self._places(read, store)
        read.reach(store.capacity)
        return (
            read.description,
            ids.data_ptr(),
            ids.shape[1],
            start,
            places.keys,
            places.values,
            store.capacity,
        )

    def _places(self, read: ReadModel, store: Store) -> _Places:
        """Where the buffers of a store lie, which are made here if nobody has written to them yet."""
        layers = store.layers[: read.num_layers]
        firsts = tuple(layer.keys.data_ptr() if layer.is_initialized else 0 for layer in layers[:1])
        known = self._seen.get(store)
        if known is None or known.firsts != firsts or 0 in firsts:
            for layer in layers:
                if not layer.is_initialized:
                    none = torch.empty(1, read.key_heads, 0, read.head_dim, dtype=read.dtype)
                    layer.lazy_initialization(none, none)
            known = self._seen[store] = _Places.of(layers)
        return known


def _require_room(wrong: int) -> None:
    if wrong and wrong != _UNSOUND:
        raise IndexError(sentences.NO_ROW if wrong == 1 else sentences.NO_POSITION)


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


def native_verdict(
    logits: Float[Tensor, "k_plus_1 vocab"],
    temperature: float,
    draft_ids: Integer[Tensor, " k"],
    draft_probs: Float[Tensor, "k vocab"],
    uniforms: Float[Tensor, " k"],
    chance: float,
) -> tuple[int, int]:
    """Rejection sampling of a draft, each position by its own uniform (Leviathan et al. 2023, Algorithm 1).

    Args:
        logits: sound ones, before the temperature (above 0).
        draft_probs: what each draft token was drawn from.
        chance: a number on [0, 1) by which the token behind those that stay is drawn.

    Returns:
        How many stay, and the token behind them.

    Raises:
        IndexError: a draft id that is none of the vocabulary.
    """
    k, vocab = draft_probs.shape
    rows, laws = (numbers.to(torch.float32).contiguous() for numbers in (logits, draft_probs))
    ids, chances = draft_ids.to(torch.long).contiguous(), uniforms.to(torch.float32).contiguous()
    verdict = (c_int64 * 2)()
    _require_room(
        native_library().specdec_judge(
            rows.data_ptr(), vocab, temperature, ids.data_ptr(), laws.data_ptr(), k, chances.data_ptr(),
            chance, verdict,
        )
    )  # fmt: skip
    return verdict[0], verdict[1]
