"""Search and download, from a folder and from a server."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from reader import BOOK, opened, pages

WORD, PAGE = "residual", "notebooks/03_rejection_sampling"
RESULTS = "#search-results li a"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Requests are counted by the page that makes them."""


@pytest.fixture(scope="module")
def served():
    """The address at which the book is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(BOOK))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["folder", "server"])
def home(request, served):
    """The book as somebody opens it from a disk, and as somebody serves it."""
    return BOOK.as_uri() if request.param == "folder" else served


def test_search_finds_a_known_word_and_leads_to_it(browser, home):
    with opened(browser, f"{home}/search.html?q={WORD}", home) as (tab, notes):
        found = tab.locator(f"{RESULTS}[href*='{PAGE}']").first
        found.wait_for()
        tab.wait_for_load_state("networkidle")
        found.click()
        tab.wait_for_url(f"**/{PAGE}.html*", wait_until="domcontentloaded")
        assert WORD in tab.locator("article").inner_text().lower()
        assert notes.requests == [] and notes.complaints == []


def test_each_page_that_was_found_shows_a_passage_with_the_word(browser, home):
    """From a folder too, and without asking for the page itself."""
    with opened(browser, f"{home}/search.html?q={WORD}", home) as (tab, notes):
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        found = tab.locator("#search-results li", has=tab.locator(f"a[href*='{PAGE}']")).first
        found.locator("p.context strong").first.wait_for()
        assert found.locator("p.context strong").first.inner_text().lower() == WORD
        assert 80 < len(found.locator("p.context").inner_text()) < 300
        chapters = tab.locator("#search-results li", has=tab.locator("a[href^='notebooks/']"))
        tab.wait_for_load_state("networkidle")
        with_passage = chapters.locator("p.context")
        wanted = chapters.count()  # they come one after the other
        with_passage.nth(wanted - 1).wait_for()
        assert wanted > 3 and with_passage.count() >= wanted
        assert [url for url in asked if "/notebooks/" in url] == []
        assert notes.requests == [] and notes.complaints == []


def test_a_query_is_text_and_never_markup(browser, home):
    with opened(browser, f"{home}/search.html?q=<img+src=x+onerror=window.struck=1>+residual", home) as (
        tab,
        _,
    ):
        tab.locator("#search-results .search-summary").wait_for()
        tab.wait_for_timeout(300)
        assert tab.evaluate("window.struck") is None


def test_search_finds_nothing_where_there_is_nothing(browser, home):
    with opened(browser, f"{home}/search.html?q=zzyzxqw", home) as (tab, notes):
        tab.locator("#search-results .search-summary, #search-results p").first.wait_for()
        assert tab.locator(RESULTS).count() == 0
        assert notes.complaints == []


def test_the_search_field_is_reached_by_its_key(browser):
    with opened(browser, f"{BOOK.as_uri()}/book/intro.html", BOOK.as_uri()) as (tab, _):
        tab.keyboard.press("Control+k")
        tab.keyboard.type(WORD)
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/search.html?q=residual*")
        tab.locator(RESULTS).first.wait_for()


def test_a_served_chapter_asks_only_its_server_and_can_be_downloaded_as_a_notebook(browser, served):
    with opened(browser, f"{served}/{PAGE}.html", served) as (tab, notes):
        assert tab.locator(".js-plotly-plot").count() > 0
        assert notes.requests == [] and notes.complaints == []
        link = tab.locator("a[href$='.ipynb'].btn-download-source-button").first
        with tab.expect_download() as download:
            link.evaluate("(one) => one.click()")  # it lies in a menu that opens when pointed at
        notebook = json.loads(download.value.path().read_text("utf8"))
        assert download.value.suggested_filename == f"{PAGE.split('/')[1]}.ipynb"
        assert notebook["nbformat"] == 4 and notebook["cells"]


def test_every_chapter_offers_its_notebook_and_no_page_a_service():
    """No address of a repository is known, so nothing may lead to one."""
    chapters = [page for page in pages() if page.startswith("notebooks/")]
    for page in chapters:
        html = (BOOK / f"{page}.html").read_text("utf8")
        assert f"_sources/{page}.ipynb" in html
        assert (BOOK / "_sources" / f"{page}.ipynb").is_file()
    for page in pages():
        html = (BOOK / f"{page}.html").read_text("utf8")
        assert not [name for name in ("mybinder.org", "colab.research", "/issues/new") if name in html], page
