"""Ask two engines the same at temperature 0, and read with the weights where their texts part."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import EngineRequest, NextLaw
from specdec_lib.lossless.audit.greedy import sentences
from specdec_lib.lossless.audit.greedy.likelihood import Likelihood, RoundingLaw, likelihood_of
from specdec_lib.lossless.audit.greedy.outcome import GreedyComparison, GreedyParting
from specdec_lib.lossless.audit.greedy.reading import ReadText, read_text
from specdec_lib.lossless.audit.greedy.texts import (
    FirstDifference,
    TextSource,
    WrittenText,
    asked_texts,
    recorded_texts,
    where_texts_part,
)
from specdec_lib.models.base import CausalModel, logits_dtype

_TOKENS = 64
_BEYOND = 2
"""So many times the largest noise behind the best logit, a token was not written by the weights."""


def compare_greedy(
    ours: TextSource,
    theirs: TextSource,
    prompts: Sequence[Sequence[int] | str],
    *,
    num_tokens: int | None = None,
    weights: CausalModel | None = None,
    k: int = 4,
    level: float = 1e-3,
    slack: float = 2.0,
    control: bool = True,
    names: tuple[str, str] | None = None,
    coarser: Callable[[], CausalModel] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> GreedyComparison:
    """Where two engines part at temperature 0, and whether by rounding or by a fault.

    Args:
        ours: the engine to compare with, without speculation, or its recorded answers, one a prompt.
        theirs: the engine on trial, or its recorded answers.
        prompts: token ids; or texts, which the weights' tokenizer encodes, if there are weights.
        num_tokens: compared of each text. None asks engines for 64; of recorded answers the longest one is
            the limit.
        weights: the model that both decode, in the dtype in which they do, to read the logits with. None
            leaves undecided whatever parts; an engine that tells its law still gives the margins.
        k: draft tokens a round of the engine that speculates; the noise is that of forwards of 1 and
            ``k`` + 1 tokens.
        level: the chance of calling rounding a fault.
        slack: how many times what is measured an engine's own rounding may be.
        control: ask the first engine twice, if any text parts, and see whether it parts from itself.
        names: of the two, for messages; an engine's own by default.
        coarser: loads the same weights in a coarser dtype, which an engine may compute in for all that is
            known; called where the texts part by a fault. What its noise explains is undecided then.
        report: called with a line of progress now and then.

    Raises:
        InvalidArgument: no prompts; recorded answers that are not one a prompt; no token in any text; text
            that cannot be made ids; ids that the weights do not have, or more than they see; a k, level or
            slack out of range.
    """
    _require_settings(k, level, slack)
    requests = _requests(prompts, num_tokens or _TOKENS, weights)
    names = names or (_name(ours, "A"), _name(theirs, "B"))
    encode = _encoder(weights)
    ends = weights.eos_token_ids if weights is not None else ()

    def written(source: TextSource, name: str) -> list[WrittenText]:
        if isinstance(source, Sequence):
            return recorded_texts(source, len(requests), name, num_tokens, encode, ends)
        return asked_texts(source, requests, encode, ends, report)

    own, others = (written(*pair) for pair in zip((ours, theirs), names, strict=True))
    if not any(text.ids for text in (*own, *others)):
        raise InvalidArgument(sentences.NO_TOKENS.format(names[0], names[1]))
    differences = [where_texts_part(*pair) for pair in zip(own, others, strict=True)]
    parted = [index for index, place in enumerate(differences) if place is not None]
    repeated = None
    if parted and control and not isinstance(ours, Sequence):
        again = zip(own, written(ours, names[0]), strict=True)
        repeated = sum(where_texts_part(*pair) is not None for pair in again)
    plain = GreedyComparison(names, len(requests), [], k + 1, level, repeated=repeated)
    if weights is None:
        partings = [_told(ours, requests[n], own[n], n, differences[n]) for n in parted]
        return replace(plain, partings=partings)

    def read(other: CausalModel | None) -> list[ReadText]:
        readings = []
        for index, (request, text, place) in enumerate(zip(requests, own, differences, strict=True), start=1):
            report(f"reading text {index} of {len(requests)}")
            readings.append(read_text(weights, request.prompt_ids, text, k + 1, place, other))
        return readings

    found = _judged(plain, weights, slack, read(None), differences)
    if coarser is None or found.verdict != "fault":
        return found
    other = coarser()
    law = _law_of(readings := read(other), logits_dtype(other), slack)
    return replace(found, coarser=(_dtype_of(other), _likelihood(law, readings)))


def _require_settings(k: int, level: float, slack: float) -> None:
    if k < 1:
        raise InvalidArgument(sentences.BAD_WIDTH.format(k))
    if not 0 < level < 1:
        raise InvalidArgument(sentences.BAD_LEVEL.format(level))
    if not (slack >= 1 and math.isfinite(slack)):
        raise InvalidArgument(sentences.BAD_SLACK.format(slack))


def _requests(
    prompts: Sequence[Sequence[int] | str], num_tokens: int, weights: CausalModel | None
) -> list[EngineRequest]:
    encode = getattr(weights, "encode", None)
    requests = []
    for prompt in prompts:
        text = prompt if isinstance(prompt, str) else ""
        ids: Sequence[int] = prompt if not isinstance(prompt, str) else encode(prompt) if encode else ()
        requests.append(EngineRequest(num_tokens, tuple(ids), text, temperature=0.0))
    unread = weights is not None and not all(one.prompt_ids for one in requests)
    if not requests or unread or not all(one.prompt_ids or one.prompt_text for one in requests):
        raise InvalidArgument(sentences.NO_PROMPTS)
    return requests


def _encoder(weights: CausalModel | None) -> Callable[[str], Sequence[int]] | None:
    """What makes ids of an engine's text: it goes on, so what a tokenizer puts in front is left out."""
    tokenizer = getattr(weights, "tokenizer", None)
    if tokenizer is None:
        return getattr(weights, "encode", None)
    return lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]


