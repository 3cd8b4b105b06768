"""From text to a draft length: a number, or a word with its options. It opens and measures nothing."""

from __future__ import annotations

import difflib
import math
import re

from specdec_lib.decoding.lengths import sentences
from specdec_lib.decoding.lengths.specs import (
    GAMMA,
    MOST,
    THRESHOLD,
    CostAwareSpec,
    FixedSpec,
    LengthSpec,
    SignalSpec,
)
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import written_real, written_whole

_KNOWN = {"confidence": ("most",), "entropy": ("most", "gamma"), "cost-aware": ("most",)}
"""The options of each word, beside the threshold that the first two take without a name."""
_NUMBER = re.compile(r"[-+]?(\d|\.\d|inf|nan)", re.IGNORECASE)
_SLIP = 10**9
"""A number of tokens from which on it is a slip."""


def read_length(text: str | int) -> LengthSpec:
    """A draft length as it was written: ``4``, ``"confidence:0.4"``, ``"cost-aware"``.

    Raises:
        InvalidArgument: an unknown word or option, with the nearest right one, or a value out of its range.
    """
    written = str(text).strip()
    word, colon, rest = (part.strip() for part in written.partition(":"))
    if not colon and _NUMBER.match(written):
        if (k := _count(written)) is None:
            raise InvalidArgument(sentences.NO_LENGTH.format(written, sentences.A_LENGTH))
        return FixedSpec(k)
    if word not in _KNOWN:
        raise InvalidArgument(_unknown_word(written, word))
    threshold, options = _options(written, word, rest.split(",") if colon else [])
    most = _most(written, options["most"]) if "most" in options else MOST
    if word == "cost-aware":
        return CostAwareSpec(most)
    level = THRESHOLD if threshold is None else _threshold(written, threshold)
    return SignalSpec(word, level, most, _gamma(written, options["gamma"]) if "gamma" in options else GAMMA)


def read_lengths(text: str) -> list[LengthSpec]:
    """Several, with commas between: ``"2,4,entropy:0.4,gamma=0.3,cost-aware"`` are four.

    Raises:
        InvalidArgument: as :func:`read_length`.
    """
    parts: list[str] = []
    for part in text.split(","):
        if parts and "=" in part and ":" not in part:  # an option of the one before
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return [read_length(part) for part in parts]


def _options(written: str, word: str, parts: list[str]) -> tuple[str | None, dict[str, str]]:
    """The threshold, where it was written, and the options by name."""
    threshold, options = None, dict[str, str]()
    for place, part in enumerate(parts):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals and not place and word != "cost-aware":
            threshold = name
            continue
        if name not in _KNOWN[word] or not equals:
            near = difflib.get_close_matches(name, _KNOWN[word], n=1, cutoff=0.5)
            known = " and ".join(_KNOWN[word])
            raise InvalidArgument(sentences.NO_OPTION.format(written, word, name, _meant(near), known))
        if name in options:
            raise InvalidArgument(sentences.GIVEN_TWICE.format(written, name))
        options[name] = value
    return threshold, options


def _count(value: str) -> int | None:
    """A whole number from 1 on; None of what is none."""
    number = written_whole(value)
    return number if number is not None and 0 < number < _SLIP else None


def _most(written: str, value: str) -> int:
    if (most := _count(value)) is None:
        raise InvalidArgument(sentences.MOST_IS_NO_COUNT.format(written, value))
    return most


def _threshold(written: str, value: str) -> float:
    number = written_real(value)
    if number is None or not 0 <= number <= 1:
        raise InvalidArgument(sentences.THRESHOLD_OUT_OF_RANGE.format(written, value))
    return number + 0.0  # and never -0.0, which would be spelt otherwise


def _gamma(written: str, value: str) -> float:
    number = written_real(value)
    if number is None or not 0 < number < math.inf:
        raise InvalidArgument(sentences.GAMMA_OUT_OF_RANGE.format(written, value))
    return number


def _unknown_word(written: str, word: str) -> str:
    first, comma, options = (part.strip() for part in word.partition(","))
    if comma and first in _KNOWN:
        return sentences.OPTIONS_BEHIND_A_COLON.format(written, first, options)
    near = difflib.get_close_matches(word.lower().replace("_", "-"), _KNOWN, n=1, cutoff=0.5)
    return sentences.UNKNOWN_WORD.format(written, word, _meant(near), sentences.A_LENGTH)


def _meant(near: list[str]) -> str:
    """A question and a space, where there is a name to ask for."""
    return "".join(f"{sentences.MEANT.format(one)} " for one in near)
