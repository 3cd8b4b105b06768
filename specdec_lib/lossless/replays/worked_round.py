"""The worked round of the book: five words, what draft and target think of them, and a draft of four.

The context is "the cat", the draft "sat on mat the". Its three endings (a rejection at the third word, one at
the fourth, none) depend on the random numbers alone, and each can be walked through.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from specdec_lib.decoding.trace import Round
from specdec_lib.lossless.replays.annotation import AnnotatedTrace, annotate_round

WORDS = ("the", "cat", "sat", "on", "mat")
DRAFT_IDS = (2, 3, 4, 0)
_CONTEXT = ("the ", "cat")
_DRAFT = (
    (0.08, 0.05, 0.70, 0.12, 0.05),
    (0.08, 0.05, 0.04, 0.75, 0.08),
    (0.06, 0.03, 0.05, 0.05, 0.81),
    (0.09, 0.04, 0.04, 0.06, 0.77),
)
_TARGET = (
    (0.06, 0.04, 0.75, 0.10, 0.05),
    (0.05, 0.04, 0.03, 0.80, 0.08),
    (0.10, 0.05, 0.05, 0.30, 0.50),
    (0.03, 0.02, 0.02, 0.04, 0.89),
    (0.88, 0.04, 0.03, 0.03, 0.02),
)


def worked_laws() -> tuple[Tensor, Tensor]:
    """The target's rows ``[5, 5]`` and the draft's ``[4, 5]``, one a place, over ``WORDS``."""
    return torch.tensor(_TARGET), torch.tensor(_DRAFT)


def worked_ending(uniforms: Sequence[float], num_accepted: int, last: str) -> AnnotatedTrace:
    """The round, annotated, in which those ``uniforms`` let ``num_accepted`` words stay and ``last`` follows.

    ``worked_ending([0.43, 0.61, 0.73, 0.50], 2, "on")`` is the round that the book works out.
    """
    length, k = len(_CONTEXT), len(DRAFT_IDS)
    round_ = Round(
        token_ids=[*DRAFT_IDS[:num_accepted], WORDS.index(last)],
        kind="bonus" if num_accepted == k else "corrected",
        draft_ids=list(DRAFT_IDS),
        num_accepted=num_accepted,
        uniforms=list(uniforms),
        target_cache_length=length + num_accepted,
        draft_cache_length=min(length + num_accepted, length + k - 1),
    )
    held = (length - 1, length - 1)
    told = annotate_round(*worked_laws(), round_, WORDS.__getitem__, text_length=length, held=held)
    choice = {"random numbers": " ".join(f"{uniform:.2f}" for uniform in uniforms)}
    return AnnotatedTrace("the worked round", list(_CONTEXT), [told], temperature=1.0, choice=choice)
