"""Prompts of somebody's own, read from a file: JSON lines, one JSON document, or a text with a prompt a line.

A row is a text (``prompt``, ``text`` or ``raw_text``) or a chat (``messages``, or ``turns`` as question
files have them), with an optional ``domain`` (or ``category``) and ``id``. Domains are free names; a row
without one is of the file's own, its stem. Whatever is wrong with a row is one line that names file and
line, and what a prompt cannot hold (a ``system`` beside it, ``tools``, a message's ``name``) is left out by
name. Nothing here knows a tokenizer: how long a prompt is, and how a chat is put into words, is the
model's to say.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from specdec_lib.data.entries import CHAT_KEYS, DOMAIN_KEYS, PROMPT_KEYS, TEXT_KEYS, entries_of
from specdec_lib.errors import PromptError
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.paths import FilePath

LONGEST_PROMPT = 1_000_000
"""Characters of the longest prompt that is read; longer ones would keep a tokenizer busy for minutes."""
EVERY_DOMAIN = "all"
"""What tables call all domains together, and so no domain can be called."""

_ID_KEYS = ("id", "prompt_id", "question_id", "task_id")
_UNNAMED = "prompts"
_CALL_KEYS = ("tool_calls", "function_call")

Message = dict[str, str]


@dataclass(frozen=True)
class RawPrompt:
    """One prompt as it was written: a text, or the messages (role and content) of a chat."""

    prompt_id: str
    domain: str
    text: str | None = None
    messages: tuple[Message, ...] | None = None
    place: str = field(default="", compare=False, repr=False)
    """Where it stands: ``file:line``."""

    @property
    def turns(self) -> str | list[Message]:
        """What a chat template takes: the messages, or a text as a user's turn."""
        return self.text or "" if self.messages is None else list(self.messages)

    @property
    def is_chat(self) -> bool:
        """Whether a chat template has to put it into words."""
        return self.messages is not None


def read_prompts(path: FilePath, domain: str | None = None) -> list[RawPrompt]:
    """The prompts of a file, in its order.

    A file whose name ends in .jsonl, .ndjson or .json, or whose first line is a JSON object, holds JSON, and
    so does one that is a JSON document as a whole; any other is a text with a prompt a line. A text that
    looks like a table, like YAML or like broken JSON is read so, which is said. Empty lines count for
    nothing. A row without an id is called by its domain and number (``code_000``).

    Args:
        path: a regular file in UTF-8, with or without a byte-order mark, lines ended by LF, CR LF or CR.
        domain: of the rows that name none; by default the file's stem.

    Raises:
        PromptError: the file cannot be read, holds no prompt, or a row is none; one line that names file
            and line.
    """
    stem = Path(path).stem
    own = domain or (stem if stem.isprintable() and stem.strip() and stem != EVERY_DOMAIN else _UNNAMED)
    rows = [_prompt_of(place, entry, own) for place, entry in entries_of(path)]
    if not rows:
        raise PromptError(f"{path}: holds no prompt; write one a line, as text or as JSON")
    _say_what_is_left_out(path, rows)
    return _named([prompt for prompt, _ in rows])


def prompts_hash(prompts: Sequence[RawPrompt]) -> str:
    """First 12 hexadecimal digits of SHA-256 over ids, domains and texts: equal where the prompts are."""
    listed = [[p.prompt_id, p.domain, p.text, p.messages] for p in prompts]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:12]


# -- from an entry to a prompt ---------------------------------------------------------------------

_Row = tuple[RawPrompt, tuple[str, ...]]
"""A prompt, and by name what of its entry was left out."""


def _prompt_of(place: str, entry: object, domain: str) -> _Row:
    """An entry, checked, as a prompt: without an id where the file gives none."""
    if isinstance(entry, str):
        return RawPrompt("", domain, _sound(place, "prompt", entry), place=place), ()
    if not isinstance(entry, dict):
        raise PromptError(f"{place}: a {_kind(entry)}, not an object with 'prompt' or 'messages'")
    given = [key for key in (*TEXT_KEYS, *CHAT_KEYS) if entry.get(key) is not None]
    if not given:
        raise PromptError(f"{place}: has none of prompt, text, messages, turns")
    if len(given) > 1:
        raise PromptError(f"{place}: has both {' and '.join(given)}; give one")
    named = _name(place, entry, _ID_KEYS) or "", _name(place, entry, DOMAIN_KEYS) or domain
    if named[1] == EVERY_DOMAIN:
        raise PromptError(f"{place}: the domain '{EVERY_DOMAIN}' stands for all of them; call it otherwise")
    beside = [f"'{key}' beside {given[0]}" for key in PROMPT_KEYS if _says_something(entry.get(key))]
    if given[0] in TEXT_KEYS:
        return RawPrompt(*named, _sound(place, given[0], entry[given[0]]), place=place), tuple(beside)
    messages, left_out = _chat(place, given[0], entry[given[0]])
    return RawPrompt(*named, None, messages, place), (*beside, *left_out)


