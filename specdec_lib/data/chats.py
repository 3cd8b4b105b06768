"""A chat as files hold it: messages with a role and a content, or the texts of a user's turns.

What cannot be a prompt is refused in one line, and what one cannot hold is named, to be left out. What is
answered between a user's turns is a model's to say, and not written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from specdec_lib.errors import PromptError

LONGEST_PROMPT = 1_000_000
"""Characters of the longest prompt that is read; longer ones would keep a tokenizer busy for minutes."""

_BEFORE_THE_USER = ("system", "developer")
_CALL_KEYS = ("tool_calls", "function_call")

Message = dict[str, str]


class ReadChat(NamedTuple):
    """A chat of a file."""

    messages: tuple[Message, ...]
    """Up to where the first answer is due."""
    later: tuple[str, ...] = ()
    """The user's turns that follow, each behind an answer to the one before it."""
    left_out: tuple[str, ...] = ()
    """By name, what a prompt cannot hold."""


def read_chat(place: str, key: str, turns: object) -> ReadChat:
    """The chat of an entry: of ``turns`` that are texts each is the user's, else they are messages.

    Messages that are all the user's, behind at most a system's, are turns that wait for an answer each; so
    SPEED-Bench's own script writes them. Where answers stand between them, the last is the one to come.

    Raises:
        PromptError: they are none, or hold what cannot be a prompt; one line that names ``place``.
    """
    if not isinstance(turns, list) or not turns:
        raise PromptError(
            f"{place}: {key} is {'empty' if turns == [] else f'a {kind_of(turns)}, not a list'}"
        )
    if all(isinstance(turn, str) for turn in turns):
        texts = [sound_text(place, f"{key}[{index}]", turn) for index, turn in enumerate(turns)]
        return ReadChat(({"role": "user", "content": texts[0]},), tuple(texts[1:]))
    asking = _without_answer(turns)
    messages = tuple(_message(place, f"{key}[{index}]", turn) for index, turn in enumerate(asking))
    if not messages:
        raise PromptError(f"{place}: {key} holds only answers; a prompt ends before the assistant's turn")
    left_out = dict.fromkeys(f"'{name}' of a message" for turn in asking for name in _other_fields(turn))
    if len(messages) < len(turns):
        return ReadChat(messages, (), (*left_out, "the answer at its end"))
    first = 1 + (messages[0]["role"] in _BEFORE_THE_USER)
    if any(message["role"] != "user" for message in messages[first - 1 :]):
        return ReadChat(messages, (), tuple(left_out))
    later = tuple(message["content"] for message in messages[first:])
    return ReadChat(messages[:first], later, tuple(left_out))


def sound_text(place: str, key: str, text: object) -> str:
    """A text that a tokenizer can take. Raises PromptError where it is none."""
    if not isinstance(text, str):
        raise PromptError(f"{place}: {key} is a {kind_of(text)}, not a text")
    if not text.strip():
        raise PromptError(f"{place}: {key} is empty")
    if len(text) > LONGEST_PROMPT:
        raise PromptError(f"{place}: {key} has {len(text)} characters; a prompt has at most {LONGEST_PROMPT}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"{place}: {key} holds half of a surrogate pair (character {error.start})"
        ) from error
    return text


def says_something(value: object) -> bool:
    """Whether a field of an entry holds anything."""
    return value is not None and value is not False and value not in ("", [], {})


def kind_of(value: object) -> str:
    """What JSON calls a value."""
    names = {str: "text", list: "list", dict: "object", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")


def _other_fields(turn: Mapping[str, object]) -> list[str]:
    return [name for name in turn if name not in ("role", "content") and says_something(turn[name])]


def _without_answer(turns: list[Any]) -> list[Any]:
    """The turns up to the last one that is not the assistant's; the answer, be it a call, is not read."""
    end = len(turns)
    while end and isinstance(turns[end - 1], dict) and turns[end - 1].get("role") == "assistant":
        end -= 1
    return turns[:end]


def _message(place: str, key: str, turn: object) -> Message:
    if not isinstance(turn, dict) or not isinstance(turn.get("role"), str) or not turn["role"]:
        raise PromptError(f"{place}: {key} is not an object with 'role' and 'content'")
    content = turn.get("content")
    if isinstance(content, list):  # parts, as servers take them
        content = _joined(place, key, content)
    if content == "":  # an empty system message is one
        return {"role": turn["role"], "content": ""}
    calls = next((name for name in _CALL_KEYS if turn.get(name)), None)
    if content is None and calls is not None:
        raise PromptError(
            f"{place}: {key} calls tools ({calls}) and has no content; only text can be a prompt, so leave "
            "the call and its answer out, or write them as content"
        )
    return {"role": turn["role"], "content": sound_text(place, f"{key} content", content)}


def _joined(place: str, key: str, parts: list[Any]) -> str:
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            kind = part.get("type", "object") if isinstance(part, dict) else kind_of(part)
            raise PromptError(f"{place}: {key} holds a part of kind {kind!r:.40}; only text can be a prompt")
    return "".join(part["text"] for part in parts)
