from __future__ import annotations

import json

import pytest
from models.architectures import tiny_tokenizer
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models.vocabulary import ENOUGH, relation, require_same_vocabulary


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
    found = require_same_vocabulary(tiny_tokenizer(), tiny_tokenizer(), "mine")
    assert (found.kind, found.masked_ids, str(found)) == ("same", (), "same")
    one = tiny_tokenizer()
    assert relation(one, one).kind == "same"


def test_as_many_tokens_with_other_meanings_are_refused_by_name():
    """The size of a vocabulary says nothing about its ids."""
    one, other = tiny_tokenizer(265), tiny_tokenizer(265, "zebra zebra quilt quilt quiz")
    assert len(one) == len(other)
    with pytest.raises(VocabularyMismatch) as caught:
        require_same_vocabulary(one, other, "mine")
    message = str(caught.value)
    assert "pair 'mine'" in message and "265 and 265 tokens, they differ in 8 ids: 257 (" in message
    assert "and 5 more" in message and "vocabulary translation" in message and "\n" not in message
    assert "two different tokenizers" in message and "pocket" not in message
    assert message.endswith("or a drafter that needs no model (--drafter)")


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("side", ["draft", "target"])
def test_tokens_added_on_one_side_are_named_and_masked(side, special):
    plain, more = tiny_tokenizer(), with_added("<|new|>", "[PAD]", special=special)
    draft, target = (more, plain) if side == "draft" else (plain, more)
    found = require_same_vocabulary(target, draft, "mine")
    assert found.kind == "same but for named ids"
    assert found.masked_ids == (265, 266)
    other = "target" if side == "draft" else "draft"
    assert "265 (" in str(found) and "'<|new|>'" in str(found) and f"nothing in the {other}" in str(found)


def test_an_added_token_of_another_name_is_masked():
    found = require_same_vocabulary(with_added("<|user|>", "x1"), with_added("<|turn|>", "x1"), "mine")
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
    assert many.kind == "needs translation" and many.agreement < ENOUGH


def test_a_vocabulary_that_another_extends_runs_without_the_extension():
    found = require_same_vocabulary(tiny_tokenizer(262), tiny_tokenizer(265), "mine")
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


def test_next_to_nothing_in_common_is_no_masked_pair():
    """Two vocabularies that share only a handful of places: what those few say counts for nothing."""
    small = tiny_tokenizer()
    shifted = tiny_tokenizer()
    moved = {token: token_id + 260 for token, token_id in shifted.get_vocab().items()}
    shifted.get_vocab = lambda: moved
    assert relation(small, shifted).kind == "needs translation"
