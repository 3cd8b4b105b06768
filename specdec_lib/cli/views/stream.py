"""Tokens as text while they arrive, each marked by how it came to be.

A token of a byte-level vocabulary may be a part of a character, so ids become text only as far
as their bytes are complete. Marks are never colour alone: accepted tokens are underlined,
corrections bold in reverse, bonus tokens bold italic; a terminal without styles gets brackets,
and what is no terminal gets the plain text. Rounds and ids are all that is known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from specdec_lib.cli.terminal import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.decoding.trace import Round
    from specdec_lib.models.text.ids import TokenText


MARKS = {
    "accepted": ("green underline", "_", "_"),
    "corrected": ("bold reverse yellow", "[", "]"),
    "bonus": ("bold italic cyan", "{", "}"),
    "autoregressive": ("", "", ""),
}
"""How a kind of token is shown: its style, and its brackets where there are no styles."""


def kinds(round_: Round) -> Iterator[str]:
    """The kind of each token that a round emitted."""
    for index in range(len(round_.token_ids)):
        yield "accepted" if index < round_.num_accepted else round_.kind


class RoundPrinter:
    """Prints rounds as they come, after their prompt; plain text where the console is no terminal."""

    _text: TokenText

    def __init__(self, console: Console, decode: Callable[[Sequence[int]], str]) -> None:
        self.console, self.decode = console, decode
        self.marks = console.is_terminal
        self.brackets = self.marks and console.color_system is None

    def legend(self) -> None:
        """One line that says what the marks mean."""
        if self.marks:
            self._write("each token: ", "dim")
            for position, kind in enumerate(("accepted", "corrected", "bonus")):
                self._write(" · " if position else "", "dim")
                self._mark(kind, kind)
            self._write("\n\n")

    def prompt(self, prompt: str, prompt_ids: Sequence[int]) -> None:
        """The prompt, dimmed; what follows continues it."""
        from specdec_lib.models.text.ids import TokenText

        self._text = TokenText(self.decode, prompt_ids)
        self._write(prompt, "dim")

    def round(self, round_: Round) -> None:
        """The tokens of one round."""
        for token_id, kind in zip(round_.token_ids, kinds(round_), strict=True):
            self._mark(self._text.add(token_id), kind)

    def end(self) -> None:
        """The last piece and the line's end."""
        self._write(self._text.flush() + "\n")

    def _mark(self, piece: str, kind: str) -> None:
        if not piece:
            return
        style, opening, closing = MARKS[kind]
        if self.brackets:
            piece = opening + piece + closing
        self._write(piece, style if self.marks else "")

    def _write(self, piece: str, style: str = "") -> None:
        from rich.segment import Segment, Segments
        from rich.style import Style

        shown = Style.parse(style) if style else None
        parts = re.split(r"(\n+)", safe_text(piece))  # a styled line break would paint the rest of the line
        segments = [Segment(part, None if part.startswith("\n") else shown) for part in parts if part]
        self.console.print(Segments(segments), end="", soft_wrap=True)  # a Text would expand tabs
