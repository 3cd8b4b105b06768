"""A Sphinx extension: the book as an EPUB, with figures as pictures and formulas as MathML.

An e-reader runs no scripts. So a headless Chromium runs them once, at build time: plotly draws each figure
onto white paper, MathJax turns each formula into MathML. Both come from the same pinned packages as the
published pages. What walks through steps becomes its transcript; what moves stands still; the book says so.
"""

from __future__ import annotations

import html
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from posixpath import normpath, relpath
from shutil import copyfile
from typing import TYPE_CHECKING
from urllib.parse import unquote

import chromium
from docutils import nodes
from offline import PLOTLY, mathjax_folder, plotly_script
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder
from sphinx.config import Config
from sphinx.errors import SphinxError
from sphinx.ext.mathjax import html_visit_displaymath
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

logger = logging.getLogger(__name__)

PICTURES = "_images"
WIDTH = 640  # of a figure, in CSS pixels; drawn with twice as many dots
NOTE = (
    "This is the edition for e-readers. Figures are still, and what can be walked through on the published "
    "pages is told as a list of steps. Solutions stand unfolded behind their exercises."
)
STYLES = {"pygments.css", "epub.css", "edition.css"}
_LIVE = 'class="specdec-figure"'
_STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)  # its place is the head
# Scripts and what is told to them; the two titles of a folded cell, of which styles would hide one; arrows.
_LEFT_OUT = [
    (re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL), ""),
    (re.compile(r"<summary[^>]*>\s*<p class=\"collapsed.*?</summary>", re.DOTALL), "<summary>Code</summary>"),
    (re.compile(r'<span class="sd-summary-state-marker[^>]*>.*?</span>', re.DOTALL), ""),
]
_FIGURE_ID = re.compile(r'<div id="(figure-[0-9a-f]+)" class="plotly-graph-div"')
_MATHJAX_NOTES = re.compile(r'\s(?:data-[\w-]+|xmlns)="[^"]*"')
_DISPLAY = re.compile(r"\\\[(.*)\\\]", re.DOTALL)
_AFTER_MIME_TYPES_ARE_CHOSEN, _LAST = 6, 900
_HOST = "http://studio.invalid/"  # never looked up
_MATHJAX = "tex-chtml-full.js"
_PAGE = f"<!doctype html><body><script src='{PLOTLY}'></script><script src='{_MATHJAX}'></script>"
_STATIC = Path(__file__).parents[1] / "_static"
_PAGE_ITEM = re.compile(r'<item id="epub-\d+" href="([^"]*\.xhtml)"[^>]*/>')
_DRAW = """async ([fragment, width]) => {
  document.body.innerHTML = fragment;
  for (const script of document.querySelectorAll("script")) new Function(script.textContent)();
  const figure = document.querySelector(".js-plotly-plot");
  await Plotly.relayout(figure, {paper_bgcolor: "white", plot_bgcolor: "white", "font.color": "#222"});
  return Plotly.toImage(figure, {format: "png", width, height: figure.layout.height, scale: 2});
}"""


def serve(route: Route) -> None:
    """Answer a request of the studio's page from the installed packages."""
    name = route.request.url.removeprefix(_HOST)
    if not name:
        route.fulfill(body=_PAGE, content_type="text/html")
    else:
        route.fulfill(path=plotly_script() if name == PLOTLY else mathjax_folder() / name)


class Studio:
    """A page of a headless browser that draws figures and typesets formulas; it opens when first used."""

    def __init__(self) -> None:
        self._opened = None
        self._formulas: dict[tuple[str, bool], str] = {}

    @cached_property
    def page(self) -> Page:
        """The page, with plotly and MathJax on it."""
        try:
            self._opened = chromium.browser()
            page = self._opened.__enter__().new_page(viewport={"width": WIDTH, "height": 900})
        except chromium.NoChromium as missing:
            raise SphinxError(f"the EPUB's figures and formulas are drawn by a browser: {missing}") from None
        page.route("**/*", serve)
        page.goto(_HOST)
        page.wait_for_function("!!(window.Plotly && window.MathJax?.tex2mml)")
        return page

    def picture(self, fragment: str) -> bytes:
        """The PNG of the plotly figure that ``fragment`` draws."""
        url = self.page.evaluate(_DRAW, [fragment, WIDTH])
        return b64decode(url.partition(",")[2])

    def mathml(self, tex: str, display: bool = False) -> str:
        """``tex`` as MathML, with the TeX as its text."""
        if (tex, display) not in self._formulas:
            made = self.page.evaluate("([tex, display]) => MathJax.tex2mml(tex, {display})", [tex, display])
            if "<merror" in made:
                logger.warning("MathJax cannot read %r", tex, type="edition")
            inside = re.sub(r">\s+<", "><", _MATHJAX_NOTES.sub("", made.partition(">")[2]))
            shape = "block" if display else "inline"
            opening = f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="{shape}"'
            self._formulas[tex, display] = f'{opening} alttext="{html.escape(tex)}">{inside}'
        return self._formulas[tex, display]

    def close(self) -> None:
        """Let the browser go."""
        if self._opened is not None:
            self._opened.__exit__(None, None, None)


