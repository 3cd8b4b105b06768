"""A Sphinx extension: the reference of the command line, read off the application when the book is built.

In a page's source the line ``<!-- commands -->`` becomes a section for each command of ``specdec``, with its
usage, arguments, options, defaults, example, exit codes, and what it printed when ``outputs.json`` was made;
``<!-- exit codes -->`` becomes their table, from the docstring of the application, and ``<!-- columns -->``
that of what ``specdec results`` exports. What a command takes is written once, where it is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.text import Text
from sphinx.application import Sphinx

RECORDED = Path(__file__).parents[1] / "outputs.json"
COMMANDS, EXIT_CODES, COLUMNS = "<!-- commands -->", "<!-- exit codes -->", "<!-- columns -->"
Outputs = Mapping[str, list[dict[str, str]]]
"""Command -> what was run, and what it printed."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|$~])")
_OWN_DEFAULT = re.compile(r"\s*\[default: (.+)\]\s*$")
_LITERAL = re.compile(r"``(.+?)``")


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the marks in a page's source."""
    if any(mark in source[0] for mark in (COMMANDS, EXIT_CODES, COLUMNS)):
        from specdec_lib.cli import app as module

        codes = exit_codes(module.__doc__ or "")
        source[0] = source[0].replace(EXIT_CODES, exit_table(codes))
        source[0] = source[0].replace(COLUMNS, column_table())
        outputs = json.loads(RECORDED.read_text(encoding="utf8"))
        source[0] = source[0].replace(COMMANDS, reference(typer.main.get_command(module.app), codes, outputs))


def column_table() -> str:
    """The columns of an export, in their order."""
    from specdec_lib.bench.results import columns

    rows = [f"| `{column.name}` | {column.kind} | {column.meaning} |" for column in columns.COLUMNS]
    return "\n".join(["| column | holds | what |", "|:--|:--|:--|", *rows])


def reference(application: Any, codes: dict[int, str], outputs: Outputs) -> str:
    """All commands as MyST Markdown, in the order of ``--help``."""
    parts = []
    for name, command in application.commands.items():
        parts += [section(name, command, codes), *shown(outputs.get(name, []))]
    return "\n\n".join(parts)


def shown(runs: Iterable[Mapping[str, str]]) -> list[str]:
    """Commands that were run and what they printed, as blocks of code."""
    blocks = [
        f"```bash\n{run['command']}\n```\n\n```{{code-block}} text\n:class: output\n\n{run['prints']}\n```"
        for run in runs
    ]
    return ["**What it prints**", *blocks] if blocks else []


def section(name: str, command: Any, codes: dict[int, str]) -> str:
    """One command: a labelled heading, what it does, usage, parameters by panel, example, exit codes."""
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    options = [param for param in shown if param.param_type_name == "option"]
    parts = [
        f"(command-{name})=\n### `specdec {name}`",
        plain(command.help),
        f"```text\n{' '.join(['specdec', name, '[OPTIONS]', *map(usage, arguments)])}\n```",
    ]
    for panel, params in _by_panel([*arguments, *options]):
        parts.append("\n\n".join([f"**{plain(panel)}**", *map(entry, params)]))
    if command.epilog:
        parts.append(f"```bash\n{Text.from_markup(command.epilog).plain.removeprefix('Example: ')}\n```")
    mine = [str(code) for code, meaning in codes.items() if _concerns(meaning, name)]
    return "\n\n".join([*parts, f"Exit codes: {', '.join(mine)}."])


def usage(argument: Any) -> str:
    """An argument as a usage line has it."""
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def entry(param: Any) -> str:
    """An entry of a definition list: how it is written, what it means, what it is without."""
    words, default = _described(param)
    facts = [words, *_bounds(param)]
    if param.required:
        facts.append("Required.")
    elif default:
        facts.append(f"*Default: {default}.*")
    return f"{_written(param)}\n: {' '.join(fact for fact in facts if fact)}"


def exit_codes(docstring: str) -> dict[int, str]:
    """Code -> meaning, from the sentence "Exit codes: 0 done, 1 …, 2 … ." of a docstring."""
    sentence = re.search(r"Exit codes: (.+?)\.\s", " ".join(docstring.split()) + " ")
    if sentence is None:
        raise ValueError("the docstring of the application does not list its exit codes")
    pieces = re.split(r", (?=\d+ )", sentence[1])
    return {int(code): meaning for code, meaning in (piece.split(" ", 1) for piece in pieces)}


def exit_table(codes: dict[int, str]) -> str:
    """The codes as a Markdown table."""
    told = {code: _LITERAL.sub(r"`\1`", meaning) for code, meaning in codes.items()}
    rows = [f"| {code} | {meaning} |" for code, meaning in told.items()]
    return "\n".join(["| code | meaning |", "|:--|:--|", *rows])


def plain(markup: str) -> str:
    """Rich markup as Markdown that shows the same words and nothing else."""
    return _SPECIAL.sub(r"\\\1", Text.from_markup(" ".join(markup.split())).plain)


def _by_panel(params: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    """Parameters under the heading that ``--help`` puts them under, in its order."""
    panels: dict[str, list[Any]] = {}
    for param in params:
        usual = "Arguments" if param.param_type_name == "argument" else "Options"
        panels.setdefault(getattr(param, "rich_help_panel", None) or usual, []).append(param)
    return list(panels.items())


def _written(param: Any) -> str:
    """``--k N, -k N`` and the like, as code."""
    if param.param_type_name == "argument":
        return f"`{param.metavar or param.name.upper()}`"
    value = f" {param.metavar}" if param.metavar and not param.is_flag else ""
    return ", ".join(f"`{name}{value}`" for name in (*param.opts, *param.secondary_opts))


def _described(param: Any) -> tuple[str, str]:
    """The help without a default that it states itself, and the default (empty: nothing to say)."""
    words = Text.from_markup(param.help or "").plain
    stated = _OWN_DEFAULT.search(words)
    if stated:
        return _escaped(words[: stated.start()]), _escaped(stated[1])
    shown = getattr(param, "show_default", True)
    if isinstance(shown, str):
        return _escaped(words), _escaped(shown)
    silent = not shown or param.default is None or isinstance(param.default, bool)
    return _escaped(words), "" if silent else f"`{param.default}`"


def _bounds(param: Any) -> list[str]:
    kind = param if hasattr(param, "min") else getattr(param, "type", None)
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    limits = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
    return [f"{' and '.join(limits).capitalize()}."] if limits else []


def _escaped(words: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))


def _concerns(meaning: str, name: str) -> bool:
    """A meaning that names commands holds for those alone."""
    named = _LITERAL.findall(meaning)
    return not named or name in named


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of sources."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
