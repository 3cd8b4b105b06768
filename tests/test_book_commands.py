"""The command line's page: every command and option is on it, as the application says it and no other way."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest
import typer
from book_modules import load
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser

from specdec_lib.cli import app as application
from specdec_lib.utils.entry_point import BAD_INPUT, BROKEN_PIPE, INTERRUPTED

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book" / "command_line.md").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def commands() -> ModuleType:
    return load("_ext/commands.py")


@pytest.fixture(scope="module")
def built(commands) -> str:
    """The page as Sphinx reads it."""
    source = [PAGE]
    commands.fill_in(None, "book/command_line", source)
    return source[0]


def toy() -> typer.Typer:
    """A command with everything that can go wrong on the way to Markdown."""
    app = typer.Typer(rich_markup_mode="rich")

    @app.command("odd", epilog="[bold]Example:[/bold] specdec odd 'a*b' --level 2")
    def odd(
        file: Annotated[str, typer.Argument(metavar="FILE", help="Read *this*.")],
        level: Annotated[
            int, typer.Option("--level", "-l", metavar="N", min=1, max=9, help="A_level. [dim]loud[/dim]")
        ] = 3,
        where: Annotated[
            str | None, typer.Option("--where", metavar="DIR", help=r"There. [dim]\[default: here][/dim]")
        ] = None,
        mode: Annotated[str, typer.Option("--mode", show_default="as it was", rich_help_panel="How")] = "x",
        loud: Annotated[bool, typer.Option("--loud/--quiet", help="Say <more>.")] = False,
        secret: Annotated[str, typer.Option("--secret", hidden=True)] = "s",
    ) -> None:
        """Do [bold]one[/bold] thing."""

    app.callback()(lambda: None)
    return app


def test_every_command_and_every_name_of_its_parameters_is_on_the_page(built):
    group = typer.main.get_command(application.app)
    assert len(group.commands) >= 7
    for name, command in group.commands.items():
        (section,) = re.findall(rf"^### `specdec {name}`\n(.+?)(?=^\(command-|^## )", built, re.M | re.S)
        for param in command.params:
            names = [param.metavar] if param.param_type_name == "argument" else param.opts
            for written in names:
                entries = re.findall(rf"^(?:`.+`, )?`{re.escape(written)}[` ].*\n: ", section, re.M)
                assert len(entries) == 1, (name, written)


def test_the_marks_are_replaced_and_no_markup_of_the_terminal_is_left(built):
    assert "<!--" not in built
    assert not re.search(r"\[/?(dim|bold)\]|\\\\\[", built)


def test_defaults_bounds_and_examples_are_those_of_the_application(built):
    verify = typer.main.get_command(application.app).commands["verify"]
    (samples,) = [param for param in verify.params if "--samples" in param.opts]
    assert f"more see smaller deviations. At least 1. *Default: `{samples.default}`.*" in built
    for module in (application.pairs, application.verify, application.train):
        assert f"```bash\n{module.EXAMPLE}\n```" in built


def test_an_odd_command_comes_out_as_it_was_meant(commands):
    text = commands.reference(
        typer.main.get_command(toy()),
        {0: "done", 1: "``even`` failed", 2: "``odd``"},
        {"odd": [{"command": "specdec odd x", "prints": "# one\n  *two*"}]},
    )
    assert "### `specdec odd`\n\nDo one thing." in text
    assert "```text\nspecdec odd [OPTIONS] FILE\n```" in text
    assert "`FILE`\n: Read \\*this\\*. Required." in text
    assert "`--level N`, `-l N`\n: A\\_level. loud At least 1 and at most 9. *Default: `3`.*" in text
    assert "`--where DIR`\n: There. *Default: here.*" in text
    assert "**How**\n\n`--mode" in text and "*Default: as it was.*" in text
    assert "`--loud`, `--quiet`\n: Say \\<more\\>." in text
    assert "secret" not in text
    assert "```bash\nspecdec odd 'a*b' --level 2\n```" in text
    codes, prints = text.split("\n\n**What it prints**\n\n")
    assert codes.endswith("Exit codes: 0, 2.")
    block = "```{code-block} text\n:class: output\n\n# one\n  *two*\n```"
    assert prints == f"```bash\nspecdec odd x\n```\n\n{block}"


def test_the_markdown_is_understood_without_a_complaint(built):
    settings = {
        "myst_enable_extensions": ["deflist"],
        "myst_suppress_warnings": ["myst.xref_missing"],
        "report_level": 2,
        "halt_level": 2,
    }
    generated = built[built.index("## Commands") : built.index("## Modules that run")]
    tree = publish_doctree(f"# Page\n\n{generated}", parser=Parser(), settings_overrides=settings)
    assert len(list(tree.findall(lambda node: node.tagname == "definition_list_item"))) > 50


def test_exit_codes_are_those_that_the_program_returns(commands):
    codes = commands.exit_codes(application.__doc__)
    assert set(codes) == {0, 1, BAD_INPUT, INTERRUPTED, BROKEN_PIPE}
    assert all(meaning for meaning in codes.values())
    told = {name: commands.section(name, command, codes).splitlines()[-1]
            for name, command in typer.main.get_command(application.app).commands.items()}  # fmt: skip
    assert told["verify"] == told["doctor"] == told["audit"] == "Exit codes: 0, 1, 2, 130, 141."
    assert told["pairs"] == "Exit codes: 0, 2, 130, 141."


def test_a_docstring_without_exit_codes_is_not_passed_over(commands):
    with pytest.raises(ValueError, match="exit codes"):
        commands.exit_codes("The application.")


def test_other_pages_are_left_as_they_are(commands):
    source = ["# A page\n\nNo commands here."]
    commands.fill_in(None, "book/intro", source)
    assert source == ["# A page\n\nNo commands here."]


def test_every_command_has_a_task_and_every_module_that_runs_is_named():
    tasks = PAGE[: PAGE.index("## What can a program rely on?")]
    for name in typer.main.get_command(application.app).commands:
        assert f"<command-{name}>" in tasks, name
    for path in sorted((ROOT / "specdec_lib").rglob("*.py")):
        if '__name__ == "__main__"' in path.read_text(encoding="utf8"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
            assert f"`python -m {module}" in PAGE, module
