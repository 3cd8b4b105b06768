"""Where a prompt comes from, and how it becomes ids: text as it is, or turns in the model's own template.

Nothing is added to a text and nothing taken from it. It knows no decoder.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from specdec_lib.cli.terminal import said_if_waiting
from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.numbers import written_whole

if TYPE_CHECKING:
    from specdec_lib.data.prompts import RawPrompt
    from specdec_lib.models.wrapper import ModelWrapper


@dataclass(frozen=True)
class GivenPrompt:
    """A text to continue, or with ``chat`` a user's turn to answer, after a system's turn if there is one."""

    text: str
    chat: bool = False
    system: str | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns of the conversation."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": self.text}]

    @property
    def shown(self) -> str:
        """What stands before the continuation on a screen."""
        return f"{self.text.rstrip()}\n\n" if self.chat else self.text

    def encode(self, target: ModelWrapper) -> list[int]:
        """The ids that the target continues.

        Raises:
            InvalidArgument: a conversation, and the target has no template or refuses it in its own.
        """
        return target.encode_chat(self.messages) if self.chat else target.encode(self.text)

    def to_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return {"prompt": self.text, **({"messages": self.messages} if self.chat else {})}


def given_prompt(
    prompt: str | None, prompt_file: Path | None, chat: bool = False, system: str | None = None
) -> GivenPrompt:
    """The prompt that the options ask for; a system's turn makes it a conversation.

    Raises:
        InvalidArgument: as :func:`read_prompt`, or the system's turn is not UTF-8.
    """
    read = read_prompt(prompt, prompt_file)
    if system is None:
        return GivenPrompt(read, chat)
    return GivenPrompt(read, chat=True, system=given_text(system, "--system text"))


def read_prompt(prompt: str | None, prompt_file: Path | None, stdin: TextIO | None = None) -> str:
    """The prompt, from wherever it was given; a file and standard input as they are, to the last line break.

    Raises:
        InvalidArgument: none or two were given, it is empty, or it is not UTF-8.
    """
    if prompt_file is not None:
        if prompt is not None:
            raise InvalidArgument("a PROMPT and a --prompt-file were given; choose one")
        with said_if_waiting(prompt_file):
            read = _decoded(prompt_file.read_bytes(), f"prompt in {prompt_file}")
    elif prompt is not None and prompt != "-":
        read = given_text(prompt, "prompt")
    else:
        stdin = sys.stdin if stdin is None else stdin
        if stdin is None or (prompt is None and stdin.isatty()):
            raise InvalidArgument(
                "there is no prompt; give a PROMPT, a --prompt-file, or text on standard input"
            )
        read = _decoded(stdin.buffer.read(), "prompt in standard input")
    if not read:
        raise InvalidArgument("the prompt is empty; give at least one character")
    return read


def given_text(argument: str, what: str) -> str:
    """An argument of the command line as the UTF-8 that was typed, whatever the locale made of its bytes.

    Raises:
        InvalidArgument: it is not UTF-8.
    """
    try:
        argument.encode()
        return argument
    except UnicodeEncodeError:  # bytes that the locale does not know arrive as lone surrogates
        return _decoded(os.fsencode(argument), what)


def _decoded(content: bytes, what: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"the {what} is not UTF-8 text (byte {error.start}); convert it first"
        ) from error


def asked_prompts(prompts: str | None, num_prompts: int | None = None) -> tuple[int | None, Path | None]:
    """How many prompts ``--prompts`` and ``--num-prompts`` ask for, and of which file; None: all, built-in.

    A file whose name is a number is written with its folder: ``./30``.

    Raises:
        InvalidArgument: a number below 1, two numbers, or no such file.
    """
    if prompts is None:
        return num_prompts, None
    if (number := written_whole(prompts)) is None:
        return num_prompts, _existing_file(prompts)
    if number < 1:
        raise InvalidArgument(f"--prompts is {number}; give a number of at least 1, or a file")
    if num_prompts is not None:
        raise InvalidArgument("--prompts is a number, and --num-prompts another; give one of the two")
    return number, None


def proof_rows(prompts: str | None, num_prompts: int | None, otherwise: int) -> list[RawPrompt]:
    """The prompts of a proof or an audit, their domains in turn; a file is read before any model is.

    Args:
        otherwise: how many of the built-in ones where nothing is asked for.

    Raises:
        InvalidArgument: more than there are, or as :func:`asked_prompts`.
    """
    from specdec_lib.data.prompts import builtin_prompts, read_prompts
    from specdec_lib.lossless.prompts import in_turn

    number, file = asked_prompts(prompts, num_prompts)
    if file is not None:
        return in_turn(read_prompts(file), number)
    rows = builtin_prompts()
    wanted = number or otherwise
    if wanted > len(rows):
        raise InvalidArgument(f"--prompts is {wanted}; give 1 to {len(rows)}, or a file of your own")
    return in_turn(rows)[:wanted]


def _existing_file(value: str) -> Path:
    if os.path.isfile(value):
        return Path(value)
    what = "is neither a number nor a file that exists"
    if os.path.isdir(value):
        what = "is a folder"
    elif os.path.exists(value):
        what = "is a pipe or a device, and prompts are read more than once"
    raise InvalidArgument(f"--prompts: '{value}' {what}; give a number, or a file of prompts")
