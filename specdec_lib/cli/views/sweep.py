"""What ``specdec sweep`` shows: its cells before they run, each as it ends, and what came of all.

On a terminal there is a bar with the time that is left, drawn only when something has happened, since drawing
takes time from what is measured; a log gets a line a cell.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.cli.terminal import print_json, print_warning, safe_table, text
from specdec_lib.cli.views import sentences
from specdec_lib.utils.numbers import counted

if TYPE_CHECKING:
    from rich.console import Console

    from specdec_lib.bench.records.kinds import CellRecord
    from specdec_lib.bench.sweep.folder import SweepFolder
    from specdec_lib.bench.sweep.plan import Planned, SweepPlan
    from specdec_lib.bench.sweep.running import CellOrder
    from specdec_lib.bench.sweep.sweeping import SweepOutcome

_MOST_ROWS = 60
_MEASURED = 200
"""Cells by which the time of others is estimated: the newest."""


@contextmanager
def sweep_display(console: Console, plan: SweepPlan, folder: SweepFolder) -> Iterator[SweepDisplay]:
    """A display for the sweep that is about to run; says first what is left out, and what is there."""
    for one in plan.skipped:
        print_warning(f"cell {one.cell.number} is skipped ({one.cell.label(plan.axes)}): {one.why}")
    display = SweepDisplay(console, plan, folder)
    if display.recorded:
        display.say(sentences.cells_recorded(len(display.recorded), len(plan.planned)))
    if not console.is_terminal:
        yield display
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True) as live:
        display.live = live
        yield display


class SweepDisplay:
    """How far a sweep is; :attr:`lines` takes the progress of a cell's notebook."""

    def __init__(self, console: Console, plan: SweepPlan, folder: SweepFolder) -> None:
        self.console, self.plan, self.folder = console, plan, folder
        there = folder.done()
        self.recorded = [one for one in plan.planned if one.order.key in there]
        newest = (folder.record(one.order.key) for one in self.recorded[-_MEASURED:])
        self.measured = deque(newest, _MEASURED)
        self.failures: dict[str, tuple[str, Path | None]] = {}
        self.live: Any = None
        self.lines = _Lines(self._draw)
        self._known = {one.order.key: one for one in plan.planned}
        self._ended, self._running = {one.order.key for one in self.recorded}, dict[str, float]()
        self._width = max((len(one.cell.label(plan.axes)) for one in plan.planned), default=0)
        self._told = set[str]()
        self._example = {_kind(one): one for one in plan.planned}
        self._count = Counter(_kind(one) for key, one in self._known.items() if key not in self._ended)
        """How many cells are left of each kind, all of which take as long as its example."""

    def begins(self, order: CellOrder) -> None:
        """A cell is started."""
        self._running[order.key] = time.monotonic()
        self._draw()

    def is_done(self, planned: Planned, record: CellRecord) -> None:
        """A cell is done: what came of it, and the time that is left."""
        from specdec_lib.bench.results.columns import cell_row

        self._end(planned)
        self.measured.append(record)
        speedup = cell_row(record, "").speedup
        told = "" if speedup is None else f"{speedup:.2f}×"
        self.say(self._line(planned, f"{told:>6}  {record.seconds.get('whole', 0.0):5.1f} s"))

    def failed(self, planned: Planned, why: str, notebook: Path | None) -> None:
        """A cell failed: why, and where its notebook is."""
        self._end(planned)
        self.failures[planned.order.key] = why, notebook
        self.say(self._line(planned, sentences.failed_again(why in self._told)))
        if why not in self._told:
            self._told.add(why)
            print_warning(sentences.cell_failed(planned.cell.number, why, notebook))

    def say(self, line: str) -> None:
        """A line that stays."""
        self.console.print(text(line), soft_wrap=True)
        self._draw()

    def to_dict(self, outcome: SweepOutcome) -> dict[str, Any]:
        """What came of the sweep, as ``--json`` has it."""
        label = {key: one.cell.label(self.plan.axes) for key, one in self._known.items()}
        failed = [
            {"key": key, "label": label[key], "why": why, "notebook": None if place is None else str(place)}
            for key, (why, place) in self.failures.items()
        ]
        skipped = [{"label": one.cell.label(self.plan.axes), "why": one.why} for one in self.plan.skipped]
        return {
            "sweep": self.plan.config.name,
            "folder": str(self.folder.path),
            "results": str(self.folder.results),
            "cells": len(self.plan.planned) + len(skipped),
            "recorded": outcome.recorded,
            "done": outcome.done,
            "failed": failed,
            "skipped": skipped,
        }

    def _end(self, planned: Planned) -> None:
        self._ended.add(planned.order.key)
        self._count[_kind(planned)] -= 1
        self._running.pop(planned.order.key, None)

    def _line(self, planned: Planned, came: str) -> str:
        number = f"{len(self._ended):{len(str(len(self._known)))}}/{len(self._known)}"
        left = "" if len(self._ended) == len(self._known) else f"  {self._left()} left"
        return f"[sweep] {number}  {planned.cell.label(self.plan.axes):<{self._width}}  {came}{left}"

    def _left(self) -> str:
        """The time of the cells that are left, by those that were measured."""
        from specdec_lib.bench.sweep.plan import seconds_of

        left = {kind: number for kind, number in self._count.items() if number}
        seconds = sum(n * seconds_of(self._example[kind], self.measured)[0] for kind, n in left.items())
        return sentences.about(max(0.0, seconds / max(1, len(self._running) or 1)))

    def _draw(self, line: str = "") -> None:
        if self.live is None:
            return
        from rich.console import Group
        from rich.progress_bar import ProgressBar

        running = [self._known[key].cell.label(self.plan.axes) for key in self._running]
        bar = ProgressBar(total=max(1, len(self._known)), completed=len(self._ended), width=40)
        head = f"{len(self._ended)} of {counted(len(self._known), 'cell')}, {self._left()} left"
        lines = [text(one, "dim") for one in ("; ".join(running), line)]
        for one in lines:  # each keeps to a line of its own, however narrow the terminal is
            one.no_wrap, one.overflow = True, "ellipsis"
        self.live.update(Group(text(head, "bold"), bar, *lines), refresh=True)


