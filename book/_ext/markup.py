"""A Sphinx extension: corrects what others leave in the pages, an id twice or a role that does not fit.

sphinx-exercise and sphinx-proof give the body of every exercise and proof the same id; docutils calls a
bibliography a list whose entries are no items of one. In tables that cells have shown, words get a class, so
that they may break where numbers may not, and long names may break behind an underscore or a slash."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

REPEATED = {"exercise-content", "solution-content", "proof-content", "proof"}
_OPENING = "Proof. "
_AFTER_SOLUTIONS_ARE_CLOSED = 300
_WORDS = re.compile(r"<td>(?=[^\W\d][^<]{17,}</td>)(?=[^< ]+ )")
_NAME = re.compile(r"<td>(?=[^<]{20,}</td>)([\w./#-]*[_/][\w./#-]*)</td>")
_JOINTS = re.compile(r"[_/](?=.)")
_CITATIONS = ('<div role="list" class="citation-list">', '<div class="citation-list">')


class OwnIds(SphinxTransform):
    """Each proof, and the body of each exercise, solution and proof, gets an id of its own."""

    default_priority = _AFTER_SOLUTIONS_ARE_CLOSED

    def apply(self) -> None:
        alike = [node for node in self.document.findall(nodes.Element) if REPEATED & {*node["ids"]}]
        for number, node in enumerate(alike, start=1):
            node["ids"] = [f"{node['ids'][0]}-{number}"]


class OpenProofs(SphinxTransform):
    """The word that opens a proof stands apart from what is proved."""

    default_priority = _AFTER_SOLUTIONS_ARE_CLOSED

    def apply(self) -> None:
        for proof in self.document.findall(nodes.admonition):
            text = next(iter(proof.findall(nodes.Text)), None)
            if "proof" in proof["classes"] and text is not None and text.startswith(_OPENING):
                opened = nodes.emphasis("", _OPENING.strip())
                text.parent.replace(text, [opened, nodes.Text(" " + text.removeprefix(_OPENING))])


def correct_roles(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Take the role of a list from the bibliography, and tell words in tables from numbers."""
    if "body" in context:
        body = context["body"].replace(*_CITATIONS).replace(' role="doc-biblioentry"', "")
        context["body"] = breakable(body)


def breakable(body: str) -> str:
    """The page, with sentences and long names in the tables of cells marked as what may break."""
    body = _WORDS.sub('<td class="words">', body)
    return _NAME.sub(lambda cell: '<td class="words">' + _JOINTS.sub(r"\g<0><wbr/>", cell[1]) + "</td>", body)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the corrections."""
    app.add_transform(OwnIds)
    app.add_transform(OpenProofs)
    app.connect("html-page-context", correct_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
