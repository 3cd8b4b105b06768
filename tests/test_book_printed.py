"""What the book makes of printed text: columns stay columns, sentences may be broken."""

from __future__ import annotations

from types import ModuleType

import pytest
from book_modules import load
from docutils import nodes


def printed() -> ModuleType:
    return load("_ext/printed.py")


@pytest.mark.parametrize(
    "text",
    [
        "the law              2.80×\nthe bonus forgotten  1.97×",
        "K   α      c\n1   0.85   0.15",
        " pair   role \n ───────────\n",
        "│ --corpus   FILE  │\n│ --out      DIR   │",
    ],
)
def test_columns_are_seen(text):
    assert printed().has_columns(text)


@pytest.mark.parametrize(
    "text",
    [
        "v(1) = 1.06  v(3) = 1.18  v(4) = 1.21",
        "one sentence\nand another one, which is longer",
        "def f(x):\n    return x\n    # indented, not in columns",
        "ratios: 2/3 2   kept: 2/3\nratio of the pair: 4/3",
        "",
    ],
)
def test_sentences_are_no_columns(text):
    assert not printed().has_columns(text)


def test_of_printed_blocks_alone_those_with_columns_get_the_class():
    table, words = "a    b\n1    2", "words"
    blocks = [
        nodes.literal_block(text, text, classes=kind) for text in (table, words) for kind in (["output"], [])
    ]
    document = nodes.section("", *blocks)
    printed().mark_columns(None, document, "page")
    assert [block["classes"] for block in blocks] == [["output", "columns"], [], ["output"], []]
