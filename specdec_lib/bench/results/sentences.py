"""What is said of results files: numbers in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from specdec_lib.utils.numbers import counted

LEGEND = (
    "speedup: tokens a second over the baseline's, prompt included; α: share of judged draft tokens that "
    "were accepted; tok/s: total tokens over total seconds; ar: of the baseline"
)


def many(number: int, one: str) -> str:
    """A number with its noun, its digits in threes.

    >>> many(1, "cell"), many(12_000, "cell")
    ('1 cell', '12,000 cells')
    """
    return counted(number, one).replace(str(number), f"{number:,}", 1)


def found(cells: int, read: int, files: Sequence[object]) -> str:
    """How many cells meet the conditions, of how many that were read."""
    where = str(files[0]) if len(files) == 1 else counted(len(files), "file")
    told = many(cells, "cell") if cells == read else f"{cells:,} of {many(read, 'cell')}"
    return f"{told} in {where}"


def none_done(folder: Path, failed: int = 0, kept: Path | None = None) -> str:
    """Of a sweep that has no results yet; ``kept`` holds the notebooks of the cells that failed."""
    if not failed:
        return f"no cell of the sweep in {folder} is done; `specdec sweep` runs what is left"
    notebooks = "its notebook is" if failed == 1 else "their notebooks are"
    return f"no cell of the sweep in {folder} is done ({failed} failed: {notebooks} in {kept})"


def all_share(shared: str) -> str:
    return f"all: {shared}"


def by_value(column: str, counts: Mapping[str, int], most: int = 8) -> str:
    """How many cells have each value of a column."""
    told = [f"{value} ({number:,})" for value, number in list(counts.items())[:most]]
    more = len(counts) - most
    return f"{column}: {', '.join(told)}" + f" and {more:,} more" * (more > 0)


def more_cells(number: int) -> str:
    return f"… and {many(number, 'cell')} more; --limit shows more, --where fewer"


def other_kinds(others: Mapping[str, int], left_out: bool = False) -> str:
    """Records that are no cells."""
    number = sum(others.values())
    kinds = ", ".join(f"{kind} ({count:,})" for kind, count in sorted(others.items()))
    outcome = "left out" if left_out else "see `specdec bench --show`"
    noun = "record of another kind" if number == 1 else "records of other kinds"
    return f"{number:,} {noun} ({kinds}); {outcome}"


def repeated(number: int) -> str:
    verb = "stands there again and counts" if number == 1 else "stand there again and count"
    return f"{many(number, 'cell')} {verb} once"


def not_pooled(machines: int) -> str:
    return f"{machines} machines: their times are not pooled"


def one_machine(letter: str, description: str, cells: int, apart: str | None) -> str:
    """A line of the legend of machines; ``apart`` sets one apart from the first."""
    return f"{letter}: {description}, {many(cells, 'cell')}" + (f" ({apart})" if apart else "")


def merged_into(output: Path, cells: int) -> str:
    return f"{many(cells, 'cell')} in {output}, in the order of time"


def measured_again(number: int) -> str:
    """Cells of one key and one machine, of which there are several measurements."""
    verb = "was" if number == 1 else "were"
    return f"{many(number, 'cell')} {verb} measured more than once on one machine; every measurement is kept"


def exported_to(output: Path, cells: int, columns: int) -> str:
    return f"{many(cells, 'cell')} in {output}, {columns} columns"


def more_lines(number: int) -> str:
    return f"and {number:,} more"


def lines_are_none(number: int, done: str) -> str:
    """What ends a command that found lines that are no records."""
    told = "line is no record" if number == 1 else "lines are no records"
    return f"{number:,} {told}, as told above; the good ones were {done}"
