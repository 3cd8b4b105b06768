"""The page is one file that asks nobody for anything, and in which no name is markup."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from made_cells import made_cell, made_sweep

from specdec_lib.bench.tables.cells.comparing import compared
from specdec_lib.bench.tables.cells.tables import counted_cells, sweep_tables
from specdec_lib.viz.report.page import write_page
from specdec_lib.viz.report.panel import plotly_safe
from specdec_lib.viz.report.sections import MOST_SETUPS

EVIL = "<script>alert(1)</script><b>&amp;"


def page_of(cells, comparison=None, **more) -> str:
    file = io.BytesIO()
    write_page(
        file, sweep_tables(counted_cells(cells)), more.pop("title", "Sweep"), comparison=comparison, **more
    )
    return file.getvalue().decode()


class Outline(HTMLParser):
    """Elements of a page, ids and places that links lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.asked: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.ids += [told["id"]] if "id" in told else []
        self.links += [told["href"]] if "href" in told else []
        self.asked += [told[name] for name in ("src", "srcset", "data", "action") if name in told]


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(made_sweep(), title="Sweep made", found=["First."], notes=["A note."])


def test_every_link_leads_to_a_place_and_nothing_is_loaded(page: str) -> None:
    outline = Outline(page)
    assert outline.links and {link[1:] for link in outline.links} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids)) and outline.asked == []
    assert "link" not in outline.tags and "iframe" not in outline.tags
    assert "default-src 'none'" in page and page.count("plotly.js v") == 1


def test_figures_words_and_numbers_stand_together(page: str) -> None:
    articles = re.findall(r"<article.+?</article>", page, re.DOTALL)
    assert len(articles) == 11
    for article in articles:
        assert "What to see." in article and "<details>" in article and "<td>" in article
    assert (
        page.count("data-figure=") == len(articles) - 1
    )  # bytes of the models are not recorded: no roofline
    assert "First." in page and "A note." in page and "specdec sweep" in page


def test_the_page_is_below_eight_megabytes(page: str) -> None:
    assert len(page.encode()) < 8e6


def test_names_are_text_wherever_they_stand() -> None:
    cell = made_cell(4, EVIL, pair=EVIL, sweep=EVIL)
    models = {role: {**told, "name": EVIL} for role, told in cell.models.items()}
    evil = cell | {"models": models, "arm": {**cell.line["arm"], "drafter": EVIL, "verifier": EVIL}}
    tables = counted_cells([evil, made_cell(4)])
    page = page_of([evil, made_cell(4)], compared(tables, tables), title=EVIL, found=[EVIL], notes=[EVIL])
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    outline = Outline(page)
    assert outline.tags.count("h1") == 1 and "alert" not in " ".join(outline.tags)
    figures = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert outline.tags.count("script") == len(figures) + 2  # and plotly, and what draws
    assert figures and not any("<" in figure for figure in figures)
    assert any("\\u0026lt;script" in figure or "&lt;script" in figure for figure in figures)


def test_plotly_finds_no_markup_in_a_name() -> None:
    assert plotly_safe([{"a": EVIL, "k": 4}]) == [
        {"a": "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;&amp;amp;", "k": 4}
    ]


def test_what_is_left_out_is_said() -> None:
    cells = [
        made_cell(4, pair=f"pair-{i}", temperature=t) for i in range(MOST_SETUPS + 2) for t in (0.0, 0.5, 1.0)
    ]
    page = page_of(cells)
    assert f"{MOST_SETUPS} of {MOST_SETUPS + 2} setups are drawn" in page and "pair-4" in page
    assert "Drawn are the temperatures 0, 1; 0.5 lie between them" in page
    assert '<section id="setups">' in page and f'<section id="setup-{MOST_SETUPS}">' in page


def test_a_long_table_says_how_much_of_it_stands_there() -> None:
    page = page_of(made_cell(k, f"d{d}") for k in (1, 2) for d in range(120))
    assert "The first 200 of 242 rows" in page


def test_two_files_begin_with_their_differences() -> None:
    cell = made_cell(4)
    told = compared(
        counted_cells([cell]), counted_cells([cell | {"made_of": {**cell.made_of, "library": "e" * 12}}])
    )
    page = page_of([cell], told)
    assert page.index("library bbbbbbbbbbbb → eeeeeeeeeeee") < page.index('id="setup-1"')
    assert page_of([cell], told | {"differs": []}).count("are the same in both files") == 1


def test_symbols_prompts_and_commit_are_told() -> None:
    cell = made_cell(4, num_prompts=3, environment={"cpu": "a processor", "hash": "a", "commit": "0123abc"})
    page = page_of([cell])
    for symbol in (
        "K",
        "T",
        "AR",
        "α̂",
        "E",
        "c",
        "v(K)",
        "o",
        "conditional",
        "unconditional",
        "group",
        "setup",
    ):
        assert f"<dt>{symbol}</dt><dd>" in page
    assert '<th scope="row">prompts a group</th><td>3</td>' in page
    assert "commit 0123abc (hash of its files bbbbbbbbbbbb)" in page
    assert "tokens a second with the draft over those of its baseline" in page
