"""What the commands print with: consoles, text made safe, tables, one JSON document.

Token text, prompts, names and messages are untrusted: they reach the terminal as
:class:`rich.text.Text`, never as markup, and with every control character replaced by a visible
one. With ``--json`` standard output holds one line and nothing else; whatever is for people then
goes to standard error, and only where that is a terminal. It knows no command.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.table import Table
    from rich.text import Text

_KEPT = "\n\t"
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # they shape emoji and Persian, and move nothing
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[^\W\d]|%)")


def safe_text(text: str) -> str:
    """``text`` with nothing in it that a terminal would obey: escapes, bidi overrides, lone surrogates.

    >>> safe_text("a\\x1b[31mb")
    'a␛[31mb'
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in _KEPT or character in _JOINERS or unicodedata.category(character) not in _UNSAFE:
        return character
    return _PICTURES.get(ord(character), f"\\u{ord(character):04x}")


def safe_line(text: str) -> str:
    """Safe text with its white space collapsed, for messages."""
    return safe_text(" ".join(text.split()))


def print_error(reason: str) -> None:
    """``error: …`` on standard error: one line, whatever the reason holds."""
    print(f"error: {safe_line(reason)}", file=sys.stderr, flush=True)


def print_warning(*reasons: str) -> None:
    """``warning: …`` on standard error, a line each."""
    for reason in reasons:
        print(f"warning: {safe_line(reason)}", file=sys.stderr, flush=True)


@contextmanager
def said_if_waiting(path: Path, seconds: float = 1.0) -> Iterator[None]:
    """While a file is read that may be a pipe: after a moment, say that somebody has to write into it."""
    line = f"{path} is a pipe; waiting for something to be written into it, and for its end"
    timer = threading.Timer(seconds, print_warning, [line])
    timer.daemon = True
    if path.is_fifo():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def log_line(level: str, event: Mapping[str, object]) -> str:
    """A log event of the library as the line that the command line shows: ``warning: …``."""
    usual = ("event", "level", "timestamp", "logger")
    fields = ", ".join(f"{name}={value}" for name, value in event.items() if name not in usual)
    return safe_line(f"{level}: {event.get('event')}" + f" ({fields})" * bool(fields))


def print_json(document: Any) -> None:
    """The one line of standard output that ``--json`` promises: ASCII, no NaN."""
    print(json.dumps(document, allow_nan=False), flush=True, file=_reserved[-1] if _reserved else None)


_reserved: list[TextIO] = []
"""Standard output, where it is kept for one document."""


def reserve_output(wanted: bool) -> bool:
    """From here on, standard output is for :func:`print_json` alone; what libraries print is no output.

    A descriptor is kept too where there is one, since not everything that prints is Python. Ends with
    :func:`released_output`.
    """
    if wanted and not _reserved:
        stream = sys.stdout
        with suppress(OSError, ValueError, AttributeError):
            if stream.fileno() == 1:
                stream.flush()
                stream = os.fdopen(os.dup(1), "w", encoding=stream.encoding, errors=stream.errors)
                os.dup2(2, 1)
        _reserved.append(stream)
        sys.stdout = sys.stderr
    return wanted


@contextmanager
def released_output() -> Iterator[None]:
    """Give standard output back at the end, if it was reserved."""
    before = sys.stdout
    try:
        yield
    finally:
        if _reserved:
            stream = _reserved.pop()
            sys.stdout = before
            if stream is not before:
                with suppress(OSError):  # whoever read it is gone, and was told so
                    os.dup2(stream.fileno(), 1)
                with suppress(OSError):
                    stream.close()


def console_for(as_json: bool = False) -> Console:
    """Where a command talks to people: standard output, or with ``--json`` a terminal on standard error."""
    return _console(stderr=as_json, quiet=as_json and not sys.stderr.isatty())


def error_console() -> Console:
    """Standard error: spinners, progress, and what must not mix with the output."""
    return _console(stderr=True)


def _console(stderr: bool, quiet: bool = False) -> Console:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, stderr=stderr, quiet=quiet)
    console.on_broken_pipe = _reader_gone  # rich would end the process itself
    return console


def _reader_gone() -> None:
    raise BrokenPipeError


def text(content: object, style: str = "") -> Text:
    """A cell or a piece of a line: safe, and never read as markup."""
    from rich.text import Text

    return Text(safe_text(str(content)), style=style)


@dataclass(frozen=True)
class Prose:
    """Safe sentences in lines that fit, of which none ends between a number and its unit, as rich's would."""

    content: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        held = _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", safe_text(self.content))
        wrap = partial(textwrap.wrap, width=options.max_width, break_long_words=False, break_on_hyphens=False)
        lines = [line for given in held.split("\n") for line in wrap(given) or [""]]
        yield text("\n".join(lines).replace("\N{NO-BREAK SPACE}", " "), self.style)


def safe_table(title: str, headings: Sequence[str], sides: str, rows: Iterable[Sequence[Any]]) -> Table:
    """A table with safe cells. ``sides`` aligns the columns, a letter each: l or r, as LaTeX has it."""
    from rich import box
    from rich.table import Table

    made = Table(
        title=text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1)
    )
    for heading, side in zip(headings, sides, strict=True):
        made.add_column(text(heading), justify="right" if side == "r" else "left", overflow="fold")
    for row in rows:
        made.add_row(*(text(cell) if isinstance(cell, (str, int, float)) else cell for cell in row))
    return made
