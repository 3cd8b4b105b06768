"""In the tables that cells have shown, sentences and long names may break, and numbers may not."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from book_modules import load


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("exact as far as seen", "exact as far as seen"),
        ("χ² of all tokens, and more", "χ² of all tokens, and more"),
        ("huggingface/transformers#47932", "huggingface/<wbr/>transformers#47932"),
        ("accepts_every_single_one", "accepts_<wbr/>every_<wbr/>single_<wbr/>one"),
    ],
)
def test_sentences_and_long_names_may_break(cell, shown):
    assert load("_ext/markup.py").breakable(f"<td>{cell}</td>") == f'<td class="words">{shown}</td>'


def test_what_may_break_is_well_formed_for_an_e_reader():
    body = "<tr><td>huggingface/transformers#47932</td><td>exact as far as seen</td></tr>"
    row = ElementTree.fromstring(load("_ext/markup.py").breakable(body))
    assert len(row.findall("td/wbr")) == 1 and "".join(row.itertext()).endswith("#47932exact as far as seen")


@pytest.mark.parametrize(
    "cell", ["1.41× (1.35–1.50) of 30", "not exact", "joint_law", "2026-12-01T10:00:00Z.1", ""]
)
def test_numbers_and_what_is_short_stay_as_they_are(cell):
    assert load("_ext/markup.py").breakable(f"<td>{cell}</td>") == f"<td>{cell}</td>"


def test_other_tables_stay_as_they_are():
    body = '<td class="text-left"><p>a sentence of a page</p></td><p>another_name_that_is_long</p>'
    assert load("_ext/markup.py").breakable(body) == body
