"""Is what a cell shows now what the notebook stores? Word for word, and numbers within a tolerance.

The last digits of a forward depend on the processor: a value printed to four places falls on either side of
a rounding border, and a figure's data moves with it. So the text between numbers must be equal, whole numbers
(counts, ids) must be equal, and any other number may differ by one unit in its last shown place or by
1e-4 of itself. In a figure's data, where more places stand than anybody sees, that is at most 1e-3, and
2e-6 at least.

Ids that are a hash of what they name are compared by their order of appearance, plotly's packed arrays by
their values. ``notebooks/conftest.py`` has nbval compare with :func:`difference`.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import numpy as np

RELATIVE = 1e-4
ABSOLUTE = 2e-6
DATA_UNIT = 1e-3

# What holds digits but is no number: an escape in a JSON string, a name, a colour, an entity, a version.
_TOKEN = re.compile(
    r"(?P<text>\\u[0-9a-fA-F]{4}|\\.|[#&]*[^\W\d]\w*|#\w+|\d+(?:\.\d+){2,})"
    r"|(?P<number>(?<![\w.)\]])[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
    r"(?P<percent>\s?%)?"
)
_HASHED = re.compile(r"\b(?P<kind>[a-z]+)-(?P<digest>[0-9a-f]{12,16})\b")
_PACKED = re.compile(
    r'\{"dtype":"[a-z]\d","bdata":"[^"]*"[^{}]*\}|\{"bdata":"[^"]*","dtype":"[a-z]\d"[^{}]*\}'
)
_SCRIPT = re.compile(r"(<script\b[^>]*>)(.*?)(</script>)", re.DOTALL)
_WIDTH = re.compile(r"[ \t]+|-{2,}|─{2,}")


class Number(NamedTuple):
    """A number as it stands in a text."""

    text: str
    is_share: bool
    """A whole number of percent is a rounded value, not a count."""

    @property
    def value(self) -> float:
        return float(self.text.replace("−", "-"))

    @property
    def is_whole(self) -> bool:
        return self.text.lstrip("+-−").isdigit() and not self.is_share

    @property
    def unit(self) -> float:
        """What one more in the last shown place adds."""
        digits, _, exponent = self.text.lower().partition("e")
        return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def difference(stored: object, shown: object, mime: str = "text/plain") -> str | None:
    """The first place at which two outputs of one type differ beyond the tolerance; None where none does."""
    if isinstance(stored, str) and isinstance(shown, str):
        return _between_texts(stored, shown, mime)
    return _between_data(stored, shown, "")


def _between_texts(stored: str, shown: str, mime: str) -> str | None:
    """Scripts of an HTML page hold data; whatever else is text is shown to people."""
    if mime != "text/html":
        return _between_words(stored, shown, is_data=mime.endswith("json"))
    ours, theirs = _SCRIPT.split(_nameless(stored)), _SCRIPT.split(_nameless(shown))
    if len(ours) != len(theirs):
        return f"{len(ours) // 4} scripts were stored, {len(theirs) // 4} are shown"
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        found = _between_words(one, other, is_data=place % 4 == 2)
        if found:
            return found
    return None


def _between_words(stored: str, shown: str, is_data: bool) -> str | None:
    words, numbers = _parts(stored)
    other_words, other_numbers = _parts(shown)
    for one, other in zip(words, other_words, strict=False):
        if one != other:
            at = next(
                (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)),
            )
            near = slice(max(0, at - 30), at + 50)
            return f"{one[near]!r} was stored, {other[near]!r} is shown"
    if len(words) != len(other_words):
        return f"{len(numbers)} numbers were stored, {len(other_numbers)} are shown"
    for place, (one, other) in enumerate(zip(numbers, other_numbers, strict=True)):
        if not is_close(one, other, is_data):
            before = words[place][-40:].replace("\0", "")
            return f"after {before!r}: {one.text} was stored, {other.text} is shown"
    return None


def is_close(stored: Number, shown: Number, is_data: bool = False) -> bool:
    """Equal as far as a rounded value, or the last digits of a float32 forward, can tell."""
    if stored.is_whole and shown.is_whole:
        return stored.text.lstrip("+") == shown.text.lstrip("+")
    unit = min(stored.unit, shown.unit)
    allowed = max(min(unit, DATA_UNIT), ABSOLUTE) if is_data else unit
    return _within(stored.value, shown.value, allowed)


def _within(one: float, other: float, allowed: float) -> bool:
    if not (math.isfinite(one) and math.isfinite(other)):
        return one == other or (math.isnan(one) and math.isnan(other))
    return abs(one - other) <= max(1.001 * allowed, RELATIVE * abs(one))


def _parts(text: str) -> tuple[list[str], list[Number]]:
    """The text around the numbers, and the numbers. Padding and rules under a head follow their digits."""
    words, numbers, end = [], [], 0
    text = _PACKED.sub(lambda match: _unpacked_text(match[0]), text)
    for match in _TOKEN.finditer(text):
        if match["number"]:
            words.append(_even(text[end : match.start()]))
            numbers.append(Number(match["number"], bool(match["percent"])))
            end = match.end("number")
    return [*words, _even(text[end:])], numbers


def _even(text: str) -> str:
    return _WIDTH.sub(lambda run: run[0][0] if run[0].isspace() else run[0][:2], text)


def _nameless(page: str) -> str:
    """A page whose hashed ids are numbered by their first appearance."""
    seen: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        return seen.setdefault(match[0], f"{match['kind']}-id{chr(ord('a') + len(seen) % 26)}")

    return _HASHED.sub(numbered, page)


def _unpacked_text(text: str) -> str:
    values = _unpacked(json.loads(text))
    return json.dumps({"dtype": str(values.dtype), "values": values.tolist()})


def _unpacked(packed: Mapping[str, str]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=np.dtype(packed["dtype"]))
    shape = packed.get("shape")
    return values.reshape([int(size) for size in shape.split(",")]) if shape else values


def _is_packed(data: object) -> bool:
    return isinstance(data, Mapping) and {"bdata", "dtype"} <= set(data)


def _between_data(stored: object, shown: object, path: str) -> str | None:
    if _is_packed(stored) and _is_packed(shown):
        ours, theirs = _unpacked(stored), _unpacked(shown)
        if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
            return f"at {path}: {ours.shape} of {ours.dtype} were stored, {theirs.shape} of {theirs.dtype}"
        return _between_data(ours.tolist(), theirs.tolist(), path)
    if isinstance(stored, Mapping) and isinstance(shown, Mapping):
        if set(stored) != set(shown):
            return f"at {path}: {sorted(set(stored) ^ set(shown))} stand on one side only"
        return _first(_between_data(stored[key], shown[key], f"{path}.{key}") for key in stored)
    if _is_list(stored) and _is_list(shown):
        if len(stored) != len(shown):
            return f"at {path}: {len(stored)} values were stored, {len(shown)} are shown"
        pairs = enumerate(zip(stored, shown, strict=True))
        return _first(_between_data(one, other, f"{path}[{n}]") for n, (one, other) in pairs)
    return _between_values(stored, shown, path)


def _between_values(stored: object, shown: object, path: str) -> str | None:
    if isinstance(stored, str) and isinstance(shown, str):
        found = _between_words(stored, shown, is_data=False)
        return found and f"at {path}: {found}"
    if _is_number(stored) and _is_number(shown):
        same = is_close(*(Number(repr(value), False) for value in (stored, shown)), is_data=True)
    else:
        same = type(stored) is type(shown) and stored == shown
    return None if same else f"at {path}: {stored!r} was stored, {shown!r} is shown"


def _first(found: Iterator[str | None]) -> str | None:
    return next(filter(None, found), None)


def _is_list(data: object) -> TypeGuard[Sequence[object]]:
    return isinstance(data, Sequence) and not isinstance(data, str)


def _is_number(data: object) -> bool:
    return isinstance(data, (int, float)) and not isinstance(data, bool)