def _kind(planned: Planned) -> str:
    """The parameters on which the time of a cell depends, as it is estimated."""
    asked = planned.order.parameters
    return json.dumps([(name, asked[name]) for name in asked if name not in ("k_values", "seed")])


class _Lines(io.TextIOBase):
    """A stream of which the newest line is shown."""

    def __init__(self, show: Any) -> None:
        self._show, self._begun = show, ""

    def write(self, content: str) -> int:
        *whole, self._begun = (self._begun + content).split("\n")
        if whole and whole[-1].strip():
            self._show(whole[-1].removeprefix("[bench] ").strip())
        return len(content)


# -- before and after --------------------------------------------------------------------------------


def show_plan(console: Console, plan: SweepPlan, folder: SweepFolder, as_json: bool) -> None:
    """The cells of a sweep that is not run: where they stand, their memory, their time, their state."""
    rows, seconds, is_rough = _plan_rows(plan, folder)
    left = [row for row in rows if row["state"] == "to run"]
    if as_json:
        print_json({"sweep": plan.config.name, "folder": str(folder.path), "cells": rows, "seconds": seconds})
        return
    shown = [
        [row["number"], row["label"], _gib(row["gib"]), f"{row['seconds']:.0f} s", row["state"]]
        for row in rows[:_MOST_ROWS]
    ]
    headings = ("cell", ", ".join(plan.axes).replace("_", " "), "GiB", "time", "")
    console.print(safe_table(f"{plan.config.name}: {counted(len(rows), 'cell')}", headings, "rlrrl", shown))
    if len(rows) > _MOST_ROWS:
        console.print(text(f"… and {len(rows) - _MOST_ROWS} more", "dim"))
    waiting = sum(bool(one.lacks) for one in plan.planned)
    line = sentences.planned(len(left), waiting, seconds, is_rough, folder.path)
    console.print(text(line), soft_wrap=True)


def _plan_rows(plan: SweepPlan, folder: SweepFolder) -> tuple[list[dict[str, Any]], float, bool]:
    """A row a cell, the seconds of those that are left, and whether no cell like one of them was measured."""
    from specdec_lib.bench.sweep.plan import seconds_of

    there = folder.done()
    measured = [folder.record(key) for key in sorted(there)[:200]]
    rows, total, is_rough = list[dict[str, Any]](), 0.0, False
    for one in plan.planned:
        seconds, known = seconds_of(one, measured)
        state = "done" if one.order.key in there else one.lacks or "to run"
        if state == "to run":
            total, is_rough = total + seconds, is_rough or not known
        told = {"number": one.cell.number, "key": one.order.key, "label": one.cell.label(plan.axes)}
        rows.append(told | {"gib": one.gib, "seconds": round(seconds, 1), "state": state})
    for one in plan.skipped:
        told = {"number": one.cell.number, "key": None, "label": one.cell.label(plan.axes), "gib": None}
        rows.append(told | {"seconds": 0.0, "state": f"skipped: {one.why}"})
    return sorted(rows, key=lambda row: row["number"]), total, is_rough


def _gib(gib: float | None) -> str:
    return "?" if gib is None else f"{gib:.2f}" if gib < 10 else f"{gib:.0f}"


def show_outcome(console: Console, told: dict[str, Any]) -> None:
    """What came of a sweep, and what to look at next."""
    console.print(text(sentences.came_of(told)), soft_wrap=True)
    if told["done"] or told["recorded"]:
        for command in ("results", "report"):
            console.print(text(f"  specdec {command} {told['folder']}", "dim"), soft_wrap=True)
