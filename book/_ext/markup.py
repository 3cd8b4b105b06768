"""A Sphinx extension: corrects what other extensions leave in the pages: an id twice, a role that does not fit.

sphinx-exercise and sphinx-proof give the body of every exercise and proof the same id. docutils calls a
bibliography a list and its entries no items of one. The theme's buttons carry no text where they are folded.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

REPEATED = {"exercise-content", "solution-content", "proof-content"}
_AFTER_SOLUTIONS_ARE_CLOSED = 300
_CITATIONS = ('<div role="list" class="citation-list">', '<div class="citation-list">')


class OwnIds(SphinxTransform):
    """Each exercise's, solution's and proof's body gets an id of its own."""

    default_priority = _AFTER_SOLUTIONS_ARE_CLOSED

    def apply(self) -> None:
        bodies = [section for section in self.document.findall(nodes.section) if REPEATED & {*section["ids"]}]
        for number, body in enumerate(bodies, start=1):
            body["ids"] = [f"{body['ids'][0]}-{number}"]


def correct_roles(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Take the role of a list from the bibliography."""
    if "body" in context:
        context["body"] = context["body"].replace(*_CITATIONS).replace(' role="doc-biblioentry"', "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both corrections."""
    app.add_transform(OwnIds)
    app.connect("html-page-context", correct_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
