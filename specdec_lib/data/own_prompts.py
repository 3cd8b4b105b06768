"""Prompts of somebody's own, read from a file: JSON lines, one JSON document, or a text with a prompt a line.

A row is a text (``prompt``, ``text`` or ``raw_text``) or a chat (``messages``, or ``turns`` as the question
files of MT-Bench, Spec-Bench and SPEED-Bench have them), with an optional ``domain`` (or ``category``) and
``id``. Domains are free names; a row without one is of the file's own, its stem. Whatever is wrong with a
row is one line that names file and line, and what a prompt cannot hold (a ``system`` beside it, ``tools``, a
message's ``name``) is left out by name. Nothing here knows a tokenizer: how long a prompt is, how a chat is
put into words, and what is answered between a user's turns, is the model's to say.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from specdec_lib.data.chats import Message, kind_of, read_chat, says_something, sound_text
from specdec_lib.data.entries import CHAT_KEYS, DOMAIN_KEYS, ID_KEYS, PROMPT_KEYS, TEXT_KEYS, entries_of
from specdec_lib.errors import PromptError
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.paths import FilePath

EVERY_DOMAIN = "all"
"""What tables call all domains together, and so no domain can be called."""

_UNNAMED = "prompts"
_PLACEHOLDER = "FULL BENCHMARK DATA SHOULD BE FETCHED FROM THE SOURCE"
"""How a row of SPEED-Bench begins whose text is somebody else's, and is yet to be fetched."""
_UNFILLED = "a row that SPEED-Bench's prepare.py has yet to fill"


@dataclass(frozen=True)
class RawPrompt:
    """One prompt as it was written: a text, or a chat.

    Attributes:
        messages: of a chat, role and content of each, up to where the first answer is due.
        later: the user's turns that follow, each behind the answer to the one before it.
    """

    prompt_id: str
    domain: str
    text: str | None = None
    messages: tuple[Message, ...] | None = None
    later: tuple[str, ...] = ()
    place: str = field(default="", compare=False, repr=False)
    """Where it stands: ``file:line``."""

    @property
    def turns(self) -> str | list[Message]:
        """What a chat template takes: the messages, or a text as a user's turn."""
        return self.text or "" if self.messages is None else list(self.messages)

    @property
    def turn_ids(self) -> list[str]:
        """A name for each turn that waits for an answer: the prompt's own where there is one alone."""
        if not self.later:
            return [self.prompt_id]
        return [f"{self.prompt_id}/turn{number}" for number in range(1, len(self.later) + 2)]

    def conversation(self, answers: Sequence[str]) -> str | list[Message]:
        """What a chat template takes for the turn behind so many answers; behind none, the first."""
        if self.messages is None:
            return self.turns
        messages = list(self.messages)
        for answer, asked in zip(answers, self.later, strict=False):
            messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": asked}]
        return messages

    @property
    def to_its_end(self) -> str | list[Message]:
        """The whole conversation, with "…" for each answer: what a template that takes it will take."""
        return self.conversation(["…"] * len(self.later))

    @property
    def is_chat(self) -> bool:
        """Whether a chat template has to put it into words."""
        return self.messages is not None


def read_prompts(path: FilePath, domain: str | None = None) -> list[RawPrompt]:
    """The prompts of a file, in its order.

    A file whose name ends in .jsonl, .ndjson or .json, or whose first line is a JSON object, holds JSON, and
    so does one that is a JSON document as a whole; any other is a text with a prompt a line. A text that
    looks like a table, like YAML or like broken JSON is read so, which is said. Empty lines count for
    nothing. A row without an id is called by its domain and number (``code_000``). A .parquet file is a
    table of rows with the same names. What SPEED-Bench has in the place of a text is left out, which is said.

    Args:
        path: a regular file in UTF-8, with or without a byte-order mark, lines ended by LF, CR LF or CR; or
            a table.
        domain: of the rows that name none; by default the file's stem.

    Raises:
        PromptError: the file cannot be read, holds no prompt, or a row is none; one line that names file
            and line.
    """
    stem = Path(path).stem
    own = domain or (stem if stem.isprintable() and stem.strip() and stem != EVERY_DOMAIN else _UNNAMED)
    rows = [_prompt_of(place, entry, own) for place, entry in entries_of(path)]
    filled = [(prompt, left_out) for prompt, left_out in rows if _UNFILLED not in left_out]
    if rows and not filled:
        raise PromptError(f"{path}: SPEED-Bench's prepare.py has yet to fill every row; run it first")
    if not rows:
        raise PromptError(f"{path}: holds no prompt; write one a line, as text or as JSON")
    _say_what_is_left_out(path, rows)
    return _named([prompt for prompt, _ in filled])


