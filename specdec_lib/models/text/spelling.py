"""How a tokenizer spells bytes: anew, behind ids that may still change, and behind ids that stay.

The ids of a text depend on what stands before and behind it, so a piece of text is spelt together with the
last few ids before it; their first half is context only. What no tokenizer can be handed as text, the bytes
of half a character, becomes ids of single bytes where there are any.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from specdec_lib.models.text.ids import encoded
from specdec_lib.models.text.token_bytes import TokenBytes, token_bytes

_WINDOW = 24
"""Ids before a piece of text that are spelt again with it: more than any word has."""
_ANCHORS = ("\n", ".", "a")
"""Stand in front of a text whose own lead is not wanted; a text may melt into one of them."""
_decoder = getincrementaldecoder("utf-8")


class Spelling:
    """One tokenizer, asked for the ids of bytes.

    Args:
        tokenizer: of a kind whose bytes are known.
        vocabulary: its ``get_vocab()``, if it is at hand.

    Raises:
        VocabularyMismatch: of another kind, as :func:`~specdec_lib.models.text.token_bytes.token_bytes` says.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, vocabulary: Mapping[str, int] | None = None
    ) -> None:
        self.bytes: TokenBytes = token_bytes(tokenizer, vocabulary)
        backend = tokenizer.backend_tokenizer  # type: ignore[attr-defined]
        assert isinstance(backend, Tokenizer), "token_bytes refuses a tokenizer without one"
        self._backend = backend
        whole, bare = encoded(tokenizer, "a"), self._encode("a")
        front = len(whole) - len(bare)
        self.front: list[int] = whole[:front] if whole[front:] == bare else []
        """What the tokenizer puts in front of a text."""
        self._added = backend.get_added_tokens_decoder()
        named = {token.content: i for i, token in self._added.items()}
        self.names: dict[str, int] = {name: i for name, i in named.items() if self.bytes.of(i) is None}
        """Tokens that make no text, by name."""

    def spell(self, data: bytes) -> list[int]:
        """The ids of a whole text: as the tokenizer spells it, its own lead included."""
        ids: list[int] = []
        for is_text, run in _runs(data):
            ids += self._strays(run) if not is_text else self._inside(run) if ids else self._encode(run)
        return ids

    def inside(self, data: bytes) -> list[int]:
        """The ids of bytes within a text about which nothing is known; without a lead."""
        return [i for is_text, run in _runs(data) for i in (self._inside if is_text else self._strays)(run)]

    def continued(self, ids: Sequence[int], start: int, data: bytes) -> tuple[int, list[int]]:
        """How many of ``ids`` stay, and what follows them, once ``data`` stands behind their text.

        Args:
            start: where the text begins in ``ids``; nothing before it is changed, or looked at.
        """
        begin = self._window(ids, start)
        old = ids[begin:]
        new, offset = self._again(old, begin == start, data)
        if new is None:
            return len(ids), self.inside(data)
        if begin == start:
            return start, new
        ends = self._ends(old, 0)
        places = {place: n for n, place in enumerate(self._ends(new, offset))}
        shared = [n for n, end in enumerate(ends) if end in places]
        if not shared:
            return len(ids), self.inside(data)
        cut = next((n for n in shared if 2 * n >= len(old)), shared[-1])
        return begin + cut, new[places[ends[cut]] :]

    def behind(self, ids: Sequence[int], data: bytes) -> list[int]:
        """The ids of ``data`` behind ``ids``, which stay as they are.

        Where the tokenizer would spell across their end, the piece is spelt for itself. What comes back
        stands for ``data`` or the beginning of it: where other bytes come out (a normalizer), it ends.
        """
        begin = self._window(ids, 0)
        old = ids[begin:]
        new, offset = self._again(old, begin == 0 or self.bytes.of(ids[begin - 1]) is None, data)
        held = len(self.bytes.join(old))
        ends = [] if new is None else self._ends(new, offset)
        if new is not None and held in ends:
            following = new[len(ends) - 1 - ends[::-1].index(held) :]
        else:
            following = self.inside(data)
        return self._as_far_as(following, data)

    def is_merged(self, data: bytes, token_id: int) -> bool:
        """Whether a token of these bytes stands among the merged ones, in the order of their frequency.

        What was added does not, nor in SentencePiece's order a single character.
        """
        one = len(data.decode(errors="replace")) == 1
        return token_id not in self._added and not (one and self.bytes.kind == "sentencepiece-like")

    # -- pieces ------------------------------------------------------------------------------------

    def _window(self, ids: Sequence[int], start: int) -> int:
        """Where the last few ids begin: not behind ``start`` or a name, nor within a character."""
        begin = len(ids)
        while begin > start:
            piece = self.bytes.of(ids[begin - 1])
            if piece is None:
                break
            begin -= 1
            if len(ids) - begin >= _WINDOW and piece and piece[0] & 0xC0 != 0x80:
                break
        return begin

    def _again(self, old: Sequence[int], begins: bool, data: bytes) -> tuple[list[int] | None, int]:
        """The ids of the text of ``old`` and ``data``, and where they begin, counted from that of ``old``.

        No ids where they stand for other bytes.
        """
        held = self.bytes.join(old)
        text = (held.removeprefix(self.bytes.lead) if begins else held) + data
        new = self.spell(text)
        made = self.bytes.join(new)
        if made != text and made != self.bytes.lead + text:
            return None, 0
        return new, len(held) + len(data) - len(made)

    def _ends(self, ids: Sequence[int], offset: int) -> list[int]:
        """Where each id begins, and the last ends, counted from ``offset``."""
        return list(accumulate((len(self.bytes.of(i) or b"") for i in ids), initial=offset))

    def _as_far_as(self, ids: list[int], data: bytes) -> list[int]:
        """The first of ``ids``, as long as their bytes are those of ``data``."""
        end = 0
        for n, token_id in enumerate(ids):
            piece = self.bytes.of(token_id)
            if not piece or not data.startswith(piece, end):
                return ids[:n]
            end += len(piece)
        return ids

    def _encode(self, text: str) -> list[int]:
        return self._backend.encode(text, add_special_tokens=False).ids

    def _inside(self, text: str) -> list[int]:
        """The ids of a text without what the tokenizer begins texts with."""
        if not self.bytes.lead:
            return self._encode(text)
        for anchor in _ANCHORS:
            ids = self._encode(anchor + text)
            ends = self._ends(ids, 0)
            length = len(self.bytes.lead) + len(anchor)
            if length in ends:
                return ids[ends.index(length) :]
        return self._encode(text)

    def _strays(self, text: str) -> list[int]:
        """The ids of bytes that make no character, each by itself; those that have none are left out."""
        known = self.bytes.ids
        pieces = (bytes([letter]) for letter in text.encode("utf-8", "surrogateescape"))
        return [known[piece] for piece in pieces if piece in known]


def _runs(data: bytes) -> Iterator[tuple[bool, str]]:
    """The characters of bytes, and what makes none, by turns."""
    text = data.decode("utf-8", "surrogateescape")
    for is_text, run in groupby(text, lambda letter: not "\udc80" <= letter <= "\udcff"):
        yield is_text, "".join(run)


def num_waiting(data: bytes) -> int:
    """How many bytes at the end of ``data`` are the beginning of a character."""
    decoder = _decoder("replace")
    decoder.decode(data[-4:])
    return len(decoder.getstate()[0])
