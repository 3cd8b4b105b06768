"""Spelling bytes behind ids: as the tokenizer spells the whole, wherever the text is cut."""

from __future__ import annotations

import pytest
from four_tokenizers import FOUR, LINES, TEXTS

from specdec_lib.models.text.spelling import Spelling, num_waiting

DATA = LINES.encode()
NAMES = pytest.mark.parametrize("name", FOUR)


def ids_of(spelling: Spelling, tokenizer, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@NAMES
@pytest.mark.parametrize("text", TEXTS)
def test_a_whole_text_is_spelt_as_the_tokenizer_spells_it(name, text):
    tokenizer = FOUR[name]()
    assert Spelling(tokenizer).spell(text.encode()) == ids_of(Spelling(tokenizer), tokenizer, text)


@NAMES
@pytest.mark.parametrize("step", [1, 3, 7, 50])
def test_a_text_that_grows_by_any_number_of_bytes_stays_the_same_text(name, step):
    """Also within characters; and once its end is reached the ids are those of the whole."""
    tokenizer = FOUR[name]()
    spelling = Spelling(tokenizer)
    ids, start = [*spelling.front], len(spelling.front)
    for first in range(0, len(DATA), step):
        keep, new = spelling.continued(ids, start, DATA[first : first + step])
        assert start <= keep <= len(ids)
        ids = ids[:keep] + new
        assert spelling.bytes.join(ids) == spelling.bytes.lead + DATA[: first + step]
    assert ids[start:] == ids_of(spelling, tokenizer, LINES)


@NAMES
def test_only_the_end_of_a_long_text_is_spelt_again(name):
    spelling = Spelling(FOUR[name]())
    ids = spelling.spell(DATA * 4)
    asked = []
    encode = spelling._encode
    spelling._encode = lambda text: asked.append(text) or encode(text)
    keep, _ = spelling.continued(ids, 0, b" again")
    assert keep > len(ids) - 24 and max(map(len, asked)) < len(LINES)


@NAMES
def test_what_stands_before_the_start_is_never_changed(name):
    spelling = Spelling(FOUR[name]())
    before = [*spelling.front, *spelling.spell(b"the cat")]
    keep, new = spelling.continued(before, len(before), b"s sat")
    assert keep == len(before) and spelling.bytes.join(new) in (b"s sat", spelling.bytes.lead + b"s sat")


@NAMES
@pytest.mark.parametrize("cut", range(5, 60, 5))
def test_ids_behind_a_text_that_stays_stand_for_the_bytes(name, cut):
    """Wherever the text before was cut: those that the whole has there, or spelt for themselves."""
    tokenizer = FOUR[name]()
    spelling = Spelling(tokenizer)
    whole = ids_of(spelling, tokenizer, LINES)
    before = whole[:cut]
    rest = DATA[len(spelling.bytes.join(before)) - len(spelling.bytes.lead) :]
    while num_waiting(spelling.bytes.join(before)):  # a character that both would share
        before, rest = before[:-1], (spelling.bytes.of(before[-1]) or b"") + rest
    assert spelling.behind(before, rest) == whole[len(before) :]
    assert spelling.bytes.join(spelling.behind(before, rest[:7])) == rest[:7]


def test_a_piece_that_would_melt_into_the_text_before_is_spelt_for_itself():
    spelling = Spelling(FOUR["llama3"]())
    before = spelling.spell(b"the paint")
    assert spelling.spell(b"the painter")[: len(before)] != before
    assert spelling.behind(before, b"er sat") == spelling.inside(b"er sat")


@NAMES
def test_within_a_text_no_lead_appears(name):
    spelling = Spelling(FOUR[name]())
    for data in (b"cat", b" cat", b"\n\ncat", b"7", "é".encode()):
        assert spelling.bytes.join(spelling.inside(data)) == data


@NAMES
def test_half_a_character_becomes_bytes(name):
    spelling = Spelling(FOUR[name]())
    half = "我".encode()[:2]
    ids = spelling.inside(b"cat" + half)
    assert spelling.bytes.join(ids) == b"cat" + half
    assert [spelling.bytes.of(i) for i in ids[-2:]] == [half[:1], half[1:]]


def test_what_other_bytes_come_out_for_ends_what_is_spelt():
    """A normalizer that changes letters: only what comes out as it went in is proposed."""
    from tokenizers import normalizers

    tokenizer = FOUR["llama3"]()
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    spelling = Spelling(tokenizer)
    ids = spelling.behind(spelling.spell(b"the "), b"cat SAT")
    assert spelling.bytes.join(ids) in (b"cat", b"cat ")
    keep, new = spelling.continued(ids, 0, b" SAT")
    assert keep == len(ids) and spelling.bytes.join(new) == b" sat"


def test_how_many_bytes_wait_for_the_rest_of_a_character():
    data = "a\U0001f600".encode()
    assert [num_waiting(data[:n]) for n in range(6)] == [0, 0, 1, 2, 3, 0]
    assert num_waiting(b"\xff") == 0 and num_waiting(b"") == 0
    assert num_waiting(("我" * 5).encode()[:-1]) == 2
