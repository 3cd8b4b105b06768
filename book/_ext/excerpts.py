"""A Sphinx extension: what the search shows beside a page that it has found, also from a folder.

Sphinx's search fetches each page that it lists to show a passage of it. From ``file://`` a browser refuses,
so the words of all pages lie in a script, ``_static/texts.js``, which the search page loads; ``excerpts.js``
chooses the passage. Section by section, so that a hit in a section shows that section, and prose before code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

TEXTS, CHOOSER = "texts.js", "excerpts.js"
_SILENT = (nodes.raw, nodes.literal_block, nodes.comment, nodes.system_message, nodes.image)
_BEFORE_PAGES_ARE_CHECKED = 400


def sections(document: nodes.Element) -> list[tuple[str, str]]:
    """The ids of each section and its words without those of the sections in it, in order."""
    found = []
    for section in document.findall(nodes.section):
        own = [child for child in section if not isinstance(child, (nodes.title, nodes.section))]
        code = [block.astext() for child in own for block in child.findall(nodes.literal_block)]
        words = " ".join([*(" ".join(words_of(child)) for child in own), *code])
        found.append((" ".join(section["ids"]), " ".join(words.split())))
    return found


def words_of(node: nodes.Node) -> Iterator[str]:
    """The texts of a node that a reader sees, but for blocks of code."""
    if isinstance(node, nodes.Text):
        yield node.astext()
    elif not isinstance(node, (*_SILENT, nodes.section)):
        apart = isinstance(node, nodes.TextElement) and not isinstance(node, nodes.Inline)
        pieces = [piece for child in node.children for piece in words_of(child)]
        yield from ["".join(pieces)] if apart else pieces


def script(texts: dict[str, list[tuple[str, str]]]) -> str:
    """A script that puts ``texts`` (page -> its sections) where ``excerpts.js`` finds them."""
    return f"window.bookTexts = {json.dumps(texts, separators=(',', ':'))};\n"


def write_texts(app: Sphinx, exception: Exception | None) -> None:
    """Write the words of all pages."""
    if exception is None and app.builder.name == "html":
        texts = {name: sections(app.env.get_doctree(name)) for name in sorted(app.env.found_docs)}
        (Path(app.outdir) / "_static" / TEXTS).write_text(script(texts), encoding="utf8")


def load_texts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """The search page loads the words, and what chooses among them."""
    if pagename == "search" and app.builder.name == "html":
        app.add_js_file(CHOOSER)
        app.add_js_file(TEXTS)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both steps."""
    app.connect("html-page-context", load_texts)
    app.connect("build-finished", write_texts, priority=_BEFORE_PAGES_ARE_CHECKED)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
