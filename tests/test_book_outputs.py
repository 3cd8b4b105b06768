"""What the page *Command line* shows as printed: recorded, of every command, and still of that shape."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import typer
from book_modules import load

from specdec_lib.cli import app, main

ROOT = Path(__file__).resolve().parents[1]
RECORDED = json.loads((ROOT / "book" / "outputs.json").read_text(encoding="utf8"))
RUNS = [(name, run["command"], run["prints"]) for name, runs in RECORDED.items() for run in runs]
QUICK = {
    "bench": ["--in-process", "-n", "8", "--prompts", "1"],
    "verify": ["--samples", "50", "--tokens", "10", "--prompts", "2", "-k", "1"],
    "generate": ["-n", "12"],
    "train": ["--tokens", "1500"],
}
"""Options that make a command short; they come last, so that they are heard."""


def labels(text: str) -> set[str]:
    """Headings and what begins a line, of at most three words; no numbers, no line that goes on."""
    lines = [line for line in text.splitlines() if not line.startswith("    ")]
    first = [re.split(r"\s{2,}|\s\|\s", line.strip(" ✓·✗"))[0] for line in lines]
    words = [re.findall(r"[A-Za-zα][\w'-]*", begin) for begin in first if not re.search(r"\d", begin)]
    return {" ".join(label) for label in words if 0 < len(label) <= 3}


def recorder() -> ModuleType:
    """The script that records them."""
    return load("figures/outputs.py")


def test_every_command_has_a_recorded_output_of_its_own():
    recipe = recorder().RUNS
    assert set(RECORDED) == set(typer.main.get_command(app.app).commands) == set(recipe)
    for name, command, prints in RUNS:
        assert shlex.split(command)[:2] == ["specdec", name] and prints.strip()
        assert command in recipe[name]


def test_recorded_outputs_name_no_folder_of_a_machine_and_fit_in_a_terminal():
    for name, _, prints in RUNS:
        assert not re.search(r"/(tmp|root|home|work|Users)/", prints), name
        tables = [line for line in prints.splitlines() if re.search(r"─|│", line)]
        assert all(len(line) <= 80 for line in tables), name


@pytest.mark.unchecked
@pytest.mark.parametrize(("name", "command", "prints"), RUNS, ids=[command for _, command, _ in RUNS])
def test_the_shape_of_a_recorded_output_still_holds(name, command, prints, tmp_path, monkeypatch, capsys):
    """Its headings and the beginnings of its lines; numbers and times are the machine's."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    try:
        code = main([*shlex.split(command)[1:], *QUICK.get(name, [])])
        assert code == ("REJECTED" in prints)  # a verdict is no failure
    except SystemExit as end:  # --help
        assert not end.code
    now, then = labels(capsys.readouterr().out), labels(prints)
    assert then and then <= now
