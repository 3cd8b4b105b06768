"""A Sphinx extension: tells printed sentences from printed columns.

On a narrow screen what a cell has printed is broken into the lines that fit, as prose is. Columns would fall
apart, so what has them gets a class and scrolls inside its box; it begins with the first column.
"""

from __future__ import annotations

import re
from itertools import pairwise

from docutils import nodes
from sphinx.application import Sphinx

PRINTED, COLUMNS = "output", "columns"
_GAP_END = re.compile(r"(?<=\S)\s*[ │┃|]{2,}(?=\S)")
_RULE = re.compile(r"^\s*[─━═┄=-]{8,}\s*$", re.MULTILINE)


def has_columns(text: str) -> bool:
    """Whether two lines in a row have a word behind a wide gap at the same place, or a rule is drawn."""
    ends = [{gap.end() for gap in _GAP_END.finditer(line)} for line in text.splitlines()]
    return bool(_RULE.search(text)) or any(line & following for line, following in pairwise(ends))


def mark_columns(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Give what is printed in columns its class."""
    for block in document.findall(nodes.literal_block):
        if PRINTED in block["classes"] and has_columns(block.astext()):
            block["classes"].append(COLUMNS)


def setup(app: Sphinx) -> dict[str, bool]:
    """Run when a page is about to be written."""
    app.connect("doctree-resolved", mark_columns)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
