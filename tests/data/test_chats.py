"""Which messages of a file wait for an answer, and what of them is left out."""

from __future__ import annotations

import pytest

from specdec_lib.data.chats import ReadChat, read_chat
from specdec_lib.errors import PromptError

SYSTEM, ANSWER = {"role": "system", "content": "Be short."}, {"role": "assistant", "content": "Because."}
FIRST, SECOND, THIRD = ({"role": "user", "content": text} for text in ("Why?", "And now?", "Then?"))
LEFT_OUT = ("the answer at its end",)


@pytest.mark.parametrize(
    ("turns", "chat"),
    [
        (["Why?", "And now?"], ReadChat((FIRST,), ("And now?",))),
        ([FIRST], ReadChat((FIRST,))),
        ([SYSTEM, FIRST], ReadChat((SYSTEM, FIRST))),
        ([SYSTEM], ReadChat((SYSTEM,))),
        ([FIRST, SECOND, THIRD], ReadChat((FIRST,), ("And now?", "Then?"))),
        ([SYSTEM, FIRST, SECOND], ReadChat((SYSTEM, FIRST), ("And now?",))),
        ([FIRST, ANSWER], ReadChat((FIRST,), (), LEFT_OUT)),
        ([FIRST, ANSWER, SECOND], ReadChat((FIRST, ANSWER, SECOND))),
        ([FIRST, SECOND, ANSWER], ReadChat((FIRST, SECOND), (), LEFT_OUT)),  # the two have one answer
        ([FIRST, ANSWER, SECOND, THIRD], ReadChat((FIRST, ANSWER, SECOND, THIRD))),
        ([FIRST, SYSTEM, SECOND], ReadChat((FIRST, SYSTEM, SECOND))),
    ],
)
def test_answers_are_due_where_none_is_written(turns, chat: ReadChat) -> None:
    assert read_chat("here", "messages", turns) == chat


def test_parts_are_joined_and_other_fields_named() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]}
    named = {**SECOND, "name": "Ada", "refusal": None}
    assert read_chat("here", "messages", [parts, named]) == ReadChat(
        (FIRST,), ("And now?",), ("'name' of a message",)
    )


def test_what_is_no_chat_is_refused_with_its_place() -> None:
    for turns, said in ((4, "is a number"), ([ANSWER], "holds only answers"), ([], "is empty")):
        with pytest.raises(PromptError, match=rf"^file:3: messages {said}"):
            read_chat("file:3", "messages", turns)
