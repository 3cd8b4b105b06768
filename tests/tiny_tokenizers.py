"""Small tokenizers of every kind of decoder: byte-level, Metaspace that strips, byte pieces, words, CTC."""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = "<|turn|>"


def _made(model, decoder, pre=None, specials=(SPECIAL, "<s>", "</s>"), **more) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(model)
    tokenizer.decoder = decoder
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    for name, value in more.items():
        setattr(tokenizer, name, value)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", additional_special_tokens=[SPECIAL]
    )


def metaspace() -> PreTrainedTokenizerFast:
    """As Llama 2 spells: ▁ for a space, bytes for what is unknown, the first space stripped."""
    pieces = [SPECIAL, "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words = ["▁", "▁the", "▁cat", "▁sat", "the", "cat", "sat", "s", "at", "é", "▁é", ".", "\n"]
    chain = [
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ]
    vocabulary = {piece: number for number, piece in enumerate([*pieces, *words])}
    return _made(
        models.BPE(vocabulary, [], byte_fallback=True, ignore_merges=True),
        decoders.Sequence(chain),
        pre_tokenizers.Metaspace(prepend_scheme="first"),
    )


def byte_level() -> PreTrainedTokenizerFast:
    """As GPT-2 spells: every byte is a letter of an alphabet, and a token is a piece of a character."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        piece: number for number, piece in enumerate([SPECIAL, "<s>", "</s>", *letters, "Ġc", "at"])
    }
    return _made(
        models.BPE(vocabulary, [("Ġ", "c"), ("a", "t")]),
        decoders.ByteLevel(),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    )


def word_piece() -> PreTrainedTokenizerFast:
    """As BERT spells: words are joined by spaces, ## continues one, a full stop clings to its word."""
    words = [SPECIAL, "<s>", "</s>", "[UNK]", "the", "cat", "sat", "##s", "##at", ".", ",", "é", "n't", "do"]
    vocabulary = {piece: number for number, piece in enumerate(words)}
    return _made(
        models.WordPiece(vocabulary, unk_token="[UNK]"), decoders.WordPiece(), pre_tokenizers.Whitespace()
    )


def ctc() -> PreTrainedTokenizerFast:
    """As speech models spell: equal neighbours are one letter, <pad> parts them, | is a space."""
    letters = [SPECIAL, "<s>", "</s>", "<pad>", "|", *"abcdet"]
    vocabulary = {piece: number for number, piece in enumerate(letters)}
    return _made(
        models.WordLevel(vocabulary, unk_token="<pad>"),
        decoders.CTC(),
        pre_tokenizers.Split(Regex("."), "isolated"),
    )


def suffixed() -> PreTrainedTokenizerFast:
    """As CLIP spells: </w> ends a word, and shows a space only where another follows."""
    pieces = [SPECIAL, "<s>", "</s>", "the</w>", "c", "at</w>", "s", ".</w>", "é</w>"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return _made(
        models.WordLevel(vocabulary, unk_token="s"),
        decoders.BPEDecoder(suffix="</w>"),
        pre_tokenizers.Whitespace(),
    )


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    maker.__name__: maker for maker in (metaspace, byte_level, word_piece, ctc, suffixed)
}


def with_template(template: str) -> PreTrainedTokenizerFast:
    """The byte-level one, which puts special tokens around a text: such as ``"<s> $A </s>"``."""
    tokenizer = byte_level()
    specials = [(name, tokenizer.convert_tokens_to_ids(name)) for name in (SPECIAL, "<s>", "</s>")]
    backend = tokenizer.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=specials)
    return tokenizer


def lower_case() -> PreTrainedTokenizerFast:
    """The one of whole words behind a normalizer."""
    tokenizer = word_piece()
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer
