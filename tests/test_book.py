"""The book's Sphinx extensions, each by itself: what they count as a fault, and what they put into pages."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from book_modules import load

from specdec_lib.bench.tables.rows import SpeedupRow

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def offline():
    return load("_ext/offline.py")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        '<script async\n src="//cdn.example.org/x.js"></script>',
        "<img alt='a' src='http://example.org/a.png'>",
        '<link rel="stylesheet" href="https://fonts.example.org/css">',
        '<link href="https://fonts.example.org" rel="preconnect">',
        '<iframe src="https://example.org"></iframe>',
        '<source srcset="https://example.org/a.png 2x">',
        "<style>@font-face { src: url('https://fonts.example.org/a.woff2') }</style>",
        '<style media="print">@import "//example.org/print.css";</style>',
    ],
)
def test_what_a_browser_would_fetch_is_found(offline, html):
    assert len(offline.fetched_from_elsewhere(f"<p>text</p>{html}")) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://example.org">a link that a reader may follow</a>',
        '<script src="_static/plotly.min.js"></script>',
        '<link rel="canonical" href="https://example.org/book">',
        '<img src="data:image/png;base64,AAAA">',
        "<pre>&lt;script src=&quot;https://example.org&quot;&gt;</pre>",
        "<p>In CSS, url(https://example.org) fetches.</p><style>a { background: url(a.png) }</style>",
    ],
)
def test_what_it_would_not_fetch_is_let_pass(offline, html):
    assert offline.fetched_from_elsewhere(html) == []


def test_the_pinned_packages_hold_the_scripts_that_are_copied(offline, tmp_path):
    offline.copy_scripts(builds(tmp_path, "html"))
    assert (tmp_path / "_static" / "plotly.min.js").stat().st_size > 1_000_000
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["sphinx"]["config"]
    assert (tmp_path / "_static" / config["mathjax_path"]).is_file()
    assert list((tmp_path / "_static" / "mathjax" / "output" / "chtml" / "fonts").rglob("*.woff"))


def test_an_epub_carries_no_scripts(offline, tmp_path):
    offline.copy_scripts(builds(tmp_path, "epub"))
    assert list(tmp_path.iterdir()) == []


def builds(folder: Path, builder: str) -> SimpleNamespace:
    """What a builder's application tells the extensions."""
    return SimpleNamespace(outdir=folder, builder=SimpleNamespace(name=builder, format="html"))


def scripts_of(offline, body: str) -> list[str]:
    """File names of the scripts on a page with ``body``, after the extension has chosen."""
    script = lambda name: SimpleNamespace(filename=name, attributes={})  # noqa: E731
    context = {"body": body, "script_files": [script("doctools.js"), script("sphinx-thebe.js")]}
    added: list[str] = []
    app = SimpleNamespace(add_js_file=lambda name, priority: added.append(name))
    offline.choose_scripts(app, "page", "page.html", context, None)
    return added + [script.filename for script in context["script_files"]]


def test_the_book_reads_its_own_sources_and_static_files_alone():
    """Traps 37 and 38: a `_static` at the root would load every script in it; `.venv` holds notebooks too."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    assert config["only_build_toc_files"] and ".*" in config["exclude_patterns"]
    assert config["sphinx"]["config"]["html_static_path"] == ["book/_static"]
    assert not (ROOT / "_static").exists()


def test_a_default_that_is_made_anew_can_be_parsed():
    shown = load("_ext/docstrings.py").name_factories(
        None, "class", "Verdict", None, None, "(ids: list[int] = <factory>)", "int"
    )
    assert shown == ("(ids: list[int] = ...)", "int")


def test_plotly_is_loaded_only_where_a_figure_is_drawn(offline):
    assert scripts_of(offline, "<p>text</p>") == ["doctools.js"]
    assert scripts_of(offline, "<script>Plotly.newPlot('x', [])</script>") == ["plotly.min.js", "doctools.js"]


def test_a_page_that_asks_another_host_is_reported(offline, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.html").write_text('<script src="https://cdn.example.org/x.js"></script>')
    (tmp_path / "good.html").write_text('<script src="x.js"></script>')
    (tmp_path / "sheet.css").write_text("@import url(https://cdn.example.org/y.css);")
    said: list[str] = []
    monkeypatch.setattr(offline.logger, "warning", lambda text, *args: said.append(text % args))
    offline.check_pages(builds(tmp_path, "html"), None)
    assert said == [
        "sub/page.html would load https://cdn.example.org/x.js",
        "sheet.css would load https://cdn.example.org/y.css",
    ]


# --- what each page must hold ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checks():
    return load("_ext/checks.py")


@pytest.fixture
def book(checks, tmp_path):
    """A function that says what is wrong with a book of two pages and a picture; one page is given."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").write_bytes(b"")

    def faults(html: str) -> list[str]:
        (tmp_path / "sub" / "other.html").write_text('<h1 id="top">Other</h1>')
        (tmp_path / "page.html").write_text(html)
        return checks.faults(checks.read_pages(tmp_path), tmp_path)

    return faults


@pytest.mark.parametrize(
    "html",
    [
        '<p id="here"></p><a href="#here">here</a><a href="#">up</a>',
        '<a href="sub/other.html#top">there</a><a href="sub/other.html">there</a>',
        '<a href="https://example.org/#x">outside</a><a href="mailto:a@example.org">post</a>',
        '<img src="a.png" alt="a picture"><script src="a.png"></script>',
    ],
)
def test_links_that_arrive_and_pictures_with_words_are_let_pass(book, html):
    assert book(html) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="#gone">gone</a>', "page.html: #gone leads nowhere"),
        ('<a href="sub/other.html#gone">gone</a>', "page.html: sub/other.html#gone leads nowhere"),
        ('<a href="other.html">gone</a>', "page.html: other.html leads nowhere"),
        ('<script src="gone.js"></script>', "page.html: gone.js leads nowhere"),
        ('<img src="a.png" alt=" ">', "page.html: the image a.png has no alt text"),
        ('<img src="a.png">', "page.html: the image a.png has no alt text"),
        ('<p id="x"></p><p id="x"></p>', "page.html: more than one place is called #x"),
    ],
)
def test_links_that_do_not_arrive_are_named(book, html, fault):
    assert book(html) == [fault]


def test_the_weights_are_those_of_the_pages_heaviest_first(checks):
    figure = '<div class="plotly-graph-div"></div>'
    pages = {"light.html": checks.Page("x" * 1024), "heavy.html": checks.Page(figure * 2 + "x" * 10_240)}
    assert [line.split() for line in checks.weights(pages)[1:]] == [
        ["10", "2", "heavy.html"],
        ["1", "0", "light.html"],
    ]


# --- links to the repository -------------------------------------------------------------------------------


def theme_options(url: str | None) -> dict:
    config = SimpleNamespace(html_theme_options={"repository_url": url, "launch_buttons": {"thebe": True}})
    load("_ext/repository.py").derive_links(None, config)
    return config.html_theme_options


@pytest.mark.parametrize("url", ["", None, " ", "https://github.com/executablebooks/jupyter-book"])
def test_no_address_gives_no_links(url):
    options = theme_options(url)
    assert options["repository_url"] == ""
    assert not any(value for name, value in options.items() if name.startswith("use_"))
    assert not any(options["launch_buttons"][name] for name in ("binderhub_url", "colab_url"))


@pytest.mark.parametrize(
    ("url", "services"),
    [
        ("https://github.com/owner/name", {"binderhub_url", "colab_url"}),
        ("https://github.com/owner/name.git", {"binderhub_url", "colab_url"}),
        ("https://gitlab.com/group/sub/name/", {"binderhub_url"}),
        ("https://bitbucket.org/owner/name", set()),
    ],
)
def test_an_address_gives_the_links_that_its_host_allows(url, services):
    options = theme_options(url)
    assert options["repository_url"] == url.rstrip("/").removesuffix(".git")
    assert {name for name, value in options["launch_buttons"].items() if value.startswith("http")} == services
    assert options["use_issues_button"] and options["use_edit_page_button"]


@pytest.mark.parametrize(
    "url", ["https://github.com/owner", "http://github.com/a/b", "git@github.com:a/b.git"]
)
def test_half_an_address_is_refused(url):
    with pytest.raises(Exception, match=r"repository\.url is"):
        theme_options(url)


def test_the_published_settings_name_no_repository():
    """There is no public address yet; an invented one would be a link to somebody else."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    assert config["repository"]["url"] == "" and config["sphinx"]["recursive_update"] is True


# --- the browser that draws and tests ----------------------------------------------------------------------


def test_a_browser_that_cannot_be_run_is_named(monkeypatch):
    chromium = load("_ext/chromium.py")
    monkeypatch.setenv("SPECDEC_CHROMIUM", "no-such-browser")
    with pytest.raises(chromium.NoChromium, match="no-such-browser"):
        chromium.find()


def test_without_a_browser_one_line_says_what_to_do(monkeypatch, tmp_path):
    chromium = load("_ext/chromium.py")
    monkeypatch.delenv("SPECDEC_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "_of_playwright", lambda: None)
    monkeypatch.setattr(chromium, "_MAC", ())
    with pytest.raises(chromium.NoChromium, match="apt-get install chromium"):
        chromium.find()
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o755)
    assert chromium.find() == str(tmp_path / "chromium")


# --- figures drawn by the book itself ----------------------------------------------------------------------


def rows_of_a_benchmark() -> list[SpeedupRow]:
    """Speedups of two K at two temperatures; over all domains, K = 4 is the faster at temperature 0."""
    speedups = {(0.0, 2): (1.6, 1.5), (0.0, 4): (1.4, 1.7), (0.8, 2): (1.9, 1.9)}
    return [
        SpeedupRow(
            temperature=temperature, domain=domain, k=k, speedup=gain, low=gain - 0.1,
            high=gain + 0.1, ar_tokens_per_second=50.0, sd_tokens_per_second=50.0 * gain,
            num_prompts=3, has_interval=True, num_pairs=9,
        )
        for (temperature, k), gains in speedups.items()
        for domain, gain in zip(("code", "all"), gains, strict=True)
    ]  # fmt: skip


def test_landing_figure_takes_the_k_that_is_fastest_over_all_domains():
    rows = load("figures/landing.py").best_rows(rows_of_a_benchmark())
    cells = [(row.temperature, row.domain, row.k) for row in rows]
    assert cells == [(0.0, "code", 4), (0.0, "all", 4)]


def test_landing_figure_draws_what_the_records_say():
    landing = load("figures/landing.py")
    image = landing.draw(landing.best_rows(rows_of_a_benchmark()), ["a < b"])
    svg = ElementTree.fromstring(image)
    space = {"svg": "http://www.w3.org/2000/svg"}
    bars = [float(bar.get("width")) for bar in svg.findall(f"svg:rect[@x='{landing.LEFT}']", space)]
    assert [bars[1] / bars[0], bars[3] / bars[2]] == pytest.approx([1.4, 1.7], abs=0.01)
    words = [line.text for line in svg.findall("svg:text", space)]
    assert {"1.40×", "(1.30 to 1.50)", "85", "a < b"} <= set(words)
    assert "http" not in image.replace("http://www.w3.org/2000/svg", "")