def _name(source: TextSource, otherwise: str) -> str:
    return otherwise if isinstance(source, Sequence) else source.name


def _told(
    source: TextSource, request: EngineRequest, text: WrittenText, prompt: int, parts: FirstDifference | None
) -> GreedyParting:
    """A parting with the margins that the plain engine tells, if it tells its law."""
    assert parts is not None
    plain = GreedyParting(prompt, parts.place, parts.ours, parts.theirs)
    if not isinstance(source, NextLaw):
        return plain
    law = source.next_law(replace(request, temperature=1.0), text.ids[: parts.place])
    gap = _log_ratio(law, parts.ours, parts.theirs)
    best = sorted(law.values(), reverse=True)[:2]
    top = math.log(best[0] / best[1]) if len(best) == 2 and best[1] > 0 else None
    return replace(plain, gap=None if gap is None else abs(gap), top=top)


def _log_ratio(law: Mapping[int | None, float], ours: int | None, theirs: int | None) -> float | None:
    pair = law.get(ours, 0.0), law.get(theirs, 0.0)
    return math.log(pair[0] / pair[1]) if min(pair) > 0 else None


def _judged(
    plain: GreedyComparison,
    weights: CausalModel,
    slack: float,
    readings: Sequence[ReadText],
    differences: Sequence[FirstDifference | None],
) -> GreedyComparison:
    law = _law_of(readings, logits_dtype(weights), slack)
    found = _likelihood(law, readings)
    strange = 0
    for one, place in zip(readings, differences, strict=True):
        shared = one.lacks[: None if place is None else place.place]
        strange += bool((shared > _BEYOND * law.largest).any())
    dtype = _dtype_of(weights)
    partings = _partings(readings, differences, found)
    return replace(plain, partings=partings, law=law, likelihood=found, strange=strange, dtype=dtype)


def _dtype_of(weights: CausalModel) -> str:
    return str(logits_dtype(weights)).removeprefix("torch.")


def _likelihood(law: RoundingLaw, readings: Sequence[ReadText]) -> Likelihood:
    behind = [one.margins.behind for one in readings if one.margins is not None]
    return likelihood_of(law, [one.gaps for one in readings], behind)


def _law_of(readings: Sequence[ReadText], dtype: torch.dtype, slack: float) -> RoundingLaw:
    noise = np.concatenate([one.noise.ravel() for one in readings])
    places = sum(len(one.gaps) for one in readings)
    unit = torch.finfo(dtype).eps * max(1.0, *(one.largest for one in readings))
    return RoundingLaw(noise[np.isfinite(noise)], places, unit, slack)


def _partings(
    readings: Sequence[ReadText], differences: Sequence[FirstDifference | None], found: Likelihood
) -> list[GreedyParting]:
    partings, ratios = [], iter(found.ratios.tolist())
    for prompt, (one, parts) in enumerate(zip(readings, differences, strict=True)):
        margins = one.margins
        if parts is None or margins is None:
            continue
        gaps = (margins.behind, margins.parting.gap, margins.wide_gap, *margins.top, margins.parting.rounding)
        partings.append(
            GreedyParting(prompt, parts.place, parts.ours, parts.theirs, *gaps, ratio=next(ratios))
        )
    return partings
