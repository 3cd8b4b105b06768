"""``specdec bench``: measure a pair, append the records, print what came out.

The measurement is :mod:`specdec_lib.bench`'s: its notebook, run by papermill, or with
``--in-process`` the same steps here. Progress goes to standard error, so that the table (or the
JSON document) is all that standard output holds. It derives no number of its own.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from specdec_lib.cli import options
from specdec_lib.cli.selection import Selection, select
from specdec_lib.cli.terminal import console_for, error_console, print_error, print_json, print_warning, text
from specdec_lib.cli.views.peers import comparison_of, show_comparison
from specdec_lib.cli.views.peers import measure as measure_peers
from specdec_lib.cli.views.summary import show_session, summary_of
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from specdec_lib.bench.measure.grid import Grid
    from specdec_lib.bench.measure.prompts import PromptSet

NAME = "bench"
EXAMPLE = "specdec bench --k-values 2,4 --temperatures 0 --prompts 2 --repeats 1"


def run(
    output: options.Output = None,
    resume: options.Resume = False,
    show: options.Show = None,
    in_process: options.InProcess = False,
    pair: options.Pair = None,
    target: options.Target = None,
    draft: options.Draft = None,
    dtype: options.Dtype = None,
    draft_dtype: options.DraftDtype = None,
    drafter: options.Drafter = None,
    device: options.Device = None,
    threads: options.Threads = None,
    k_values: options.KValues = "1,2,4,8",
    prompts: options.Prompts = None,
    num_prompts: options.NumPrompts = None,
    chat: options.Chat = False,
    domains: options.Domains = None,
    temperatures: options.Temperatures = "0,0.8",
    max_new_tokens: options.RunTokens = 64,
    repeats: options.Repeats = 2,
    seed: options.GridSeed = 42,
    no_profile: options.NoProfile = False,
    peers: options.Peers = False,
    compile: options.Compile = None,
    as_json: options.Json = False,
) -> None:
    """Measure speculative against autoregressive decoding, or --peers; append one record a run."""
    if show is not None:
        _report(show, as_json, peers, strict=True)
        return
    selection = select(
        pair, target, draft, dtype, device, draft_dtype=draft_dtype, drafter=drafter, threads=threads
    )
    if peers and drafter is not None:
        raise InvalidArgument("--peers hands the draft to Hugging Face's generate; give a --draft model")
    number, file = (None, None) if prompts is None else options.parse_prompts(prompts)
    if number is not None and num_prompts is not None:
        raise InvalidArgument("--prompts is a number, and --num-prompts another; give one of the two")
    number = num_prompts if number is None else number
    axes = {
        "k_values": _numbers("--k-values", k_values, int),
        "temperatures": _numbers("--temperatures", temperatures, float),
        "max_new_tokens": max_new_tokens,
        "repeats": repeats,
        "seed": seed,
    }
    texts = _texts(file, chat)
    axes["domains"] = None if domains is None else texts.named(domains)
    grid = _grid(texts, number, pair=selection.pair.pair_name, **axes)
    if output is None:
        kind = "-peers" if peers else "-compiled" if compile else ""
        output = Path("runs", f"{selection.pair.pair_name}{kind}.jsonl")
    selection.check()
    selection.check_chats((one.place or "--chat", one.turns) for one in texts.chats(grid.domains))
    was_there = output.exists()
    _check_output(output)
    lines = _Lines()
    switch: dict[str, Any] = {"compile": compile is not False if peers else bool(compile)}
    switch |= {"resume": resume} if peers else {"profile": not no_profile, "resume": resume}
    with _no_empty_file(output, was_there), _kept(output):
        if in_process or not _has_notebook():
            measured_here = measure_peers if peers else _measure
            measured_here(grid, texts, selection, output, *switch.values(), threads, lines)
        else:
            asked = {
                "pair": pair,
                "target": target,
                "draft": draft,
                "dtype": dtype,
                "draft_dtype": draft_dtype,
            }
            asked |= {
                "prompts": file,
                "chat": chat,
                "num_prompts": number,
                "device": device,
                "threads": threads,
            }
            asked |= {} if peers else {"drafter": drafter}
            _run_notebook(output, axes | asked | switch, lines, peers)
    _report(output, as_json, peers)


# -- measuring -------------------------------------------------------------------------------------


def _texts(file: Path | None, chat: bool) -> PromptSet:
    """The prompts; a file is read before a model is."""
    from specdec_lib.bench.measure.prompts import prompt_set

    return prompt_set(file, chat)


def _grid(texts: PromptSet, number: int | None, **axes: Any) -> Grid:
    """The grid over the prompts; every value is checked before a model is loaded."""
    from specdec_lib.bench.measure.prompts import grid_of

    return grid_of(texts, number, **axes)


def _numbers(option: str, listed: str, kind: Callable[[str], Any]) -> list[Any]:
    """``"1,2,4"`` as numbers; what is none is refused with the option's name."""
    try:
        return [kind(part) for part in listed.split(",")]
    except ValueError as error:
        raise InvalidArgument(
            f"{option} is '{listed}'; give numbers with commas between, such as 1,2"
        ) from error


