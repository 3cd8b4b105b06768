"""What is continued: a text, a file of prompts, or a number of the built-in ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from specdec_lib.cli.options.base import option
from specdec_lib.errors import InvalidArgument

Prompt = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="Text to continue; '-' or nothing reads standard input as it is (echo ends it with "
        "a line break, printf does not).",
    ),
]
System = Annotated[
    str | None,
    option(None, "TEXT", "--system", help="A system's turn before the prompt; includes --chat."),
]
PromptFile = Annotated[
    Path | None,
    option(
        None,
        "FILE",
        "--prompt-file",
        "-f",
        help="Read the prompt from a UTF-8 file as it is, with its last line break.",
    ),
]

_PROMPTS = "Prompts"
Prompts = Annotated[
    str | None,
    option(
        _PROMPTS, "N|FILE", "--prompts", help="How many of the built-in prompts, or a file of your own: JSON "
        "lines with 'prompt' or 'messages' (and 'domain'), or text with a prompt a line.",
    ),
]  # fmt: skip
NumPrompts = Annotated[
    int | None,
    option(
        _PROMPTS, "N", "--num-prompts", help="Prompts a domain, of a file. [dim]\\[default: all][/dim]", min=1
    ),
]
Chat = Annotated[
    bool,
    option(_PROMPTS, None, "--chat", help="Prompts are a user's turns, put into the target's own template."),
]


def parse_prompts(value: str) -> tuple[int | None, Path | None]:
    """What ``--prompts`` asks for: a number of built-in prompts, or a file; the other one is None.

    A file whose name is a number is written with its folder: ``./30``.

    Raises:
        InvalidArgument: a number below 1, or no such file.
    """
    try:
        number = int(value)
    except ValueError:
        return None, _existing_file(value)
    if number < 1:
        raise InvalidArgument(f"--prompts is {number}; give a number of at least 1, or a file")
    return number, None


def _existing_file(value: str) -> Path:
    if os.path.isfile(value):
        return Path(value)
    what = "is neither a number nor a file that exists"
    if os.path.isdir(value):
        what = "is a folder"
    elif os.path.exists(value):
        what = "is a pipe or a device, and prompts are read more than once"
    raise InvalidArgument(f"--prompts: '{value}' {what}; give a number, or a file of prompts")
