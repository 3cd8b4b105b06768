"""One causal language model behind five verbs: forward, truncate, length, encode, decode.

The wrapper hides what differs between architectures and between versions of Transformers. Attention is causal
over every token given: masks and positions follow from the cache's length alone, never from a padding id.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from specdec_lib.errors import InvalidArgument
from specdec_lib.models import sentences
from specdec_lib.models.architecture.module import (
    display_name,
    logits_width,
    num_positions,
    placed,
    require_language_model,
    shares_keys,
    text_config,
)
from specdec_lib.models.architecture.ropes import rope_border
from specdec_lib.models.architecture.soundness import Watch, in_draft
from specdec_lib.models.base import cached_property
from specdec_lib.models.caches.fixed import FixedCache, Store
from specdec_lib.models.caches.rollback import cache_length, new_cache, truncated
from specdec_lib.models.fast.batched import BatchedForward
from specdec_lib.models.fast.compiled import CompiledForward
from specdec_lib.models.fast.eager import EagerForward
from specdec_lib.models.fast.products import Products
from specdec_lib.models.fast.rows import BatchedRows
from specdec_lib.models.tensors import Weighed
from specdec_lib.models.text.ends import end_of_text_ids
from specdec_lib.models.text.ids import Tokenized
from specdec_lib.models.vocabulary import Columns
from specdec_lib.utils.numbers import short_count


class ModelWrapper(Tokenized, Weighed):
    """A causal language model and its tokenizer, with a cache that rolls back.

    Args:
        model: a Transformers causal LM (float or int4), put in evaluation mode here.
        tokenizer: its tokenizer; None for a model that is only fed token ids.
        device: where to move the model; None leaves it where it is.
        compile: run forwards in machine code, on a CPU by :mod:`specdec_lib.models.fast.native.forward`, else
            through ``torch.compile`` (:mod:`specdec_lib.models.fast.compiled`); where neither is possible the
            wrapper goes on in eager mode and logs one line saying why.
        vocab_size: width to give the logits; None keeps the model's. Where two models of one tokenizer pad
            their vocabularies differently, the draft takes its target's width: missing columns are -inf
            (never drafted), columns beyond it are cut, and the target's law stays as it is.
        masked_ids: ids that this model must never propose, because they stand for other tokens in its
            target's vocabulary: their logits are -inf wherever they leave the model.

    Raises:
        InvalidArgument: a module that is no language model but something wrapped around one.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase | None = None,
        device: str | torch.device | None = None,
        compile: bool = False,
        vocab_size: int | None = None,
        masked_ids: Sequence[int] = (),
    ) -> None:
        self.model = placed(require_language_model(model), device).eval()
        self.tokenizer = tokenizer
        self.name = display_name(self.model)
        own = logits_width(self.model)
        self.vocab_size = own if vocab_size is None else vocab_size
        """Width of the logits, which may exceed the tokenizer's vocabulary (padding rows)."""
        self._columns = Columns(own, self.vocab_size, masked_ids, self.device)
        self.masked_ids = self._columns.masked_ids
        self._watch = Watch(self.name)
        self._border = rope_border(self.config)
        self._shares_keys = shares_keys(self.config)
        self._products = Products(self.model)
        self._eager = EagerForward(self._products, self.name)
        self._batched = BatchedForward(self._products, self.name)
        self.compiled = CompiledForward(self._products, self.context_length) if compile else None
        """Graphs of this model, and whether they are in use; None in eager mode."""

    @torch.inference_mode()
    def forward(
        self,
        input_ids: Integer[Tensor, "..."],
        past_key_values: Cache | FixedCache | None = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> tuple[Float[Tensor, "1 kept vocab"], Cache | FixedCache | None]:
        """Logits of the tokens ``input_ids``, which follow those that the cache already holds.

        Args:
            input_ids: ``[1, n]``, n >= 1. Batches are refused.
            past_key_values: the cache to extend, in place; None starts a new one.
            use_cache: False computes without keeping anything, and leaves a given cache as it was.
            logits_to_keep: only the last that many positions; 0 keeps all.

        Returns:
            Logits ``[1, n or kept, vocab]`` in the model's dtype, and the extended cache
            (None without ``use_cache``).

        Raises:
            InvalidArgument: a shape other than ``[1, n]``, a negative ``logits_to_keep``, or tokens behind a
                cache whose keys a longrope has rotated otherwise.
            UnsupportedCache: the model keeps a state that cannot be rolled back.
            UnsoundLogits: on a CPU, logits that are NaN, plus infinity, or minus infinity for every token;
                on other devices :meth:`~specdec_lib.models.wrapper.ModelWrapper.require_sound` tells. Never
                inside :func:`~specdec_lib.models.architecture.soundness.drafting`.
        """
        _check_forward(input_ids, logits_to_keep)
        cache = past_key_values
        held, width = cache_length(cache), input_ids.shape[1]
        if not held:
            self._products.look()
        if self._border is not None and not in_draft():  # a draft may mix factors, and costs speed alone then
            self._border.require_one_side_of_a_feed(self.name, held, width)
        if cache is None and (use_cache or self._shares_keys):
            cache = self.new_cache() if use_cache else new_cache(self.model)
        elif not use_cache:  # a model extends what it is given all the same: let it extend a copy
            cache = truncated(cache, held)
        ids = self._columns.known(input_ids.to(self.device))
        is_sound = False
        if isinstance(cache, FixedCache):
            logits, is_sound = self._graphs(ids, cache, logits_to_keep)
        else:
            logits = self._eager(ids, held, cache, use_cache, logits_to_keep)
        logits = self._columns.of(logits[:, -logits_to_keep:] if logits_to_keep else logits)
        if not is_sound:
            self._watch.see(logits, cache_length(cache) or width)
        return logits, cache if use_cache else None

    def check_length(self, prompt_length: int, end: int) -> None:
        """Refuse to decode a text of ``prompt_length`` tokens up to ``end`` ones before anything is computed.

        The first call feeds the model two texts of a few tokens, to see that it is causal.

        Raises:
            InvalidArgument: no weights, a model that is not causal, or a text that crosses the length at
                which the factors of a longrope change: its keys would be rotated by two different sets.
        """
        if self.device.type == "meta":
            raise InvalidArgument(sentences.HOLDS_NO_WEIGHTS.format(self.name))
        if self._border is not None:
            self._border.require_one_side_of_a_text(self.name, prompt_length, end)
        self._eager.require_causal(self.device, self._columns.own)

    def require_sound(self) -> None:
        """Raise UnsoundLogits if logits that left the model since the last call were no numbers.

        To be asked once a round, behind the round's own synchronisation. On a CPU ``forward`` has told.
        """
        self._watch.require_sound()

    def traced_step(self, input_ids: Integer[Tensor, "1 n"], store: Store) -> Float[Tensor, "1 n vocab"]:
        """A forward as a part of a larger graph, which ``compiled.run`` runs; the store does not advance."""
        return self._columns.of(self._graphs.step(self._columns.known(input_ids.to(self.device)), store))

    def new_cache(self, max_length: int = 0) -> Cache | FixedCache | None:
        """An empty cache for :meth:`forward`, with room for ``max_length`` tokens (it grows beyond that).

        Raises UnsupportedCache: the model keeps a state that cannot be rolled back.
        """
        if self.compiled is not None and self.compiled.active:
            return self.compiled.new_cache(max_length)
        return new_cache(self.model, max_length, self.context_length)

    def new_batch(self, num_rows: int, max_length: int = 0) -> BatchedRows | None:
        """Several texts at once, in one eager forward; None if this model runs them one by one (logged once).

        Raises UnsupportedCache: the model keeps a state that cannot be rolled back.
        """
        self._products.look()
        cache = self._batched.new_cache(num_rows, max_length)
        if cache is None:
            return None
        return BatchedRows(self._batched, cache, self._columns, self._watch, self._border)

    @property
    def is_native(self) -> bool:
        """Whether forwards run in machine code of our own: :mod:`specdec_lib.models.fast.native.forward`."""
        return self.compiled is not None and self.compiled.native is not None

    def expect_widths(self, *widths: int) -> None:
        """Forwards of these many tokens will come often: in compiled mode each gets a graph of its own."""
        if self.compiled is not None:
            self.compiled.add_widths(widths)

    def truncate_cache(self, cache: Cache | FixedCache | None, keep_length: int) -> Cache | FixedCache | None:
        """The first ``keep_length`` positions as a cache of its own: O(layers), nothing copied.

        ``cache`` stays valid and unchanged, also when the returned one is extended.

        Raises:
            InvalidArgument: ``keep_length`` outside ``[0, length]``.
            UnsupportedCache: a cache with a layer that cannot be rolled back, by its name.
        """
        return truncated(cache, keep_length)

    def get_cache_length(self, cache: Cache | FixedCache | None) -> int:
        """Tokens that the cache holds; 0 for None."""
        return cache_length(cache)

    @property
    def _graphs(self) -> CompiledForward:
        if self.compiled is None:
            raise InvalidArgument(sentences.NOT_COMPILED.format(self.name))
        return self.compiled

    @property
    def gives_own_columns(self) -> bool:
        """Whether logits leave the model as its head gives them: no column was added, cut or masked."""
        return self._columns.own == self.vocab_size and not self.masked_ids

    @property
    def config(self) -> PretrainedConfig:
        """The configuration of the language model (of a composite model, its text part)."""
        return text_config(self.model)

    @property
    def products(self) -> str:
        """How products of a few rows are made: "native", or as :mod:`specdec_lib.models.fast.forms` says."""
        return "native" if self.is_native else self._products.form

    @cached_property
    def eos_token_ids(self) -> tuple[int, ...]:
        """Every id that ends a text, sorted: generation config, config and tokenizer together.

        What only the class of the config names counts where none of the three says anything.

        Raises:
            InvalidArgument: one of them names something that is no id.
        """
        return end_of_text_ids(self.model, self.tokenizer, self._columns.own)

    @cached_property
    def context_length(self) -> int | None:
        """Positions that the model was made for; None when its configuration sets no limit."""
        found, first = num_positions(self.config), self._eager.first
        return found if found is None or first is None else found - first

    def __repr__(self) -> str:
        kept, computes = self.number_format, str(self.dtype)
        told = computes if computes == f"torch.{kept}" else f"{kept} in {computes}"
        return f"ModelWrapper({self.name!r}, {short_count(self.param_count)}, {told}, {self.device})"


def _check_forward(input_ids: Tensor, logits_to_keep: int) -> None:
    if input_ids.ndim != 2 or input_ids.shape[0] != 1 or input_ids.shape[1] == 0:
        raise InvalidArgument(sentences.NOT_ONE_SEQUENCE.format(list(input_ids.shape)))
    if logits_to_keep < 0:
        raise InvalidArgument(sentences.NEGATIVE_LOGITS_TO_KEEP.format(logits_to_keep))
