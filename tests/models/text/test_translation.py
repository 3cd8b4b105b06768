"""From a draft's ids to its target's by bytes: no pair of different ones, and none left out."""

from __future__ import annotations

import itertools

import pytest
from four_tokenizers import FOUR, LINES
from tiny_tokenizers import word_piece

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models.text.translation import SAMPLE, Translation

PAIRS = [pair for pair in itertools.permutations(FOUR, 2) if set(pair) != {"llama2", "phi3"}]


def translation(draft: str, target: str) -> Translation:
    return Translation(FOUR[target](), FOUR[draft]())


@pytest.mark.parametrize("pair", PAIRS)
def test_translated_ids_stand_for_the_same_bytes_and_no_shared_one_is_left_out(pair):
    made = translation(*pair)
    ours, theirs = made.target.bytes, made.draft.bytes
    for token_id, other in enumerate(made.forth):
        if other >= 0:
            assert theirs.of(token_id) == ours.of(other)
    for token_id, data in enumerate(theirs.by_id):
        assert (made.forth[token_id] >= 0) == (bool(data) and data in ours.by_id)
    assert made.num_shared == len(set(filter(None, theirs.by_id)) & set(filter(None, ours.by_id)))
    assert all(ours.of(to) == theirs.of(own) for to, own in made.back.items())
    assert all(made.forth[own] == to for to, own in made.back.items())
    shared = [theirs.of(token_id) in ours.by_id for token_id in made.draft.spell(LINES.encode())]
    assert made.coverage(LINES) == sum(shared) / len(shared) > 0.8


def test_what_is_spelt_alike_and_means_other_bytes_is_no_pair():
    made = translation("llama3", "gemma3")
    draft, target = FOUR["llama3"]().get_vocab(), FOUR["gemma3"]().get_vocab()
    assert made.forth[draft["Ċ"]] == target["\n"] != target["Ċ"]
    assert made.forth[draft["é"]] == target["<0xE9>"] != target["é"]


def test_ids_of_the_same_bytes_go_to_one_and_come_back_as_the_character():
    made = translation("llama2", "llama3")
    draft, target = FOUR["llama2"]().get_vocab(), FOUR["llama3"]().get_vocab()
    assert made.forth[draft["a"]] == made.forth[draft["<0x61>"]] == target["a"]
    assert made.back[target["a"]] == draft["a"]
    assert made.back[target["Ċ"]] == draft["<0x0A>"]


def test_names_are_the_same_where_they_are_spelt_alike():
    made = Translation(FOUR["llama2"](), FOUR["phi3"]())
    ours, theirs = FOUR["llama2"]().get_vocab(), FOUR["phi3"]().get_vocab()
    assert made.names == {ours["<s>"]: theirs["<s>"], ours["<unk>"]: theirs["<unk>"]}
    assert translation("llama3", "gemma3").names == {}


def test_a_tokenizer_drafting_for_itself_is_expected_to_have_all_accepted():
    made = translation("llama3", "llama3")
    assert made.coverage() == made.coverage(LINES) == 1.0 and made.in_common == 1.0
    assert made.expected == {"token": 4.0, "text": 4.0}
    assert made.level(greedy=True) == made.level(greedy=False) == "token"
    assert not made.unfinished


def test_what_is_expected_is_what_the_tokenizers_do_to_the_sample():
    """Counted again, with sets of places."""
    made = translation("gemma3", "llama3")
    cuts = {}
    for side, spelling in (("draft", made.draft), ("target", made.target)):
        sizes = (len(spelling.bytes.of(i)) for i in spelling.spell(SAMPLE.encode()))
        cuts[side] = [0, *itertools.accumulate(sizes)]
    runs, settled = [], []
    for n, place in enumerate(cuts["draft"][:-4]):
        if place in cuts["target"]:
            ends = cuts["draft"][n + 1 : n + 5]
            following = [end for end in cuts["target"] if end > place]
            runs.append(sum(ends[: i + 1] == following[: i + 1] for i in range(4)))
            settled.append(min(4, sum(end <= ends[-1] for end in following)))
    assert made.expected["token"] == pytest.approx(sum(runs) / len(runs))
    assert made.expected["text"] == pytest.approx(sum(settled) / len(settled))
    assert made.expected["text"] > made.expected["token"] and made.level(greedy=True) == "text"


def test_sampled_drafts_keep_their_law_unless_text_brings_far_more(monkeypatch):
    made = translation("gemma3", "llama3")
    made.expected = {"token": 1.5, "text": 2.9}
    assert made.level(greedy=True) == "text" and made.level(greedy=False) == "token"
    made.expected = {"token": 0.5, "text": 2.9}
    assert made.level(greedy=False) == "text"


def test_a_token_that_only_the_target_continues_may_be_unfinished(monkeypatch):
    monkeypatch.setattr("specdec_lib.models.text.translation.GOES_ON", 1.0)  # in a vocabulary this small
    made = translation("llama2", "llama3")
    ours, theirs = made.target.bytes, made.draft.bytes
    for token_id in made.unfinished:
        data = ours.of(token_id)
        longer = [other for other in ours.ids if other.startswith(data) and len(other) > len(data)]
        assert any(other not in theirs.ids for other in longer)
    assert made.unfinished and len(made.unfinished) < ours.num_text / 2


def test_it_says_which_way_and_how_much_in_one_line():
    line = str(translation("llama2", "llama3"))
    assert line.startswith("translated by bytes (") and "\n" not in line
    assert "greedy drafts go by text, sampled ones token by token" in line and "% of a sample text" in line


def test_a_kind_that_is_not_known_is_refused_whoever_it_is():
    for pair in ((word_piece(), FOUR["llama3"]()), (FOUR["llama3"](), word_piece())):
        with pytest.raises(VocabularyMismatch, match="decodes by WordPiece"):
            Translation(*pair)
