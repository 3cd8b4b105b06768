"""Both kinds of tokenizer: their bytes are known, every text comes back, and sizes are kept."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from specdec_lib.models.text.token_bytes import token_bytes
from specdec_lib.training.tokenizer import LEAST_VOCABULARY, TOKENIZER_KINDS, train_tokenizer

TEXTS = [
    "the cat sat on the mat, and the dog ran after the cat; then they sat in the sun.",
    "def add(first, second):\n    return first + second\n\n\nfor cat in cats:\n\tprint(cat.age, 1234)",
] * 3
STRANGE = ("  two spaces, é and Ċ  ", "我们 \U0001f600", "a\r\n\tb", "▁", "naïve</x>")


@pytest.mark.parametrize("kind", TOKENIZER_KINDS)
def test_every_text_comes_back_from_a_saved_one(kind, tmp_path):
    made = train_tokenizer(TEXTS, LEAST_VOCABULARY[kind] + 30, kind)
    assert len(made) == LEAST_VOCABULARY[kind] + 30
    made.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    known = token_bytes(tokenizer)
    assert known.kind == kind
    for text in (*TEXTS, *STRANGE):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        spaced = text.replace("▁", " ") if kind == "sentencepiece-like" else text  # ▁ is a space to it
        assert known.join(ids) == known.lead + spaced.encode()
        assert tokenizer.decode(ids) == spaced
    assert tokenizer.convert_tokens_to_ids(tokenizer.eos_token) == tokenizer.bos_token_id


@pytest.mark.parametrize("kind", TOKENIZER_KINDS)
def test_a_vocabulary_without_merges_spells_letters(kind):
    made = train_tokenizer(TEXTS, LEAST_VOCABULARY[kind], kind)
    lead = ["▁"] if kind == "sentencepiece-like" else []
    assert made.tokenize("mat") == [*lead, "m", "a", "t"]


def test_the_second_kind_cuts_as_its_rules_say():
    made = train_tokenizer(TEXTS * 40, 620, "sentencepiece-like")
    tokens = made.tokenize("the cat\n    return 12é")
    assert tokens == ["▁the", "▁cat", "<0x0A>", "▁▁▁", "▁return", "▁", "1", "2", "é"]
    known = token_bytes(made)
    for letter in "éĊ":  # as a byte-level file writes the byte E9 and a newline
        assert known.of(made.convert_tokens_to_ids(letter)) == letter.encode()
