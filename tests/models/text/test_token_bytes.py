"""What bytes an id stands for: joined, those of a text's ids are the text."""

from __future__ import annotations

import pytest
from four_tokenizers import FOUR, TEXTS, gemma3, llama2, llama3, phi3
from models.architectures import tiny_tokenizer
from tiny_tokenizers import byte_level, ctc, metaspace, suffixed, word_piece
from tokenizers import AddedToken

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models.text.ids import decoded
from specdec_lib.models.text.token_bytes import token_bytes

MAKERS = {**FOUR, "byte_level": byte_level, "metaspace": metaspace}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_bytes_of_all_ids_of_a_text_are_the_text(name, text):
    tokenizer = MAKERS[name]()
    found = token_bytes(tokenizer)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    stands = name == "metaspace" and text.startswith(" ")  # which puts no second space in front
    assert found.join(ids) == (b"" if stands else found.lead) + text.encode()
    assert found.join(tokenizer(text)["input_ids"]) == found.join(ids)  # what stands in front is no text


@pytest.mark.parametrize("name", MAKERS)
def test_the_bytes_of_each_id_within_a_text_are_what_the_decoder_shows(name):
    """Behind an ordinary letter, so that no decoder strips a space; pieces of characters have no text."""
    tokenizer = MAKERS[name]()
    found = token_bytes(tokenizer)
    before = tokenizer.convert_tokens_to_ids("a") if name != "metaspace" else found.ids[b"at"]
    shown = decoded(tokenizer, [before], skip_special_tokens=False)
    compared = 0
    for token_id, data in enumerate(found.by_id):
        if data is not None and b"\xff" not in data and not any(byte >= 0x80 for byte in data):
            assert decoded(tokenizer, [before, token_id], False) == shown + data.decode()
            compared += 1
    assert compared > 120


def test_equal_strings_are_not_equal_bytes():
    byte, piece = token_bytes(llama3()), token_bytes(gemma3())
    ids = llama3().get_vocab(), gemma3().get_vocab()
    assert [one.of(vocabulary["é"]) for one, vocabulary in zip((byte, piece), ids, strict=True)] == [
        b"\xe9",
        "é".encode(),
    ]
    assert [one.of(vocabulary["Ċ"]) for one, vocabulary in zip((byte, piece), ids, strict=True)] == [
        b"\n",
        "Ċ".encode(),
    ]


def test_special_tokens_make_no_text_and_added_ones_make_theirs():
    for tokenizer, special in ((llama2(), "</s>"), (llama3(), "<|eot_id|>"), (gemma3(), "<start_of_turn>")):
        assert token_bytes(tokenizer).of(tokenizer.convert_tokens_to_ids(special)) is None
    assert token_bytes(phi3()).of(phi3().convert_tokens_to_ids("</s>")) == b"</s>"
    found = token_bytes(gemma3())
    shown = {run: found.of(gemma3().convert_tokens_to_ids(run)) for run in ("<table>", "\n\n", "▁▁")}
    assert shown == {"<table>": b"<table>", "\n\n": b"\n\n", "▁▁": b"  "}  # the last is the vocabulary's too


@pytest.mark.parametrize("make", [llama3, llama2])
def test_a_token_that_was_added_stands_for_its_text_in_utf8(make):
    tokenizer = make()
    tokenizer.add_tokens([AddedToken("ĠÄb ▁c", normalized=False)])
    added = tokenizer.convert_tokens_to_ids("ĠÄb ▁c")
    assert added == len(tokenizer) - 1 and token_bytes(tokenizer).of(added) == "ĠÄb ▁c".encode()


def test_of_several_ids_of_one_byte_string_text_holds_the_character():
    found, vocabulary = token_bytes(llama2()), llama2().get_vocab()
    assert found.of(vocabulary["<0x61>"]) == found.of(vocabulary["a"]) == b"a"
    assert found.ids[b"a"] == vocabulary["a"] and vocabulary["<0x61>"] in found.byte_ids
    assert found.ids[b"\n"] == vocabulary["<0x0A>"]  # which has no letter of its own
    twice = [data for data in found.by_id if data and found.by_id.count(data) > 1]
    assert len(twice) > 2 * 30 and not token_bytes(llama3()).byte_ids


def test_holes_and_ids_beyond_make_no_text():
    tokenizer = tiny_tokenizer()
    moved = {token: token_id * 2 for token, token_id in tokenizer.get_vocab().items()}
    tokenizer.get_vocab = lambda: moved
    found = token_bytes(tokenizer)
    assert found.of(3) is None and found.of(-1) is None and found.of(10**6) is None
    assert found.num_text == 264


@pytest.mark.parametrize(
    ("make", "decoder"), [(word_piece, "WordPiece"), (ctc, "CTC"), (suffixed, "BPEDecoder")]
)
def test_a_kind_that_is_not_known_is_refused_by_name(make, decoder):
    with pytest.raises(VocabularyMismatch, match=f"bytes of tokens: .* decodes by {decoder} and cuts by "):
        token_bytes(make())


def test_a_decoder_of_letters_behind_another_pre_tokenizer_is_not_known():
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.pre_tokenizer = word_piece().backend_tokenizer.pre_tokenizer
    with pytest.raises(VocabularyMismatch, match="decodes by ByteLevel and cuts by Whitespace"):
        token_bytes(tokenizer)


@pytest.mark.unchecked
def test_a_tokenizer_without_a_file_is_refused_by_its_class():
    class Written:
        """A tokenizer in Python."""

    with pytest.raises(VocabularyMismatch, match="Written is written in Python"):
        token_bytes(Written())


def test_only_llama_2_and_those_who_spell_like_it_begin_with_a_space():
    assert {name: token_bytes(make()).lead for name, make in FOUR.items()} == {
        "llama2": b" ",
        "phi3": b" ",
        "llama3": b"",
        "gemma3": b"",
    }
