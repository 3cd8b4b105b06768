"""The target drafts for itself with fewer of its layers: the first ones, or all but some.

Early exit (Elhoushi et al. 2024, LayerSkip): the hidden states behind the first N layers go to the target's
own last norm and head. These layers are the target's, and so is their cache: a draft reads what the target
has kept of the text, and writes the keys and values of its tokens behind it, into the same buffers; then it
lets go of them, which is its roll-back. The text is read once, by the target, so the first round drafts
nothing. Left-out layers (Zhang et al. 2023, Draft & Verify): what comes behind the first of them sees other
hidden states, so such a draft keeps a cache of its own. Neither holds a weight of its own.

Verification runs all layers again, whatever was drafted: its numbers are those of any other draft.

A model that was not trained for it predicts next to nothing from the middle: of SmolLM2-135M's 30 layers the
first 10, 20, 24 draft 0.7, 6.4 and 17 % of tokens that stay. It helps where a model was trained with exits
(LayerSkip's checkpoints), where its last layers add little (a model that was made deeper), or where the exit
is trained: :mod:`specdec_lib.decoding.drafters.heads.trained_exit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from specdec_lib.decoding.drafters import sentences
from specdec_lib.decoding.drafters.base import Proposal, certain
from specdec_lib.decoding.drafters.draft_model import DraftModel, DraftModelState
from specdec_lib.decoding.sampling import SamplingParams
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.architecture.layers import Behind, num_layers, of_layers
from specdec_lib.models.base import CausalModel
from specdec_lib.models.caches.rollback import first_layers
from specdec_lib.models.wrapper import ModelWrapper
from specdec_lib.utils.numbers import Count, whole_number


class SharedCacheState(DraftModelState):
    """One text, whose cache the target lends for each proposal; unlent, the draft keeps one of its own."""

    def __init__(self, drafter: LayerSkip) -> None:
        super().__init__(drafter.model)
        self._drafter = drafter
        self._lent: Any = None

    def borrow(self, target: CausalModel, cache: Any) -> None:
        """Draft behind what the ``cache`` of ``target`` holds, if that is the model whose layers draft."""
        self._lent = cache if target is self._drafter.target else None

    def roll_back(self, keep_length: int) -> None:
        """As of any draft model; what was lent is given back."""
        self._lent = None
        super().roll_back(keep_length)

    def propose(
        self, context_ids: Sequence[int], k: int, params: SamplingParams, generator: torch.Generator
    ) -> Proposal:
        """As of any draft model; nothing where the target has not read the text yet."""
        lent, self._lent = self._lent, None
        if lent is None:
            return super().propose(context_ids, k, params, generator)
        if not self._drafter.target.get_cache_length(lent):
            return certain([], self._drafter.vocab_size, self._drafter.device, params)
        self._cache = first_layers(lent, self._drafter.num_layers)
        try:
            return super().propose(context_ids, k, params, generator)
        finally:
            self._cache = None  # whose buffers the target writes to next


class LayerSkip(DraftModel):
    """Proposes with some of the target's own layers, between its own embedding and head.

    Args:
        target: a model of Transformers whose layers stand in one list; nothing of it is copied or changed.
        kept: which layers draft, ascending from 0. If they are the first ones they share the target's cache.
        name: for messages and records.
        behind: applied to the hidden states that leave the last of them, such as a trained exit.

    Raises:
        InvalidArgument: no such layers, all of them, or a target whose layers cannot be left out, by name.
    """

    def __init__(
        self, target: CausalModel, kept: Sequence[int], name: str | None = None, behind: Behind | None = None
    ) -> None:
        wrapped = require_layers(target)
        depth = num_layers(wrapped.model)
        if len(kept) >= depth:
            asked = "all" if len(kept) == depth else str(len(kept))
            raise InvalidArgument(sentences.ALL_LAYERS_KEPT.format(target.name, asked, depth))
        super().__init__(_of_some(wrapped, kept, behind))
        self.target, self.num_layers = wrapped, len(kept)
        self.name = f"{self.num_layers} layers of {target.name}" if name is None else name
        self.shares_cache = list(kept) == list(range(len(kept)))
        """Whether the target's cache serves the draft as well."""

    def start(self, prompt_ids: Sequence[int], end: int = 0) -> DraftModelState:
        """A state that borrows the target's cache, or has an empty one with room for ``end`` tokens."""
        return SharedCacheState(self) if self.shares_cache else super().start(prompt_ids, end)


def first_layers_of(target: CausalModel, count: Count, name: str | None = None) -> LayerSkip:
    """The target's first ``count`` layers as a draft; raises InvalidArgument as :class:`LayerSkip` does."""
    return LayerSkip(target, range(whole_number(count, "layers", least=1)), name)


def all_but(target: CausalModel, skipped: Sequence[int], name: str | None = None) -> LayerSkip:
    """The target without the layers ``skipped``, counted from 0, as a draft.

    Raises:
        InvalidArgument: as :class:`LayerSkip`, and for a layer that the target does not have.
    """
    depth = num_layers(require_layers(target).model)
    beyond = [place for place in skipped if not 0 <= place < depth]
    if beyond:
        raise InvalidArgument(sentences.NO_SUCH_LAYER.format(target.name, beyond[0], depth - 1))
    kept = [place for place in range(depth) if place not in skipped]
    if not kept:
        raise InvalidArgument(sentences.ALL_LAYERS_LEFT_OUT.format(target.name, depth))
    return LayerSkip(target, kept, name)


def require_layers(target: CausalModel) -> ModelWrapper:
    """The target, if it is a model of Transformers; a table or a double has no layers (InvalidArgument)."""
    if not isinstance(target, ModelWrapper):
        raise InvalidArgument(sentences.HAS_NO_LAYERS.format(target.name, type(target).__name__))
    return target


def _of_some(target: ModelWrapper, kept: Sequence[int], behind: Behind | None) -> ModelWrapper:
    """The layers ``kept`` as a model that gives the same columns of logits, compiled where the target is."""
    return ModelWrapper(
        of_layers(target.model, kept, behind),
        target.tokenizer,
        compile=target.compiled is not None,
        vocab_size=target.vocab_size,
        masked_ids=target.masked_ids,
    )
