"""What stands in a file of prompts: JSON lines, one JSON document, or a text with a prompt a line.

The name decides where it says something, else what the file begins with. A file in another format is refused
by its name, and a text that looks like one is read line by line, which is said. Whether an entry is a prompt
is :mod:`specdec_lib.data.files`'s to say.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from specdec_lib.errors import PromptError
from specdec_lib.utils.logging import get_logger

LARGEST_FILE = 2**30
DOMAIN_KEYS = ("domain", "category")
TEXT_KEYS = ("prompt", "text", "raw_text")
CHAT_KEYS = ("messages", "turns")
PROMPT_KEYS = (
    *("system", "system_prompt", "instruction", "instructions", "input", "context", "suffix"),
    *("tools", "functions", "documents", "images", "image", "audio", "chat_template_kwargs"),
)
"""What stands beside a text or a chat elsewhere, and would make another prompt of it."""

FilePath = str | os.PathLike[str]
Line = tuple[str, str]
"""Where a line stands (``file:3``), and its text."""

_JSON_LINES = (".jsonl", ".ndjson")
_OTHER_FORMATS = {
    **dict.fromkeys((".csv", ".tsv", ".xls", ".xlsx", ".parquet", ".arrow"), "a table"),
    **dict.fromkeys((".yaml", ".yml", ".toml", ".xml"), "a format of its own"),
    **dict.fromkeys((".gz", ".xz", ".bz2", ".zip", ".zst"), "packed"),
}
_ADVICE = "write JSON lines with 'prompt' or 'messages' (.jsonl), or a text with a prompt a line (.txt)"


def entries_of(path: FilePath) -> Iterator[tuple[str, object]]:
    """Where each entry of a file stands (``file:3``, or ``file: entry 3``), and what it is.

    Raises:
        PromptError: it cannot be read, is in another format, or a line of it is not UTF-8 or not JSON.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _OTHER_FORMATS:
        raise PromptError(
            f"{path}: a {suffix} file is {_OTHER_FORMATS[suffix]}, which is not read; {_ADVICE}"
        )
    every = _lines(path, _content(path))
    lines = [(place, line) for place, line in every if line.strip()]
    if not lines:
        return iter(())
    if suffix == ".json" or suffix in _JSON_LINES:
        return _json_entries(path, every, lines, one_document=suffix == ".json")
    if _is_object(lines[0][1]):  # JSON lines under another name
        return _parsed_lines(lines)
    whole = _document(every)
    if whole is not None:
        return _of_document(path, whole)
    if kind := _looks_like(lines):
        get_logger(__name__).warning(f"{path}: looks like {kind}; each line is read as a prompt; {_ADVICE}")
    return iter(lines)


# -- from bytes to lines ---------------------------------------------------------------------------


def _content(path: FilePath) -> bytes:
    file = Path(path)
    try:
        if file.exists() and not file.is_file():
            raise PromptError(f"{path}: is no regular file; name a file that holds prompts")
        if (size := file.stat().st_size) > LARGEST_FILE:
            raise PromptError(f"{path}: {size / 2**20:.0f} MiB; prompts are at most {LARGEST_FILE >> 20} MiB")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, PromptError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise PromptError(f"{path}: {reason}; --prompts takes a file of prompts, one a line") from error


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


def _json_entries(
    path: FilePath, every: Sequence[Line], lines: Sequence[Line], one_document: bool
) -> Iterator[tuple[str, object]]:
    """Of a file whose name says JSON: an entry a line, or one document, whatever it is called."""
    one_a_line = _parses(lines[0][1])
    whole = None if one_a_line and not one_document else _document(every)
    if whole is not None:
        return _of_document(path, whole)
    if not one_a_line and one_document:
        raise _not_json(path, "\n".join(line for _, line in every))
    return _parsed_lines(lines)


def _parsed_lines(lines: Sequence[Line]) -> Iterator[tuple[str, object]]:
    return ((place, _parsed(place, line)) for place, line in lines)


def _parsed(place: str, line: str) -> object:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise PromptError(f"{place}: not JSON ({error.msg.lower()} at column {error.colno})") from error
    except (RecursionError, ValueError) as error:  # a number of five thousand digits is a ValueError
        raise PromptError(f"{place}: not a prompt (nested too deeply, or a number too long)") from error


def _not_json(path: FilePath, text: str) -> PromptError:
    """What is wrong with a document, at the line where it is wrong."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        what = f"not JSON ({error.msg.lower()} at column {error.colno})"
        return PromptError(f"{path}:{error.lineno}: {what}")
    except (RecursionError, ValueError):
        pass
    return PromptError(f"{path}: not a prompt (nested too deeply, or a number too long)")


def _parses(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _document(every: Sequence[Line]) -> object | None:
    """The whole file as one JSON object, or as a list of objects and texts; None where it is neither."""
    try:
        whole = json.loads("\n".join(line for _, line in every))
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(whole, list) and any(isinstance(entry, (dict, str)) for entry in whole)
    return whole if is_list or isinstance(whole, dict) else None


def _of_document(path: FilePath, whole: Any) -> Iterator[tuple[str, object]]:
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
