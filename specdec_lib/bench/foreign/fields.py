"""Numbers of a document that nobody vouches for: each is what it is called, or one line says what came."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from specdec_lib.bench.foreign import sentences
from specdec_lib.errors import RecordError
from specdec_lib.theory.tally import MOST_POSITIONS
from specdec_lib.utils.http.documents import in_a_line

LARGEST = 2**53
"""Above it a float holds no every whole number."""
JsonObject = Mapping[str, Any]
"""An object of JSON."""


def count_of(document: JsonObject, name: str, source: str) -> int | None:
    """The count of that name; None where there is none.

    Raises:
        RecordError: it is no whole number from 0 to 2^53.
    """
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise RecordError(sentences.NO_COUNT.format(source, name, in_a_line(repr(value), 40)))
    return value


def needed_count(document: JsonObject, name: str, source: str, where: str) -> int:
    """As :func:`count_of`, where it has to be there.

    Raises:
        RecordError: it is not, or no count.
    """
    value = count_of(document, name, source)
    if value is None:
        raise RecordError(sentences.MISSING.format(source, where, name))
    return value


def time_of(document: JsonObject, name: str, source: str) -> float | None:
    """The time of that name, in its own unit; None where there is none.

    Raises:
        RecordError: it is no finite number >= 0.
    """
    value = document.get(name)
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0.0 <= value <= LARGEST or not math.isfinite(value):
        raise RecordError(sentences.NO_TIME.format(source, name, in_a_line(repr(value), 40)))
    return float(value)


def counts_of(
    document: JsonObject, name: str, source: str, most: int = MOST_POSITIONS + 1
) -> list[int] | None:
    """The list of counts of that name; None where there is none.

    Raises:
        RecordError: it is no list of at most ``most`` counts.
    """
    value: Any = document.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > most:
        raise RecordError(sentences.NO_LIST.format(source, name, in_a_line(repr(value)[:60], 40), most))
    return [needed_count({name: one}, name, source, name) for one in value]


def positions_of(histogram: Sequence[int]) -> tuple[int, ...]:
    """From rounds by their accepted tokens (entry j accepted j) to rounds that accepted each position.

    >>> positions_of([1, 2, 3])
    (5, 3)
    """
    return tuple(sum(histogram[i:]) for i in range(1, len(histogram)))
