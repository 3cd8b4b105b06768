"""Small tokenizers by the rules of four real ones: Llama-2's, Phi-3's, Llama-3's and Gemma-3's.

The rules and the tokens at the edges are theirs (where spaces go, which bytes have ids, what is added, what
is special); the words come from a few lines of text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

LINES = """the cat sat on the mat, and the dog ran after the cat; then they sat in the sun.
In 2024 there were 1234 cats and 567 dogs.

The painter painted the paint. The reader reads the book, and the writer writes it again and again.
def add(first, second):
    return first + second

for cat in cats:
    print(cat.name, cat.age)
Später aß er Käse im Café. 我们在这里看书。
"""
TEXTS = (
    "the cat sat on the mat.",
    " and then\n\n    return 1234 + 5\n",
    "Käse 我们 \U0001f600 x",
    "naïve\tend  ",
    "a",
    "é Ċ Ġ",
)
"""Among them: spaces at both ends, letters that no word above has, and those of GPT-2's alphabet."""
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def _merges(
    pre: pre_tokenizers.PreTokenizer, num_merges: int, alphabet: Sequence[str] = ()
) -> list[list[str]]:
    """What byte pair encoding merges first in the lines above."""
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre
    trainer = trainers.BpeTrainer(vocab_size=10_000, show_progress=False, initial_alphabet=list(alphabet))
    learned.train_from_iterator(LINES.splitlines(), trainer)
    return json.loads(learned.to_str())["model"]["merges"][:num_merges]


@cache
def _pieces(num_merges: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Merges, and the single letters, of a file that writes ▁ for a space."""
    pre = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Digits(individual_digits=True)]
    )
    merges = [(one, other) for one, other in _merges(pre, num_merges)]
    return merges, sorted(set(LINES.replace(" ", "▁")) - {"\n"})


def _sentencepiece(
    first: Sequence[str], last: Sequence[str], num_merges: int, more: Sequence[str] = ()
) -> Tokenizer:
    """Bytes, merged pieces, single letters, ``more``: as SentencePiece orders them, between two lists."""
    merges, letters = _pieces(num_merges)
    merged = [one + other for one, other in merges]
    names = dict.fromkeys([*first, *_BYTES, *merged, *letters, *more, *last])
    vocabulary = {piece: number for number, piece in enumerate(names)}
    options = {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    return Tokenizer(models.BPE(vocabulary, merges, **options))


def _made(tokenizer: Tokenizer, bos: str, eos: str, **options) -> PreTrainedTokenizerFast:
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos, **options)


def _llama2(last: Sequence[str] = ()) -> Tokenizer:
    made = _sentencepiece(["<unk>", "<s>", "</s>"], last, 120)
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    chain = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    made.decoder = decoders.Sequence(chain)
    return made


def llama2() -> PreTrainedTokenizerFast:
    """A space in front of every text, bytes for what is unknown, a newline among them."""
    made = _llama2()
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return _made(made, "<s>", "</s>", unk_token="<unk>")


def phi3() -> PreTrainedTokenizerFast:
    """Llama-2's with names of turns behind it, and an end of text that is an ordinary added token."""
    made = _llama2()
    made.add_special_tokens(["<unk>", "<s>"])
    made.add_tokens([AddedToken("</s>", rstrip=True, normalized=False, special=False)])
    made.add_special_tokens(["<|endoftext|>", "<|assistant|>", "<|end|>", "<|user|>"])
    return _made(made, "<s>", "<|endoftext|>", unk_token="<unk>")


def llama3() -> PreTrainedTokenizerFast:
    """Bytes as letters, words cut by a pattern with up to three digits, names behind them."""
    cut = pre_tokenizers.Split(Regex(_SPLIT), "isolated")
    pre = pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [(one, other) for one, other in _merges(pre, 200, alphabet)]
    vocabulary = {
        piece: number
        for number, piece in enumerate(dict.fromkeys([*alphabet, *(one + other for one, other in merges)]))
    }
    made = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    made.pre_tokenizer, made.decoder = pre, decoders.ByteLevel()
    made.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    return _made(made, "<|begin_of_text|>", "<|end_of_text|>")


def gemma3() -> PreTrainedTokenizerFast:
    """No space in front, runs of them and of newlines as added tokens, GPT-2's letters as letters."""
    first = ["<pad>", "<eos>", "<bos>", "<unk>"]
    runs = ["\n", "\n\n", "▁▁", "▁▁▁▁", "<table>"]
    made = _sentencepiece([*first, *runs], ["<start_of_turn>", "<end_of_turn>"], 160, ["Ċ", "Ġ", "é", "ï"])
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.add_tokens([AddedToken(run, normalized=False, special=False) for run in runs])
    made.add_special_tokens([*first, "<start_of_turn>", "<end_of_turn>"])
    return _made(made, "<bos>", "<eos>", unk_token="<unk>", pad_token="<pad>")


FOUR: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    maker.__name__: maker for maker in (llama2, phi3, llama3, gemma3)
}
