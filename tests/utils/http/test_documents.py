"""JSON that means one thing, and quotations that fit a line."""

from __future__ import annotations

import pytest

from specdec_lib.errors import InvalidArgument
from specdec_lib.utils.http.documents import MOST_DIGITS, MOST_NESTED, in_a_line, strict_document


def test_sound_json_is_read_as_python_reads_it():
    text = '{"a": [1, -0.5, 1e-9, null, true, "\\ud83d\\ude00"], "b": {}}'
    assert strict_document(text) == {"a": [1, -0.5, 1e-9, None, True, "😀"], "b": {}}
    assert strict_document("9" * MOST_DIGITS) == int("9" * MOST_DIGITS)
    nested = "[" * MOST_NESTED + "]" * MOST_NESTED
    assert strict_document(nested)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" ", "empty"),
        ("\n<html>", "HTML"),
        ('{"a": ', "character"),
        ("[1] 2", "character 4"),
        ("[NaN]", "NaN is no number"),
        ("-Infinity", "-Infinity"),
        ("1e400", "beyond"),
        ('{"x\\u001b": 1, "x\\u001b": 1}', "x\\x1b"),
        ("9" * (MOST_DIGITS + 1), "digits"),
        ("9" * 10_000, "digits"),
        ("[" * (MOST_NESTED + 1) + "]" * (MOST_NESTED + 1), "nested"),
        ('{"a":' * 100_000, "nested"),
    ],
)
def test_what_python_lets_pass_is_refused(text, words):
    with pytest.raises(InvalidArgument, match=words.replace("\\", "\\\\")) as raised:
        strict_document(text)
    assert len(str(raised.value).splitlines()) == 1


def test_a_quotation_is_one_line_without_what_does_not_show():
    assert in_a_line("a\r\n\tb\x1b[31m\u202ec\ud800") == "a b\\x1b[31m\\u202ec\\ud800"
    assert in_a_line("x" * 500) == "x" * 119 + "…"
    assert in_a_line("key=sk-1", secrets=["sk-1"]) == "key=***"
    assert "secret" not in in_a_line("y" * 118 + "secret" * 80, secrets=["secret"])
