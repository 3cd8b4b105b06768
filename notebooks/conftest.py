"""nbval compares what a chapter's cells show with what is stored, by the project's rule for numbers.

The rule itself is ``tests/stored_outputs.py``; which outputs are compared (tags, types) stays nbval's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial

import pytest
from stored_outputs import difference

try:
    from nbval.plugin import IPyNbCell, transform_streams_for_comparison
except ImportError:  # pytest without the notebooks' environment collects no cells
    IPyNbCell = ()

Output = Mapping[str, object]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every cell that nbval collects compares its outputs with :func:`holds`."""
    if isinstance(item, IPyNbCell):
        item.compare_outputs = partial(holds, item)


def holds(
    cell: pytest.Item, shown: Iterable[Output], stored: Iterable[Output]
) -> bool:
    """Whether the stored outputs hold; if not, ``cell.comparison_traceback`` says where they differ first."""
    ours, theirs = (
        by_type(stored, cell.parent.skip_compare),
        by_type(shown, cell.parent.skip_compare),
    )
    cell.comparison_traceback = list(complaints(ours, theirs))[:1]
    return not cell.comparison_traceback


def complaints(
    stored: Mapping[str, list[object]], shown: Mapping[str, list[object]]
) -> Iterable[str]:
    """What is missing, what is new, and what differs, one line each."""
    for kind in sorted(stored.keys() | shown.keys()):
        counts = len(stored.get(kind, ())), len(shown.get(kind, ()))
        if counts[0] != counts[1]:
            yield "{}: {} are stored, {} are shown".format(kind, *counts)
    for kind in sorted(stored.keys() & shown.keys()):
        for one, other in zip(stored[kind], shown[kind], strict=False):
            found = difference(one, other, kind)
            if found:
                yield f"{kind}: {found}"


def by_type(
    outputs: Iterable[Output], left_out: Iterable[str]
) -> dict[str, list[object]]:
    """The outputs of a cell, those of one type in order; a stream's type is its name."""
    found = defaultdict(list)
    for output in transform_streams_for_comparison(outputs):
        for key, value in {**output, **output.get("data", {})}.items():
            if key != "data" and key not in left_out:
                found[key].append(value)
    return dict(found)
