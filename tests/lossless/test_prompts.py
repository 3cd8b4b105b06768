"""Prompts of a proof: cut to what is worth reading, and what stands in front of every text stays."""

from __future__ import annotations

import pytest
from models.architectures import tiny_tokenizer

from specdec_lib.data.prompts import RawPrompt
from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.prompts import common_lead, cut_to_room, in_turn, proof_prompts, special_lead
from specdec_lib.models.wrapper import ModelWrapper

BOS = 1


class Words(ModelWrapper):
    """A model as far as prompts go: an id a letter, <bos> in front, and a chat template of two ids more."""

    name = "words"

    def __init__(self, context_length=None):
        self.context_length, self.tokenizer = context_length, None

    def encode(self, text):
        return [BOS, *map(ord, text)]

    def encode_chat(self, messages):
        turns = [{"content": messages}] if isinstance(messages, str) else messages
        return [BOS, 2, *(ord(letter) for turn in turns for letter in turn["content"]), 3]


def test_what_stands_in_front_stays_and_the_end_is_kept():
    long = RawPrompt("a", "code", "x" * 200 + "end")
    (ids,) = proof_prompts(Words(), [long], 8)
    assert ids[0] == BOS and len(ids) == 65 and ids[-3:] == [*map(ord, "end")]
    (ids,) = proof_prompts(Words(context_length=20), [long], 8)
    assert ids == [BOS, *map(ord, "x" * 8 + "end")]


def test_a_chat_keeps_the_head_and_the_end_of_its_template():
    rows = [
        RawPrompt("a", "chat", None, ({"role": "user", "content": "y" * 90},)),
        RawPrompt("b", "chat", "z" * 90),
    ]
    plain = proof_prompts(Words(), rows, 8)
    assert plain[0][:3] == [BOS, 2, ord("y")] and plain[0][-1] == 3 and plain[1][:2] == [BOS, ord("z")]
    both = proof_prompts(Words(), rows, 8, chat=True)
    assert both[1][:2] == [BOS, 2] and both[1][-1] == 3


def test_of_many_turns_the_first_is_read_and_that_is_said(capsys):
    asked = ({"role": "user", "content": "y"},)
    rows = [RawPrompt("a", "chat", None, asked, ("z",), "mine.jsonl:1"), RawPrompt("b", "chat", None, asked)]
    first, second = proof_prompts(Words(), rows, 8)
    assert first == second
    assert "of 1 chat the turns after the first are left out (mine.jsonl:1)" in capsys.readouterr().err


def test_a_context_without_room_is_refused_by_what_to_do():
    with pytest.raises(InvalidArgument, match="fewer --tokens"):
        proof_prompts(Words(context_length=9), [RawPrompt("a", "code", "abc")], 8)


def test_leads_and_turns():
    assert common_lead([[1, 2, 3], [1, 2, 4]]) == [1, 2] and common_lead([[], [1]]) == []
    tokenizer = tiny_tokenizer()
    (special,) = tokenizer.all_special_ids
    assert special_lead([special, special, 5, special], tokenizer) == 2
    assert special_lead([1], None) == 0
    assert cut_to_room([1, 5, 6, 7, 8], 3, 1) == [1, 7, 8] and cut_to_room([1, 5], 3, 1) == [1, 5]
    rows = [RawPrompt(str(n), domain, "t") for n, domain in enumerate("aaab")]
    assert [row.prompt_id for row in in_turn(rows)] == ["0", "3", "1", "2"]
    assert [row.prompt_id for row in in_turn(rows, 1)] == ["0", "3"]
