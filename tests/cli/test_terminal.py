"""Text that a terminal cannot be fooled with."""

from __future__ import annotations

import pytest

from specdec_lib.cli.terminal import one_line, safe_text, table, text


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


def test_markup_in_cells_is_text() -> None:
    assert text("[bold]x[/bold]").plain == "[bold]x[/bold]"
    made = table("[red]t", [("[blue]c", "left")], [["[link=x]y"]])
    assert made.columns[0]._cells[0].plain == "[link=x]y"
    assert made.title.plain == "[red]t"
