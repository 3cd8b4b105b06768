from __future__ import annotations

import json

import pytest
from four_tokenizers import FOUR, LINES
from models.architectures import tiny_tokenizer
from tiny_tokenizers import word_piece
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models.vocabulary import ENOUGH, relation, require_vocabulary


def with_added(*tokens: str, special: bool = False) -> PreTrainedTokenizerFast:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(list(tokens), special_tokens=special)
    return tokenizer


def renamed(names: dict[str, str]) -> PreTrainedTokenizerFast:
    """The tiny tokenizer, some of whose ordinary tokens have other names."""
    tokenizer = tiny_tokenizer()
    vocabulary = {names.get(token, token): token_id for token, token_id in tokenizer.get_vocab().items()}
    tokenizer.get_vocab = lambda: vocabulary
    return tokenizer


def test_equal_maps_pass_whoever_made_them():
    found = require_vocabulary(tiny_tokenizer(), tiny_tokenizer(), "mine")
    assert (found.kind, found.masked_ids, str(found)) == ("same", (), "same")
    one = tiny_tokenizer()
    assert relation(one, one).kind == "same"


def test_as_many_tokens_with_other_meanings_are_translated():
    """The size of a vocabulary says nothing about its ids."""
    one, other = tiny_tokenizer(265), tiny_tokenizer(265, "zebra zebra quilt quilt quiz")
    assert len(one) == len(other)
    found = require_vocabulary(one, other, "mine")
    assert found.kind == "translatable" and len(found.masked_ids) == 8
    assert found.translation.num_shared == 256
    assert str(found).startswith(
        "translatable: translated by bytes (256 byte strings are in both, of 264 ids"
    )


def test_a_tokenizer_whose_bytes_are_not_known_is_refused_by_name():
    with pytest.raises(VocabularyMismatch) as caught:
        require_vocabulary(tiny_tokenizer(), word_piece(), "mine")
    message = str(caught.value)
    assert "pair 'mine'" in message and "(14 and 265 tokens, they differ in 265 ids: 0 (" in message
    assert "and 262 more" in message and "vocabulary translation" in message and "\n" not in message
    assert "two different tokenizers" in message and "pocket" not in message
    assert "decodes by WordPiece" in message
    assert message.endswith("(--draft lookup)")


def test_two_vocabularies_with_next_to_nothing_in_common_are_refused():
    """Words of other letters, under the same kind of rules."""
    described = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    names = {token: token for token in ("<|end|>", "a")}
    pieces = {names.get(t, f"{t}zz"): i for t, i in described["model"]["vocab"].items()}
    described["model"] |= {"vocab": pieces, "merges": []}
    other = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(described)))
    with pytest.raises(VocabularyMismatch, match="cannot be had \\(only 1 byte string is in both\\)"):
        require_vocabulary(tiny_tokenizer(), other, "mine")


@pytest.mark.parametrize("names", [("llama2", "llama3"), ("phi3", "llama3"), ("llama3", "gemma3")])
def test_the_specified_vocabularies_are_translatable_and_one_with_other_names_is_masked(names):
    draft, target = (FOUR[name]() for name in names)
    found = require_vocabulary(target, draft, "mine")
    assert found.kind == "translatable" and found.translation.coverage(LINES) > 0.8
    same = require_vocabulary(FOUR["llama2"](), FOUR["phi3"](), "mine")
    assert same.kind == "same but for named ids" and len(same.masked_ids) == 4 and same.translation is None


def test_a_vocabulary_is_read_once_however_large_it_is():
    """Reading one takes longer than anything that is done with it."""
    tokenizers = FOUR["gemma3"](), FOUR["llama3"]()
    vocabularies = [tokenizer.get_vocab() for tokenizer in tokenizers]
    asked = []
    for tokenizer, vocabulary in zip(tokenizers, vocabularies, strict=True):
        tokenizer.get_vocab = lambda vocabulary=vocabulary: asked.append(len(vocabulary)) or vocabulary
    relation(*tokenizers)
    assert len(asked) == 2


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("side", ["draft", "target"])
def test_tokens_added_on_one_side_are_named_and_masked(side, special):
    plain, more = tiny_tokenizer(), with_added("<|new|>", "[PAD]", special=special)
    draft, target = (more, plain) if side == "draft" else (plain, more)
    found = require_vocabulary(target, draft, "mine")
    assert found.kind == "same but for named ids"
    assert found.masked_ids == (265, 266)
    other = "target" if side == "draft" else "draft"
    assert "265 (" in str(found) and "'<|new|>'" in str(found) and f"nothing in the {other}" in str(found)


def test_an_added_token_of_another_name_is_masked():
    found = require_vocabulary(with_added("<|user|>", "x1"), with_added("<|turn|>", "x1"), "mine")
    assert found.masked_ids == (265,)
    assert "265 ('<|turn|>' in the draft, '<|user|>' in the target)" in str(found)


def test_added_names_may_all_differ_because_they_make_no_text():
    found = relation(with_added(*(f"<a{i}>" for i in range(60))), with_added(*(f"<b{i}>" for i in range(60))))
    assert len(found.masked_ids) == 60 and found.agreement == 1.0
    assert found.kind == "same but for named ids" and "and 57 more" in str(found)


def test_a_few_ordinary_tokens_of_other_names_are_masked_and_many_are_not():
    few = relation(tiny_tokenizer(), renamed({"cat": "dog", "mat": "rug"}))
    assert few.kind == "same but for named ids" and few.agreement > ENOUGH
    assert sorted(d.draft for d in few.examples) == ["dog", "rug"]
    letters = {letter: f"x{letter}" for letter in "bdfgijklo"}
    many = relation(tiny_tokenizer(), renamed(letters))
    assert many.kind == "translatable" and many.agreement < ENOUGH
    assert many.translation.num_shared == 264 - 9


def test_a_vocabulary_that_another_extends_runs_without_the_extension():
    found = require_vocabulary(tiny_tokenizer(262), tiny_tokenizer(265), "mine")
    assert found.masked_ids == (262, 263, 264) and found.sizes == (265, 262)


def test_holes_in_a_vocabulary_count_by_id():
    """Fewer entries than the largest id says, as GPT-4o's file has them."""
    described = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    last = max(described["model"]["vocab"], key=described["model"]["vocab"].get)
    described["model"]["vocab"][last] = 270
    holes = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(described)))
    assert len(holes) == 265 and max(holes.get_vocab().values()) == 270
    assert relation(tiny_tokenizer(), holes).masked_ids == (264, 270)
    assert relation(holes, tiny_tokenizer()).masked_ids == (264, 270)


def test_the_same_tokens_in_other_places_are_no_masked_pair():
    """Two vocabularies that share only a handful of places: what those few say counts for nothing, and every
    token is translated."""
    small = tiny_tokenizer()
    shifted = tiny_tokenizer()
    moved = {token: token_id + 260 for token, token_id in shifted.get_vocab().items()}
    shifted.get_vocab = lambda: moved
    found = relation(small, shifted)
    assert found.kind == "translatable" and found.translation.num_shared == 264
