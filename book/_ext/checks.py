"""A Sphinx extension: reads every built page once more, and says what each of them weighs.

A link inside the book has to lead to a page and to a place on it; no two places of a page share a name; an
image has a text that stands for it. What does not hold is a warning, and the build makes warnings errors. The
table of weights at the end is for authors: HTML alone, as a reader's browser has to fetch and lay it out.
"""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

# A fifth of plotly.js, which every page with a figure loads: below it, a page's own HTML is never what a
# reader waits for. The heaviest thing that a page holds, a dozen recorded traces to step through, fits in.
HEAVY_KB = 1000
_ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "object": "data"}
_FIGURES = {"plotly-graph-div", "specdec-figure", "specdec-tree"}


class Page(HTMLParser):
    """What one page links to, names and shows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.num_bytes = len(html.encode())
        self.ids: list[str] = []
        self.links: list[str] = []
        self.silent_images: list[str] = []
        self.num_figures = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if name := given.get("id"):
            self.ids.append(name)
        if address := given.get(_ADDRESSES.get(tag, "")):
            self.links.append(address)
        if tag == "img" and not (given.get("alt") or "").strip():
            self.silent_images.append(given.get("src") or "")
        self.num_figures += bool(_FIGURES & {*(given.get("class") or "").split()})

    @property
    def repeated_ids(self) -> list[str]:
        """Names that more than one place has."""
        return [name for name, places in Counter(self.ids).items() if places > 1]


def read_pages(folder: Path) -> dict[str, Page]:
    """Every page of a built book by its path in it; the theme's templates in ``_static`` are none."""
    paths = [path for path in folder.rglob("*.html") if "_static" not in path.parts]
    return {
        path.relative_to(folder).as_posix(): Page(path.read_text(encoding="utf8")) for path in sorted(paths)
    }


def faults(pages: dict[str, Page], folder: Path) -> list[str]:
    """What is wrong with the pages, one sentence each."""
    found = []
    for name, page in pages.items():
        found += [f"{name}: the image {source} has no alt text" for source in page.silent_images]
        found += [f"{name}: more than one place is called #{repeated}" for repeated in page.repeated_ids]
        lost = [link for link in page.links if not leads(link, name, pages, folder)]
        found += [f"{name}: {link} leads nowhere" for link in lost]
    return found


def leads(link: str, page: str, pages: dict[str, Page], folder: Path) -> bool:
    """Whether ``link``, written on ``page``, arrives; links to other hosts are a reader's own affair."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link == "#":
        return True
    target = normpath(join(dirname(page), unquote(parts.path))) if parts.path else page
    if target in pages:
        return not parts.fragment or unquote(parts.fragment) in pages[target].ids
    return (folder / target).is_file()


def weights(pages: dict[str, Page]) -> list[str]:
    """A table of the pages, the heaviest first: kilobytes of HTML and figures."""
    sizes = {name: page.num_bytes / 1024 for name, page in pages.items()}
    lines = [f"{'KB':>7} {'figures':>8}  page"]
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        lines.append(f"{sizes[name]:7.0f} {pages[name].num_figures:8}  {name}")
    return lines


def check_book(app: Sphinx, exception: Exception | None) -> None:
    """Warn about what is wrong, and print the table."""
    if exception is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir)
    pages = read_pages(folder)
    for fault in faults(pages, folder):
        logger.warning("%s", fault, type="checks")
    logger.info("\n".join(["", *weights(pages)]))
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    html = sum(page.num_bytes for page in pages.values())
    logger.info("%7.0f KB of HTML, %.1f MB with scripts, fonts and sources", html / 1024, total / 2**20)
    for name, page in pages.items():
        if page.num_bytes > HEAVY_KB * 1024:
            logger.warning("%s weighs more than %d KB", name, HEAVY_KB, type="checks")


def setup(app: Sphinx) -> dict[str, bool]:
    """Run when the pages are there."""
    app.connect("build-finished", check_book)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
