"""What a causal language model is to whoever decodes with it: logits behind a cache that can be cut back.

:class:`~specdec_lib.models.wrapper.ModelWrapper` is one, and so is anything else with these members: no base
class has to be inherited, and a cache is of whatever type the model's own ``forward`` returns. Who draws,
drafts or proves is written against these protocols alone.

Four more members are asked for where a model has them: ``dtype``, ``check_length``, ``expect_widths`` and
``require_sound``. What holds of a model without them is said here, by a function each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from typing_extensions import TypeIs, get_protocol_members  # comes with torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.models import sentences

if TYPE_CHECKING:
    cached_property = property  # type checkers match no other with a protocol's property
else:
    from functools import cached_property as cached_property


@runtime_checkable
class CausalModel(Protocol):
    """What the decoders, the drafters and the proofs ask of a model."""

    @property
    def name(self) -> str:
        """For messages and records."""
        ...

    @property
    def vocab_size(self) -> int:
        """Width of the logits; a draft has its target's."""
        ...

    @property
    def context_length(self) -> int | None:
        """Positions that the model can look at; None for no limit."""
        ...

    @property
    def eos_token_ids(self) -> tuple[int, ...]:
        """Ids that end a text; empty where none does."""
        ...

    @property
    def device(self) -> torch.device:
        """Where token ids go and logits come from."""
        ...

    def forward(
        self,
        input_ids: Integer[Tensor, "..."],
        past_key_values: Any = None,
        use_cache: bool = True,
        logits_to_keep: int = 0,
    ) -> tuple[Float[Tensor, "1 kept vocab"], Any]:
        """Logits ``[1, n or kept, vocab]`` of ``input_ids [1, n]`` behind a cache, and the extended cache.

        The expensive one: once a round of the target, once a draft token. A cache that was given may be
        extended in place; without ``use_cache`` it stays as it was, and None comes back for it.
        """
        ...

    def new_cache(self, max_length: int = 0) -> Any:
        """An empty cache with room for that many tokens; None lets ``forward`` make it. Once a text."""
        ...

    def truncate_cache(self, cache: Any, keep_length: int) -> Any:
        """The first ``keep_length`` tokens of a cache, as a cache of its own: ``cache`` itself stays valid.

        Once a round, so it should copy nothing.
        """
        ...

    def get_cache_length(self, cache: Any) -> int:
        """Tokens that a cache holds; 0 for None. Several times a round: no waiting for a device."""
        ...


class TextModel(CausalModel, Protocol):
    """A model that reads and writes text too, as ``generate_text`` and stop strings need it."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text that is to go on."""
        ...

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """Text of token ids that begin a text."""
        ...

    def continuation(
        self, before: Sequence[int], ids: Sequence[int], skip_special_tokens: bool = True
    ) -> str:
        """What ``ids`` add to the text of the ids ``before`` them."""
        ...


@runtime_checkable
class TextRows(Protocol):
    """Several texts in front of one model, each behind a cache of its own length. Whoever opened them owns
    them; they change in place."""

    @property
    def lengths(self) -> list[int]:
        """Tokens that the cache of each row holds. No waiting for a device."""
        ...

    def forward(
        self, feeds: Sequence[Integer[Tensor, " n"]], keep: Sequence[int]
    ) -> list[Float[Tensor, "kept vocab"]]:
        """Logits of the last ``keep[i]`` tokens of each feed, behind what its row holds, which is extended.

        A row may be fed nothing: it stays as it is, and has no logits.
        """
        ...

    def lend(self, drafts: Sequence[object]) -> None:
        """Offer each row's cache to the state that drafts for it, until the state's next roll-back.

        Before a round drafts; nothing where rows share a cache.
        """
        ...

    def truncate(self, lengths: Sequence[int]) -> None:
        """Roll each row back to its first ``lengths[i]`` tokens. Once a round, so it should copy nothing."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows, in that order, from now on: the others cost nothing any more."""
        ...


class BatchedModel(CausalModel, Protocol):
    """A model that can run several texts in one forward (:mod:`specdec_lib.decoding.batches.batch`)."""

    def new_batch(self, num_rows: int, max_length: int = 0) -> TextRows | None:
        """Empty rows with room for that many tokens each; None where it has to run them one by one."""
        ...


def is_causal_model(candidate: object) -> TypeIs[CausalModel]:
    """Whether what drafts is a model, to be asked for logits, or a drafter, which has a ``start`` instead."""
    is_drafter = isinstance(candidate, type) or hasattr(candidate, "start")
    has_cache = any(hasattr(candidate, verb) for verb in ("new_cache", "truncate_cache", "get_cache_length"))
    return not is_drafter and has_cache


def require_model(candidate: object, operation: str) -> CausalModel:
    """``candidate``, if it has the members of a :class:`CausalModel`.

    Raises:
        InvalidArgument: it does not; the line names those that it lacks.
    """
    kind = candidate if isinstance(candidate, type) else type(candidate)
    if kind is candidate:
        raise InvalidArgument(sentences.IS_A_CLASS.format(operation, kind.__name__))
    members = sorted(get_protocol_members(CausalModel))  # of the class first: a property may have to compute
    lacking = [name for name in members if not (hasattr(kind, name) or hasattr(candidate, name))]
    if lacking:
        raise InvalidArgument(sentences.NO_CAUSAL_MODEL.format(operation, kind.__name__, ", ".join(lacking)))
    return cast(CausalModel, candidate)


# -- members that a model may have -----------------------------------------------------------------


def logits_dtype(model: CausalModel) -> torch.dtype:
    """Type of the logits: how far two forwards may differ by rounding depends on it.

    ``model.dtype``, or what a forward of one token comes in.
    """
    stated = getattr(model, "dtype", None)
    if stated is not None:
        return stated
    token = torch.zeros((1, 1), dtype=torch.long, device=model.device)
    return model.forward(token, use_cache=False, logits_to_keep=1)[0].dtype


def check_length(model: CausalModel, prompt_length: int, end: int) -> None:
    """Raise InvalidArgument if no text of ``prompt_length`` tokens may grow to ``end``. Once a text.

    ``model.check_length``, or nothing: decoders stay within ``context_length`` by themselves.
    """
    getattr(model, "check_length", _nothing)(prompt_length, end)


def expect_widths(model: CausalModel, *widths: int) -> None:
    """Forwards of these many tokens will come often: ``model.expect_widths``, or nothing. Once a decoder."""
    getattr(model, "expect_widths", _nothing)(*widths)


def sound_check(model: CausalModel) -> Callable[[], None]:
    """What raises UnsoundLogits if logits since its last call were no numbers.

    ``model.require_sound``, or nothing. Looked up once a decoder, called once a round, where the loop has
    waited for the device anyhow.
    """
    return getattr(model, "require_sound", _nothing)


def _nothing(*_: object) -> None:
    """What is done for a model that lacks a member which it may lack."""


# -- text ------------------------------------------------------------------------------------------


def with_text(model: CausalModel, operation: str) -> TextModel:
    """``model``, as one that reads and writes text.

    Raises:
        InvalidArgument: it knows token ids alone.
    """
    if not all(hasattr(model, name) for name in ("encode", "decode", "continuation")):
        raise InvalidArgument(sentences.NO_TEXT.format(operation, model.name))
    return cast(TextModel, model)
