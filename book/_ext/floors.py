"""The floors of a package as a picture: rooms from the linter's contract, arrows from the imports.

Nothing is imported and nothing is known by name: files are parsed, and a contract of kind "layers" says which
room stands above which. An arrow that follows from two others is left out, so that the picture can be read;
one that would point upwards is an error. A line that passes a floor gets a place of its own there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from html import escape
from itertools import permutations
from pathlib import Path
from statistics import fmean
from typing import Any

Edges = Mapping[str, set[str]]
"""Room -> the rooms that its files import."""

WIDTH, FLOOR, BOX_HEIGHT, BOX, LANE, GAP = 350, 66, 40, 94, 8, 12
SWEEPS = 4  # after them no order changes
LETTERS = 148  # of a box: letters of a name times their size, which is 14 at most
ABREAST = 3  # boxes side by side; the rooms of a floor do not import each other, so they may stand in rows
TRIED = 6  # places of a row, of which every order is tried
_SEPARATOR = re.compile(r"\s*[|:]\s*")


@dataclass(eq=False)
class Place:
    """A room on its floor, or (without a name) where a line passes one."""

    name: str
    below: list[Place] = field(default_factory=list)
    x: float = 0.0

    @property
    def width(self) -> float:
        """Of its box, or of the lane of a line."""
        return BOX if self.name else LANE


def floors_of(contract: Mapping[str, Any]) -> list[list[str]]:
    """The rooms of each floor, the highest first, as import-linter's contract lists them."""
    return [[name.strip("() ") for name in _SEPARATOR.split(line)] for line in contract["layers"]]


def files_of(room: Path) -> list[Path]:
    """The Python files of a room, which is a folder or a file of that name."""
    return sorted(room.rglob("*.py")) if room.is_dir() else [room.with_suffix(".py")]


def imported(path: Path, root: Path) -> Iterator[str]:
    """Full names of all that the file at ``path`` imports, wherever in it; ``root`` holds the package."""
    package = path.relative_to(root).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def edges_of(root: Path, package: str, rooms: list[str]) -> dict[str, set[str]]:
    """Which room of ``package`` (a dotted name) imports which other one of ``rooms``."""
    folder = root.joinpath(*package.split("."))
    edges: dict[str, set[str]] = {}
    for room in rooms:
        names = (name for path in files_of(folder / room) for name in imported(path, root))
        inside = {name.removeprefix(f"{package}.").split(".")[0] for name in names if _within(name, package)}
        edges[room] = (inside & set(rooms)) - {room}
    return edges


def _within(name: str, package: str) -> bool:
    return name.startswith(f"{package}.")


def upward(floors: list[list[str]], edges: Edges) -> list[tuple[str, str]]:
    """Imports that do not point to a lower floor."""
    level = {room: number for number, rooms in enumerate(floors) for room in rooms}
    return [(a, b) for a, below in edges.items() for b in sorted(below) if level[b] <= level[a]]


def plainest(edges: Edges) -> dict[str, list[str]]:
    """The arrows without those that follow from others (the transitive reduction of ``edges``)."""

    def reached(room: str) -> set[str]:
        return set().union(*({below} | reached(below) for below in edges[room]))

    return {
        room: [below for below in sorted(direct) if not any(below in reached(other) for other in direct)]
        for room, direct in edges.items()
    }


def laid_out(floors: list[list[str]], arrows: Mapping[str, list[str]]) -> list[list[Place]]:
    """Places floor by floor, ordered so that lines cross little, each with its ``x``."""
    level = {room: number for number, rooms in enumerate(floors) for room in rooms}
    places = [[Place(room) for room in rooms] for rooms in floors]
    by_name = {place.name: place for row in places for place in row}
    for room, targets in arrows.items():
        for target in targets:
            upper = by_name[room]
            for number in range(level[room] + 1, level[target]):
                places[number].append(lane := Place(""))
                upper.below.append(lane)
                upper = lane
            upper.below.append(by_name[target])
    for row in places:
        spread(row)
    for _ in range(SWEEPS):
        for number, row in enumerate(places):
            above = places[number - 1] if number else []
            row[:] = _ordered(above, row)
            spread(row)
    return places


