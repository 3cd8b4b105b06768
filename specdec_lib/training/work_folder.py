"""The work folder of a run: whose it is, its tokenizer, and the corpus as streams of token ids, made once.

It lies beside the pair that is trained and is what a second call resumes from. It belongs to one recipe and
one corpus; another one's is refused. The tokenizer is shared by all models that the recipe makes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from specdec_lib.errors import InvalidArgument
from specdec_lib.training import corpus
from specdec_lib.training.recipe import Recipe
from specdec_lib.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MARK = "recipe.json"


@dataclass(frozen=True)
class TokenStreams:
    """The tokenizer, and what it makes of the corpus: ``uint16[num_tokens]`` to train on and held out."""

    tokenizer: PreTrainedTokenizerBase
    train: np.ndarray
    held_out: np.ndarray

    def save(self, folder: Path) -> None:
        """Write them into the work folder; the last file says that all are there."""
        self.tokenizer.save_pretrained(folder / "tokenizer")
        np.save(folder / "train.npy", self.train)
        np.save(folder / "held_out.npy", self.held_out)


def token_streams(folder: Path, recipe: Recipe, path: Path, say: Callable[[str], None]) -> TokenStreams:
    """The corpus at ``path`` as ids, of a tokenizer that is trained on it where there is none yet.

    The folder is made, and marked as that of this recipe and corpus, when nothing is left to refuse.

    Raises:
        InvalidArgument: the corpus cannot be read, or is too small for the recipe or its held-out part; the
            folder is that of others, its mark is damaged, or there can be none.
    """
    from transformers import AutoTokenizer

    mark = _mark_of(folder, recipe, path)
    made = None if (folder / "held_out.npy").is_file() else _tokenised(recipe, path, say)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text(json.dumps(mark, indent=1))
    if made is not None:
        made.save(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", trust_remote_code=False)
    streams = TokenStreams(tokenizer, np.load(folder / "train.npy"), np.load(folder / "held_out.npy"))
    say(f"{len(streams.train):,} training tokens, {len(streams.held_out):,} held out")
    return streams


def _mark_of(folder: Path, recipe: Recipe, corpus_path: Path) -> dict[str, object]:
    """What says whose the work folder is; raises InvalidArgument where it cannot be theirs."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        why = "cannot be written to" if place.is_dir() else "is a file"
        raise InvalidArgument(
            f"train: --out is {folder.parent}, and {place} {why}; give a folder for the pair"
        )
    made_of = {"hash": recipe.hash(), "corpus": corpus.corpus_hash(corpus_path)}
    found = _read_mark(folder / _MARK) if (folder / _MARK).is_file() else {}
    for key, what in (("hash", "recipe"), ("corpus", "corpus")):
        if found.get(key, made_of[key]) != made_of[key]:
            raise InvalidArgument(
                f"train: {folder} holds the work of another {what}; give another --out or remove it"
            )
    return {**made_of, **recipe.to_dict()}


def _read_mark(mark: Path) -> dict[str, object]:
    try:
        found = json.loads(mark.read_text(encoding="utf8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidArgument(f"train: {mark} is damaged; give another --out or remove its folder")
    return found


def _tokenised(recipe: Recipe, path: Path, say: Callable[[str], None]) -> TokenStreams:
    say(f"reading {path.name} …")
    documents = list(corpus.read_corpus(path))
    train_documents, held_out = corpus.split(documents)
    corpus.require_enough(train_documents, held_out, recipe.longest_window)
    say(f"{len(train_documents)} documents to train on, {len(held_out)} held out; tokenizer …")
    texts = (document.text for document in documents)
    tokenizer = train_tokenizer(texts, recipe.shape.vocab_size, recipe.tokenizer)
    made = (corpus.pack(some, tokenizer) for some in (train_documents, held_out))
    streams = TokenStreams(tokenizer, *made)
    corpus.require_windows(streams.train, recipe.longest_window)
    return streams
