from __future__ import annotations

import pytest
from models.architectures import tiny_tokenizer

from specdec_lib.errors import VocabularyMismatch
from specdec_lib.models.vocabulary import require_same_vocabulary


def test_equal_maps_pass_whoever_made_them():
    require_same_vocabulary(tiny_tokenizer(), tiny_tokenizer(), "mine")


def test_other_sizes_are_refused_with_both_sizes_and_what_to_do():
    with pytest.raises(VocabularyMismatch) as caught:
        require_same_vocabulary(tiny_tokenizer(265), tiny_tokenizer(262), "mine")
    message = str(caught.value)
    assert "pair 'mine'" in message and "(262 and 265 tokens, 3 entries differ)" in message
    assert "vocabulary translation" in message and "\n" not in message


def test_as_many_tokens_with_other_meanings_are_refused():
    """The size of a vocabulary says nothing about its ids."""
    one, other = tiny_tokenizer(265), tiny_tokenizer(265, "zebra zebra quilt quilt quiz")
    assert len(one) == len(other)
    with pytest.raises(VocabularyMismatch, match="265 and 265 tokens"):
        require_same_vocabulary(one, other, "mine")


def test_an_added_token_makes_another_vocabulary():
    extended = tiny_tokenizer()
    extended.add_tokens(["<|new|>"])
    with pytest.raises(VocabularyMismatch, match="1 entries differ"):
        require_same_vocabulary(tiny_tokenizer(), extended, "mine")
