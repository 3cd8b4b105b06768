"""Tokens as text while they arrive, and how each kind is marked."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from specdec_lib.cli.views.stream import RoundPrinter, kinds
from specdec_lib.decoding.trace import Round
from specdec_lib.models.text.ids import TokenText


def decode(ids) -> str:
    """A byte-level tokenizer whose ids are bytes."""
    return bytes(ids).decode("utf-8", errors="replace")


@pytest.mark.parametrize(
    "content",
    ["plain", "é漢🙂 mixed ñ\n", "a\ufffdb", "", "👩\u200d💻"],
)
def test_pieces_put_end_to_end_are_the_text(content: str) -> None:
    stream = TokenText(decode, list("ü".encode()))
    pieces = [stream.add(byte) for byte in content.encode()]
    assert "".join(pieces) + stream.flush() == content


def test_a_piece_waits_until_its_character_is_whole() -> None:
    stream = TokenText(decode)
    assert [stream.add(byte) for byte in "a🙂b".encode()] == ["a", "", "", "", "🙂", "b"]


def test_bytes_that_never_become_a_character_are_shown_at_the_end() -> None:
    stream = TokenText(decode)
    assert [stream.add(byte) for byte in b"a\xf0\x9f"] == ["a", "", ""]
    assert stream.flush() == "\ufffd"


def test_bad_bytes_in_the_middle_come_with_the_next_character() -> None:
    stream = TokenText(decode)
    assert [stream.add(byte) for byte in b"\xffab"] == ["", "\ufffda", "b"]


def test_a_tokenizer_that_strips_a_leading_space_loses_none_in_a_stream() -> None:
    words = ["in", " the", " house"]
    stream = TokenText(lambda ids: "".join(words[i] for i in ids).removeprefix(" "), [0])
    assert stream.add(1) + stream.add(2) == " the house"


def test_kinds_of_the_tokens_of_a_round() -> None:
    assert list(kinds(Round([5, 6, 7], "corrected", [5, 6, 9, 9], 2))) == [
        "accepted",
        "accepted",
        "corrected",
    ]
    assert list(kinds(Round([5, 6], "bonus", [5], 1))) == ["accepted", "bonus"]
    assert list(kinds(Round([5], "autoregressive"))) == ["autoregressive"]
    cut = Round([5, 6, 7], "bonus", [5, 6], 2)
    cut.keep([5, 6])
    assert list(kinds(cut)) == ["accepted", "accepted"]


def printed(rounds: list[Round], prompt: str = "hi ", **options) -> str:
    file = io.StringIO()
    console = Console(file=file, width=20, markup=False, highlight=False, **options)
    printer = RoundPrinter(console, decode)
    printer.legend()
    printer.prompt(prompt, list(prompt.encode()))
    for round_ in rounds:
        printer.round(round_)
    printer.end()
    return file.getvalue()


ROUNDS = [
    Round(list(b"ab"), "corrected", list(b"ax"), 1),
    Round(list(b"cd"), "bonus", list(b"c"), 1),
    Round(list(b"e"), "autoregressive"),
]


def test_what_is_no_terminal_gets_the_text_alone() -> None:
    assert printed(ROUNDS) == "hi abcde\n"


def test_long_lines_and_tabs_pass_unchanged() -> None:
    content = b"a\t" + b"x" * 50
    assert printed([Round(list(content), "corrected")]) == f"hi {content.decode()}\n"


def test_each_kind_has_a_style_beside_its_colour() -> None:
    shown = printed(ROUNDS, force_terminal=True, color_system="standard")
    legend, text = shown.split("\n\n")
    for kind, codes in {"accepted": "4;32", "corrected": "1;7;33", "bonus": "1;3;36"}.items():
        assert f"\x1b[{codes}m{kind}" in legend
    for token, codes in {"a": "4;32", "b": "1;7;33", "c": "4;32", "d": "1;3;36"}.items():
        assert f"\x1b[{codes}m{token}\x1b[0m" in text


def test_without_colour_the_styles_stay() -> None:
    shown = printed(ROUNDS, force_terminal=True, color_system="standard", no_color=True)
    assert "\x1b[4ma" in shown and "\x1b[1;7mb" in shown and "\x1b[1;3md" in shown and "32m" not in shown


def test_a_terminal_without_styles_gets_brackets() -> None:
    shown = printed(ROUNDS, force_terminal=True, color_system=None)
    assert shown == "each token: _accepted_ · [corrected] · {bonus}\n\nhi _a_[b]_c_{d}e\n"


def test_line_breaks_are_not_styled() -> None:
    shown = printed(
        [Round(list(b"a\nb"), "corrected", list(b"a\nx"), 2)], force_terminal=True, color_system="standard"
    )
    assert "\x1b[4;32ma\x1b[0m\n\x1b" in shown


def test_token_text_is_never_obeyed() -> None:
    evil = b"[red]\x1b[2J\x1b]8;;http://x\x07[/red]"
    shown = printed([Round(list(evil), "corrected")], prompt="[bold]p\x1b[0m")
    assert shown == "[bold]p␛[0m[red]␛[2J␛]8;;http://x␇[/red]\n"
