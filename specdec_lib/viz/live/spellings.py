"""One text in two vocabularies, to play with: what a draft has said, and what of it its target is handed.

:class:`SpellingFigure` shows itself wherever HTML is shown and needs no kernel. A draft that says the right
text is judged twice: token by token, where a token of other bytes than the target's own is wrong, and by
text, where the target's tokenizer spells what was said and a last token that may go on is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from specdec_lib.errors import InvalidArgument
from specdec_lib.viz import sentences
from specdec_lib.viz.standalone import StandaloneFigure, plain_table
from specdec_lib.viz.tokens import visible

TITLE = "One text in two vocabularies, to play with"
LONGEST = 48
"""Bytes of a text that fit a phone's width."""


@dataclass(frozen=True)
class TwoSpellings:
    """A text as a draft says it and as its target spells it, each token by its bytes.

    Raises:
        InvalidArgument: the two spell different texts, or there is not one entry for each token of the draft.
    """

    name: str
    draft: Sequence[bytes]
    target: Sequence[bytes]
    shared: Sequence[bool]
    """Whether the target has each token of the draft too."""
    handed: Sequence[Sequence[bytes]]
    """By text: what the target is handed once the draft has said its first, its first two, … tokens."""

    def __post_init__(self) -> None:
        if b"".join(self.draft) != b"".join(self.target) or not 0 < len(b"".join(self.draft)) <= LONGEST:
            raise InvalidArgument(sentences.ODD_SPELLINGS.format(self.name, LONGEST))
        if not len(self.draft) == len(self.shared) == len(self.handed):
            raise InvalidArgument(
                sentences.ODD_TOKENS_OF_SPELLINGS.format(
                    self.name, len(self.draft), len(self.shared), len(self.handed)
                )
            )

    def by_token(self, said: int) -> Sequence[bytes]:
        """What the target is handed token by token: up to the first token that it lacks."""
        known = self.shared[:said]
        return self.draft[: known.index(False) if False in known else said]

    def right(self, tokens: Sequence[bytes]) -> int:
        """How many of the tokens that are handed over are the target's own, from the first on."""
        pairs = enumerate(zip(tokens, self.target, strict=False))
        return next((n for n, (one, other) in pairs if one != other), min(len(tokens), len(self.target)))


class SpellingFigure(StandaloneFigure):
    """A self-contained figure: the tokens of a draft, and what becomes of them either way, with a slider.

    Args:
        texts: what a reader chooses among.
        title: its name, for those who do not see it.

    Raises:
        InvalidArgument: no texts.
    """

    kind = module = "spellings"

    def __init__(self, texts: Sequence[TwoSpellings], title: str = TITLE) -> None:
        if not texts:
            raise InvalidArgument(sentences.NO_SPELLINGS)
        self.texts, self.title = list(texts), title
        self.payload = {"title": title, "texts": [_plain(text) for text in self.texts]}

    def __repr__(self) -> str:
        return f"SpellingFigure({len(self.texts)} texts)"

    def fallback(self) -> str:
        """A table: how many of the target's tokens are right, a row for each token that the draft says."""
        rows = []
        for text in self.texts:
            for said, handed in enumerate(text.handed, start=1):
                counts = text.right(text.by_token(said)), text.right(handed)
                rows.append([text.name, str(said), shown(text.draft[said - 1]), *map(str, counts)])
        return plain_table(self.title, ["text", "said", "the last of it", "token by token", "by text"], rows)


def shown(piece: bytes) -> str:
    """A token's bytes for a reader: its text, or in hex where it is none."""
    try:
        return visible(piece.decode())
    except UnicodeDecodeError:
        return f"<{piece.hex().upper()}>"


def _plain(text: TwoSpellings) -> dict[str, Any]:
    def pieces(tokens: Sequence[bytes]) -> list[tuple[str, int]]:
        return [(shown(token), len(token)) for token in tokens]

    return {
        "name": text.name,
        "draft": pieces(text.draft),
        "target": pieces(text.target),
        "shared": list(text.shared),
        "handed": [pieces(tokens) for tokens in text.handed],
    }
