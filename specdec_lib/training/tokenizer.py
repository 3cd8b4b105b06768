"""The two kinds of tokenizer that a recipe can ask for, trained on its corpus.

Both have ids for every text: nothing is out of vocabulary. A *byte-level* one writes bytes as GPT-2's
letters and cuts words as GPT-2 does. A *sentencepiece-like* one has Llama-2's rules: a text begins with a
space, ``▁`` is a space, digits stand alone, what has no piece (a newline is such) becomes ``<0xNN>``. Its
letters are those of GPT-2's alphabet, read as letters: to it ``Ċ`` is a C with a dot, as to all of its kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END_OF_TEXT = {"byte-level": "<|endoftext|>", "sentencepiece-like": "</s>"}
"""What ends a document, and is also the beginning and padding token."""
TOKENIZER_KINDS = tuple(END_OF_TEXT)

_SPACE = "\u2581"
_UNKNOWN = "<unk>"
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_LETTERS = sorted({*pre_tokenizers.ByteLevel.alphabet(), _SPACE})
_PIECES = Regex(
    rf"{_SPACE}+(?![^{_SPACE}\s])|{_SPACE}?\p{{L}}+|\p{{N}}|{_SPACE}?[^{_SPACE}\s\p{{L}}\p{{N}}]+|{_SPACE}"
)

LEAST_VOCABULARY = {
    "byte-level": 1 + 256,
    "sentencepiece-like": 2 + 256 + len(_LETTERS),
}
"""Ids of a vocabulary without merges: the names, every byte, and every letter that is one."""


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, kind: str = "byte-level"
) -> PreTrainedTokenizerFast:
    """Train byte pair encoding of ``vocab_size`` ids, of one of ``TOKENIZER_KINDS``."""
    made = _byte_level(texts, vocab_size) if kind == "byte-level" else _sentencepiece_like(texts, vocab_size)
    end = END_OF_TEXT[kind]
    unknown = {} if kind == "byte-level" else {"unk_token": _UNKNOWN}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=end, bos_token=end, pad_token=end, **unknown
    )


def _byte_level(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[END_OF_TEXT["byte-level"]],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return bpe


def _sentencepiece_like(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Names, bytes, merged pieces, letters: in SentencePiece's order."""
    first = [_UNKNOWN, END_OF_TEXT["sentencepiece-like"], *_BYTES]
    merges = _merges(texts, vocab_size - len(first))
    pieces = dict.fromkeys([*first, *(one + other for one, other in merges), *_LETTERS])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token=_UNKNOWN, fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)])
    made.pre_tokenizer = pre_tokenizers.Split(_PIECES, "isolated")
    made.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens(first[:2])
    return made


def _merges(texts: Iterable[str], size: int) -> list[tuple[str, str]]:
    """What makes ``size`` pieces out of the letters, the most frequent first; other letters are left out."""
    learned = Tokenizer(models.BPE())
    learned.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)])
    others = pre_tokenizers.Split(Regex(f"[{''.join(map(_escaped, _LETTERS))}]+"), "removed", invert=True)
    learned.pre_tokenizer = pre_tokenizers.Sequence([others, pre_tokenizers.Split(_PIECES, "isolated")])
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=_LETTERS, show_progress=False)
    learned.train_from_iterator(texts, trainer)
    return [(one, other) for one, other in json.loads(learned.to_str())["model"]["merges"]]


def _escaped(letter: str) -> str:
    return f"\\x{{{ord(letter):04X}}}"