def _check_output(output: Path) -> None:
    """Find out before measuring, not after: whether the file can be written, and what is wrong in it."""
    from specdec_lib.bench.records.schema import read_records, require_results, require_writable

    require_results(output)
    require_writable(output)
    for problem in read_records(output)[1]:
        print_warning(f"{problem}; the line is left as it is")


def _measure(
    grid: Grid,
    texts: PromptSet,
    selection: Selection,
    output: Path,
    compile: bool,
    profile: bool,
    resume: bool,
    threads: int | None,
    lines: io.TextIOBase,
) -> None:
    """The steps of the notebook, in this process."""
    from specdec_lib.bench.measure.benchmark import Benchmark
    from specdec_lib.bench.measure.prompts import choose_prompts
    from specdec_lib.bench.records.identity import require_identical
    from specdec_lib.models.fast.threads import use_threads

    target, draft = selection.load(compile)
    use_threads(threads, target)
    prompts = choose_prompts(grid, target, texts)
    report = lambda line: print(f"[bench] {line}", file=lines)  # noqa: E731
    benchmark = Benchmark(grid, target, draft, prompts, output, report, resume=resume)
    _announce(benchmark.num_left, benchmark.grid.max_new_tokens, lines)
    benchmark.warm_up()
    require_identical(benchmark.measure())
    if profile:
        benchmark.measure_costs()
        benchmark.profile()


def _announce(runs: int, tokens: int, lines: io.TextIOBase) -> None:
    """The first line of progress: only what has been checked gets one, so that an error stands alone."""
    if runs:
        print(f"measuring {counted(runs, 'run')} of {counted(tokens, 'token')} …", file=lines)


def _has_notebook() -> bool:
    """Whether papermill and the benchmarks' notebooks are here (a plain install has neither)."""
    from importlib.util import find_spec

    from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK

    return find_spec("papermill") is not None and BENCHMARK_NOTEBOOK.is_file()


def _run_notebook(output: Path, parameters: dict[str, Any], lines: io.TextIOBase, peers: bool) -> None:
    from specdec_lib.bench.notebook.execute import BENCHMARK_NOTEBOOK, PEERS_NOTEBOOK, run_benchmark

    run_benchmark(
        output, notebook=PEERS_NOTEBOOK if peers else BENCHMARK_NOTEBOOK, stream=lines, **parameters
    )


@contextmanager
def _kept(output: Path) -> Iterator[None]:
    """Say on an interrupt what there is already: whole blocks; the one under way is not."""
    before = output.stat().st_size
    try:
        yield
    except KeyboardInterrupt:
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what was cut off complains at exit
        grown = output.stat().st_size > before
        kept = f"what was measured is in {output}" if grown else f"nothing was added to {output}"
        print_error(f"interrupted; {kept}")
        raise typer.Exit(130) from None


@contextmanager
def _no_empty_file(output: Path, was_there: bool) -> Iterator[None]:
    """Take back the file that was made to see whether it can be, if nothing came to stand in it."""
    try:
        yield
    finally:
        with suppress(OSError):
            if not was_there and output.stat().st_size == 0:
                output.unlink()


class _Lines(io.TextIOBase):
    """Standard error as a stream of safe lines. No spinner: it would take time from what is measured."""

    def __init__(self) -> None:
        self._console, self._begun = error_console(), ""

    def write(self, content: str) -> int:
        *whole, self._begun = (self._begun + content).split("\n")
        for line in whole:
            self._console.print(text(line, "dim"), soft_wrap=True)
        return len(content)


# -- what came out ---------------------------------------------------------------------------------


def _report(path: Path, as_json: bool, peers: bool = False, strict: bool = False) -> None:
    """Print the newest session of a results file; ``strict``: a bad line is an error, after the good ones."""
    from specdec_lib.bench.records.runs import newest_session
    from specdec_lib.bench.records.schema import read_records

    records, problems = read_records(path)
    try:
        if peers:
            summary = comparison_of(path, records, problems)
        else:
            summary = summary_of(path, newest_session(records), problems)
    except RecordError:
        for problem in problems:
            print_warning(problem)
        raise
    if as_json:
        print_json(summary)
    else:
        show = show_comparison if peers else show_session
        show(console_for(), summary)
    if strict and problems:
        for problem in problems:
            print_warning(problem)
        raise RecordError(
            f"{path}: {len(problems)} of its lines named above; the good records are summarised"
        )
