"""Which pair a draft makes with its target, and the name that its results are kept by. Nothing is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from specdec_lib.decoding.drafters.grammar import sentences
from specdec_lib.decoding.drafters.grammar.own_layers import HeadSpec
from specdec_lib.decoding.drafters.grammar.reading import read_draft
from specdec_lib.decoding.drafters.grammar.specs import (
    ClassSpec,
    DraftSpec,
    ModelSpec,
    SelfSpec,
    lone_specs,
)
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.registry import ModelPair, choose_pair, own_name


class AskedPair(NamedTuple):
    """A pair of two models; or its target, for which ``drafter`` is opened in the place of the draft."""

    pair: ModelPair
    drafter: DraftSpec | None = None

    @property
    def models(self) -> list[tuple[str, str]]:
        """Name and dtype of each model that will be loaded, the target's first, each once."""
        pair = self.pair
        target, draft = (pair.target_model_id, pair.target_dtype), (pair.draft_model_id, pair.draft_dtype)
        parts = () if self.drafter is None else lone_specs(self.drafter)
        found = [target] if self.drafter is not None else [target, draft]
        found += [(s.model_id, s.dtype or pair.target_dtype) for s in parts if isinstance(s, ModelSpec)]
        found += [(target[0], s.dtype) for s in parts if isinstance(s, SelfSpec) and s.dtype is not None]
        return list(dict.fromkeys(found))

    @property
    def heads(self) -> list[str]:
        """The folders of trained exits that draft."""
        parts = () if self.drafter is None else lone_specs(self.drafter)
        return [spec.folder for spec in parts if isinstance(spec, HeadSpec)]

    @property
    def classes(self) -> list[str]:
        """The classes of somebody's own that draft, as ``module:Class``."""
        parts = () if self.drafter is None else lone_specs(self.drafter)
        return [spec.name for spec in parts if isinstance(spec, ClassSpec)]


def asked_pair(
    pair: str | None = None,
    target: str | None = None,
    draft: str | None = None,
    dtype: str | None = None,
    draft_dtype: str | None = None,
    drafter: str | None = None,
) -> AskedPair:
    """A pair by its name, or a target and what drafts for it, under the name of their results.

    Args:
        draft: by the grammar of drafts. ``MODEL`` needs a ``target``; any other drafts for a pair's too.
        dtype: of all models; None is what the pair lists, and "auto" for models of one's own.
        draft_dtype: of a draft that is a model and names none.
        drafter: ``module:Class`` in place of a draft.

    Raises:
        UnknownPair: no pair of that name.
        InvalidArgument: a draft that cannot be read, or options that contradict each other.
    """
    if draft is not None and drafter is not None:
        raise InvalidArgument(sentences.TWO_DRAFTS)
    spec = ClassSpec(drafter) if drafter is not None else None if draft is None else read_draft(draft)
    is_model = isinstance(spec, ModelSpec | SelfSpec)
    own = spec.dtype if is_model else None
    if draft_dtype is not None and spec is not None and (own or not is_model):
        why = sentences.NAMES_ITS_OWN.format(own) if own else sentences.IS_NO_MODEL
        raise InvalidArgument(sentences.DTYPE_OF_NO_MODEL.format(draft_dtype, spec, why))
    if spec is None or isinstance(spec, ModelSpec):
        model_id = None if spec is None else spec.model_id
        return AskedPair(choose_pair(pair, target, model_id, dtype, own or draft_dtype))
    known = choose_pair(pair, target, target, dtype, own or draft_dtype)
    target_id = known.target_model_id
    if isinstance(spec, SelfSpec):
        own = own or draft_dtype or known.target_dtype
        itself = replace(known, draft_model_id=target_id, draft_dtype=own, shares_vocabulary=True)
        return AskedPair(replace(itself, pair_name=own_name(f"self@{own}", target_id)))
    return AskedPair(replace(known, pair_name=own_name(spec.label, target_id)), spec)
