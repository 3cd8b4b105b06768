"""What rounding does to logits, to laws, and to greedy texts.

A forward of K + 1 tokens adds the same numbers up in another order than K + 1 forwards of one token do, so
logits come out a little apart. How far is measured here, what that may do to a distribution is bounded, and
where two greedy texts part, the logits of the two tokens say whether rounding can have been the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from specdec_lib.errors import InvalidArgument

if TYPE_CHECKING:
    from specdec_lib.models.base import CausalModel

_ULPS = 16
_TIMES_NOISE = 4
_TIMES_CACHELESS = 16
_READ_ALONE = 8
_NARROW = (1, 2, 5)
_LOOKED_AT = 16
"""Places, the last ones of the common text, along which rounding is measured."""


@dataclass(frozen=True)
class Parting:
    """Where two texts part: the ``gap`` of their two tokens' logits, and what ``rounding`` explains."""

    gap: float
    rounding: float

    @property
    def is_tie(self) -> bool:
        """Whether rounding alone may have chosen between the two tokens."""
        return self.gap <= self.rounding


def rounding_of(dtype: torch.dtype, largest: float) -> float:
    """How far logits may be apart for rounding's sake, where the largest is ``largest``: a convention.

    16 units in the last place of the largest logit, for models that nobody has measured. It is generous, in
    half precision by a factor of several.
    """
    return _ULPS * torch.finfo(dtype).eps * max(1.0, largest)


@torch.inference_mode()
def measured_noise(model: CausalModel, ids: Sequence[int], widths: Sequence[int] = (1, 2, 5)) -> float:
    """How far the logits behind the last ids of a text are apart when it is read in forwards of other widths.

    The largest difference of a logit, over up to 32 places, between one forward of the whole text and
    forwards of each width on a cache that nothing is ever taken from. A text of one id has none: 0.
    """
    start = max(1, len(ids) - 2 * _LOOKED_AT)
    if start >= len(ids):
        return 0.0
    text = torch.tensor([list(ids)], device=model.device)
    whole, _ = model.forward(text, use_cache=False, logits_to_keep=len(ids) - start)
    rows = (logits_by_width(model, ids, start, width) for width in widths)
    return max(float(_difference(row, whole[0]).max()) for row in rows)


@torch.inference_mode()
def cacheless_noise(model: CausalModel, ids: Sequence[int]) -> float:
    """How far a model's logits are apart when more and less of a text is read with them, without a cache.

    The largest difference of a logit between two forwards that hold the same place behind the same text: one
    ends there, the other goes on. Up to 8 places at the end of the text, and the first places of up to 8
    texts that begin within it, since a processor multiplies one row, and a few, otherwise than many. No cache
    takes part, so a wrong one cannot hide in it. A text of one id has none: 0.
    """
    ends = range(max(1, len(ids) - _READ_ALONE), len(ids))
    apart = [_apart_without_cache(model, ids, ends)]
    for begin in range(min(_READ_ALONE, len(ids) - 1)):
        part = ids[begin : begin + 2 * _READ_ALONE]
        apart.append(_apart_without_cache(model, part, [n for n in _NARROW if n < len(part)]))
    return max(apart)


def _apart_without_cache(model: CausalModel, ids: Sequence[int], lengths: Sequence[int]) -> float:
    """The largest difference between a forward of all ``ids`` and those of only the first ``lengths``."""
    if not lengths:
        return 0.0
    text = torch.tensor([list(ids)], device=model.device)
    whole = model.forward(text, use_cache=False)[0][0]
    alone = [model.forward(text[:, :n], use_cache=False, logits_to_keep=1)[0][0, -1] for n in lengths]
    return float(_difference(torch.stack(alone), whole[[n - 1 for n in lengths]]).max())


def noise_allowed(
    dtype: torch.dtype, largest: float, noise: float, depth: int, cacheless: float = 0.0
) -> float:
    """How far two logits may be apart where ``noise`` was measured on the same text, in ``depth`` layers.

    Four times the noise, for it is a maximum over few places; one unit in the last place of the largest logit
    at least. And never more than rounding can explain that no cache takes part in, or a model whose own cache
    is wrong would excuse any cache: what adds up over the layers as a random walk does, or, where a model
    makes more of it, sixteen times ``cacheless``, which :func:`cacheless_noise` measures, of few places and
    mostly of short texts. A wrong cache is off by a hundred times that and more.
    """
    unit = torch.finfo(dtype).eps * max(1.0, largest)
    explained = max(_ULPS * unit * max(1, depth) ** 0.5, _TIMES_CACHELESS * cacheless)
    return min(_TIMES_NOISE * max(noise, unit), explained)


