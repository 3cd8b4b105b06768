"""The EPUB: a whole container of well-formed pages, a picture for each figure and MathML for each formula."""

from __future__ import annotations

import posixpath
import re
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest
import yaml
from reader import BOOK, ROOT, Notes

EPUB = ROOT / "_build" / "epub" / "speculative-decoding.epub"
# Pictures that do not load, formulas that take no room, pictures that are wider than the page.
SHOWN = """() => {
  const box = (one) => one.getBoundingClientRect();
  const images = [...document.images], formulas = [...document.querySelectorAll("math")];
  return [
    images.filter((one) => !one.naturalWidth).length,
    formulas.filter((one) => !box(one).width).length,
    images.filter((one) => box(one).right > innerWidth).length,
  ];
}"""
SPACES = {
    "opf": "http://www.idpf.org/2007/opf",
    "box": "urn:oasis:names:tc:opendocument:xmlns:container",
    "xhtml": "http://www.w3.org/1999/xhtml",
    "epub": "http://www.idpf.org/2007/ops",
    "math": "http://www.w3.org/1998/Math/MathML",
}


@pytest.fixture(scope="module")
def edition():
    assert EPUB.is_file(), "the EPUB has not been built: run `make epub` first"
    with zipfile.ZipFile(EPUB) as opened:
        yield opened


@pytest.fixture(scope="module")
def package(edition):
    """The package document, whose place the container tells."""
    box = ElementTree.fromstring(edition.read("META-INF/container.xml"))
    return ElementTree.fromstring(edition.read(box.find(".//box:rootfile", SPACES).get("full-path")))


@pytest.fixture(scope="module")
def texts(edition):
    """Every page, parsed as XML: an e-reader shows nothing of a page that is not well formed."""
    names = [name for name in edition.namelist() if name.endswith(".xhtml")]
    return {name: ElementTree.fromstring(edition.read(name)) for name in names}


def chapters() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    return [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]


def test_the_container_begins_with_its_media_type_and_is_whole(edition):
    first = edition.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert edition.read("mimetype") == b"application/epub+zip"
    assert edition.testzip() is None


def test_the_manifest_names_every_file_and_what_it_holds(edition, package, texts):
    items = {item.get("href"): item for item in package.iterfind(".//opf:item", SPACES)}
    beside = {"mimetype", "META-INF/container.xml", "content.opf"}
    assert set(items) == set(edition.namelist()) - beside
    with_math = {name for name, page in texts.items() if page.find(".//math:math", SPACES) is not None}
    declared = {name for name, item in items.items() if "mathml" in (item.get("properties") or "")}
    assert declared == with_math and len(with_math) > 3


def test_the_reading_order_is_that_of_the_table_of_contents(package, texts):
    names = {item.get("id"): item.get("href") for item in package.iterfind(".//opf:item", SPACES)}
    order = [names[entry.get("idref")] for entry in package.iterfind(".//opf:itemref", SPACES)]
    wanted = [f"{page}.xhtml" for page in chapters()]
    assert [name for name in order if name in wanted] == wanted
    nav = texts["nav.xhtml"].find(".//xhtml:nav[@epub:type='toc']", SPACES)
    listed = [link.get("href").partition("#")[0] for link in nav.iterfind(".//xhtml:a", SPACES)]
    assert [name for name in listed if name in wanted] == wanted


def test_links_and_pictures_lead_somewhere_inside(edition, texts):
    names, ids = set(edition.namelist()), {}
    for name, page in texts.items():
        ids[name] = {one.get("id") for one in page.iter() if one.get("id")}
    lost = []
    for name, page in texts.items():
        for one in page.iter():
            link = one.get("href") or one.get("src")
            if not link or re.match(r"[a-z]+:", link):
                continue
            path, _, fragment = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            if target not in names or (fragment and target in ids and fragment not in ids[target]):
                lost.append(f"{name}: {link}")
    assert lost == []


def test_every_figure_is_a_picture_that_is_put_into_words(texts):
    for name, page in texts.items():
        published = (BOOK / name).with_suffix(".html")
        if not published.is_file():
            continue
        pictures = page.findall(".//xhtml:div[@class='picture']/xhtml:img", SPACES)
        assert len(pictures) == published.read_text("utf8").count('class="plotly-graph-div"'), name
        assert all(picture.get("alt", "").startswith("What to see") for picture in pictures), name
        assert all(image.get("alt") for image in page.iter(f"{{{SPACES['xhtml']}}}img")), name


def test_nothing_runs_and_nothing_is_left_in_tex(texts):
    for name, page in texts.items():
        assert page.find(".//xhtml:script", SPACES) is None, name
        assert page.find(".//math:merror", SPACES) is None, name
        prose = "".join(text for one in page.iterfind(".//xhtml:p", SPACES) for text in one.itertext())
        assert re.findall(r"\\[(\[]|\\(?:frac|sum|alpha)\b", prose) == [], name


def test_what_walks_through_steps_is_told(texts):
    told = ["".join(page.itertext()) for page in texts.values()]
    assert any("The draw is" in text and "The round has emitted" in text for text in told)


def test_a_browser_shows_every_page(browser, edition, texts, tmp_path):
    edition.extractall(tmp_path)
    with browser.new_page(viewport={"width": 600, "height": 800}) as tab:
        notes = Notes(tab, tmp_path.as_uri())
        for name in texts:
            tab.goto((tmp_path / name).as_uri())
            broken, flat, wide = tab.evaluate(SHOWN)
            assert (broken, flat, wide) == (0, 0, 0), name
            assert tab.locator("parsererror").count() == 0, name
        assert notes.requests == [] and notes.complaints == []
