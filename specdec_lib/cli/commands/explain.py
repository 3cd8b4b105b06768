"""``specdec explain``: why is it slower, or faster, than it should be? Predicted against measured.

It reads a results file, or the counters of another engine (``--from``), and measures nothing. What is said,
and every number in it, is that of :mod:`specdec_lib.bench.explain`; here it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli import options, sentences
from specdec_lib.cli.selection import named_pair
from specdec_lib.cli.terminal import console_for, print_json, print_warning, said_if_waiting
from specdec_lib.cli.views import sentences as words
from specdec_lib.cli.views.explanation import show_report
from specdec_lib.errors import InvalidArgument, RecordError
from specdec_lib.models.registry import DEFAULT_PAIR, get_pair, is_own_name

if TYPE_CHECKING:
    from specdec_lib.bench.explain.cell import Cell
    from specdec_lib.bench.explain.report import Report

NAME = "explain"
EXAMPLE = "specdec explain runs/pocket.jsonl --temperature 0 --k 4 --reach 2.5"


def run(
    result: options.Result = None,
    pair: options.ResultPair = None,
    target: options.ResultTarget = None,
    draft: options.ResultDraft = None,
    drafter: options.ResultDrafter = None,
    domain: options.CellDomain = None,
    temperature: options.CellTemperature = None,
    k: options.CellK = None,
    reach: options.Reach = None,
    origin: options.Origin = None,
    step_plain: options.StepPlain = None,
    step: options.StepRound = None,
    draft_step: options.StepDraft = None,
    as_json: options.Json = False,
) -> None:
    """Say why a benchmark, or another engine's run, is slower or faster than it should be, and what helps."""
    chosen = options.ModelOptions(pair, target, draft, drafter=drafter)
    given = [name for name, value in vars(chosen).items() if value]
    times = {"step-plain": step_plain, "step": step, "draft-step": draft_step}
    if origin:
        cells = {"result": result, "temperature": temperature, "domain": domain, "reach": reach}
        _refuse_beside(given + [name for name, value in cells.items() if value is not None])
        return _explain_counters(origin, k, times, as_json)
    if asked_for := [name for name, value in times.items() if value is not None]:
        raise InvalidArgument(words.WITHOUT_FROM.format(asked_for[0]))
    if result is not None and given:
        raise InvalidArgument(f"--{given[0]} chooses a results file, and RESULT is one; give one of the two")
    paths = [result] if result is not None else _results_of(chosen)
    asked = {"temperature": temperature, "domain": domain, "k": k, "reach": reach}
    path, report, problems = _first_that_explains(paths, asked)
    if as_json:
        print_json({"results": str(path), "problems": problems, **_document(report)})
    else:
        show_report(console_for(), report, path)
    if problems:
        print_warning(*problems)
        raise RecordError(sentences.lines_above(path, len(problems), "explained"))


def _refuse_beside(given: Sequence[str]) -> None:
    if given:
        raise InvalidArgument(words.BESIDE_FROM.format(given[0]))


def _explain_counters(
    origin: Sequence[str], k: int | None, times: dict[str, float | None], as_json: bool
) -> None:
    """The account of another engine's run, of which only counters are known."""
    from specdec_lib.bench.explain.counters.account import explain_counters
    from specdec_lib.bench.foreign.reading import read_foreign
    from specdec_lib.cli.views.counters import show_account

    run = read_foreign(origin)
    account = explain_counters(run, times["step-plain"], times["step"], times["draft-step"], k)
    if as_json:
        told = asdict(account) | {"terms": list(map(dict, account.terms))}
        print_json({"from": list(origin), "engine": run.engine, "version": run.version, **told})
    else:
        show_account(console_for(), run, account)


def _results_of(chosen: options.ModelOptions) -> list[Path]:
    """What ``specdec bench`` wrote here, what the checkout measured and what it ships, if it is there.

    What was measured need not be here any more: results are kept by the name of a pair.

    Raises:
        UnknownPair: a pair that is not registered, and that nothing lies here of.
        InvalidArgument: options that contradict each other, or a target without a draft.
    """
    from specdec_lib.bench.records.runs import load_results, result_paths

    by_name = chosen == options.ModelOptions(chosen.pair)
    pair = chosen.pair or DEFAULT_PAIR if by_name else named_pair(chosen).pair.pair_name
    found = [path for path in result_paths(pair) if path.is_file() and path.stat().st_size]
    if not found and not is_own_name(pair):
        get_pair(pair)
    here = Path("runs", f"{pair}.jsonl")
    return [here if path == here.resolve() else path for path in found] or [load_results(pair)[1]]


def _first_that_explains(paths: Sequence[Path], asked: dict[str, Any]) -> tuple[Path, Report, list[str]]:
    """The report of the first file that holds enough; of each before it, one line says what it lacks.

    Raises:
        RecordError: none does; the line names the last file.
    """
    for path, following in pairwise(paths):
        try:
            return path, *_explained(path, asked)
        except RecordError as error:
            print_warning(f"{error}; reading {following} instead")
    return paths[-1], *_explained(paths[-1], asked)


def _explained(path: Path, asked: dict[str, Any]) -> tuple[Report, list[str]]:
    """What its newest session tells, and its lines that are no records: told at once where there is none."""
    from specdec_lib.bench.explain.report import explain_session
    from specdec_lib.bench.records.reading import read_records
    from specdec_lib.bench.records.runs import newest_session

    if path.is_dir():
        _refuse_folder(path)
    with said_if_waiting(path):
        records, problems = read_records(path)
    try:
        session = newest_session(records)
    except RecordError as error:
        print_warning(*problems)
        if any(record.kind == "run" for record in records):  # of several machines
            raise RecordError(f"{path}: {error}") from error
        if any(record.kind == "cell" for record in records):
            raise RecordError(_of_a_sweep(path, path.parent)) from None
        raise RecordError(f"{path} holds no timed run; measure with `specdec bench`") from None
    try:
        return explain_session(session, **asked), problems
    except RecordError as error:
        raise RecordError(f"{path}: {str(error).removeprefix('explain: ')}") from error


def _refuse_folder(path: Path) -> None:
    """Raises RecordError: it is that of a sweep; another folder is left to whoever reads it."""
    from specdec_lib.bench.results.sources import PLAN, RESULTS, results_file

    if any((path / name).exists() for name in (PLAN, RESULTS)):
        results_file(path)
        raise RecordError(_of_a_sweep(path, path))


def _of_a_sweep(path: Path, folder: Path) -> str:
    """What is said of a sweep, which is not explained as a whole."""
    cells = folder / "cells"
    one = f"; for one cell, name its {cells / 'KEY' / 'runs.jsonl'}" if cells.is_dir() else ""
    return f"{path} holds the cells of a sweep, which `specdec report {path}` puts on a page{one}"


_CELL = (
    "temperature", "domain", "k", "alpha", "c", "v", "overhead", "predicted", "accounted", "measured", "low",
    "high", "has_interval", "unexplained", "step", "timed_step",
)  # fmt: skip
"""What the document tells of a cell, beside its terms and the advice."""


def _document(report: Report) -> dict[str, Any]:
    groups = [asdict(group) | {"cells": list(map(_cell_document, group.cells))} for group in report.groups]
    return asdict(report) | {"groups": groups}


def _cell_document(cell: Cell) -> dict[str, Any]:
    said = {"terms": list(map(dict, cell.terms)), "advice": list(map(asdict, cell.advice))}
    return {name: getattr(cell, name) for name in _CELL} | said
