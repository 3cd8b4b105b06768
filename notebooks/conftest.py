"""nbval compares what a chapter's cells show with what is stored, by the project's rule for numbers.

The rule itself is ``tests/stored_outputs.py``; which outputs are compared (tags, types) stays nbval's. With
``--executed CACHE`` no kernel runs: the chapters show what they showed when `make book` executed the same code.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from functools import partial

import pytest
from stored_outputs import difference

try:
    from jupyter_cache import get_cache
    from nbformat import NotebookNode
    from nbval.kernel import RunningKernel
    from nbval.plugin import IPyNbCell, transform_streams_for_comparison
except ImportError:  # pytest without the notebooks' environment collects no cells
    IPyNbCell = ()

Output = Mapping[str, object]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--executed",
        metavar="CACHE",
        help="nbval: take what the cells show from this cache of executed chapters",
    )


def pytest_configure() -> None:
    """Under coverage a kernel writes down what it ran as it ends, so it is asked to, and not killed."""
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        RunningKernel.stop = lambda kernel: kernel.km.shutdown_kernel(now=False)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every cell that nbval collects compares its outputs with :func:`holds`."""
    if isinstance(item, IPyNbCell):
        item.compare_outputs = partial(holds, item)
        cache = item.config.getoption("executed", None)
        if cache:
            item.parent.setup = partial(take_from, cache, item.parent)


def take_from(cache: str, chapter: pytest.File) -> None:
    """Let nbval ask what the book's build has kept, in place of a kernel that it would start."""
    chapter.kernel = Executed(chapter.nb, cache)


class Executed:
    """Answers as a kernel does, with what the cells showed when the book was built.

    Raises:
        LookupError: the book has not been built from this code.
    """

    def __init__(self, notebook: NotebookNode, cache: str) -> None:
        try:
            _, notebook = get_cache(cache).merge_match_into_notebook(notebook)
        except KeyError:
            raise LookupError("run `make book`: it has not executed this") from None
        self.cells = iter([c for c in notebook.cells if c.cell_type == "code"])
        self.messages: deque[dict] = deque()

    def is_alive(self) -> bool:
        return True

    def execute_cell_input(self, source: str, allow_stdin: bool) -> str:
        """What the next cell of that text has shown, then that it is done. The text names the question."""
        cell = next(cell for cell in self.cells if cell.source == source)
        about = {"parent_header": {"msg_id": source}}
        for output in cell.outputs:
            message = {"msg_type": output.output_type, "content": output}
            self.messages.append(about | message)
        idle = {"msg_type": "status", "content": {"execution_state": "idle"}}
        self.messages.append(about | idle)
        return source

    def await_reply(self, question: str, timeout: float | None = None) -> None:
        """It is there."""

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        return self.messages.popleft()

    def await_idle(self, question: str, timeout: float) -> None:
        """After an error nobody asks for what else the cell has shown."""
        self.messages.clear()

    def stop(self) -> None:
        """There is nothing to stop."""


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
