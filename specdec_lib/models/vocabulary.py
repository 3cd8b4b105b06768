"""Do two tokenizers mean the same text by the same ids?

A speculative loop exchanges token ids between draft and target, so both must read an id as the same token
(Leviathan et al. 2023 assume it throughout). What counts is the map from id to token, not the width of the
logits: Qwen2.5 pads one tokenizer to 151 936 columns in one size and to 152 064 in another. A few ids may
differ, most often the names of turns and reserved places (Llama-3 and 3.1: 249); such a pair runs once the
draft can no longer propose those ids, since the target's law is untouched by what the draft leaves out:
:class:`Columns` masks them, and gives both models logits of one width. Where more differs, ids are compared
by the bytes that they stand for, and translated (:mod:`specdec_lib.models.text.translation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models import sentences
from specdec_lib.models.base import CausalModel
from specdec_lib.models.text.translation import LEAST_IN_COMMON, Translation
from specdec_lib.utils.numbers import counted

ENOUGH = 0.98
"""Of the ids that make text on both sides, the share that must stand for the same token.

Real pairs lie far from it on either side: models of one family agree in more than 99 % of their ids, others
in next to none. Added tokens (turns, reserved places, padding) make no text and do not count."""

_EXAMPLES = 3


@dataclass(frozen=True)
class Difference:
    """One id, and the token that it stands for on either side; None where there is none."""

    token_id: int
    draft: str | None
    target: str | None

    def __str__(self) -> str:
        draft, target = ("nothing" if t is None else repr(t) for t in (self.draft, self.target))
        return sentences.DIFFERENT_ID.format(self.token_id, draft, target)


@dataclass(frozen=True)
class Relation:
    """How the vocabulary of a draft relates to its target's."""

    masked_ids: tuple[int, ...] = ()
    """Ids that stand for another token, or for one on one side only; ascending, and never to be proposed."""
    agreement: float = 1.0
    """Share of the ids of text that stand for the same token, from 0 to 1."""
    sizes: tuple[int, int] = (0, 0)
    """Tokens of the draft and of the target."""
    examples: tuple[Difference, ...] = ()
    """The first few differences."""
    translation: Translation | None = None
    """How ids are translated, where more differs than names."""
    why_not: str = ""
    """Why there is none, where none could be made."""

    @property
    def kind(self) -> str:
        """ "same", "same but for named ids", "translatable", or "needs translation" and cannot have it."""
        if not self.masked_ids:
            return "same"
        if self.agreement >= ENOUGH:
            return "same but for named ids"
        return "needs translation" if self.translation is None else "translatable"

    @property
    def differences(self) -> str:
        """How many ids differ, and the first of them by name."""
        more = len(self.masked_ids) - len(self.examples)
        named = "; ".join(map(str, self.examples)) + (sentences.AND_MORE.format(more) if more else "")
        count = len(self.masked_ids)
        return f"{count} id{'s' if count > 1 else ''}: {named}"

    def __str__(self) -> str:
        if self.translation is not None:
            return f"translatable: {self.translation}"
        return f"{self.kind} ({self.differences})" if self.masked_ids else self.kind


SAME = Relation()


@dataclass(frozen=True)
class ForeignDraft:
    """A draft model that speaks other tokens than its target, as a decoder takes it to draft with."""

    model: CausalModel
    translation: Translation
    vocab_size: int
    """Width of the target's logits."""

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name


def relation(target: PreTrainedTokenizerBase, draft: PreTrainedTokenizerBase) -> Relation:
    """Compare two vocabularies, id by id.

    An id beyond one side's vocabulary, or in a hole of it (GPT-4o's ends at 200 018 with 200 000 entries),
    differs like one that has another token there. A prompt may hold such an id: the draft reads what its
    embedding has in that row, which can cost acceptance and never correctness.
    """
    ours = target.get_vocab()
    theirs = ours if draft is target else draft.get_vocab()
    sizes = (len(theirs), len(ours))
    if ours == theirs:
        return Relation(sizes=sizes)
    width = 1 + max([*ours.values(), *theirs.values()], default=0)
    by_id = _by_id(theirs, width), _by_id(ours, width)
    differing = [token_id for token_id, one in enumerate(by_id[0]) if one != by_id[1][token_id]]
    examples = tuple(Difference(i, by_id[0][i], by_id[1][i]) for i in differing[:_EXAMPLES])
    added = target.added_tokens_decoder.keys() | draft.added_tokens_decoder.keys()
    both = {*ours.values()} & {*theirs.values()} - added
    agreement = _agreement(both, differing, min(sizes))
    translation, why_not = None, ""
    if agreement < ENOUGH:
        translation, why_not = _translation(target, draft, (ours, theirs))
    return Relation(tuple(differing), agreement, sizes, examples, translation, why_not)


