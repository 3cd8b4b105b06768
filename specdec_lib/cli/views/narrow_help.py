"""Help for a narrow terminal: panels would cut the options' names there, a plain list keeps them whole.

It knows commands as typer makes them, and none of ours.
"""

from __future__ import annotations

import shutil
from typing import Any

NARROW = 60
"""Columns below which the panels cut a name."""
_LEAST = 24


def fit_help(command: Any) -> None:
    """Change a command and its subcommands to plain help if the terminal is narrower than ``NARROW``."""
    columns = shutil.get_terminal_size().columns
    if columns < NARROW:
        _simplify(command, max(columns, _LEAST))


def _simplify(command: Any, columns: int) -> None:
    command.rich_markup_mode = None
    command.context_settings["terminal_width"] = columns
    for part in (command, *command.params):
        part.help = _plain(getattr(part, "help", None))
    command.epilog = _plain(command.epilog)
    for subcommand in getattr(command, "commands", {}).values():
        _simplify(subcommand, columns)
        subcommand.short_help = subcommand.help  # in a list of commands, it would be cut as well


def _plain(markup: str | None) -> str | None:
    """The words of a text with rich's markup."""
    from rich.text import Text

    return None if markup is None else Text.from_markup(markup).plain