class Edition(Epub3Builder):
    """Sphinx's EPUB, from the same sources and settings as the published pages."""

    html_tag = Epub3Builder.html_tag.replace(">", ' lang="en" xml:lang="en">')

    @property
    def math_renderer_name(self) -> str:
        """Not a setting, since the pages' formulas are set by MathJax."""
        return "mathml"

    @cached_property
    def studio(self) -> Studio:
        """What draws this edition's figures and formulas."""
        return Studio()

    def get_toc(self) -> None:
        """The table of contents; paths from the root page's folder are made paths from the book's."""
        super().get_toc()
        for entry in self.refnodes:
            entry["refuri"] = normpath(entry["refuri"])

    def get_refnodes(self, doctree: nodes.Node, result: list[dict]) -> list[dict]:
        """Titles in the table of contents carry their chapter's number."""
        length = len(result)
        super().get_refnodes(doctree, result)
        if isinstance(doctree, nodes.reference) and len(result) > length and doctree.get("secnumber"):
            number = ".".join(map(str, doctree["secnumber"]))
            result[-1]["text"] = f"{number}. {result[-1]['text']}"
        return result

    def copy_html_static_files(self, context: dict) -> None:
        """Its own style sheet; the pages' styles and scripts stay out."""
        copyfile(_STATIC / "edition.css", Path(self.outdir) / "_static" / "edition.css")

    def build_content(self) -> None:
        """The manifest; which of its pages hold MathML has to be said there."""
        super().build_content()
        manifest = Path(self.outdir) / "content.opf"
        manifest.write_text(
            _PAGE_ITEM.sub(self._declared, manifest.read_text(encoding="utf8")), encoding="utf8"
        )

    def _declared(self, item: re.Match[str]) -> str:
        page = Path(self.outdir) / unquote(item[1])
        return (
            item[0].replace("/>", 'properties="mathml" />') if "<math" in page.read_text("utf8") else item[0]
        )


class StillPictures(SphinxPostTransform):
    """Replaces what a script would draw by what it draws."""

    builders = ("epub",)
    default_priority = _AFTER_MIME_TYPES_ARE_CHOSEN

    def run(self, **options: object) -> None:
        figures = self.document.findall(nodes.figure)
        captions = {figure["ids"][0]: figure.astext().strip() for figure in figures}
        for raw in list(self.document.findall(nodes.raw)):
            fragment = raw.astext()
            named = _FIGURE_ID.search(fragment)
            label = re.search(r'aria-labelledby="([^"]*)"', fragment)
            if named and label:
                fragment = self.picture(named[1], fragment, captions[label[1]])
            elif _LIVE in fragment:  # its words stay; its styles were for what a script draws
                fragment = _STYLE.sub("", fragment)
            raw.children = [nodes.Text(fragment)]
        if self.env.docname == self.config.root_doc:
            page = self.document[0]
            assert isinstance(page, nodes.section)
            page.insert(1, nodes.note("", nodes.paragraph(NOTE, NOTE)))

    def picture(self, name: str, fragment: str, caption: str) -> str:
        """An image of the figure called ``name``, which is a hash of it; written once."""
        path = Path(self.app.outdir) / PICTURES / f"{name}.png"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            edition = self.app.builder
            assert isinstance(edition, Edition)
            path.write_bytes(edition.studio.picture(fragment))
        source = relpath(f"{PICTURES}/{path.name}", f"{self.env.docname}/..")
        return f'<div class="picture"><img src="{source}" alt="{html.escape(caption)}"/></div>'


@contextmanager
def captured(body: list[str]) -> Iterator[list[str]]:
    """What is added to ``body`` meanwhile, taken out of it again."""
    start, taken = len(body), []
    with suppress(nodes.SkipNode):
        yield taken
    taken += body[start:]
    del body[start:]


def visit_inline(self, node: nodes.math) -> None:
    """A formula in a sentence."""
    self.body.append(self.builder.studio.mathml(node.astext()))
    raise nodes.SkipNode


def visit_display(self, node: nodes.math_block) -> None:
    """A formula on a line of its own, with its number: what the pages have, its TeX replaced."""
    with captured(self.body) as taken:
        html_visit_displaymath(self, node)
    if node["nowrap"]:
        taken = [taken[0], self.builder.studio.mathml(node.astext(), display=True), "</div>"]
    set_one = _DISPLAY.sub(
        lambda tex: self.builder.studio.mathml(html.unescape(tex[1]), True), "".join(taken)
    )
    self.body.append(set_one)
    raise nodes.SkipNode


def leave_scripts_out(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """A page of the edition has its own styles and those of its outputs, and no scripts."""
    if isinstance(app.builder, Edition):
        body = context.get("body", "")
        context["metatags"] = context.get("metatags", "") + "".join(dict.fromkeys(_STYLE.findall(body)))
        for left_out, instead in _LEFT_OUT:
            body = left_out.sub(instead, body)
        context["body"] = body
        context["script_files"] = []
        context["css_files"] = [
            sheet for sheet in context["css_files"] if Path(sheet.filename).name in STYLES
        ]


def close_studio(app: Sphinx, exception: Exception | None) -> None:
    """The browser goes when the build ends."""
    if isinstance(app.builder, Edition):
        app.builder.studio.close()


def name_version(app: Sphinx, config: Config) -> None:
    """An edition says of which version it is."""
    config.version = config.release = version("specdec-lib")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the builder, in place of Sphinx's own, and what it needs."""
    app.add_builder(Edition, override=True)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.add_post_transform(StillPictures)
    app.connect("config-inited", name_version)
    app.connect("html-page-context", leave_scripts_out, priority=_LAST)
    app.connect("build-finished", close_studio)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