def _translation(
    target: PreTrainedTokenizerBase,
    draft: PreTrainedTokenizerBase,
    vocabularies: tuple[dict[str, int], dict[str, int]],
) -> tuple[Translation | None, str]:
    """How the draft's ids are translated, or why they cannot be."""
    try:
        made = Translation(target, draft, vocabularies)
    except VocabularyMismatch as error:
        return None, str(error)
    if made.in_common >= LEAST_IN_COMMON:
        return made, ""
    shared = made.num_shared
    return None, sentences.FEW_IN_BOTH.format(counted(shared, "byte string"), "is" if shared == 1 else "are")


def _by_id(vocabulary: dict[str, int], width: int) -> list[str | None]:
    tokens: list[str | None] = [None] * width
    for token, token_id in vocabulary.items():
        tokens[token_id] = token
    return tokens


def _agreement(both: set[int], differing: Sequence[int], smaller: int) -> float:
    """Of the ids that ``both`` have and neither added, the share that agrees; 0 where those are few."""
    clashes = len(both.intersection(differing))
    return (len(both) - clashes) / len(both) if both and 2 * len(both) >= smaller else 0.0


def beyond_the_rows(model_id: str, tokenizer: PreTrainedTokenizerBase, rows: int | None) -> str | None:
    """A line about a tokenizer with ids that an embedding of ``rows`` rows lacks; None where all have one.

    More rows than ids are common (padding), and a few added tokens without a row may never be used.
    """
    ids = tokenizer.get_vocab().values()
    lacking = 0 if rows is None else sum(token_id >= rows for token_id in ids)
    if not lacking:
        return None
    return sentences.IDS_WITHOUT_ROWS.format(model_id, len(ids), rows, lacking)


def require_vocabulary(
    target: PreTrainedTokenizerBase, draft: PreTrainedTokenizerBase, pair_name: str
) -> Relation:
    """Refuse a draft whose tokens are neither its target's nor can be translated into them.

    Returns:
        The relation, whose ``masked_ids`` must not be proposed by a draft that needs no ``translation``.

    Raises:
        VocabularyMismatch: names the pair, both sizes, how many ids differ, and the first of them.
    """
    found = relation(target, draft)
    if found.kind == "needs translation":
        draft_size, target_size = found.sizes
        raise VocabularyMismatch(
            sentences.NO_TRANSLATION.format(
                pair_name, draft_size, target_size, found.differences, found.why_not, sentences.OTHER_DRAFT
            )
        )
    return found


class Columns:
    """The columns of one model's logits: as many as asked for, in the order of the ids, some never drawn.

    Args:
        own: columns that the model's head gives.
        width: columns to give.
        masked_ids: ids whose columns are minus infinity; those beyond the width are dropped.
    """

    def __init__(self, own: int, width: int, masked_ids: Sequence[int], device: torch.device) -> None:
        self.own, self.width = own, width
        self.masked_ids = tuple(token_id for token_id in masked_ids if token_id < width)
        mask = torch.zeros(width, dtype=torch.bool)
        mask[list(self.masked_ids)] = True
        self._mask = mask.to(device) if self.masked_ids else None

    def known(self, input_ids: Integer[Tensor, "rows n"]) -> Integer[Tensor, "rows n"]:
        """Ids that the embedding holds; a padding id of a wider partner becomes the last of them."""
        return input_ids.clamp(max=self.own - 1) if self.width > self.own else input_ids

    def of(self, logits: Float[Tensor, "rows n own"]) -> Float[Tensor, "rows n vocab"]:
        """Logits of the width asked for; the missing and the masked columns are minus infinity."""
        missing = self.width - logits.shape[-1]
        logits = logits if missing == 0 else functional.pad(logits, (0, missing), value=-torch.inf)
        return logits if self._mask is None else logits.masked_fill(self._mask, -torch.inf)
