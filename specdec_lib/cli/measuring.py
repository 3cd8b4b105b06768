"""``specdec bench`` at work: the benchmark's notebook run by papermill, or the same steps in this process.

The measurement is :mod:`specdec_lib.bench`'s. Progress goes to standard error; what an interrupt leaves in
the results file is said, and a file that nothing came into is taken back.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import sentences
from specdec_lib.cli.selection import DrafterFailed, Selection
from specdec_lib.cli.terminal import error_console, print_error, print_warning, text
from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from specdec_lib.bench.measure.engines.asked import WantedEngine
    from specdec_lib.bench.measure.grid import Grid
    from specdec_lib.bench.measure.prompts import PromptSet


@dataclass(frozen=True)
class Order:
    """What is to be measured: the grid and its texts with some models, and where the records go."""

    grid: Grid
    texts: PromptSet
    selection: Selection
    output: Path
    compile: bool
    resume: bool
    lines: io.TextIOBase
    """Where progress is written."""
    engines: Sequence[WantedEngine] = ()
    engines_folder: Path = Path(".peers")

    def report(self, line: str) -> None:
        """A line of progress."""
        print(f"[bench] {line}", file=self.lines)


def measure(order: Order, profile: bool) -> None:
    """The steps of the benchmark's notebook, in this process."""
    from specdec_lib.bench.measure.benchmark import Benchmark
    from specdec_lib.bench.measure.prompts import choose_prompts
    from specdec_lib.bench.records.identity import require_identical

    grid, (target, draft) = order.grid, order.selection.load(order.compile)
    prompts = choose_prompts(grid, target, order.texts, order.report)
    benchmark = Benchmark(grid, target, draft, prompts, order.output, order.report, resume=order.resume)
    if benchmark.num_left:  # only what has been checked gets a line, so that an error stands alone
        print(sentences.measuring_line(benchmark.num_left, grid.max_new_tokens), file=order.lines)
    benchmark.warm_up()
    require_identical(benchmark.measure())
    if profile:
        benchmark.measure_costs()
        benchmark.profile()


def measure_peers(order: Order) -> None:
    """The steps of the comparison's notebook, in this process."""
    from specdec_lib.bench.measure.engines.arms import OtherEngines
    from specdec_lib.bench.measure.peers.arms import make_arms
    from specdec_lib.bench.measure.peers.comparison import PeerComparison, peer_prompts
    from specdec_lib.bench.records.identity import require_same_ids

    grid, (target, draft) = order.grid, order.selection.load()
    prompts = peer_prompts(grid, target, order.texts, order.report)
    pair, folder = order.selection.pair, order.engines_folder
    models = {"target": pair.target_model_id, "draft": pair.draft_model_id}
    asked = order.engines, folder, target, draft, models, grid, prompts, order.report
    with OtherEngines(*asked) as engines:
        arms = [*make_arms(target, draft, grid.numbers, order.compile), *engines.arms]
        where = order.output, order.compile, order.report
        comparison = PeerComparison(grid, target, draft, prompts, *where, arms, resume=order.resume)
        order.report(f"{counted(len(comparison.arms), 'arm')}, {counted(grid.max_new_tokens, 'token')} a run")
        comparison.warm_up()
        require_same_ids(comparison.measure())


def has_notebook() -> bool:
    """Whether papermill and the benchmarks' notebooks are here (a plain install has no papermill)."""
    from importlib.util import find_spec

    from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK

    return find_spec("papermill") is not None and BENCHMARK_NOTEBOOK.is_file()


def measure_in_notebook(order: Order, parameters: Mapping[str, Any], peers: bool) -> None:
    """Run the notebook; ``parameters`` are its own.

    Raises:
        DrafterFailed: the code of a drafter of somebody's own raised, in the notebook's process.
        NotebookFailed: anything else did.
    """
    from specdec_lib.bench.notebook import execute

    notebook = execute.PEERS_NOTEBOOK if peers else execute.BENCHMARK_NOTEBOOK
    try:
        execute.run_benchmark(order.output, notebook=notebook, stream=order.lines, **parameters)
    except execute.NotebookFailed as error:
        said = _of_a_drafter(error.__cause__, order.selection.asked.classes)
        if said is None:
            raise
        raise DrafterFailed(f"{said}; the notebook as it stopped is {error.executed}") from error


def _of_a_drafter(error: Any, drafters: Sequence[str]) -> str | None:
    """What the code of one of these classes raised in a cell, and where, by the cell's traceback; None if
    other code did.

    A ``SpecDecError`` is the library's refusal, of what a drafter proposes, say, and no failure of its code.
    """
    from specdec_lib import errors

    if not hasattr(error, "traceback") or hasattr(errors, error.ename):
        return None
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    for drafter in drafters:
        path = getattr(sys.modules.get(drafter.partition(":")[0]), "__file__", None)
        named = None if path is None else re.escape(Path(path).name)
        lines = [] if named is None else re.findall(rf"^File .*\b{named}:(\d+)", plain, re.MULTILINE)
        if lines:
            said = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
            return f"{said} ({path}, line {lines[-1]})"
    return None


@contextmanager
def kept(output: Path) -> Iterator[None]:
    """Say on an interrupt what there is already: whole blocks; the one under way is not.

    What was made to see whether it can be, file and folders, is taken back if nothing came to stand in it.
    """
    made = [path for path in (output, *output.parents) if not path.exists()]
    _check_output(output)
    before = output.stat().st_size
    try:
        yield
    except KeyboardInterrupt:
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what was cut off complains at exit
        print_error(sentences.interrupted_keeping(output, output.stat().st_size > before))
        raise typer.Exit(130) from None
    finally:
        with suppress(OSError):  # a notebook may lie there
            if made and output.stat().st_size == 0:
                output.unlink()
                for folder in made[1:]:
                    folder.rmdir()


def _check_output(output: Path) -> None:
    """Find out before measuring, not after: whether the file can be written, and what is wrong in it."""
    from specdec_lib.bench.records.appending import require_results, require_writable
    from specdec_lib.bench.records.reading import read_records

    require_results(output)
    require_writable(output)
    print_warning(*(f"{problem}; the line is left as it is" for problem in read_records(output)[1]))


class ProgressLines(io.TextIOBase):
    """Standard error as a stream of safe lines. No spinner: it would take time from what is measured."""

    def __init__(self) -> None:
        self._console, self._begun = error_console(), ""

    def write(self, content: str) -> int:
        *whole, self._begun = (self._begun + content).split("\n")
        for line in whole:
            self._console.print(text(line, "dim"), soft_wrap=True)
        return len(content)