def _ordered(above: list[Place], row: list[Place]) -> list[Place]:
    """A row in the order of the shortest detours; of a long one, in that of what its lines lead to."""
    if len(row) <= TRIED:
        return min(map(list, permutations(row)), key=partial(_detours, above))

    def middle(place: Place) -> float:
        ends = [upper.x for upper in above if place in upper.below] + [lower.x for lower in place.below]
        return fmean(ends) if ends else place.x

    return sorted(row, key=middle)


def _detours(above: list[Place], row: list[Place]) -> float:
    """How far the lines to and from a floor run sideways, with its places in the order of ``row``."""
    spread(row)
    pairs = [(place, below) for place in [*above, *row] for below in place.below]
    return sum(abs(upper.x - lower.x) for upper, lower in pairs)


def spread(row: list[Place]) -> None:
    """Spread a floor's places evenly over the width, in their order."""
    free = (WIDTH - sum(place.width for place in row)) / (len(row) + 1)
    at = 0.0
    for place in row:
        at += free
        place.x = at + place.width / 2
        at += place.width


def draw(root: Path, package: str, floors: list[list[str]]) -> str:
    """The SVG of one package's floors; it takes the page's text colour, dark or light.

    Raises:
        ValueError: an import points upwards.
    """
    edges = edges_of(root, package, [room for rooms in floors for room in rooms])
    if wrong := upward(floors, edges):
        raise ValueError(f"{package}: imports that do not point to a lower floor: {wrong}")
    rows = [rooms[i : i + ABREAST] for rooms in floors for i in range(0, len(rooms), ABREAST)]
    places = laid_out(rows, plainest(edges))
    folder, height = root.joinpath(*package.split(".")), FLOOR * len(rows) - FLOOR + BOX_HEIGHT + 4
    lines = [line(p, q, i) for i, row in enumerate(places) for p in row for q in p.below]
    boxes = [box(p, i, folder) for i, row in enumerate(places) for p in row if p.name]
    said = "; ".join(f"{room} imports {', '.join(sorted(below)) or 'none'}" for room, below in edges.items())
    return "\n".join([
        f'<svg class="floors" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{escape(said)}" fill="none" stroke="currentColor" font-family="inherit">',
        *lines, *boxes, "</svg>",
    ])  # fmt: skip


def line(upper: Place, lower: Place, floor: int) -> str:
    """A line from a place to one on the floor below; at a room it ends with an arrow's head."""
    top, end = FLOOR * floor + BOX_HEIGHT + 2, FLOOR * (floor + 1) + (-1 if lower.name else 2)
    bend = (end - top) / 2
    passed = "" if upper.name else f"M{upper.x:.0f} {top - BOX_HEIGHT}V{top}"  # straight past a floor
    path = f"{passed}M{upper.x:.0f} {top}C{upper.x:.0f} {top + bend:.0f} {lower.x:.0f} {end - bend:.0f}"
    head = f"M{lower.x - 4:.0f} {end - 6}L{lower.x:.0f} {end}L{lower.x + 4:.0f} {end - 6}"
    return f'<path opacity="0.7" d="{path} {lower.x:.0f} {end}{head if lower.name else ""}"/>'


def box(place: Place, floor: int, folder: Path) -> str:
    """A room: its name, and how many files it has."""
    top, count = FLOOR * floor + 2, len(files_of(folder / place.name))
    size = f"{count} file{'s' * (count > 1)}"
    name = f'font-size="{min(14, LETTERS / len(place.name)):.3g}" font-weight="600">{escape(place.name)}'
    return (
        f'<rect x="{place.x - BOX / 2:.0f}" y="{top}" width="{BOX}" height="{BOX_HEIGHT}" rx="5"/>'
        f'<g stroke="none" fill="currentColor" text-anchor="middle">'
        f'<text x="{place.x:.0f}" y="{top + 18}" {name}</text>'
        f'<text x="{place.x:.0f}" y="{top + 33}" font-size="11">{size}</text></g>'
    )
