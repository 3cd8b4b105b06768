"""A text read by the weights in forwards of one token and of K + 1: gaps of the logits, and their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.greedy import sentences
from specdec_lib.lossless.audit.greedy.texts import FirstDifference, WrittenText
from specdec_lib.lossless.evidence.rounding import Parting, logit_range, logits_by_width
from specdec_lib.models.base import CausalModel

_BEST = 8
"""Tokens of a place whose differences from the best one are looked at."""
_BEFORE = 16
"""Places, the last ones before a parting, whose noise bounds what rounding explains of it."""


@dataclass(frozen=True)
class Margins:
    """The logits where two texts part.

    Attributes:
        behind: how far the lesser of the two tokens is behind the best one, in forwards of one token;
            infinite where no id ends a text and one of them ended.
        parting: the gap between the two, and what the noise just before explains of it at most.
        wide_gap: the gap between the two in forwards of K + 1 tokens.
        top: the best logit less the next, in forwards of one token and of K + 1.
    """

    behind: float
    parting: Parting
    wide_gap: float
    top: tuple[float, float]


@dataclass(frozen=True)
class ReadText:
    """What the weights say of a text, place by place: each place is that of a token of the text, or its end.

    Attributes:
        gaps: the best logit less the next, in forwards of one token.
        lacks: the best logit less that of the text's own token; NaN where it is not known.
        noise: by how much the differences between the best logit and the next ones change from forwards of
            one token to forwards of K + 1.
        largest: the largest logit by its absolute value.
    """

    gaps: Float[np.ndarray, " places"]
    lacks: Float[np.ndarray, " places"]
    noise: Float[np.ndarray, "places best"] = field(repr=False)
    largest: float
    margins: Margins | None = None


@torch.inference_mode()
def read_text(
    model: CausalModel,
    prompt_ids: Sequence[int],
    text: WrittenText,
    width: int,
    parts: FirstDifference | None = None,
    wide_model: CausalModel | None = None,
) -> ReadText:
    """Read ``text`` behind its prompt twice, one token at a time and ``width`` at a time.

    ``parts``: where another text parts from it, whose margins are wanted too. ``wide_model``: reads in place
    of ``model`` where ``width`` are read at a time; the same weights in a coarser dtype show its noise.

    Raises:
        InvalidArgument: an id that the model does not have, or a text longer than its context.
    """
    ids = [*prompt_ids, *text.ids]
    _require_readable(model, ids)
    places = len(text.ids) + text.ended
    narrow = _rows(model, ids, len(prompt_ids), 1)[:places]
    wide = _rows(wide_model or model, ids, len(prompt_ids), width)[:places]
    best = narrow.topk(min(_BEST, narrow.shape[-1]))
    ahead = best.values[:, :1] - best.values[:, 1:]
    changed = wide.gather(1, best.indices)
    noise = (changed[:, :1] - changed[:, 1:]) - ahead
    own = [_logit_of(row, token, model) for row, token in zip(narrow, [*text.ids, None], strict=False)]
    finite = narrow[narrow.isfinite()].abs()
    return ReadText(
        ahead[:, 0].numpy(),
        best.values[:, 0].numpy() - np.array(own),
        noise.numpy(),
        float(finite.max()) if len(finite) else 0.0,
        None if parts is None or parts.place >= places else _margins(model, narrow, wide, parts),
    )


def _require_readable(model: CausalModel, ids: Sequence[int]) -> None:
    limit, highest = model.context_length, max(ids)
    if limit is not None and len(ids) > limit:
        raise InvalidArgument(sentences.TOO_LONG.format(len(ids), model.name, limit))
    if highest >= model.vocab_size or min(ids) < 0:
        wrong = highest if highest >= model.vocab_size else min(ids)
        raise InvalidArgument(sentences.FOREIGN_ID.format(wrong, model.name, model.vocab_size - 1))


def _rows(model: CausalModel, ids: list[int], length: int, width: int) -> Float[Tensor, "places vocab"]:
    """Logits in float64 behind the prompt's last token and each one after it."""
    rows = []
    if length == 1:  # nothing is left for a cache to begin with
        first = torch.tensor([ids[:1]], device=model.device)
        rows.append(model.forward(first, use_cache=False, logits_to_keep=1)[0][0])
    start = max(1, length - 1)
    if start < len(ids):
        rows.append(logits_by_width(model, ids, start, width))
    return torch.cat(rows).cpu().double()


def _logit_of(row: Tensor, token: int | None, model: CausalModel) -> float:
    """The logit of a token; of the end, that of its likeliest id."""
    if token is not None:
        return float(row[token])
    ends = list(model.eos_token_ids)
    return float(row[ends].max()) if ends else -np.inf


def _margins(model: CausalModel, narrow: Tensor, wide: Tensor, parts: FirstDifference) -> Margins:
    before = slice(max(0, parts.place + 1 - _BEFORE), parts.place + 1)
    rounding = 2 * float(logit_range(narrow[before], wide[before]).max())
    pairs = [
        [_logit_of(rows[parts.place], token, model) for token in (parts.ours, parts.theirs)]
        for rows in (narrow, wide)
    ]
    (own, other), (wide_own, wide_other) = pairs
    tops = [rows[parts.place].topk(2).values for rows in (narrow, wide)]
    top, wide_top = (float(values[0] - values[1]) for values in tops)
    behind = float(tops[0][0]) - min(own, other)
    return Margins(behind, Parting(abs(own - other), rounding), abs(wide_own - wide_other), (top, wide_top))
