"""The page *Architecture*: its picture is that of the imports, its phrases those of the docstrings."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTENSIONS = ROOT / "book" / "_ext"
PAGE = (ROOT / "book" / "architecture.md").read_text(encoding="utf8")
SPACE = {"svg": "http://www.w3.org/2000/svg"}
TOY = {
    "pyproject.toml": """
        [tool.importlinter]
        root_package = "toy"
        [[tool.importlinter.contracts]]
        name = "floors"
        type = "layers"
        containers = ["toy"]
        layers = ["(roof)", "(left) | right", "hall", "ground"]
        [[tool.importlinter.contracts]]
        name = "something else"
        type = "forbidden"
    """,
    "toy/__init__.py": '"""A toy."""',
    "toy/roof.py": '"""The roof: on ``all``_. And more."""\nimport toy.left.inner, toy.ground\n',
    "toy/left/__init__.py": '"""Left."""',
    "toy/left/inner.py": '"""As in A et al. 2023,\nit is. No."""\ndef late():\n from .. import hall\n',
    "toy/left/deep/__init__.py": '"""Deep:: *not* bold, :func:`~toy.left.inner.late`."""',
    "toy/left/deep/end.py": '"""Which end?"""\nfrom toy.left import inner\nclass End: ...\n',
    "toy/right.py": '"""Right."""\nfrom toy import ground, unknown\nclass End: ...\n',
    "toy/hall.py": '"""A hall."""\nfrom toy import ground\n',
    "toy/left/scripts/move.js": "// What moves, and\n// why. All else.\n\n// Not this.\nmove();\n",
    "toy/left/scripts/look.css": "/* How it\n   looks: blue. */\n\n/* Not this. */\n",
    "toy/left/page.html": "<!doctype html>\n<!-- A page. -->\n<title>No</title>\n",
    "toy/ground.py": '"""The ground."""\nimport os\n',
}  # fmt: skip


@pytest.fixture(scope="module")
def architecture():
    sys.path.insert(0, str(EXTENSIONS))
    try:
        import architecture

        yield architecture
    finally:
        sys.path.remove(str(EXTENSIONS))


@pytest.fixture
def toy(tmp_path) -> Path:
    """A package of five rooms and what a linter knows of it."""
    for name, text in TOY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf8")
    return tmp_path


def floors_of(architecture, root: Path) -> list[list[str]]:
    contracts = architecture.settings(root)["contracts"]
    return architecture.floors.floors_of(next(one for one in contracts if one["type"] == "layers"))


def test_floors_are_those_of_the_contract(architecture, toy):
    assert floors_of(architecture, toy) == [["roof"], ["left", "right"], ["hall"], ["ground"]]


def test_imports_are_found_wherever_they_stand_and_however_they_are_written(architecture, toy):
    rooms = ["roof", "left", "right", "hall", "ground"]
    edges = architecture.floors.edges_of(toy, "toy", rooms)
    assert edges.pop("ground") == set()
    assert edges == {"roof": {"left", "ground"}, "left": {"hall"}, "right": {"ground"}, "hall": {"ground"}}


def test_an_arrow_that_follows_from_others_is_left_out(architecture):
    edges = {"roof": {"left", "hall", "ground"}, "left": {"hall"}, "hall": {"ground"}, "ground": set()}
    assert architecture.floors.plainest(edges) == {
        "roof": ["left"], "left": ["hall"], "hall": ["ground"], "ground": [],
    }  # fmt: skip


def shown(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_each_room_is_a_box_on_its_floor_and_each_arrow_points_down(architecture, toy):
    drawn = shown(architecture.floors.draw(toy, "toy", floors_of(architecture, toy)))
    boxes, names = (drawn.findall(f".//svg:{kind}", SPACE) for kind in ("rect", "text"))
    heights = dict(
        zip([name.text for name in names][::2], [float(box.get("y")) for box in boxes], strict=True)
    )
    assert sorted(heights, key=heights.__getitem__) == ["roof", "left", "right", "hall", "ground"]
    assert heights["left"] == heights["right"]
    assert [text.text for text in names][1::2] == ["1 file", "4 files", "1 file", "1 file", "1 file"]
    for arrow in drawn.findall(".//svg:path", SPACE):
        start, end = re.match(r".*M\S+ (\d+)C\S+ \S+ \S+ \S+ \S+ (\d+)", arrow.get("d")).groups()
        assert int(start) < int(end)


def test_no_two_boxes_overlap_and_none_leaves_the_picture(architecture, toy):
    wide = [["roof"], ["left", "right"], ["hall"], ["ground"]]
    contracts = architecture.settings(ROOT)["contracts"]
    houses = [
        (ROOT, container, architecture.floors.floors_of(one))
        for one in contracts
        if one["type"] == "layers"
        for container in one["containers"]
    ]
    assert max(len(rooms) for _, _, floors in houses for rooms in floors) > architecture.floors.ABREAST
    for root, package, floors in [(toy, "toy", wide), *houses]:
        drawn = shown(architecture.floors.draw(root, package, floors))
        rows: dict[str, list[float]] = {}
        for box in drawn.findall(".//svg:rect", SPACE):
            rows.setdefault(box.get("y"), []).append(float(box.get("x")))
        names = drawn.findall(".//svg:text[@font-weight]", SPACE)
        assert all(len(name.text) * float(name.get("font-size")) < 150 for name in names)
        for row in rows.values():
            edges = [x for left in sorted(row) for x in (left, left + architecture.floors.BOX)]
            assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= architecture.floors.WIDTH


def test_an_import_that_points_upwards_is_no_picture(architecture, toy):
    (toy / "toy" / "ground.py").write_text('"""The ground."""\nfrom toy.roof import tiles\n')
    with pytest.raises(ValueError, match=r"\('ground', 'roof'\)"):
        architecture.pictures(toy)


def test_the_phrase_of_a_file_is_the_first_sentence_of_its_docstring(architecture, toy):
    assert architecture.listing(toy / "toy").splitlines() == [
        "- `ground.py`: The ground.",
        "- `hall.py`: A hall.",
        "- `right.py`: Right.",
        "- `roof.py`: The roof: on `all`\\_.",
        "",
        "### `left/`",
        "",
        "Left.",
        "",
        "- `inner.py`: As in A et al. 2023, it is.",
        "- `page.html`: A page.",
        "- **`deep/`**: Deep:: \\*not\\* bold, `late`.",
        "  - `end.py`: Which end?",
        "- **`scripts/`**",
        "  - `look.css`: How it looks: blue.",
        "  - `move.js`: What moves, and why.",
    ]


def test_a_file_without_a_docstring_is_named(architecture, toy):
    (toy / "toy" / "hall.py").write_text("import os\n")
    with pytest.raises(Exception, match=r"hall\.py has no docstring"):
        architecture.listing(toy / "toy")


@pytest.mark.parametrize("text", ["", "move();\n// Too late.\n", "//\nmove();\n"])
def test_a_script_that_does_not_begin_with_a_comment_is_named(architecture, toy, text):
    (toy / "toy" / "left" / "scripts" / "move.js").write_text(text)
    with pytest.raises(Exception, match=r"move\.js has no comment at its beginning"):
        architecture.listing(toy / "toy")


def test_a_name_is_shown_with_the_one_file_that_defines_it(architecture, toy):
    page = architecture.filled("{home}`late` and {home}`left:End`", toy)
    assert page == "`late` (`left/inner.py`) and `End` (`left/deep/end.py`)"
    for name, places in (("gone", "no file"), ("End", "right.py")):
        with pytest.raises(Exception, match=places):
            architecture.filled(f"{{home}}`{name}`", toy)


def test_the_page_is_filled_and_has_every_file_and_every_room(architecture):
    page = architecture.filled(PAGE, ROOT)
    assert "{home}" not in page and "<!--" not in page
    listed = page[page.index("## Every file") :]
    for path in architecture.files(ROOT):
        name = f"{path.parent.name}/" if path.name == "__init__.py" else path.name
        assert f"`{name}`" in listed or path.parent == ROOT / "specdec_lib", path
    for folder in re.findall(r"`((?:\w+/)+\w+)`", PAGE):
        assert (ROOT / "specdec_lib" / folder).is_dir(), folder


def test_readme_and_contributing_lead_to_the_page():
    for name in ("README.md", "CONTRIBUTING.md"):
        assert "(book/architecture.md)" in (ROOT / name).read_text(encoding="utf8"), name
