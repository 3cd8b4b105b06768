"""JSON as its standard has it, of a text that nobody vouches for: Python's reader lets more pass."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.http import sentences

MOST_NESTED = 64
"""Lists and objects inside one another; those of a model server have fewer than ten."""
MOST_DIGITS = 30
"""Of a whole number; ids, counts and nanoseconds have fewer."""


def strict_document(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        InvalidArgument: no JSON, or one that means different things to different readers: a field that comes
            twice, NaN and infinity (also as a number that no float holds), whole numbers of more than
            ``MOST_DIGITS`` digits, more than ``MOST_NESTED`` levels. The message says only what is wrong.

    >>> strict_document('{"a": [1, 0.5]}')
    {'a': [1, 0.5]}
    """
    if not text.strip():
        raise InvalidArgument(sentences.EMPTY)
    if text.lstrip()[:1] == "<":
        raise InvalidArgument(sentences.A_PAGE)
    try:
        read = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_real,
        )
    except json.JSONDecodeError as error:
        raise InvalidArgument(sentences.CUT.format(error.pos)) from error
    except RecursionError as error:
        raise InvalidArgument(sentences.TOO_DEEP.format(MOST_NESTED)) from error
    if _is_nested_more(read, MOST_NESTED):
        raise InvalidArgument(sentences.TOO_DEEP.format(MOST_NESTED))
    return read


def in_a_line(text: str, most: int = 120, secrets: Sequence[str] = ()) -> str:
    """A text that somebody else wrote, as a message can quote it: one line of at most ``most`` characters.

    Spaces and ends of lines become one space, other characters that do not show are escaped, ``secrets`` are
    masked.

    >>> in_a_line("a\\n b\\x1b[31m")
    'a b\\\\x1b[31m'
    """
    text = text[: 4 * most + max((len(secret) for secret in secrets), default=0)]
    for secret in secrets:
        text = text.replace(secret, "***")
    plain = "".join(character if character.isprintable() else _escaped(character) for character in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _escaped(character: str) -> str:
    return " " if character in "\t\n\r" else character.encode("unicode_escape", "surrogatepass").decode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise InvalidArgument(sentences.NAMED_TWICE.format(in_a_line(twice, 40)))
    return read


def _constant(name: str) -> NoReturn:
    raise InvalidArgument(sentences.NOT_A_NUMBER.format(name))


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise InvalidArgument(sentences.TOO_MANY_DIGITS.format(len(digits)))
    return int(digits)


def _real(digits: str) -> float:
    if math.isfinite(number := float(digits)):
        return number
    raise InvalidArgument(sentences.BEYOND_A_FLOAT.format(in_a_line(digits, 40)))


def _is_nested_more(read: Any, most: int) -> bool:
    level = [read]
    for _ in range(most):
        level = [part for whole in level for part in _parts(whole)]
    return any(isinstance(part, (dict, list)) for part in level)


def _parts(whole: Any) -> Iterable[Any]:
    """What a list or an object holds; nothing of anything else."""
    if isinstance(whole, dict):
        return whole.values()
    return whole if isinstance(whole, list) else ()