def _says_something(value: object) -> bool:
    return value is not None and value is not False and value not in ("", [], {})


def _kind(value: object) -> str:
    names = {str: "text", list: "list", dict: "object", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")


def _name(place: str, entry: Mapping[str, object], keys: Sequence[str]) -> str | None:
    """The first of the keys that the entry has, as a name; a number is one too."""
    key = next((key for key in keys if entry.get(key) is not None), None)
    if key is None:
        return None
    value = entry[key]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise PromptError(f"{place}: {key} is {_kind(value)} {value!r:.60}; give a printable name")
    return value.strip()


def _sound(place: str, key: str, text: object) -> str:
    """A text that a tokenizer can take."""
    if not isinstance(text, str):
        raise PromptError(f"{place}: {key} is a {_kind(text)}, not a text")
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


def _chat(place: str, key: str, turns: object) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The messages that ask for an answer, and what was left out of those given."""
    if not isinstance(turns, list) or not turns:
        raise PromptError(f"{place}: {key} is {'empty' if turns == [] else f'a {_kind(turns)}, not a list'}")
    if all(isinstance(turn, str) for turn in turns):
        first = {"role": "user", "content": _sound(place, key, turns[0])}
        return (first,), ("turns after the first, which wait for an answer",) * bool(turns[1:])
    asking = _without_answer(turns)
    messages = tuple(_message(place, f"{key}[{index}]", turn) for index, turn in enumerate(asking))
    if not messages:
        raise PromptError(f"{place}: {key} holds only answers; a prompt ends before the assistant's turn")
    left_out = dict.fromkeys(f"'{name}' of a message" for turn in asking for name in _other_fields(turn))
    return messages, (*left_out, *("the answer at its end",) * (len(messages) < len(turns)))


def _other_fields(turn: Mapping[str, object]) -> list[str]:
    return [name for name in turn if name not in ("role", "content") and _says_something(turn[name])]


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
    return {"role": turn["role"], "content": _sound(place, f"{key} content", content)}


def _joined(place: str, key: str, parts: list[Any]) -> str:
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            kind = part.get("type", "object") if isinstance(part, dict) else _kind(part)
            raise PromptError(f"{place}: {key} holds a part of kind {kind!r:.40}; only text can be a prompt")
    return "".join(part["text"] for part in parts)


# -- names -----------------------------------------------------------------------------------------


def _named(prompts: Sequence[RawPrompt]) -> list[RawPrompt]:
    """Prompts with an id each: their own, else the first free number of their domain."""
    places: dict[str, str] = {}
    for prompt in prompts:
        if (own := prompt.prompt_id) in places:
            raise PromptError(f"{prompt.place}: id '{own}' was given before, at {places[own]}")
        if own:
            places[own] = prompt.place
    free = {prompt.domain: _free_ids(prompt.domain, places) for prompt in prompts}
    return [p if p.prompt_id else replace(p, prompt_id=next(free[p.domain])) for p in prompts]


def _free_ids(domain: str, given: Container[str]) -> Iterator[str]:
    return (name for number in itertools.count() if (name := f"{domain}_{number:03d}") not in given)


def _say_what_is_left_out(path: FilePath, rows: Sequence[_Row]) -> None:
    """One line for each kind of thing that a prompt cannot hold, however many rows have it."""
    for kind in dict.fromkeys(kind for _, left_out in rows for kind in left_out):
        places = [prompt.place for prompt, left_out in rows if kind in left_out]
        more = f" and {len(places) - 1} more" if places[1:] else ""
        get_logger(__name__).warning(f"{path}: {kind} was left out ({places[0]}{more})")
