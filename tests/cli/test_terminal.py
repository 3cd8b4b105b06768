"""Text that a terminal cannot be fooled with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from specdec_lib.cli.terminal import log_line, one_line, safe_text, table, text
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
    assert one_line(" a\n  b\x1b\tc ") == "a b␛ c"


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


def test_markup_in_cells_is_text() -> None:
    assert text("[bold]x[/bold]").plain == "[bold]x[/bold]"
    made = table("[red]t", [("[blue]c", "left")], [["[link=x]y"]])
    assert made.columns[0]._cells[0].plain == "[link=x]y"
    assert made.title.plain == "[red]t"
