"""Help on narrow terminals: what an option is called stands there whole."""

from __future__ import annotations

import re

import pytest
import typer

from specdec_lib.cli import app

COMMANDS = typer.main.get_command(app.app).commands


@pytest.mark.parametrize("columns", [24, 40, 59, 60])
@pytest.mark.parametrize("name", COMMANDS)
def test_names_of_options_are_whole(specdec, monkeypatch, name: str, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = specdec(name, "--help")
    assert shown.code == 0 and "[dim]" not in shown.out and "[bold]" not in shown.out
    for param in COMMANDS[name].params:
        for option in (*param.opts, *param.secondary_opts) if param.param_type_name == "option" else ():
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", shown.out), option


def test_lines_fit_and_summaries_are_whole(specdec, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for arguments in (["--help"], ["bench", "--help"]):
        assert max(map(len, specdec(*arguments).out.splitlines())) <= 40
    words = " ".join(specdec("--help").out.split())
    assert "the same command resumes an interrupted run." in words and "First steps: specdec doctor" in words


@pytest.mark.parametrize("columns", ["0", "1", "x", "-5", ""])
def test_an_odd_width_is_no_error(specdec, monkeypatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert specdec("pairs", "--help").code == 0


def test_a_wide_terminal_keeps_its_panels(specdec) -> None:
    assert "╭─ Sampling" in specdec("generate", "--help").out
