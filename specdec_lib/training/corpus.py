"""A corpus file, its held-out part, and batches of token windows cut from it.

A corpus is JSON lines, ``{"domain": …, "text": …}``, plain or compressed with xz or gzip.
One document in a hundred is held out by the hash of its text, so that duplicates always fall
on the same side. Windows are drawn by step number: a run that resumes sees the same batches
as one that was never interrupted.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specdec_lib.errors import InvalidArgument

HOLD_OUT_ONE_IN = 100
_OPENERS = {".xz": lzma.open, ".gz": gzip.open}


@dataclass(frozen=True)
class Document:
    """One text of the corpus and the domain it belongs to."""

    domain: str
    text: str

    @property
    def is_held_out(self) -> bool:
        """True for about one document in a hundred, decided by its text alone."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return int.from_bytes(digest[:8], "big") % HOLD_OUT_ONE_IN == 0


def read_corpus(path: str | Path) -> Iterator[Document]:
    """Yield the documents of a ``.jsonl`` file (also ``.jsonl.xz``, ``.jsonl.gz``).

    Raises InvalidArgument for a missing or damaged file, and for a line that is no document (naming it).
    """
    path = require_file(path)
    try:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _document(line, f"{path.name}:{number}")
    except (OSError, EOFError, lzma.LZMAError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidArgument(
            f"read corpus: {path.name} cannot be read ({error}); its suffix must say how it is compressed"
        ) from error


def require_file(path: str | Path) -> Path:
    """The path of a corpus, if it is there.

    Raises:
        InvalidArgument: it is not; naming the path, and what is read.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidArgument(
            f"read corpus: no file {str(path)!r}; give a .jsonl, .jsonl.xz or .jsonl.gz file"
        )
    return path


def _document(line: str, where: str) -> Document:
    try:
        raw = json.loads(line)
        document = Document(raw["domain"], raw["text"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidArgument(
            f'read corpus: {where} is no {{"domain", "text"}} object ({error!r})'
        ) from error
    if not isinstance(document.domain, str) or not isinstance(document.text, str):
        raise InvalidArgument(f"read corpus: {where}: domain and text must be texts")
    try:
        document.text.encode()
    except UnicodeEncodeError as error:  # JSON can write halves of characters, which no text holds
        raise InvalidArgument(f"read corpus: {where}: the text is no Unicode ({error.reason})") from error
    return document


def split(documents: Iterable[Document]) -> tuple[list[Document], list[Document]]:
    """(training documents, held-out documents)."""
    train: list[Document] = []
    held_out: list[Document] = []
    for document in documents:
        (held_out if document.is_held_out else train).append(document)
    return train, held_out


def require_enough(train: list[Document], held_out: list[Document], window: int) -> None:
    """Refuse a corpus that no tokenizer can make large enough for windows of ``window`` tokens.

    A byte-level tokenizer makes at most a token a byte, and one that ends each document.

    Raises:
        InvalidArgument: nothing is held out, or there is too little to train on.
    """
    if not any(document.text for document in held_out):
        raise InvalidArgument(
            f"train: none of the corpus's {len(train) + len(held_out)} documents is held out (one in "
            f"{HOLD_OUT_ONE_IN} is, by its text); give a few hundred different documents"
        )
    most = sum(len(document.text.encode()) + 1 for document in train)
    if most < window:
        raise InvalidArgument(f"train: the corpus makes {most} tokens at most, {_too_few(window)}")


def require_windows(stream: np.ndarray, window: int) -> None:
    """Refuse a stream that is shorter than the longest window of a recipe.

    Raises:
        InvalidArgument: naming both.
    """
    if len(stream) < window:
        raise InvalidArgument(f"train: the corpus makes {len(stream)} tokens, {_too_few(window)}")


def _too_few(window: int) -> str:
    return f"and a stage of the recipe takes {window} in a row; give more text or shorter stages"


def corpus_hash(path: str | Path) -> str:
    """Hex digest of a corpus file as it lies on the disk.

    Raises:
        InvalidArgument: no such file.
    """
    with open(require_file(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(documents: Iterable[Document], tokenizer, chunk: int = 2048) -> np.ndarray:
    """All documents as one stream of ids, each followed by the end-of-text id, if the tokenizer has one.

    Returns ``uint16[num_tokens]``, and ``uint32`` of a vocabulary above 65 536.
    """
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    kind = id_type(len(tokenizer))
    texts = [document.text for document in documents]
    parts: list[np.ndarray] = []
    for start in range(0, len(texts), chunk):
        for ids in tokenizer(texts[start : start + chunk], add_special_tokens=False)["input_ids"]:
            parts.append(np.asarray([*ids, *end], dtype=kind))
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)


def id_type(vocab_size: int) -> type[np.uint16 | np.uint32]:
    """The narrowest type of NumPy that holds all ids."""
    return np.uint16 if vocab_size <= 2**16 else np.uint32


def windows(stream: np.ndarray, batch: int, length: int, *, seed: tuple[int, ...], step: int) -> np.ndarray:
    """The batch of optimiser step ``step``: ``int64[batch, length + 1]`` (inputs and next tokens).

    A function of its arguments alone; each step draws its windows from its own generator.
    """
    if len(stream) <= length:
        raise InvalidArgument(f"windows: {len(stream)} tokens are too few for windows of {length} + 1")
    starts = np.random.default_rng((*seed, step)).integers(0, len(stream) - length, size=batch)
    return np.stack([stream[start : start + length + 1] for start in starts]).astype(np.int64)
