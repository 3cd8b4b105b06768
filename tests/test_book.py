"""The book's Sphinx extension: what it counts as asking another host, and what it puts into the pages."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "book" / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    ],
)
def test_what_it_would_not_fetch_is_let_pass(offline, html):
    assert offline.fetched_from_elsewhere(html) == []


def test_the_pinned_packages_hold_the_scripts_that_are_copied(offline, tmp_path):
    offline.copy_scripts(SimpleNamespace(outdir=tmp_path))
    assert (tmp_path / "_static" / "plotly.min.js").stat().st_size > 1_000_000
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["sphinx"]["config"]
    assert (tmp_path / "_static" / config["mathjax_path"]).is_file()
    assert list((tmp_path / "_static" / "mathjax" / "output" / "chtml" / "fonts").rglob("*.woff"))


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
    said: list[str] = []
    monkeypatch.setattr(offline.logger, "warning", lambda text, *args: said.append(text % args))
    offline.check_pages(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html")), None)
    assert said == ["sub/page.html would load https://cdn.example.org/x.js"]


def rows_of_a_benchmark() -> list[dict]:
    """Speedups of two K at two temperatures; over all domains, K = 4 is the faster at temperature 0."""
    speedups = {(0.0, 2): (1.6, 1.5), (0.0, 4): (1.4, 1.7), (0.8, 2): (1.9, 1.9)}
    return [
        {
            "temperature": temperature, "domain": domain, "k": k, "speedup": gain, "low": gain - 0.1,
            "high": gain + 0.1, "ar_tokens_per_second": 50.0, "sd_tokens_per_second": 50.0 * gain,
        }
        for (temperature, k), gains in speedups.items()
        for domain, gain in zip(("code", "all"), gains, strict=True)
    ]  # fmt: skip


def test_landing_figure_takes_the_k_that_is_fastest_over_all_domains():
    rows = load("figures/landing.py").best_rows(rows_of_a_benchmark())
    cells = [(row["temperature"], row["domain"], row["k"]) for row in rows]
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
