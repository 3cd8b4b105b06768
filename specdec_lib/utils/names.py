"""Names that somebody meant: what a message says of one that does not exist. It knows no list of its own."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FEW = 8
"""Names that a message may list without its beginning getting lost."""


def known_names(name: str, known: Iterable[str], most: int = 3) -> str:
    """All the names if they are few, else how many there are and those nearest to ``name``.

    >>> known_names("b", ["a", "b2"])
    'a, b2'
    >>> known_names("pockte", ["pocket", "pockets", *"abcdefgh"], most=2)
    '10, such as pocket and pockets'
    """
    known = list(known)
    if len(known) <= FEW:
        return ", ".join(known)
    nearest = difflib.get_close_matches(name, known, n=most, cutoff=0.0)
    return f"{len(known)}, such as {', '.join(nearest[:-1])} and {nearest[-1]}"
