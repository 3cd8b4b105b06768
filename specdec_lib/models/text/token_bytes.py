"""What bytes a token id stands for, exactly, as the tokenizer's own decoder and pre-tokenizer say.

Equal strings are not equal bytes. To a byte-level file (GPT-2's alphabet, in which every byte is a letter)
``é`` is the byte E9 and ``Ċ`` a newline; to one that spells as SentencePiece does (``▁`` is a space,
``<0xNN>`` a byte) both are the letters that they look like. So two vocabularies can only be compared by what
their ids stand for. Which of the two kinds a file is of, is read off its parts; any other is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerBase

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models.text import sentences

_Kind = Literal["byte-level", "sentencepiece-like"]

_SPACE = "\u2581"
_DIGITS = "0123456789abcdefABCDEF"
_BYTE_PIECES = {f"<0x{one}{two}>": bytes([int(one + two, 16)]) for one in _DIGITS for two in _DIGITS}
_STEPS = ("decoders", "pretokenizers", "normalizers")
"""What the parts of a file call the steps of a sequence."""
_PLAIN_STEPS = {"ByteFallback", "Fuse"}
_PLAIN = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
"""Bytes that GPT-2's alphabet writes as themselves; the others are the letters from 256 on."""


@dataclass(frozen=True, eq=False)
class TokenBytes:
    """What each id of a tokenizer stands for."""

    kind: _Kind
    by_id: tuple[bytes | None, ...]
    """The bytes of each id from 0 on; None where it makes no text: a special token, a hole."""
    byte_ids: frozenset[int]
    """Ids that are spelt as a byte (``<0x41>``): encoded text holds the character's own id where there is
    one, though a model can draw either."""
    lead: bytes = b""
    """What the bytes of any text's ids begin with and the text does not: a space in Llama-2's kind."""

    def of(self, token_id: int) -> bytes | None:
        """The bytes of one id; None where it makes no text."""
        return self.by_id[token_id] if 0 <= token_id < len(self.by_id) else None

    def join(self, ids: Iterable[int]) -> bytes:
        """The bytes of ids one after the other: of all ids of a text its UTF-8, behind :attr:`lead`."""
        return b"".join(self.of(token_id) or b"" for token_id in ids)

    @cached_property
    def ids(self) -> dict[bytes, int]:
        """The id of each byte string: of several the one that encoded text holds, or else the lowest."""
        falling = range(len(self.by_id) - 1, -1, -1)
        characters = zip(falling, reversed(self.by_id), strict=True)
        found = {data: i for i, data in characters if data and i not in self.byte_ids}
        for token_id in sorted(self.byte_ids):
            found.setdefault(self.by_id[token_id] or b"", token_id)
        return found

    @property
    def num_text(self) -> int:
        """Ids that make text."""
        return sum(map(bool, self.by_id))


