"""A Sphinx extension: the page *Architecture*, read off the library when the book is built.

In a page's source ``<!-- floors -->`` becomes the pictures of the floors, one for each contract of layers in
``pyproject.toml``; ``<!-- files -->`` a list of every file with the first sentence of its docstring or, where
it is no Python, of its first comment; and ``{home}`Name``` (or ``{home}`room:Name```) becomes the name with
the file that defines it. So files may move.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import floors
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FLOORS, FILES = "<!-- floors -->", "<!-- files -->"
HOME = re.compile(r"\{home\}`(?:(\w+):)?(\w+)`")
_COMMENTS = {
    ".js": re.compile(r"((?://.*\n)+)"),
    ".css": re.compile(r"/\*(.+?)\*/", re.DOTALL),
    ".html": re.compile(r"(?:<!doctype html>\s*)?<!--(.+?)-->", re.DOTALL),
}
"""What a file that is no Python begins with."""
_SENTENCE = re.compile(r"(.+?[.?!])\s+(?=[A-Z`])")
_ROLE = re.compile(r":\w+:`~?([\w.]+)`")
_LITERAL = re.compile(r"``(.+?)``")
_SPECIAL = re.compile(r"([\\*_\[\]<>#|$~{}])")


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the marks in a page's source."""
    if FLOORS in source[0] or FILES in source[0] or HOME.search(source[0]):
        root = Path(app.srcdir)
        source[0] = filled(source[0], root)
        for path in [root / "pyproject.toml", *files(root)]:
            app.env.note_dependency(str(path))


def filled(page: str, root: Path) -> str:
    """``page`` with its marks replaced by what the package in ``root`` holds."""
    page = page.replace(FLOORS, pictures(root)).replace(FILES, listing(root / package_of(root)))
    known = homes(root)
    return HOME.sub(lambda mark: home(mark[2], known, mark[1] or ""), page)


def settings(root: Path) -> dict:
    """What ``pyproject.toml`` tells import-linter."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf8"))["tool"]["importlinter"]


def package_of(root: Path) -> str:
    """The name of the library's folder."""
    return settings(root)["root_package"]


def files(root: Path) -> list[Path]:
    """Every file of the library: Python, scripts, styles and pages."""
    return _sources(root / package_of(root))


def _sources(folder: Path) -> list[Path]:
    kinds = {".py", *_COMMENTS}
    return sorted(path for path in folder.rglob("*") if path.suffix in kinds)


# --- the picture -------------------------------------------------------------------------------------------


def pictures(root: Path) -> str:
    """One picture for each package whose layers a contract lists."""
    contracts = [c for c in settings(root)["contracts"] if c["type"] == "layers" and c.get("containers")]
    drawn = [
        f'<figure class="floors">{floors.draw(root, package, floors.floors_of(contract))}'
        f"<figcaption>The rooms of <code>{package.replace('.', '/')}</code>.</figcaption></figure>"
        for contract in contracts
        for package in contract["containers"]
    ]
    return "\n".join(['<div class="floors">', *drawn, "</div>"])


# --- one phrase a file -------------------------------------------------------------------------------------


def listing(room: Path, depth: int = 0) -> str:
    """The files of a room, each with its phrase, and then the rooms in it, each with its own."""
    inside = {room / path.relative_to(room).parts[0] for path in _sources(room)}
    lines = []
    for path in sorted(inside, key=lambda path: (path.is_dir(), path.name)):
        if path.is_dir():
            heading = f"**`{path.name}/`**" if depth else f"### `{path.name}/`\n\n"
            package = path / "__init__.py"  # which a folder of scripts or styles lacks
            lines.append(_entry(heading, phrase(package) if package.is_file() else "", depth))
            lines.append(listing(path, depth + 1))
        elif path.name != "__init__.py":
            lines.append(_entry(f"`{path.name}`", phrase(path), max(depth, 1)))
    return "\n".join(lines)


def _entry(name: str, words: str, depth: int) -> str:
    said = f": {words}" * bool(words)
    return f"{'  ' * (depth - 1)}- {name}{said}" if depth else f"\n{name}{words}\n"


def phrase(path: Path) -> str:
    """The first sentence of a module's docstring, or of another file's first comment, as Markdown.

    Raises:
        ExtensionError: there is none.
    """
    text = path.read_text(encoding="utf8")
    said = ast.get_docstring(ast.parse(text)) if path.suffix == ".py" else _first_comment(path.suffix, text)
    if not said:
        kind = "docstring" if path.suffix == ".py" else "comment at its beginning"
        raise ExtensionError(f"{path} has no {kind}, so the page Architecture has no phrase for it")
    return markdown(first_sentence(said))


def _first_comment(suffix: str, text: str) -> str:
    found = _COMMENTS[suffix].match(text)
    return re.sub(r"^\s*//", "", found[1], flags=re.MULTILINE).strip() if found else ""


def first_sentence(docstring: str) -> str:
    """Up to the first full stop that a new sentence follows; without what leads on to a listing."""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    sentence = _SENTENCE.match(paragraph)
    return (sentence[1] if sentence else paragraph).rstrip(":")


def markdown(words: str) -> str:
    """A docstring's words as Markdown that shows the same."""
    plain = _ROLE.sub(lambda role: f"``{role[1].rsplit('.', 1)[-1]}``", words)
    parts = _LITERAL.split(plain)  # words and literals in turn
    return "".join(f"`{part}`" if i % 2 else _SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts))


# --- where a name is at home -------------------------------------------------------------------------------


def homes(root: Path) -> dict[str, list[str]]:
    """Each class and function of the library -> the files that define one of that name."""
    found: dict[str, list[str]] = {}
    package = root / package_of(root)
    for path in files(root):
        for name in _defined(path) if path.suffix == ".py" else ():
            found.setdefault(name, []).append(path.relative_to(package).as_posix())
    return found


def _defined(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name


def home(name: str, known: dict[str, list[str]], room: str = "") -> str:
    """``name`` with its file, as Markdown; ``room`` is a folder at the top, where others define the name too.

    Raises:
        ExtensionError: no file defines it, or more than one does.
    """
    places = [place for place in known.get(name, []) if place.startswith(room)]
    if len(places) != 1:
        raise ExtensionError(f"the page Architecture speaks of {name}, which {places or 'no file'} defines")
    return f"`{name}` (`{places[0]}`)"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of sources."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
