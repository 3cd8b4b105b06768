"""From text to a draft: words, options and names of models. It opens nothing and loads nothing."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence

from specdec_lib.decoding.drafters.grammar import sentences
from specdec_lib.decoding.drafters.grammar.own_layers import HeadSpec, LayersSpec, SkipSpec
from specdec_lib.decoding.drafters.grammar.specs import (
    CascadeSpec,
    ClassSpec,
    DraftSpec,
    LoneSpec,
    LookupSpec,
    ModelSpec,
    SelfSpec,
    SuffixSpec,
)
from specdec_lib.errors import InvalidArgument
from specdec_lib.models.registry import DTYPES, REGISTRY
from specdec_lib.utils.numbers import written_whole

_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_RUNS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MOST_LAYERS = 10_000
_OWN_LAYERS = ("layers", "skip", "head")
_WORDS = ("lookup", "suffix", "self", *_OWN_LAYERS)
_NEAR = 0.75
"""How alike two names must be, of 1, for one to be taken for the other misspelt."""


def read_draft(text: str) -> DraftSpec:
    """A draft as it was written; whether there is such a model or class is found out when it is opened.

    Raises:
        InvalidArgument: an unknown word, option or dtype, or a word without what it needs.
    """
    pieces = [text] if _is_folder(text) else _split(text)
    if len(pieces) == 1:
        return _lone(text)
    if not all(piece.strip() for piece in pieces):
        raise InvalidArgument(sentences.ONE_SIDE_IS_EMPTY.format(text))
    return CascadeSpec(tuple(_lone(piece.strip()) for piece in pieces))


def _split(text: str) -> list[str]:
    """What stands between the signs; the longest name of a folder that there is counts as one."""
    left = text.split(">")
    pieces: list[str] = []
    while left:
        ends = range(len(left), 1, -1)
        end = next((end for end in ends if _names_folder(">".join(left[:end]).strip())), 1)
        pieces.append(">".join(left[:end]))
        left = left[end:]
    return pieces


def _lone(text: str) -> LoneSpec:
    word, colon, rest = (part.strip() for part in text.partition(":"))
    if word == "lookup":
        return _lookup(rest if colon else None)
    if word == "suffix":
        return SuffixSpec(**_counts(word, _options(word, rest if colon else None, ("least", "tokens"))))
    if word in _OWN_LAYERS:
        return _part(word, rest)
    if text.strip() == "self":
        return SelfSpec()
    name, at, dtype = text.strip().rpartition("@")
    if at and os.sep not in dtype and not _is_folder(text):
        if dtype not in DTYPES:
            raise InvalidArgument(sentences.UNKNOWN_DTYPE.format(text, dtype, _nearest(dtype, DTYPES)))
        return SelfSpec(dtype) if name == "self" else ModelSpec(name, dtype)
    if word == "ollama" and colon:
        return ModelSpec(text.strip())
    if _CLASS.fullmatch(text.strip()) and not _is_folder(text):
        return ClassSpec(text.strip())
    _refuse_misspelt(text, word, bool(colon))
    return ModelSpec(text)


def _part(word: str, rest: str) -> LayersSpec | SkipSpec | HeadSpec:
    """What the target's own layers draft."""
    if word == "head" and rest:
        return HeadSpec(rest)
    if word == "layers" and (count := _count(rest)):
        return LayersSpec(count)
    runs = [_RUNS.fullmatch(run.strip()) for run in rest.split(",")] if word == "skip" else []
    bounds = [(int(run[1]), int(run[2] or run[1])) for run in runs if run]
    if (
        not bounds
        or len(bounds) < len(runs)
        or any(not first <= last < _MOST_LAYERS for first, last in bounds)
    ):
        raise InvalidArgument(sentences.WRITE_PART.format(word, rest, sentences.PARTS[word]))
    return SkipSpec(tuple(sorted({place for first, last in bounds for place in range(first, last + 1)})))


def _lookup(written: str | None) -> LookupSpec:
    options = _options("lookup", written, ("n", "tokens"))
    runs = options.pop("n", "1-3")
    found = _RUNS.fullmatch(runs)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most:
        raise InvalidArgument(sentences.ODD_RUNS.format(written, runs))
    return LookupSpec(least, most, **_counts("lookup", options))


def _options(word: str, written: str | None, known: tuple[str, ...]) -> dict[str, str]:
    """``"n=3,tokens=10"`` as names and values."""
    found: dict[str, str] = {}
    for option in [] if written is None else written.split(","):
        name, _, value = (part.strip() for part in option.partition("="))
        if name not in known:
            nearest = _nearest(name, known)
            raise InvalidArgument(sentences.NO_OPTION.format(word, written, word, name, nearest))
        if name in found:
            raise InvalidArgument(sentences.GIVEN_TWICE.format(word, written, name))
        found[name] = value
    return found


def _counts(word: str, options: dict[str, str]) -> dict[str, int]:
    """The values as numbers of at least 1."""
    counts: dict[str, int] = {}
    for name, value in options.items():
        if not (count := _count(value)):
            raise InvalidArgument(sentences.NO_COUNT.format(word, name, value, name))
        counts[name] = count
    return counts


def _count(value: str) -> int | None:
    """A number from 1 on; nothing of what is none."""
    number = written_whole(value)
    return number if number is not None and number > 0 else None


def _refuse_misspelt(text: str, word: str, has_options: bool) -> None:
    """Refuse what is no model's name, and a bare name that is nearly a word or an embedded model's."""
    from specdec_lib.models.source import EMBEDDED, HUB_ID  # which whoever asks for --help has no need of

    pairs = REGISTRY.values()
    models = {*EMBEDDED, *(m for pair in pairs for m in (pair.draft_model_id, pair.target_model_id))}
    if os.sep in text or text in models or _is_folder(text):
        return
    known = (*_WORDS, *EMBEDDED)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6 if has_options else _NEAR)
    if has_options or (near and HUB_ID.fullmatch(word)):
        told = _nearest(word, known, meant=near)
        raise InvalidArgument(sentences.UNKNOWN_WORD.format(text, word, told))


def _nearest(name: str, known: Sequence[str], meant: Sequence[str] = ()) -> str:
    """The name that was ``meant``, or one of those ``known`` that is like it; and all that are."""
    near = [*meant, *difflib.get_close_matches(name, known, n=1, cutoff=0.6)][:1]
    meant = "".join(f"{sentences.MEANT.format(one)} " for one in near)
    return sentences.THERE_ARE.format(meant, ", ".join(known))


def _names_folder(text: str) -> bool:
    """Whether it is the path of a folder, with a dtype behind it or not."""
    return _is_folder(text) or _is_folder(text.rpartition("@")[0])


def _is_folder(text: str) -> bool:
    return os.path.isdir(os.path.expanduser(text))
