"""The compiled forward: one native function where there is one, else ``torch.compile``, with static shapes, a
handful of widths, and CUDA graphs on a GPU.

A native forward (:mod:`specdec_lib.models.fast.native.forward`) takes any number of tokens. Of graphs, a
width is how many tokens a forward is fed: 1 for the baseline, K + 1 for a verification, and whatever else
was asked for by :meth:`CompiledForward.add_widths`. Each width and capacity is one graph; narrower feeds are
padded to the next width (what is padded comes behind, so nothing sees it), wider ones, such as prompts, run
eagerly on the same buffers. Every graph's first answer is compared with the eager one, and so is a native
forward's.

The first failure (no C++ compiler, a model that breaks the graph) is logged in one line and ends compilation
for that model; the same call is answered eagerly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.module import (
    LanguageModel,
    cache_name,
    embedding_rows,
    first_position,
    forward_supports,
    positions_behind,
)
from specdec_lib.models.caches.fixed import FixedCache, Store, bucket
from specdec_lib.models.caches.rollback import MOST_RESERVED
from specdec_lib.models.fast import sentences
from specdec_lib.models.fast.graph import Graph, Uncompilable, compiled, copied, layers_of, why_uncompilable
from specdec_lib.models.fast.native.building import NoNative
from specdec_lib.models.fast.native.forward import NativeForward
from specdec_lib.models.fast.products import Products
from specdec_lib.models.tensors import compute_dtype
from specdec_lib.utils.logging import get_logger

_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}  # of the largest logit; half precision: 0.05
_REHEARSED, _LONGEST_REHEARSED = 5, 60
"""Tokens before the last feed of a rehearsal, and the longest window that it goes beyond."""


class CompiledForward:
    """Compiled forwards of one model; ``active`` says whether compiled code still answers.

    Args:
        products: a Transformers causal LM, in the form of matrix products that is chosen when it runs.
        context_length: positions beyond which no padding may go; None for no limit.
    """

    def __init__(self, products: Products, context_length: int | None) -> None:
        model = products.original
        self.model, self.context_length, self._products = model, context_length, products
        self._first, self._cache_name = first_position(model), cache_name(model)
        self._takes_places = forward_supports(model, "cache_position")  # up to Transformers 5.3
        self.active, self.num_graphs, self.num_layers = True, 0, 0
        self.compile_seconds = 0.0
        """Time that went into building graphs so far."""
        self._widths: tuple[int, ...] = (1,)
        self._graphs: dict[Any, Callable[..., Any]] = {}
        self._stores: list[Store] = []
        self._device, self._dtype = next(model.parameters()).device, compute_dtype(model)
        self.native: NativeForward | None = None
        """The forward of a few tokens in machine code; None where graphs of torch.compile do it."""
        try:
            self.num_layers, odd = layers_of(model)
            self.native = self._native(model)
            if self.native is None:
                if odd is not None:
                    raise Uncompilable(odd)
                self._rehearse()
        except Exception as error:  # whatever a model refuses: it runs eagerly, and says why
            self.give_up(error)

    def add_widths(self, widths: Iterable[int]) -> None:
        """Forwards of these widths get a graph of their own."""
        self._widths = tuple(sorted({*self._widths, *widths}))

    def new_cache(self, max_length: int) -> FixedCache:
        """An empty cache with room for ``max_length`` positions, padding included; it grows beyond."""
        return FixedCache(self._store(min(max_length, MOST_RESERVED) + self._widths[-1]))

    def __call__(
        self, input_ids: Integer[Tensor, "1 n"], cache: FixedCache, keep: int = 0
    ) -> tuple[Float[Tensor, "1 n_or_kept vocab"], bool]:
        """Logits of ``input_ids`` behind the cache, which is extended; the last ``keep`` at least, 0 for all.

        With them, whether they are known to be sound; else nobody has looked.

        Raises:
            InvalidArgument: the model was changed into one that cannot be run any more.
        """
        width = input_ids.shape[1]
        if self.native is not None and not cache.length:
            self._look()
        self.make_room(cache, width)
        if self.native is not None:
            answer = self.native(input_ids, cache.store, cache.length, keep)
            cache.length += width
            return answer
        self.model = self._products.model
        padded = self.fitting_width(cache.length, width)
        if padded is None or not self.active:
            cache.store.frame.move(cache.length, cache.length + width)
            logits = self.step(input_ids, cache.store)
        else:
            feed = functional.pad(input_ids, (0, padded - width))
            logits = self.run(("step", padded), self.step, cache, padded, feed)[:, :width]
        cache.length += width
        return logits, False

    def step(self, input_ids: Integer[Tensor, "1 n"], store: Store) -> Float[Tensor, "1 n vocab"]:
        """One forward on a store's buffers; plain code, which other graphs may contain."""
        places = positions_behind(0, input_ids.shape[1], 0, input_ids.device) + store.frame.start
        told = {"cache_position": places[0]} if self._takes_places else {}
        return self.model(
            input_ids=input_ids,
            attention_mask=store.mask(input_ids.shape[1], self._dtype),
            position_ids=places + (self._first or 0),
            use_cache=True,
            **{self._cache_name: store, **told},
        ).logits

    def run(self, key: Any, function: Callable[..., Any], cache: FixedCache, width: int, *inputs: Any) -> Any:
        """``function(*inputs, store)`` from the cache's length on, by a graph of that key and capacity.

        Args:
            key: names the graph; the same key must always come with the same code, shapes and constants.
            width: positions that the function writes.
        """
        store = cache.store
        self.model = self._products.model
        name = (key, store.capacity, self._products.state)
        store.frame.move(cache.length, cache.length + width)
        graph = self._graphs.get(name)
        if graph is None:
            return self._first_run(name, function, cache, width, inputs)
        answer = graph(*inputs, store)
        return copied(answer) if self._device.type == "cuda" else answer

    def fitting_width(self, length: int, width: int) -> int | None:
        """The smallest compiled width that takes ``width`` tokens behind ``length``; None where none does."""
        fits = next((w for w in self._widths if w >= width), None)
        limit = self.context_length
        return None if fits is None or (limit is not None and length + fits > limit) else fits

    def make_room(self, cache: FixedCache, width: int) -> None:
        """See to it that ``width`` tokens, padded, can be written behind the cache and harm nobody's."""
        needed = cache.length + max(width, self._widths[-1])
        if needed > cache.capacity or cache.store.holders.reach_beyond(cache):
            before = cache.store
            cache.hold(self._store(needed))
            before.copied_into(cache.store, cache.length)

    def give_up(self, error: Exception) -> None:
        """Run eagerly from now on, and say why in one line."""
        if self.active:
            self.active = False
            get_logger(__name__).warning(sentences.GAVE_UP, reason=why_uncompilable(error))

    def _native(self, model: LanguageModel) -> NativeForward | None:
        """The native forward, once it has said what the model says; None, and a line, where there is none."""
        if self._device.type != "cpu":
            return None
        try:
            native = NativeForward(model)
            self._rehearse(native)
        except (NoNative, Uncompilable, AttributeError) as error:  # built otherwise than what can be read
            get_logger(__name__).info(sentences.NO_NATIVE, reason=str(error))
            return None
        self.compile_seconds += native.seconds
        return native

    def _look(self) -> None:
        """See, where a text begins, whether the native forward is still the model's."""
        assert self.native is not None
        try:
            self.native.look()
        except (NoNative, AttributeError) as error:
            if self.native.shortest_window is not None:  # graphs have no windows
                raise InvalidArgument(sentences.CHANGED.format(type(self.model).__name__, error)) from error
            get_logger(__name__).info(sentences.NO_NATIVE, reason=str(error))
            self.native = None

    # -- the first time ---------------------------------------------------------------------------

    def _first_run(
        self, key: Any, function: Callable[..., Any], cache: FixedCache, width: int, inputs: tuple
    ) -> Any:
        """Answer eagerly and by a new graph; keep the graph if both say the same."""
        store, place = cache.store, (cache.length, cache.length + width)
        expected = copied(function(*inputs, store))
        store.frame.move(*place)
        began = time.perf_counter()
        try:
            graph = compiled(function, f"{function.__name__}_{self.num_graphs}", self._device)
            answer = copied(graph(*inputs, store))
            self._compare(expected, answer)
        except Exception as error:  # whatever a compiler raises: eager answers
            self.give_up(error)
            store.frame.move(*place)
            return function(*inputs, store)
        seconds = time.perf_counter() - began
        self.compile_seconds, self.num_graphs = self.compile_seconds + seconds, self.num_graphs + 1
        # of twins that are gone no graph is wanted again
        self._graphs = {name: kept for name, kept in self._graphs.items() if name[-1] in (0, key[-1])}
        self._graphs[key] = Graph(graph)
        get_logger(__name__).info("compiled", graph=str(key), seconds=round(seconds, 1))
        return answer

    def _compare(self, expected: Any, answer: Any) -> None:
        """Raise unless the floating-point tensors agree; integers may differ where a tie fell otherwise."""
        if isinstance(answer, tuple):
            for theirs, ours in zip(expected, answer, strict=True):
                self._compare(theirs, ours)
        elif isinstance(answer, Tensor) and answer.is_floating_point():
            finite = expected.isfinite() & answer.isfinite()
            scale = float(expected[finite].abs().amax()) if finite.any() else 1.0
            apart = float((answer - expected)[finite].abs().amax()) if finite.any() else 0.0
            if apart > _TOLERANCE.get(self._dtype, 0.05) * max(scale, 1e-6):
                raise Uncompilable(sentences.LOGITS_DIFFER.format(apart))

    @torch.inference_mode()
    def _rehearse(self, native: NativeForward | None = None) -> None:
        """A few tokens on fixed buffers against the same tokens without a cache."""
        rows = embedding_rows(self._products.original)
        if rows is None:
            raise Uncompilable(sentences.NUMBER_OF_IDS_UNKNOWN.format(type(self.model).__name__))
        window = None if native is None else native.shortest_window
        seen = _REHEARSED if window is None or window > _LONGEST_REHEARSED else window + 2
        ids = torch.arange(1, seen + 4, device=self._device)[None] % rows
        store = Store(self.num_layers, bucket(seen + 3), self._device)
        for begin, end in ((0, seen), (seen, seen + 3)):
            store.frame.move(begin, end)
            fed = ids[:, begin:end]
            continued = self.step(fed, store) if native is None else native(fed, store, begin)[0]
        first = self._first
        told = {} if first is None else {"position_ids": positions_behind(0, seen + 3, first, self._device)}
        fresh = self.model(input_ids=ids, use_cache=False, **told).logits
        self._compare(fresh[:, seen:], continued)

    def _store(self, length: int) -> Store:
        """A store that nobody looks at; buffers are used again, and graphs with them."""
        capacity = bucket(length)
        free = next((s for s in self._stores if s.capacity == capacity and not s.holders.in_use), None)
        if free is None:
            free = Store(self.num_layers, capacity, self._device)
            self._stores = [s for s in self._stores if s.holders.in_use or s.capacity == capacity] + [free]
        return free
