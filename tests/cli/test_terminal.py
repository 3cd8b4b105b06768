"""Text that a terminal cannot be fooled with."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from specdec_lib.cli.terminal import Prose, log_line, safe_line, safe_table, safe_text, said_if_waiting, text
from specdec_lib.utils.logging import get_logger


@pytest.mark.parametrize(
    "raw, shown",
    [
        ("plain é 漢 🙂\n\tx", "plain é 漢 🙂\n\tx"),
        ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
        ("\x9b31m", "\\u009b31m"),
        ("a\rb\x08c\x7f\x00", "a␍b␈c␡␀"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_control_characters_become_visible(raw: str, shown: str) -> None:
    assert safe_text(raw) == shown


def test_messages_are_one_line() -> None:
    assert safe_line(" a\n  b\x1b\tc ") == "a b␛ c"


def test_a_log_event_is_a_line_like_the_others() -> None:
    event = {
        "event": "two\nlines",
        "level": "warning",
        "timestamp": "now",
        "logger": "x",
        "model": "m",
        "n": 3,
    }
    assert log_line("warning", event) == "warning: two lines (model=m, n=3)"
    assert log_line("warning", {"event": "plain"}) == "warning: plain"


LOUD = """
import os, sys
from specdec_lib.cli import main
from specdec_lib.cli.commands import pairs

def loud(document):
    print("a library prints")
    os.write(1, b"a library writes\\n")
    os.system("echo a child prints")
    kept(document)

kept, pairs.print_json = pairs.print_json, loud
code = main(["pairs", "--json"])
print("afterwards")
sys.exit(code)
"""


def test_json_is_alone_on_standard_output_whatever_libraries_print() -> None:
    done = subprocess.run([sys.executable, "-c", LOUD], capture_output=True, text=True, timeout=60)
    document, after = done.stdout.splitlines()
    assert done.returncode == 0 and json.loads(document)["pairs"] and after == "afterwards"
    assert sorted(done.stderr.splitlines()) == ["a child prints", "a library prints", "a library writes"]


def test_json_is_alone_where_standard_output_is_no_file(specdec, monkeypatch) -> None:
    monkeypatch.setattr("specdec_lib.cli.commands.pairs.asdict", lambda pair: print("loud") or {})
    shown = specdec("pairs", "--json")
    assert shown.document["pairs"] and "loud" in shown.err
    assert "pocket" in specdec("pairs").out


def test_warnings_of_the_library_are_lines_of_the_command_line(specdec, monkeypatch, capsys) -> None:
    def warn(*arguments: object) -> str:
        get_logger("specdec_lib.some.module").warning("something is odd", model="m")
        return ""

    monkeypatch.setattr("specdec_lib.cli.commands.pairs.note", warn)
    assert set(specdec("pairs").err.splitlines()) == {"warning: something is odd (model=m)"}
    warn()
    assert json.loads(capsys.readouterr().err)["event"] == "something is odd"  # the library's own form again


@pytest.mark.parametrize("width", range(11, 40))
def test_no_line_of_prose_ends_between_a_number_and_its_unit(width: int) -> None:
    told = "a need of 22.56 GiB, 16 % more\n\n  at K = 4 and 2^30 bytes \x1b here, there, everywhere"
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(Prose(told))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(safe_text(told).split()) and "" in lines
    assert not [line for line in lines if line.endswith(("22.56", "16", "2^30"))]


def test_markup_in_cells_is_text() -> None:
    assert text("[bold]x[/bold]").plain == "[bold]x[/bold]"
    made = safe_table("[red]t", ["[blue]c"], "l", [["[link=x]y"]])
    assert made.columns[0]._cells[0].plain == "[link=x]y"
    assert made.title.plain == "[red]t"


def test_a_pipe_that_nobody_writes_into_is_said_and_then_read(tmp_path, capsys) -> None:
    os.mkfifo(tmp_path / "pipe")
    told: list[str] = []

    def write_once_it_is_said() -> None:
        while not told:
            time.sleep(0.01)
            told.extend(capsys.readouterr().err.splitlines())
        (tmp_path / "pipe").write_text("late")

    writer = threading.Thread(target=write_once_it_is_said, daemon=True)
    writer.start()
    with said_if_waiting(tmp_path / "pipe", seconds=0.01):
        assert (tmp_path / "pipe").read_text() == "late"
    writer.join()
    assert told == [
        f"warning: {tmp_path / 'pipe'} is a pipe; waiting for something to be written into it, "
        "and for its end"
    ]


def test_a_file_is_read_without_a_word(tmp_path, capsys) -> None:
    (tmp_path / "file").write_text("here")
    with said_if_waiting(tmp_path / "file", seconds=0.0):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""
