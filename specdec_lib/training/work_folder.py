"""The work folder of a run: whose it is, its tokenizer, and the corpus as streams of token ids, made once.

It lies beside the pair that is trained and is what a second call resumes from. It belongs to one recipe and
one corpus; another one's is refused. The tokenizer is shared by target and draft. Byte-level means that every
text has ids: nothing is out of vocabulary. Id 0 is ``<|endoftext|>``, which ends documents and is also the
beginning and padding token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from specdec_lib.errors import InvalidArgument
from specdec_lib.training import corpus
from specdec_lib.training.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class TokenStreams:
    """The tokenizer, and what it makes of the corpus: ``uint16[num_tokens]`` to train on and held out."""

    tokenizer: PreTrainedTokenizerBase
    train: np.ndarray
    held_out: np.ndarray


def claim(folder: Path, recipe: Recipe, corpus_path: Path) -> None:
    """Mark the work folder as that of this recipe and corpus.

    Raises:
        InvalidArgument: it is that of others, or its mark is damaged.
    """
    made_of = {"hash": recipe.hash(), "corpus": corpus.corpus_hash(corpus_path)}
    mark = folder / "recipe.json"
    if mark.is_file():
        found = _read_mark(mark)
        for key, what in (("hash", "recipe"), ("corpus", "corpus")):
            if found.get(key, made_of[key]) != made_of[key]:
                raise InvalidArgument(
                    f"train: {folder} holds the work of another {what}; give another --out or remove it"
                )
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({**made_of, **recipe.to_dict()}, indent=1))


def _read_mark(mark: Path) -> dict[str, object]:
    try:
        found = json.loads(mark.read_text(encoding="utf8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidArgument(f"train: {mark} is damaged; give another --out or remove its folder")
    return found


def token_streams(folder: Path, recipe: Recipe, path: Path, say: Callable[[str], None]) -> TokenStreams:
    """The corpus at ``path`` as ids, of a tokenizer that is trained on it where there is none yet.

    Raises:
        InvalidArgument: it cannot be read, or is too small for the recipe or its held-out part.
    """
    from transformers import AutoTokenizer

    if not (folder / "held_out.npy").is_file():
        _tokenise(folder, recipe, path, say)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", trust_remote_code=False)
    streams = TokenStreams(tokenizer, np.load(folder / "train.npy"), np.load(folder / "held_out.npy"))
    corpus.require_windows(streams.train, recipe.longest_window)
    say(f"{len(streams.train):,} training tokens, {len(streams.held_out):,} held out")
    return streams


def _tokenise(folder: Path, recipe: Recipe, path: Path, say: Callable[[str], None]) -> None:
    say(f"reading {path.name} …")
    documents = list(corpus.read_corpus(path))
    train_documents, held_out = corpus.split(documents)
    corpus.require_enough(train_documents, held_out, recipe.longest_window)
    say(f"{len(train_documents)} documents to train on, {len(held_out)} held out; tokenizer …")
    tokenizer = train_tokenizer((document.text for document in documents), recipe.shape.vocab_size)
    tokenizer.save_pretrained(folder / "tokenizer")
    np.save(folder / "train.npy", corpus.pack(train_documents, tokenizer))
    np.save(folder / "held_out.npy", corpus.pack(held_out, tokenizer))


def train_tokenizer(texts: Iterable[str], vocab_size: int):
    """Train a byte-level BPE of ``vocab_size`` ids; returns a ``PreTrainedTokenizerFast``."""
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=END_OF_TEXT, bos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    )
