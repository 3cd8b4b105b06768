"""One causal language model behind five verbs: forward, truncate, length, encode, decode.

The wrapper hides what differs between architectures and between versions of Transformers:
the field that holds the context length, whether ``logits_to_keep`` exists, how many ids end a
text, what a packed int4 tensor counts for.

Attention is causal over every token given: masks and positions follow from the cache's
length alone, never from a padding id. It refuses to know about sampling, drafts or rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from specdec_lib.errors import InvalidArgument, is_out_of_memory
from specdec_lib.models.architecture.causal import (
    cannot_be_fed,
    require_causal,
    require_rows,
    takes_single_steps,
)
from specdec_lib.models.architecture.positions import first_position, positions_behind
from specdec_lib.models.architecture.ropes import RopeBorder, rope_border
from specdec_lib.models.architecture.soundness import Watch, in_draft
from specdec_lib.models.caches.fixed import FixedCache, Store
from specdec_lib.models.caches.rollback import cache_length, forward_takes, new_cache, truncated
from specdec_lib.models.fast.compiled import CompiledForward
from specdec_lib.models.fast.products import Products
from specdec_lib.models.tensors import (
    computes_in,
    computing_device,
    content_hash,
    num_bytes,
    num_weights,
    number_format,
)
from specdec_lib.models.text.ends import end_of_text_ids
from specdec_lib.models.text.ids import Message, behind, decoded, encode_chat, encoded
from specdec_lib.utils.numbers import short_count

_MEBIBYTE = 2**20
_NO_WEIGHTS = "forward: {} is on the device 'meta', which holds no weights; load it on a cpu or a gpu"
_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")


class ModelWrapper:
    """A causal language model and its tokenizer, with a cache that rolls back.

    Args:
        model: a Transformers causal LM (float or int4), put in evaluation mode here.
        tokenizer: its tokenizer; None for a model that is only fed token ids.
        device: where to move the model; None leaves it where it is.
        compile: run forwards of a few tokens through ``torch.compile`` (static shapes, see
            :mod:`specdec_lib.models.fast.compiled`); where that is not possible the wrapper goes on in eager
            mode and logs one line saying why.
        vocab_size: width to give the logits; None keeps the model's. Where two models of one
            tokenizer pad their vocabularies differently, the draft takes its target's width:
            missing columns are -inf (never drafted), columns beyond it are cut, and the
            target's law stays as it is.
        masked_ids: ids that this model must never propose, because they stand for other tokens in its
            target's vocabulary: their logits are -inf wherever they leave the model.

    Raises:
        InvalidArgument: a module that is no language model but something wrapped around one.
    """

    # What a double that computes no logits of its own falls back on; each model has its own.
    _watch = Watch("a model")
    _products: Products | None = None
    _border: RopeBorder | None = None
    _first: int | None = None
    _is_causal = _has_run = _takes_several = True

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase | None = None,
        device: str | torch.device | None = None,
        compile: bool = False,
        vocab_size: int | None = None,
        masked_ids: Sequence[int] = (),
    ) -> None:
        _refuse_wrapped(model)
        self.model = _placed(model, device).eval()
        self.tokenizer = tokenizer
        self.name = _display_name(model)
        self._watch = Watch(self.name)
        self._keeps_logits = forward_takes(model, "logits_to_keep")
        self._own_vocab = _logits_width(self.model)
        self.vocab_size = self._own_vocab if vocab_size is None else vocab_size
        """Width of the logits, which may exceed the tokenizer's vocabulary (padding rows)."""
        self.masked_ids = tuple(token_id for token_id in masked_ids if token_id < self.vocab_size)
        self._mask = _mask(self.masked_ids, self.vocab_size).to(self.device) if self.masked_ids else None
        self._is_causal = self._has_run = self._takes_several = False  # until it was looked at
        self._border = rope_border(self.config)
        self._first = first_position(self.model)
        self._products = Products(self.model)
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
        self._check_border(held, width)
        if cache is None:
            cache = self.new_cache() if use_cache else None
        elif not use_cache:  # a model extends what it is given all the same: let it extend a copy
            cache = truncated(cache, held)
        logits = self._run(self._known(input_ids), held, cache, use_cache, logits_to_keep)
        logits = self._widened(logits[:, -logits_to_keep:] if logits_to_keep else logits)
        self._watch.see(logits, cache_length(cache) or width)
        return logits, cache if use_cache else None

    def _run(
        self, ids: Tensor, held: int, cache: Cache | FixedCache | None, use_cache: bool, keep: int
    ) -> Tensor:
        """Logits as the model gives them; a model that cannot be run at all is refused in one line."""
        if isinstance(cache, FixedCache):
            return self.compiled(ids, cache)
        options: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
        if self._keeps_logits:
            options["logits_to_keep"] = keep
        if self._first is not None:
            options["position_ids"] = positions_behind(held, ids.shape[1], self._first, self.device)
        if not self._has_run:
            require_rows(self.model, self.name, ids)
        several = ids.shape[1] > 1 and held > 0  # what a round feeds
        try:
            logits = self._products.model(input_ids=ids, use_cache=use_cache, **options).logits
        except Exception as error:
            if is_out_of_memory(error) or (self._takes_several if several else self._has_run):
                raise
            refused = takes_single_steps if several else cannot_be_fed
            raise InvalidArgument(refused(self.model, self.name, error)) from error
        self._has_run, self._takes_several = True, self._takes_several or several
        return logits

    def check_length(self, prompt_length: int, end: int) -> None:
        """Refuse to decode a text of ``prompt_length`` tokens up to ``end`` ones before anything is computed.

        The first call feeds the model two texts of a few tokens, to see that it is causal.

        Raises:
            InvalidArgument: no weights, a model that is not causal, or a text that crosses the length at
                which the factors of a longrope change: its keys would be rotated by two different sets.
        """
        if self.device.type == "meta":
            raise InvalidArgument(_NO_WEIGHTS.format(self.name))
        border = self._border
        if border is not None and border.crossed(prompt_length, end - 1):  # the last token is never fed
            raise InvalidArgument(
                f"generate: the text may grow from {prompt_length} to {end} tokens, and the {border.kind} of "
                f"{self.name} changes its factors at {border.length}; ask for at most "
                f"{border.length + 1 - prompt_length} new tokens, or begin with more than {border.length}"
            )
        if not self._is_causal:
            require_causal(self.model, self.name, self.device, self._own_vocab)
            self._is_causal = True

    def _check_border(self, held: int, width: int) -> None:
        """One text, one set of factors; a draft may mix them, and then costs speed alone."""
        border = self._border
        if border is not None and border.crossed(held, held + width) and not in_draft():
            raise InvalidArgument(
                f"forward: {width} tokens behind {held} cross {border.length}, where the {border.kind} of "
                f"{self.name} changes its factors; feed the whole text again without the cache"
            )

    def require_sound(self) -> None:
        """Raise UnsoundLogits if logits that left the model since the last call were no numbers.

        To be asked once a round, behind the round's own synchronisation. On a CPU ``forward`` has told.
        """
        self._watch.require_sound()

    def traced_step(self, input_ids: Integer[Tensor, "1 n"], store: Store) -> Float[Tensor, "1 n vocab"]:
        """A forward as a part of a larger graph, which ``compiled.run`` runs; the store does not advance."""
        return self._widened(self.compiled.step(self._known(input_ids), store))

    def _known(self, input_ids: Tensor) -> Tensor:
        """Ids that the embedding holds; a padding id of a wider partner becomes the last of them."""
        input_ids = input_ids.to(self.device)
        return input_ids.clamp(max=self._own_vocab - 1) if self.vocab_size > self._own_vocab else input_ids

    def _widened(self, logits: Tensor) -> Tensor:
        """Logits of the width asked for; the missing and the masked columns are -inf."""
        missing = self.vocab_size - logits.shape[-1]
        logits = logits if missing == 0 else functional.pad(logits, (0, missing), value=-torch.inf)
        return logits if self._mask is None else logits.masked_fill(self._mask, -torch.inf)

    def new_cache(self, max_length: int = 0) -> Cache | FixedCache | None:
        """An empty cache for :meth:`forward`, with room for ``max_length`` tokens (it grows beyond that).

        Raises UnsupportedCache: the model keeps a state that cannot be rolled back.
        """
        if self.compiled is not None and self.compiled.active:
            return self.compiled.new_cache(max_length)
        return new_cache(self.model, max_length, self.context_length)

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
    def config(self) -> PretrainedConfig:
        """The configuration of the language model (of a composite model, its text part)."""
        return self.model.config.get_text_config(decoder=True)

    @cached_property
    def device(self) -> torch.device:
        """Where token ids go: where the embeddings are, or where offloaded weights are fetched to."""
        return computing_device(self.model)

    @property
    def products(self) -> str:
        """How products of 2 to 9 rows are made on this processor, "plain" or "transposed"; decided now if it
        was not: see :mod:`specdec_lib.models.fast.products`."""
        return "plain" if self._products is None else self._products.form

    @cached_property
    def weights_hash(self) -> str:
        """Of the weights' content, 16 hex digits; "" where they are not at hand (offloaded, ``meta``)."""
        return content_hash(self.model)

    @cached_property
    def dtype(self) -> torch.dtype:
        """Type of the floating-point weights, and so of the logits (int4: what it computes in)."""
        return computes_in(self.model)

    @cached_property
    def number_format(self) -> str:
        """What the weights are kept in: "float32", "int4" and so on, or another quantisation by its name."""
        return number_format(self.model)

    @cached_property
    def param_count(self) -> int:
        """Number of weights: tied ones once, packed int4 ones by what they stand for."""
        return num_weights(self.model)

    @property
    def memory_footprint_mb(self) -> float:
        """Memory of weights and buffers, in units of 2**20 bytes (int4: with its scales)."""
        return num_bytes(self.model) / _MEBIBYTE

    @cached_property
    def eos_token_ids(self) -> tuple[int, ...]:
        """Every id that ends a text, sorted: generation config, config and tokenizer together.

        What only the class of the config names counts where none of the three says anything.

        Raises:
            InvalidArgument: one of them names something that is no id.
        """
        return end_of_text_ids(self.model, self.tokenizer, self._own_vocab)

    @cached_property
    def context_length(self) -> int | None:
        """Positions that the model was made for; None when its configuration sets no limit."""
        values = (getattr(self.config, field, None) for field in _CONTEXT_FIELDS)
        found = next((value for value in values if isinstance(value, int) and value > 0), None)
        return found if found is None or self._first is None else found - self._first

    def encode(self, text: str) -> list[int]:
        """Token ids of a text that is to go on: what the tokenizer puts in front, once; nothing behind."""
        return encoded(self._tokenizer("encode"), text)

    def encode_chat(self, messages: Sequence[Message] | str) -> list[int]:
        """Token ids of a conversation, up to where the answer begins; a text is one message of the user.

        Raises InvalidArgument: no chat template, or messages that it refuses.
        """
        return encode_chat(self._tokenizer("encode_chat"), messages)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Text of token ids that begin a text, spaces as the model wrote them."""
        return decoded(self._tokenizer("decode"), ids, skip_special_tokens)

    def continuation(
        self, before: Sequence[int], ids: Sequence[int], skip_special_tokens: bool = True
    ) -> str:
        """What ``ids`` add to the text of the ids ``before`` them; a leading space stays."""
        return behind(partial(self.decode, skip_special_tokens=skip_special_tokens), before, ids)

    def token_text(self, token_id: int) -> str:
        """One token as it reads within a text: its leading space stays, a special token shows its name."""
        decode = partial(self.decode, skip_special_tokens=False)
        return behind(decode, self._some_word, [token_id]) or decode([token_id])

    @cached_property
    def _some_word(self) -> list[int]:
        """Ids of the middle of a text."""
        return list(self._tokenizer("token_text")("a", add_special_tokens=False)["input_ids"])

    def _tokenizer(self, operation: str) -> PreTrainedTokenizerBase:
        if self.tokenizer is None:
            raise InvalidArgument(f"{operation}: {self.name} was wrapped without a tokenizer; pass one")
        return self.tokenizer

    def __repr__(self) -> str:
        kept, computes = self.number_format, str(self.dtype)
        told = computes if computes == f"torch.{kept}" else f"{kept} in {computes}"
        return f"ModelWrapper({self.name!r}, {short_count(self.param_count)}, {told}, {self.device})"


def _check_forward(input_ids: Tensor, logits_to_keep: int) -> None:
    if input_ids.ndim != 2 or input_ids.shape[0] != 1 or input_ids.shape[1] == 0:
        raise InvalidArgument(
            f"forward: input_ids have shape {list(input_ids.shape)}; pass one sequence, [1, n] with n >= 1"
        )
    if logits_to_keep < 0:
        raise InvalidArgument(f"forward: logits_to_keep is {logits_to_keep}; pass 0 (all) or a count")


def _mask(ids: Sequence[int], width: int) -> Tensor:
    """True in the columns of those ids."""
    mask = torch.zeros(width, dtype=torch.bool)
    mask[list(ids)] = True
    return mask


def _refuse_wrapped(model: nn.Module) -> None:
    """What is wrapped around a model has other signatures, other names, or no configuration."""
    kind = type(model).__name__
    if not isinstance(model, nn.Module):
        given = repr(model)[:60] if isinstance(model, str) else f"of type {kind}"
        raise InvalidArgument(f"wrap: the model is {given}; pass what load_model gives for a model's name")
    inner = next((name for name in ("_orig_mod", "module") if name in model._modules), None)
    if inner is not None:
        more = ", with compile=True to have it compiled" if inner == "_orig_mod" else ""
        raise InvalidArgument(f"wrap: the model is wrapped in {kind}; pass {kind}.{inner}{more}")
    if not hasattr(getattr(model, "config", None), "get_text_config"):
        raise InvalidArgument(
            f"wrap: {kind} has no configuration of Transformers; pass the causal language model itself"
        )
    if not hasattr(model, "get_output_embeddings"):
        held = next((n for n, part in model.named_children() if hasattr(part, "get_output_embeddings")), None)
        which = "the causal language model itself" if held is None else f"{kind}.{held}"
        raise InvalidArgument(
            f"wrap: {kind} has no get_output_embeddings, which tells how wide logits are; pass {which}, or "
            "let it hand on the attributes of the model that it holds"
        )
    if next(model.parameters(), None) is None:
        raise InvalidArgument(f"wrap: {kind} holds no weights; pass the causal language model itself")


def _placed(model: nn.Module, device: str | torch.device | None) -> nn.Module:
    """The model on that device; int4 weights are packed for the device that they are on and cannot travel."""
    here = next(model.parameters()).device
    if device is None or here == torch.empty(0, device=device).device:
        return model
    if any(hasattr(parameter, "quant_state") for parameter in model.parameters()):
        raise InvalidArgument(
            f"int4 weights are packed for {here} and cannot be moved to {device}; load the model there"
        )
    return model.to(device)


def _logits_width(model: nn.Module) -> int:
    width = getattr(model.get_output_embeddings(), "out_features", None)
    return int(model.config.get_text_config(decoder=True).vocab_size if width is None else width)


def _display_name(model: nn.Module) -> str:
    """Hub id, or the last part of a local folder's path, or the class's name."""
    name = getattr(model.config, "_name_or_path", "") or type(model).__name__
    return Path(name).name if Path(name).is_dir() else name
