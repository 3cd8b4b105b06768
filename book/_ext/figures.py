"""A Sphinx extension: whatever a cell draws has a number, a caption that says what to see, and a name.

A chapter writes the caption as a paragraph behind the cell: in italics, beginning with "What to see". Here it
becomes the caption of a numbered figure, which ``{numref}`` finds where a label stands before it, and which
is the drawing's name for those who do not see it. A drawing without a caption is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

OPENING = "What to see"
PLOTLY = 'class="plotly-graph-div"'
DRAWN = re.compile(r'class="(?:plotly-graph-div|specdec-[a-z]+)[" ]')
_AFTER_LABELS_HAVE_MOVED = 300


class CaptionFigures(SphinxTransform):
    """Joins drawings with their captions."""

    default_priority = _AFTER_LABELS_HAVE_MOVED

    def apply(self) -> None:
        for number, (cell, drawings) in enumerate(drawn_cells(self.document), start=1):
            caption = caption_behind(cell)
            if caption is None:
                told = (
                    "a figure needs a caption: a paragraph in italics behind its cell that begins with '%s'"
                )
                logger.warning(told, OPENING, location=cell, type="figures", subtype="caption")
                continue
            figure = figure_of(caption, f"figure-{number}")
            self.document.ids.update(dict.fromkeys(figure["ids"], figure))
            caption.replace_self(figure)
            for drawing in drawings:
                name_drawing(drawing, figure["ids"][0])


def drawn_cells(document: nodes.document) -> Iterator[tuple[nodes.container, list[nodes.raw]]]:
    """The code cells whose output is drawn by a script, each with its drawings."""
    for cell in document.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            drawings = [raw for raw in cell.findall(nodes.raw) if DRAWN.search(raw.astext())]
            if drawings:
                yield cell, drawings


def caption_behind(cell: nodes.Element) -> nodes.paragraph | None:
    """The paragraph that is the caption of what ``cell`` draws, if there is one."""
    siblings = cell.parent.children[cell.parent.index(cell) + 1 :]
    following = next((node for node in siblings if not isinstance(node, nodes.target)), None)
    if not isinstance(following, nodes.paragraph) or not isinstance(following[0], nodes.emphasis):
        return None
    return following if following.astext().startswith(OPENING) else None


def figure_of(caption: nodes.paragraph, name: str) -> nodes.figure:
    """A figure that is a caption alone, as the drawing stays in its cell; called ``name`` without a label."""
    words = nodes.caption(caption.rawsource, "", *caption.children)
    figure = nodes.figure("", nodes.raw("", "", format="html"), words, classes=["drawn"])
    figure["ids"], figure["names"] = caption["ids"] or [name], caption["names"]
    figure.source, figure.line = caption.source, caption.line
    return figure


def name_drawing(drawing: nodes.raw, caption_id: str) -> None:
    """Tell a screen reader that a plotly figure is one, and which text belongs to it."""
    named = drawing.astext().replace(PLOTLY, f'{PLOTLY} role="figure" aria-labelledby="{caption_id}"')
    drawing.children = []
    drawing += nodes.Text(named)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(CaptionFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