def conversation_of(prompt_id: str) -> str:
    """The id that the turns of one chat share, or the prompt's own: ``81`` of ``81/turn2`` and of ``81``."""
    return re.sub(r"/turn\d+$", "", prompt_id)


def prompts_hash(prompts: Sequence[RawPrompt]) -> str:
    """First 12 hexadecimal digits of SHA-256 over ids, domains and texts: equal where the prompts are."""
    listed = [[p.prompt_id, p.domain, p.text, p.messages, *([p.later] if p.later else [])] for p in prompts]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()[:12]


# -- from an entry to a prompt ---------------------------------------------------------------------

_Row = tuple[RawPrompt, tuple[str, ...]]
"""A prompt, and by name what of its entry was left out."""


def _prompt_of(place: str, entry: object, domain: str) -> _Row:
    """An entry, checked, as a prompt: without an id where the file gives none."""
    if isinstance(entry, str):
        return RawPrompt("", domain, sound_text(place, "prompt", entry), place=place), ()
    if not isinstance(entry, dict):
        raise PromptError(f"{place}: a {kind_of(entry)}, not an object with 'prompt' or 'messages'")
    given = [key for key in (*TEXT_KEYS, *CHAT_KEYS) if entry.get(key) is not None]
    if not given:
        raise PromptError(f"{place}: has none of prompt, text, messages, turns")
    if len(given) > 1:
        raise PromptError(f"{place}: has both {' and '.join(given)}; give one")
    named = _name(place, entry, ID_KEYS) or "", _name(place, entry, DOMAIN_KEYS) or domain
    if named[1] == EVERY_DOMAIN:
        raise PromptError(f"{place}: the domain '{EVERY_DOMAIN}' stands for all of them; call it otherwise")
    beside = [f"'{key}' beside {given[0]}" for key in PROMPT_KEYS if says_something(entry.get(key))]
    if given[0] in TEXT_KEYS:
        text = sound_text(place, given[0], entry[given[0]])
        return RawPrompt(*named, text, place=place), tuple(beside)
    chat = read_chat(place, given[0], entry[given[0]])
    if any(message["content"].startswith(_PLACEHOLDER) for message in chat.messages):
        return RawPrompt(*named, None, chat.messages, place=place), (_UNFILLED,)
    return RawPrompt(*named, None, chat.messages, chat.later, place), (*beside, *chat.left_out)


def _name(place: str, entry: Mapping[str, object], keys: Sequence[str]) -> str | None:
    """The first of the keys that the entry has, as a name; a number is one too."""
    key = next((key for key in keys if entry.get(key) is not None), None)
    if key is None:
        return None
    value = entry[key]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise PromptError(f"{place}: {key} is {kind_of(value)} {value!r:.60}; give a printable name")
    return value.strip()


# -- names -----------------------------------------------------------------------------------------


def _named(prompts: Sequence[RawPrompt]) -> list[RawPrompt]:
    """Prompts with an id each, no two alike: their own, else the first free number of their domain."""
    given = {prompt.prompt_id for prompt in prompts}
    free = {prompt.domain: _free_ids(prompt.domain, given) for prompt in prompts}
    named = [p if p.prompt_id else replace(p, prompt_id=next(free[p.domain])) for p in prompts]
    places: dict[str, str] = {}
    for prompt in named:
        names = {prompt.prompt_id, *prompt.turn_ids}
        if known := sorted(names & places.keys()):
            raise PromptError(f"{prompt.place}: id '{known[0]}' was given before, at {places[known[0]]}")
        places |= dict.fromkeys(names, prompt.place)
    return named


def _free_ids(domain: str, given: Container[str]) -> Iterator[str]:
    return (name for number in itertools.count() if (name := f"{domain}_{number:03d}") not in given)


def _say_what_is_left_out(path: FilePath, rows: Sequence[_Row]) -> None:
    """One line for each kind of thing that a prompt cannot hold, however many rows have it."""
    for kind in dict.fromkeys(kind for _, left_out in rows for kind in left_out):
        places = [prompt.place for prompt, left_out in rows if kind in left_out]
        more = f" and {len(places) - 1} more" if places[1:] else ""
        get_logger(__name__).warning(f"{path}: {kind} was left out ({places[0]}{more})")
