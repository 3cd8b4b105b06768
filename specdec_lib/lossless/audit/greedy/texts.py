"""The greedy texts of an engine, asked for or recorded, and the place where two of them part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, AskedEngine, EngineRequest
from specdec_lib.lossless.audit.greedy import sentences

TextSource = AskedEngine | Sequence[Answer | Sequence[int]]
"""An engine to ask, or its answers to the prompts as they were recorded: with the flags, or the ids alone."""


@dataclass(frozen=True)
class WrittenText:
    """What an engine wrote behind a prompt: its ids without the end's own, and whether it ended there.

    A text that ``ended`` is compared with one that goes on; one that was cut at its limit says nothing of
    what would have followed.
    """

    ids: tuple[int, ...]
    ended: bool


@dataclass(frozen=True)
class FirstDifference:
    """``place`` counts tokens behind the prompt, from 0; None in the place of a token stands for the end."""

    place: int
    ours: int | None
    theirs: int | None


def where_texts_part(ours: WrittenText, theirs: WrittenText) -> FirstDifference | None:
    """Where two texts part; None where they are the same as far as both were written."""
    for place, (own, other) in enumerate(zip(ours.ids, theirs.ids, strict=False)):
        if own != other:
            return FirstDifference(place, own, other)
    place = min(len(ours.ids), len(theirs.ids))
    own, other = ours.ids[place:], theirs.ids[place:]
    if ours.ended and other:
        return FirstDifference(place, None, other[0])
    if theirs.ended and own:
        return FirstDifference(place, own[0], None)
    return None


def asked_texts(
    engine: AskedEngine,
    requests: Sequence[EngineRequest],
    encode: Callable[[str], Sequence[int]] | None,
    eos_token_ids: Sequence[int],
    report: Callable[[str], None] = lambda line: None,
) -> list[WrittenText]:
    """The engine's answers, one request after the other.

    Raises:
        InvalidArgument: it tells no ids, and nothing is there to ``encode`` its text.
    """
    texts = []
    for index, request in enumerate(requests, start=1):
        report(f"{engine.name}: prompt {index} of {len(requests)}")
        answer = engine.answer(request)
        ids = answer.ids
        if ids is None:
            if encode is None:
                raise InvalidArgument(sentences.NO_IDS.format(engine.name))
            ids = tuple(encode(answer.text))
        texts.append(_written(ids, answer.ended, request.num_tokens, eos_token_ids))
    return texts


def recorded_texts(
    answers: Sequence[Answer | Sequence[int]],
    num_prompts: int,
    name: str,
    num_tokens: int | None,
    encode: Callable[[str], Sequence[int]] | None,
    eos_token_ids: Sequence[int],
) -> list[WrittenText]:
    """Recorded answers. The limit is ``num_tokens``, or the longest of them: a shorter one ended by itself.

    Raises:
        InvalidArgument: another number of them than of prompts; one is text alone that nothing can encode.
    """
    if len(answers) != num_prompts:
        raise InvalidArgument(sentences.OTHER_NUMBER.format(len(answers), name, num_prompts))
    read: list[tuple[tuple[int, ...], bool]] = []
    for answer in answers:
        told = answer if isinstance(answer, Answer) else Answer(tuple(answer))
        if told.ids is None and encode is None:
            raise InvalidArgument(sentences.NO_IDS.format(name))
        ids = told.ids if told.ids is not None or encode is None else tuple(encode(told.text))
        read.append((ids or (), told.ended))
    limit = num_tokens or max(len(ids) for ids, _ in read)
    return [_written(ids, ended, limit, eos_token_ids) for ids, ended in read]


def _written(ids: Sequence[int], ended: bool, limit: int, eos_token_ids: Sequence[int]) -> WrittenText:
    """Cut at the limit and before an end's own id, which some engines tell and others do not."""
    kept = tuple(ids[:limit])
    if kept and kept[-1] in eos_token_ids:
        return WrittenText(kept[:-1], True)
    return WrittenText(kept, ended or len(kept) < limit)