def token_bytes(
    tokenizer: PreTrainedTokenizerBase, vocabulary: Mapping[str, int] | None = None
) -> TokenBytes:
    """The bytes of every id of a tokenizer.

    Special tokens stand for none. Added tokens that are not special stand for their text in UTF-8, unless
    the vocabulary itself has them, by whose rule they are then read.

    Args:
        vocabulary: what its ``get_vocab()`` gives, which takes a while for a large one, if it is at hand.

    Raises:
        VocabularyMismatch: a tokenizer whose kind is not known, by what it is.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise VocabularyMismatch(sentences.WRITTEN_IN_PYTHON.format(type(tokenizer).__name__))
    kind, has_bytes = _kind(backend)
    known = tokenizer.get_vocab() if vocabulary is None else vocabulary
    by_id: list[bytes | None] = [None] * (1 + max(known.values(), default=-1))
    read = _byte_level if kind == "byte-level" else _with_spaces
    for token, token_id in known.items():
        by_id[token_id] = read(token)
    pieces = {known[piece]: byte for piece, byte in _BYTE_PIECES.items() if piece in known and has_bytes}
    for token_id, byte in pieces.items():
        by_id[token_id] = byte
    added = backend.get_added_tokens_decoder()
    for token in added.values():
        if token.content in known and backend.model.token_to_id(token.content) is None:
            by_id[known[token.content]] = _utf8(token.content)
    for token_id in _silent_ids(tokenizer, backend, added):
        if token_id < len(by_id):
            by_id[token_id] = None
    byte_ids = frozenset(token_id for token_id in pieces if by_id[token_id] is not None)
    made = TokenBytes(kind, tuple(by_id), byte_ids)
    return replace(made, lead=_lead(made, backend))


def _silent_ids(
    tokenizer: PreTrainedTokenizerBase, backend: Tokenizer, added: Mapping[int, AddedToken]
) -> set[int]:
    """Ids that the file or the tokenizer calls special, and the one for what is unknown."""
    special = {token_id for token_id, token in added.items() if token.special}
    unknown = getattr(backend.model, "unk_token", None)
    found = (getattr(backend.model, "unk_id", None), backend.token_to_id(unknown) if unknown else None)
    return special | {i for i in (*tokenizer.all_special_ids, *found) if i is not None}


def _lead(made: TokenBytes, backend: Tokenizer) -> bytes:
    """What an encoded text begins with: seen on one, since three parts of a file may put it there."""
    data = made.join(backend.encode("a", add_special_tokens=False).ids)
    return data[:-1] if data.endswith(b"a") else b""


# -- the two kinds ---------------------------------------------------------------------------------


def _kind(backend: Tokenizer) -> tuple[_Kind, bool]:
    """The kind of a tokenizer, and whether ``<0xNN>`` is a byte to it.

    Raises:
        VocabularyMismatch: another kind, by the steps of its decoder.
    """
    decoder = _steps(backend.decoder)
    cutting = [*_steps(backend.pre_tokenizer), *_steps(backend.normalizer)]
    kinds = [step["type"] for step in decoder]
    if "ByteLevel" in kinds and set(kinds) <= {"ByteLevel", "Fuse"} and _has_step(cutting, "ByteLevel"):
        return "byte-level", False
    if any(map(_makes_spaces, decoder)) and all(map(_keeps_bytes, decoder)) and _writes_spaces(cutting):
        return "sentencepiece-like", "ByteFallback" in kinds
    told = " + ".join(kinds) or "nothing"
    cut = " + ".join(step["type"] for step in cutting) or "nothing"
    raise VocabularyMismatch(sentences.BYTES_NOT_KNOWN.format(told, cut))


def _steps(part: Any) -> list[dict[str, Any]]:
    """The steps of a part, one after the other; none for no part."""
    if part is None:
        return []
    try:
        return _flat(json.loads(part.__getstate__()))
    except Exception:  # the library raises plain Exceptions here, for a part that is Python code
        return [{"type": "code of its own"}]


def _flat(described: dict[str, Any]) -> list[dict[str, Any]]:
    if described["type"] != "Sequence":
        return [described]
    steps = next((described[name] for name in _STEPS if name in described), [])
    return [step for inner in steps for step in _flat(inner)]


def _has_step(steps: list[dict[str, Any]], kind: str) -> bool:
    return any(step["type"] == kind for step in steps)


def _makes_spaces(step: dict[str, Any]) -> bool:
    """Whether a step of a decoder turns ▁ into a space."""
    if step["type"] == "Metaspace":
        return step.get("replacement", _SPACE) == _SPACE
    return step["type"] == "Replace" and (step["pattern"], step["content"]) == ({"String": _SPACE}, " ")


def _keeps_bytes(step: dict[str, Any]) -> bool:
    """Whether a step of a decoder is one of this kind's, which changes no token but a text's first space."""
    strips = step["type"] == "Strip" and step["content"] == " " and not step["stop"]
    return _makes_spaces(step) or strips or step["type"] in _PLAIN_STEPS


def _writes_spaces(steps: list[dict[str, Any]]) -> bool:
    """Whether a pre-tokenizer or a normalizer turns a space into ▁."""
    return any(
        (step["type"] == "Metaspace" and step.get("replacement", _SPACE) == _SPACE)
        or (step["type"] == "Replace" and (step["pattern"], step["content"]) == ({"String": " "}, _SPACE))
        for step in steps
    )


def _alphabet() -> dict[int, int]:
    """From GPT-2's letters to bytes; what else lies below 256 becomes a letter that is no byte."""
    others = [byte for byte in range(256) if byte not in _PLAIN]
    letters = {256 + place: byte for place, byte in enumerate(others)}
    return {byte: 0xFFFF for byte in others} | letters | {byte: byte for byte in _PLAIN}


_LETTERS = _alphabet()


def _byte_level(token: str) -> bytes:
    """A token in GPT-2's alphabet; one with any other letter is text as it stands, as the decoder has it."""
    translated = token.translate(_LETTERS)
    try:
        return translated.encode("latin-1")
    except UnicodeEncodeError:
        return _utf8(token)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _with_spaces(token: str) -> bytes:
    """A token in which ▁ is a space."""
    return token.replace(_SPACE, " ").encode("utf-8", "surrogatepass")
