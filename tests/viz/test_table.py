"""Tables show what the rows hold, escaped, as text and as HTML."""

from __future__ import annotations

import doctest

import pytest

from specdec_lib.viz import table
from specdec_lib.viz.table import show_table

ROWS = [{"domain": "code", "k": 4, "alpha": 0.756}, {"domain": "conversation", "k": 16, "alpha": None}]


def test_text_is_aligned() -> None:
    assert repr(show_table(ROWS, {"domain": "{domain}", "K": "{k}", "α̂": "{alpha:.2f}"})).splitlines() == [
        "domain        K   α̂",
        "------------  --  ----",
        "code          4   0.76",
        "conversation  16  –",
    ]


def test_html_is_escaped() -> None:
    """Trap 42: what comes from a text shows as text."""
    shown = show_table([{"token": "<script>alert(1)</script>"}], {"<b>": "{token}"})._repr_html_()
    assert "<script>" not in shown and "<b>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_no_rows_leave_the_headers() -> None:
    assert repr(show_table([], {"K": "{k}"})).splitlines() == ["K", "-"]
    assert "<tbody></tbody>" in show_table([], {"K": "{k}"})._repr_html_()


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="speed"):
        show_table(ROWS, {"speed": "{speed}"})


def test_the_example_of_the_docstring() -> None:
    assert doctest.testmod(table).failed == 0
