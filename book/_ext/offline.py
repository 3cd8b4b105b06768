"""A Sphinx extension: the built book asks no other host for anything.

plotly.js and MathJax are copied out of the installed, pinned packages at build time, so neither is committed
and neither is fetched. plotly.js goes only on pages that hold a figure. When the build ends, every page is
read once more, and anything it would load from elsewhere is a warning (the build makes warnings errors).
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

PLOTLY = "plotly.min.js"
_SPEECH = ("sre/mathmaps/base.json", "sre/mathmaps/en.json")
_MATHJAX_PARTS = ("tex-chtml-full.js", "output/chtml/fonts", "a11y", *_SPEECH)
_FIGURE_MARK = "Plotly.newPlot("
_THEBE = re.compile(r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName.*?</script>', re.S)
_STYLE_ELEMENT = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL)
_STYLED = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
# What a browser fetches by itself. A link that a reader may follow is not among it.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc(?:set)?=["']((?:https?:)?//[^"']+)"""
    r"""|<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|modulepreload|icon|preconnect)["'])"""
    r"""[^>]*?\bhref=["']((?:https?:)?//[^"']+)"""
)


def mathjax_folder() -> Path:
    """Where the installed ``sphinx-mathjax-offline`` keeps MathJax."""
    distribution = importlib.metadata.distribution("sphinx-mathjax-offline")
    return Path(str(distribution.locate_file("sphinx-mathjax-offline/static/mathjax")))


def plotly_script() -> Path:
    """Where the installed ``plotly`` keeps plotly.js."""
    return Path(str(importlib.resources.files("plotly") / "package_data" / PLOTLY))


def copy_scripts(app: Sphinx) -> None:
    """Put plotly.js, MathJax and MathJax's fonts into the output's ``_static``; an EPUB needs neither."""
    if app.builder.name != "html":
        return
    static = Path(app.outdir) / "_static"
    (static / "mathjax").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(plotly_script(), static / PLOTLY)
    for part in _MATHJAX_PARTS:
        source, copy = mathjax_folder() / part, static / "mathjax" / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)


def choose_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Load plotly.js ahead of a body that draws a figure, and leave Thebe out: it is on another host."""
    if _FIGURE_MARK in context.get("body", ""):
        app.add_js_file(PLOTLY, priority=100)
    scripts = context.get("script_files", [])
    scripts[:] = [script for script in scripts if "thebe" not in f"{script} {script.attributes.get('body')}"]
    if "body" in context:
        context["body"] = _THEBE.sub("", context["body"])


def fetched_from_elsewhere(html: str) -> list[str]:
    """Addresses on other hosts that a browser would fetch while it shows ``html``."""
    styles = " ".join(_STYLE_ELEMENT.findall(html))
    return [script or link for script, link in _FETCHED.findall(html)] + styled_from_elsewhere(styles)


def styled_from_elsewhere(css: str) -> list[str]:
    """Addresses on other hosts that a style sheet names: fonts, pictures, other sheets."""
    return _STYLED.findall(css)


def check_pages(app: Sphinx, exception: Exception | None) -> None:
    """Warn about every page that would ask another host for something."""
    if exception is not None or app.builder.name != "html":
        return
    for kind, addresses in (("*.html", fetched_from_elsewhere), ("*.css", styled_from_elsewhere)):
        for path in sorted(Path(app.outdir).rglob(kind)):
            for address in addresses(path.read_text(encoding="utf8")):
                logger.warning("%s would load %s", path.relative_to(app.outdir), address)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the three steps."""
    app.connect("builder-inited", copy_scripts)
    app.connect("html-page-context", choose_scripts)
    app.connect("build-finished", check_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
