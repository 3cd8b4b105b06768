"""The file of a prompt set: JSON, read entry by entry, and written whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specdec_lib.data.sources import DOMAINS
from specdec_lib.errors import InvalidArgument, PromptError, reason_of
from specdec_lib.utils.files import write_whole
from specdec_lib.utils.paths import FilePath

_FIELD_TYPES = {"prompt_id": str, "domain": str, "raw_text": str, "token_count": int}


@dataclass(frozen=True)
class Prompt:
    """One prompt: ``prompt_id`` is domain and number (``code_000``), ``token_count`` is by one tokenizer.

    The domains in ``DOMAINS`` are those of this project; a set of one's own calls its domains and its
    prompts as it likes.

    Raises:
        InvalidArgument: an id that does not fit one of the project's domains, no name, no text, no tokens.
    """

    prompt_id: str
    domain: str
    raw_text: str
    token_count: int

    def __post_init__(self) -> None:
        for name in (self.domain, self.prompt_id):
            if not name.strip() or not name.isprintable():
                raise InvalidArgument(f"a prompt's domain and id are printable names, not {name!r}")
        if self.domain in DOMAINS and not re.fullmatch(rf"{self.domain}_[0-9]{{3,}}", self.prompt_id):
            raise InvalidArgument(f"prompt_id must look like '{self.domain}_000', not {self.prompt_id!r}")
        if not self.raw_text.strip():
            raise InvalidArgument(f"raw_text of {self.prompt_id} must not be empty")
        if self.token_count < 1:
            raise InvalidArgument(f"token_count of {self.prompt_id} must be positive")


def read_saved(path: FilePath) -> tuple[tuple[Prompt, ...], str, dict[str, dict[str, str]]]:
    """The prompts of a file, the tokenizer that counted them, and the source of each domain.

    Raises:
        PromptError: no such file, not JSON, or a prompt with a missing or wrong field, which is named.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, reason_of(error)) from error
    entries = document.get("prompts") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise _unreadable(path, "it is not an object with a list of 'prompts'")
    prompts = tuple(_prompt_from(entry, number, path) for number, entry in enumerate(entries, start=1))
    ids = [prompt.prompt_id for prompt in prompts]
    if len(set(ids)) < len(ids):
        twice = next(prompt_id for prompt_id in ids if ids.count(prompt_id) > 1)
        raise _unreadable(path, f"prompt_id '{twice}' occurs twice")
    return prompts, *_header_from(document, path)


def write_saved(path: FilePath, document: Mapping[str, Any]) -> None:
    """Put ``document`` in the place of the file, if all of it can be written.

    Raises:
        PromptError: the folder cannot be written to, the disk is full, ``path`` is no regular file.
    """
    try:
        write_whole(path, (json.dumps(document, indent=1) + "\n").encode())
    except OSError as error:
        reason = reason_of(error)
        raise PromptError(f"cannot save prompts to {path}: {reason}; nothing was changed there") from error


def _header_from(document: dict[str, Any], path: FilePath) -> tuple[str, dict[str, dict[str, str]]]:
    tokenizer, sources = document.get("tokenizer", ""), document.get("sources", {})
    origins = list(sources.values()) if isinstance(sources, dict) else [None]
    texts = [text for one in origins for text in (one.values() if isinstance(one, dict) else [None])]
    if not all(isinstance(text, str) for text in [tokenizer, *texts]):
        raise _unreadable(path, "'tokenizer' must be a text, 'sources' an object of objects of texts")
    return tokenizer, sources


def _prompt_from(entry: Any, number: int, path: FilePath) -> Prompt:
    if not isinstance(entry, dict):
        raise _unreadable(path, f"prompt {number} is not an object")
    if missing := [name for name in _FIELD_TYPES if name not in entry]:
        raise _unreadable(path, f"prompt {number} lacks {', '.join(missing)}")
    for name, kind in _FIELD_TYPES.items():
        if type(entry[name]) is not kind:  # a bool is no count
            raise _unreadable(path, f"prompt {number}: {name} is not of type {kind.__name__}")
    try:
        return Prompt(**{name: entry[name] for name in _FIELD_TYPES})
    except InvalidArgument as error:
        raise _unreadable(path, f"prompt {number}: {error}") from error


def _unreadable(path: FilePath, reason: str) -> PromptError:
    advice = "rebuild it with python -m specdec_lib.data.prompts"
    return PromptError(f"cannot load prompts from {path}: {reason}; {advice}")
