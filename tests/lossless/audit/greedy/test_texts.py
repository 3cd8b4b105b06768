"""Where two greedy texts part: ends, limits, recorded ids, and engines that tell text alone."""

from __future__ import annotations

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.lossless.audit.engines import Answer, EngineRequest
from specdec_lib.lossless.audit.greedy.texts import (
    FirstDifference,
    WrittenText,
    asked_texts,
    recorded_texts,
    where_texts_part,
)


@pytest.mark.parametrize(
    ("ours", "theirs", "parts"),
    [
        (((1, 2, 3), False), ((1, 2, 3), False), None),
        (((1, 2, 3), False), ((1, 9, 3), False), (1, 2, 9)),
        (((), True), ((), True), None),
        (((1, 2), True), ((1, 2, 3), False), (2, None, 3)),  # one ends, the other goes on
        (((1, 2, 3), False), ((1, 2), True), (2, 3, None)),
        (((), True), ((4,), False), (0, None, 4)),
        (((1, 2), False), ((1, 2, 3), False), None),  # cut at another limit: nobody knows what would follow
        (((1, 2), True), ((1, 2), False), None),
        (((1, 2), True), ((1, 2), True), None),
    ],
)
def test_texts_part_at_their_first_difference(ours, theirs, parts):
    found = where_texts_part(WrittenText(*ours), WrittenText(*theirs))
    assert found == (None if parts is None else FirstDifference(*parts))


def recorded(answers, num_tokens=None, encode=None, eos=()):
    return recorded_texts(answers, len(answers), "A", num_tokens, encode, eos)


def test_recorded_texts_of_different_lengths_ended_where_they_are_shorter_than_the_longest():
    assert recorded([[1, 2, 3], [4, 5]]) == [WrittenText((1, 2, 3), False), WrittenText((4, 5), True)]
    assert recorded([[1, 2, 3], [4, 5]], num_tokens=2) == [
        WrittenText((1, 2), False),
        WrittenText((4, 5), False),
    ]
    assert recorded([[1, 2, 3]], num_tokens=5) == [WrittenText((1, 2, 3), True)]


def test_the_ends_own_id_is_no_token_of_the_text():
    """Some engines tell it and others do not."""
    told, untold = recorded([[1, 2, 7], [1, 2]], eos=(7,))
    assert told == untold == WrittenText((1, 2), True)
    assert recorded([[7, 1, 2]], eos=(7,)) == [WrittenText((7, 1, 2), False)]  # it was told to go on


def test_answers_keep_what_they_say_of_their_end():
    assert recorded([Answer((1, 2), ended=True)], num_tokens=2) == [WrittenText((1, 2), True)]


def test_a_text_alone_is_read_by_a_tokenizer_or_refused():
    assert recorded([Answer(None, "ab")], encode=lambda text: [ord(one) for one in text]) == [
        WrittenText((97, 98), False)
    ]
    with pytest.raises(InvalidArgument, match="A tells no token ids"):
        recorded([Answer(None, "ab")])


def test_as_many_texts_as_prompts():
    with pytest.raises(InvalidArgument, match="2 recorded texts of A for 3 prompts"):
        recorded_texts([[1], [2]], 3, "A", None, None, ())


class Says:
    name = "says"

    def __init__(self, answer):
        self._answer, self.asked = answer, []

    def answer(self, request):
        self.asked.append(request)
        return self._answer


def test_an_engine_is_asked_once_a_prompt_and_its_texts_end_where_they_are_short():
    engine, requests = Says(Answer((1, 2))), [EngineRequest(2, (5,)), EngineRequest(3, (6,))]
    lines = []
    texts = asked_texts(engine, requests, None, (), lines.append)
    assert texts == [WrittenText((1, 2), False), WrittenText((1, 2), True)]
    assert engine.asked == requests and len(lines) == 2
    with pytest.raises(InvalidArgument, match="says tells no token ids"):
        asked_texts(Says(Answer(None, "x")), requests, None, ())
