"""A small book by the book's own settings: links that follow from an address, numbers, names, complaints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import plotly.graph_objects as go
import pytest
import yaml

from specdec_lib.viz.renderer import figure_html

ROOT = Path(__file__).resolve().parents[1]
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
INTRO = """# A small book

![A picture with words](_static/landing.svg)

{numref}`fig-line` and {ref}`ex-small-1`, and {prf:ref}`thm-small`, and {eq}`eq-small`.
"""
CHAPTER = [
    "# A chapter",
    go.Figure(go.Scatter(y=[1, 2, 3])),
    "(fig-line)=\n*What to see: a line that rises by $x$ at each step.*",
    "## A theorem\n\n:::{prf:theorem} Small\n:label: thm-small\n\n$$ 1 = 1 $$ (eq-small)\n:::\n\n"
    ":::{prf:proof}\nBy inspection.\n:::",
    ":::{exercise}\n:label: ex-small-1\n\nWhat is it?\n:::\n\n"
    ":::{solution-start} ex-small-1\n:label: sol-small-1\n:class: dropdown\n:::\n\nThis:",
    go.Figure(go.Bar(y=[3])),
    "*What to see: a bar.*\n\n:::{solution-end}\n:::",
]
BROKEN = [
    "# A chapter",
    go.Figure(go.Scatter(y=[1, 2, 3])),
    "A figure stands above this without a caption, and ![](../book/_static/landing.svg) without words.",
    '[Nowhere](#no-such-place), and <a href="nowhere.html#x">nowhere</a>.',
]


def notebook(cells: list[str | go.Figure]) -> str:
    """A notebook that has been run: texts are prose, figures are what a cell has drawn."""
    written = []
    for number, cell in enumerate(cells):
        about = {"id": f"c{number}", "metadata": {}}
        if isinstance(cell, str):
            written.append(about | {"cell_type": "markdown", "source": cell})
            continue
        output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": figure_html(cell)}}
        code = {"cell_type": "code", "source": "figure", "outputs": [output], "execution_count": number}
        written.append(about | code)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def build(folder: Path, url: str, cells: list[str | go.Figure]) -> subprocess.CompletedProcess[str]:
    """Build a book of one page and one chapter into ``folder/_build``, strictly."""
    for part in ("_ext", "_static", "references.bib"):
        source, copy = ROOT / "book" / part, folder / "book" / part
        shutil.copytree(source, copy) if source.is_dir() else shutil.copyfile(source, copy)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    config["repository"]["url"] = url
    config["execute"] = {"execute_notebooks": "off"}
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf8")
    parts = [{"caption": "Part", "numbered": True, "chapters": [{"file": "notebooks/chapter"}]}]
    toc = {"format": "jb-book", "root": "book/intro", "parts": parts}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf8")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "chapter.ipynb").write_text(notebook(cells), encoding="utf8")
    (folder / "book" / "intro.md").write_text(INTRO if cells is CHAPTER else "# A book", encoding="utf8")
    command = [JUPYTER_BOOK, "build", folder, "-n", "-W", "--keep-going"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def page(folder: Path, name: str) -> str:
    return (folder / "_build" / "html" / f"{name}.html").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def unpublished(tmp_path_factory):
    """A book as it is in this repository: nobody knows its address."""
    folder = tmp_path_factory.mktemp("unpublished")
    run = build(folder, "", CHAPTER)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The same book, with an address."""
    folder = tmp_path_factory.mktemp("published")
    run = build(folder, "https://github.com/owner/name/", CHAPTER)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_without_an_address_no_page_leads_to_a_repository_or_a_service(unpublished):
    for name in ("book/intro", "notebooks/chapter"):
        links = re.findall(r'href="(https?://[^"]+)"', page(unpublished, name))
        assert [link for link in links if re.search("github|gitlab|binder|colab", link)] == []


def test_with_an_address_a_notebook_can_be_opened_edited_and_asked_about(published):
    links = set(re.findall(r'href="(https?://[^"]+)"', page(published, "notebooks/chapter")))
    assert {
        "https://mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/notebooks/chapter.ipynb",
        "https://colab.research.google.com/github/owner/name/blob/main/notebooks/chapter.ipynb",
        "https://github.com/owner/name",
        "https://github.com/owner/name/edit/main/notebooks/chapter.ipynb",
    } <= links
    assert any(link.startswith("https://github.com/owner/name/issues/new?") for link in links)
    prose = page(published, "book/intro")
    assert "mybinder.org" not in prose and "edit/main/book/intro.md" in prose


def test_a_chapter_is_offered_as_the_notebook_that_it_is(unpublished):
    assert '"../_sources/notebooks/chapter.ipynb"' in page(unpublished, "notebooks/chapter")
    assert (unpublished / "_build/html/_sources/notebooks/chapter.ipynb").is_file()


def test_figures_are_numbered_by_chapter_found_by_their_label_and_named_by_their_caption(unpublished):
    html = page(unpublished, "notebooks/chapter")
    numbers = re.findall(r'caption-number">(Figure [\d.]+) ?<', html)
    assert numbers == ["Figure 1.1", "Figure 1.2"]
    assert re.findall(r'role="figure" aria-labelledby="([^"]+)"', html) == ["fig-line", "figure-2"]
    assert re.search(r'<figure class="drawn[^>]*id="fig-line"', html)
    intro = page(unpublished, "book/intro")
    assert re.search(r'href="\.\./notebooks/chapter\.html#fig-line"[^>]*><span[^>]*>Figure 1\.1<', intro)


def test_exercises_theorems_and_equations_are_numbered_by_chapter(unpublished):
    html, intro = page(unpublished, "notebooks/chapter"), page(unpublished, "book/intro")
    assert "Exercise 1.1" in html and "Theorem 1.1" in html and 'class="eqno">(1.1)' in html
    assert all(name in intro for name in ("Exercise 1.1", "Theorem 1.1", "(1.1)"))
    assert "<em>Proof.</em> By inspection." in html


def test_what_a_solution_runs_lies_inside_it(unpublished):
    solution = page(unpublished, "notebooks/chapter").partition('<div class="solution dropdown')[2]
    assert 0 < solution.index("plotly-graph-div") < solution.index("</section>\n</div>")


def test_the_build_ends_with_what_each_page_weighs(tmp_path):
    run = build(tmp_path, "", BROKEN)
    assert run.returncode != 0
    told = run.stdout + run.stderr
    assert re.search(r"KB +figures +page\n +\d+ +1 +notebooks/chapter\.html", told)
    for fault in (
        "a figure needs a caption",
        "has no alt text",
        "no-such-place",
        "notebooks/chapter.html: nowhere.html#x leads nowhere",
    ):
        assert fault in told, fault


def test_an_address_that_is_none_is_refused(tmp_path):
    run = build(tmp_path, "github.com/owner", CHAPTER)
    assert run.returncode != 0 and "write https://github.com/OWNER/NAME" in run.stdout + run.stderr