def _difference(logits: Tensor, others: Tensor) -> Tensor:
    """|logits − others| in float64; tokens that both cut (minus infinity) do not differ."""
    both_cut = logits.isneginf() & others.isneginf()
    return (logits.double() - others.double()).abs().masked_fill(both_cut, 0)


@torch.inference_mode()
def judge_parting(model: CausalModel, text: Sequence[int], ours: int, theirs: int, width: int = 5) -> Parting:
    """How close the tokens ``ours`` and ``theirs`` are behind ``text``, which both texts have in common.

    A text decoded in forwards of one token and one decoded in forwards of ``width`` can part by rounding only
    where the gap is within the range of their logits' difference. The largest such range along the end of
    the text, doubled, is what rounding explains; a text of one token is judged by :func:`rounding_of`.
    """
    start = max(1, len(text) - _LOOKED_AT)
    if start == len(text):
        logits = model.forward(torch.tensor([list(text)], device=model.device), use_cache=False)[0][0]
        rounding = rounding_of(logits.dtype, float(logits[logits.isfinite()].float().abs().max()))
    else:
        logits, wide = (logits_by_width(model, text, start, each) for each in (1, width))
        rounding = 2 * float(logit_range(logits, wide).max())
    pair = logits[-1, [ours, theirs]].double()
    return Parting(float((pair[0] - pair[1]).abs()), rounding)


@torch.inference_mode()
def logits_by_width(
    model: CausalModel, ids: Sequence[int], start: int, width: int
) -> Float[Tensor, "places vocab"]:
    """Logits behind each of ``ids[start:]``, read ``width`` at a time on a cache of ``ids[:start]``.

    The last forward is narrower where ``width`` does not divide their number.

    Raises:
        InvalidArgument: ``start`` outside [1, len(ids)), or a width below 1.
    """
    if not 1 <= start < len(ids) or width < 1:
        raise InvalidArgument(
            f"logits by width: start {start} of {len(ids)} ids, width {width}; leave at least one id on "
            "either side of the start, and pass a width of 1 or more"
        )
    feed = torch.tensor([list(ids)], device=model.device)
    _, cache = model.forward(feed[:, :start], model.new_cache(len(ids)), logits_to_keep=1)
    rows = []
    for begin in range(start, len(ids), width):
        logits, cache = model.forward(feed[:, begin : begin + width], cache)
        rows.append(logits[0])
    return torch.cat(rows)


def logit_range(
    logits: Float[Tensor, "*rows vocab"], others: Float[Tensor, "*rows vocab"]
) -> Float[Tensor, "*rows"]:
    """max d − min d of the difference d of two rows of logits, in float64; a common shift counts nothing.

    Tokens that both rows cut (minus infinity) are left out; one that only one of them cuts makes it infinite.
    """
    both_cut = logits.isneginf() & others.isneginf()
    difference = others.double() - logits.double()
    highest = difference.masked_fill(both_cut, -torch.inf).amax(-1)
    return highest - difference.masked_fill(both_cut, torch.inf).amin(-1)


def distance_bound(
    logits: Float[Tensor, "*rows vocab"], others: Float[Tensor, "*rows vocab"], temperature: float = 1.0
) -> Float[Tensor, "*rows"]:
    """tanh(R / 4τ) ≥ TV(softmax(logits / τ), softmax(others / τ)), with R of :func:`logit_range`.

    Attained by two tokens whose odds are e^(∓R/2τ); twice as sharp as (e^(R/τ) − 1) / 2 for small R.

    Raises:
        InvalidArgument: a temperature that is not positive; at 0 a law is an argmax, and may flip.
    """
    if not temperature > 0:
        raise InvalidArgument(f"distance bound: temperature is {temperature}; pass a number > 0")
    return torch.tanh(logit_range(logits, others) / (4 * temperature))
