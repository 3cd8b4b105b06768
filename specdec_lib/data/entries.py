"""What stands in a file of prompts: JSON lines, one JSON document, a table in Parquet, or a prompt a line.

The name decides where it says something, else what the file begins with. A file in another format is refused
by its name, and a text that looks like one is read line by line, which is said. Whether an entry is a prompt
is :mod:`specdec_lib.data.own_prompts`'s to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from specdec_lib.errors import PromptError, reason_of
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.paths import FilePath

LARGEST_FILE = 2**30
ID_KEYS = ("id", "prompt_id", "question_id", "task_id")
DOMAIN_KEYS = ("domain", "category")
TEXT_KEYS = ("prompt", "text", "raw_text")
CHAT_KEYS = ("messages", "turns")
PROMPT_KEYS = (
    *("system", "system_prompt", "instruction", "instructions", "input", "context", "suffix"),
    *("tools", "functions", "documents", "images", "image", "audio", "chat_template_kwargs"),
)
"""What stands beside a text or a chat elsewhere, and would make another prompt of it."""

Line = tuple[str, str]
"""Where a line stands (``file:3``), and its text."""
Entry = tuple[str, object]
"""Where an entry stands (``file:3``, or ``file: entry 3``), and what it is."""

_JSON_LINES = (".jsonl", ".ndjson")
_OTHER_FORMATS = {
    **dict.fromkeys((".csv", ".tsv", ".xls", ".xlsx", ".arrow"), "a table"),
    **dict.fromkeys((".yaml", ".yml", ".toml", ".xml"), "a format of its own"),
    **dict.fromkeys((".gz", ".xz", ".bz2", ".zip", ".zst"), "packed"),
}
_ADVICE = "write JSON lines with 'prompt' or 'messages' (.jsonl), or a text with a prompt a line (.txt)"


def entries_of(path: FilePath) -> Iterator[Entry]:
    """The entries of a file, in its order.

    Raises:
        PromptError: it cannot be read, is in another format, or a line of it is not UTF-8 or not JSON.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _OTHER_FORMATS:
        raise PromptError(
            f"{path}: a {suffix} file is {_OTHER_FORMATS[suffix]}, which is not read; {_ADVICE}"
        )
    if suffix == ".parquet":
        from specdec_lib.data.parquet import rows_of

        return rows_of(path)
    every = _lines(path, _content(path))
    lines = [(place, line) for place, line in every if line.strip()]
    if not lines:
        return iter(())
    first, one_document = _loaded(lines[0][1]), suffix == ".json"
    says_json = one_document or suffix in _JSON_LINES
    one_a_line = not isinstance(first, Exception) if says_json else isinstance(first, dict)
    if one_a_line and not one_document:
        return _parsed(lines)
    whole = _loaded("\n".join(line for _, line in every))
    if isinstance(whole, dict) or _is_list_of_entries(whole):
        return _of_document(path, whole)
    if one_document and not one_a_line:
        line_number = f":{whole.lineno}" if isinstance(whole, json.JSONDecodeError) else ""
        raise _unread(f"{path}{line_number}", whole)
    if says_json:
        return _parsed(lines)
    if kind := _looks_like(lines):
        get_logger(__name__).warning(f"{path}: looks like {kind}; each line is read as a prompt; {_ADVICE}")
    return iter(lines)


# -- from bytes to lines ---------------------------------------------------------------------------


def require_prompt_file(path: FilePath) -> None:
    """Raises PromptError: ``path`` is no regular file, or one that is too large for prompts."""
    file = Path(path)
    try:
        regular, size = file.is_file(), file.stat().st_size
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not regular:
        raise PromptError(f"{path}: is no regular file; name a file that holds prompts")
    if size > LARGEST_FILE:
        raise PromptError(f"{path}: {size / 2**20:.0f} MiB; prompts are at most {LARGEST_FILE >> 20} MiB")


def _content(path: FilePath) -> bytes:
    require_prompt_file(path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: FilePath, error: Exception) -> PromptError:
    return PromptError(f"{path}: {reason_of(error)}; give a file of prompts, as lines of text or of JSON")


def _lines(path: FilePath, content: bytes) -> list[Line]:
    """All lines, empty ones too; of bytes, ``splitlines`` knows LF, CR LF and CR alone, and nothing else."""
    return [
        (f"{path}:{number}", _decoded(f"{path}:{number}", line))
        for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1)
    ]


def _decoded(place: str, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise PromptError(f"{place}: not UTF-8 (byte {error.start}); save the file as UTF-8") from error


# -- JSON ------------------------------------------------------------------------------------------


def _loaded(text: str) -> Any:
    """What JSON says, or the error that says why it cannot be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of five thousand digits is a ValueError
        return error


def _parsed(lines: Sequence[Line]) -> Iterator[Entry]:
    for place, line in lines:
        value = _loaded(line)
        if isinstance(value, Exception):
            raise _unread(place, value) from value
        yield place, value


def _unread(place: str, found: object) -> PromptError:
    if isinstance(found, json.JSONDecodeError):
        return PromptError(f"{place}: not JSON ({found.msg.lower()} at column {found.colno})")
    return PromptError(f"{place}: not a prompt (nested too deeply, or a number too long)")


def _is_list_of_entries(whole: object) -> bool:
    return isinstance(whole, list) and any(isinstance(entry, (dict, str)) for entry in whole)


def _of_document(path: FilePath, whole: Any) -> Iterator[Entry]:
    """The entries of a list, of an object with ``prompts`` (as this project saves), or the object itself."""
    if isinstance(whole, dict) and not isinstance(whole.get("prompts"), list):
        yield str(path), whole
        return
    keys = (*DOMAIN_KEYS, *PROMPT_KEYS)
    shared = {key: whole[key] for key in keys if key in whole} if isinstance(whole, dict) else {}
    for number, entry in enumerate(whole["prompts"] if isinstance(whole, dict) else whole, start=1):
        if isinstance(entry, str):
            entry = {"text": entry}
        yield f"{path}: entry {number}", shared | entry if isinstance(entry, dict) else entry


# -- what a text looks like ------------------------------------------------------------------------


def _looks_like(lines: Sequence[Line]) -> str | None:
    """The format that a text seems to be in: by its first line, and for a list by all of them."""
    first = lines[0][1].strip()
    heads = [cell.strip().strip("\"'").lower() for cell in re.split(r"[,;\t]", first)]
    if any(head in (*TEXT_KEYS, *CHAT_KEYS) for head in heads) and (heads[1:] or lines[1:]):
        return "a table (CSV)"
    if first in ("[", "{", "[{") or first.startswith(('{"', '[{"')):
        return "JSON, and is not"
    listed = len(lines) > 1 and all(re.match(r"- |  ", line) for _, line in lines)
    if first == "---" or re.fullmatch(r"(prompts|messages|turns):", first) or listed:
        return "YAML"
    return None
