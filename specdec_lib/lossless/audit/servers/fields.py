"""The fields of a server's answer, each of the type that the protocol promises, or one line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from specdec_lib.errors import ServerFailed
from specdec_lib.lossless.audit.servers import sentences
from specdec_lib.utils.http.documents import in_a_line

LARGEST = 2**53
"""Of a count or an id: what every reader of JSON holds exactly."""


class Fields:
    """An object of an answer; ``server`` and ``place`` say in messages where it stands."""

    def __init__(self, read: Any, server: str, place: str = "") -> None:
        self.server, self.place = server, place
        if not isinstance(read, dict):
            raise self._wrong(place.rstrip("/") or "/", read, sentences.AN_OBJECT)
        self.read: dict[str, Any] = read

    def has(self, name: str) -> bool:
        """Whether a field is there, and not null."""
        return self.read.get(name) is not None

    def inner(self, name: str) -> Fields:
        """An object within."""
        return Fields(self._get(name), self.server, f"{self.place}{name}/")

    def objects(self, name: str) -> list[Fields]:
        """A list of objects."""
        places = (f"{self.place}{name}/{number}/" for number in range(len(self.listed(name))))
        return [Fields(one, self.server, place) for one, place in zip(self.listed(name), places, strict=True)]

    def listed(self, name: str) -> list[Any]:
        """A list of whatever."""
        return self._typed(name, list, sentences.A_LIST)

    def text(self, name: str) -> str:
        """A text."""
        return self._typed(name, str, sentences.A_TEXT)

    def flag(self, name: str) -> bool:
        """True or false."""
        return self._typed(name, bool, sentences.A_FLAG)

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """One of a few words."""
        if (word := self.text(name)) not in known:
            raise self._wrong(self.place + name, word, sentences.AN_ENDING.format(", ".join(known)))
        return word

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self._wrong(self.place + name, value, sentences.A_NUMBER)
        return float(value)

    def whole(self, name: str, least: int = 0, most: int = LARGEST) -> int:
        """A whole number from ``least`` to ``most``."""
        return self._whole(self._get(name), self.place + name, least, most)

    def wholes(self, name: str, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers."""
        place = self.place + name
        return tuple(
            self._whole(value, f"{place}/{number}", least, most)
            for number, value in enumerate(self.listed(name))
        )

    def _whole(self, value: Any, place: str, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(place, value, sentences.A_WHOLE_NUMBER.format(least, most))
        return value

    def _typed(self, name: str, kind: type, what: str) -> Any:
        value = self._get(name)
        if not isinstance(value, kind):
            raise self._wrong(self.place + name, value, what)
        return value

    def _get(self, name: str) -> Any:
        if name not in self.read:
            raise ServerFailed(sentences.NO_FIELD.format(self.server, self.place + name))
        return self.read[name]

    def _wrong(self, place: str, value: Any, what: str) -> ServerFailed:
        came = in_a_line(repr(value), 60)
        return ServerFailed(sentences.WRONG_FIELD.format(self.server, in_a_line(place, 60), came, what))
