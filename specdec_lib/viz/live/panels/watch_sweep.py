"""*Sweep*: a folder in which a sweep is running, looked at every second; map and table follow its records.

A results file may be named too. It is read again only where its size or its time has changed. A last line
that is half written is the reader's to pass over. How records are read is handed in: ``bench`` knows it.
"""

from __future__ import annotations

import html
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specdec_lib.errors import in_one_line
from specdec_lib.utils.numbers import counted
from specdec_lib.viz.live.panels import sentences
from specdec_lib.viz.live.panels.panel import Panel, button, row, scrolled, status_html
from specdec_lib.viz.live.panels.worker import Ended, Worker

RESULTS, PLAN, FAILED = "results.jsonl", "sweep.json", "failed"
CellRows = Sequence[Mapping[str, Any]]
ReadCells = Callable[[Path], CellRows]
"""Reads the rows of a folder or a file: temperature, domain, k, speedup, and whatever else there is."""


@dataclass(frozen=True)
class Seen:
    """What the file holds now; ``problem``: why it could not be read; ``lack``: why it holds nothing."""

    rows: CellRows
    problem: str = ""
    lack: str = ""


@dataclass(frozen=True)
class Watched:
    """What is looked at from now on."""

    place: Path


class WatchSweep(Panel):
    """Follows a sweep.

    Args:
        folder: of the sweep, or its results file; it need not be there yet. It is looked for here and in the
            folders above. Another one that is written into the field while one is watched is watched at once.
        read: called with the folder, or the file, when its records have changed.
        recorded: rows for a page without a kernel, and where nothing is in this folder yet.
        every: seconds between two looks.
    """

    name, recorded = "sweep", sentences.RECORDED_CELLS

    def __init__(
        self, folder: str | Path, read: ReadCells, *, recorded: CellRows = (), every: float = 1.0
    ) -> None:
        self.folder, self.every = Path(folder), every
        self.rows: CellRows = list(recorded)
        self._start, self._read, self._worker = str(folder), read, Worker(self._hear)
        self._instead, self._moved = self.rows, threading.Event()

    def __repr__(self) -> str:
        return f"WatchSweep({self._start})"

    def show(self) -> None:
        """Begins to watch."""
        self.watch()

    def watch(self) -> bool:
        """Begin; False where it is being watched."""
        _ = self.widget
        self._lock_controls(True)
        self.folder = self._asked()
        return self._worker.start(self._follow)

    def stop(self) -> None:
        """Watch no more."""
        self._worker.stop()
        self._moved.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nobody watches; whether that came to pass."""
        return self._worker.wait(seconds)

    def _asked(self) -> Path:
        return Path(self._field.value.strip() or ".").expanduser()

    def _move(self, _: Any = None) -> None:
        """Look at what the field names now, where something is watched."""
        if self._worker.is_busy:
            self.folder = self._asked()
            self._moved.set()

    def _follow(self, stopped: threading.Event) -> Iterator[Watched | Seen | None]:
        while not stopped.is_set():
            self._moved.clear()
            yield Watched(self.folder)
            for seen in looks(self.folder, self._read, self.every, self._moved):
                if self._moved.is_set():
                    break
                yield seen

    def _hear(self, event: Any) -> None:
        if isinstance(event, Watched):
            if event.place != Path(self._start).expanduser():
                self._instead = ()
            self._show_rows(self._instead)
            self._say(sentences.WATCHING.format(event.place))
        elif isinstance(event, Seen):
            self._draw(event)
        elif isinstance(event, Ended):
            self._lock_controls(False)
            self._say(event.line or sentences.NOT_WATCHING, event.how == "failed")

    def _draw(self, seen: Seen) -> None:
        if seen.problem:
            self._say(sentences.CANNOT_READ.format(seen.problem), is_error=True)
        elif seen.rows:
            self._show_rows(seen.rows)
            self._say(sentences.CELLS.format(counted(len(seen.rows), "cell"), time.strftime("%H:%M:%S")))
        else:
            self._show_rows(self._instead)
            self._say(sentences.BELOW_RECORDED.format(seen.lack) if self.rows else seen.lack)

    def _show_rows(self, rows: CellRows) -> None:
        if rows is not self.rows:
            self.rows = rows
            self._paint()

    def _paint(self) -> None:
        from specdec_lib.viz.live.panels.cell_map import cell_table, plot_cells
        from specdec_lib.viz.renderer import OfflineRenderer

        if not self.rows:
            self._figure.outputs, self._table.value = (), ""
            return
        bundle = OfflineRenderer().to_mimebundle(plot_cells(self.rows).to_dict())
        bundle.pop("text/html")  # JupyterLab draws plotly's own data type
        self._figure.outputs = ({"output_type": "display_data", "data": bundle, "metadata": {}},)
        self._table.value = scrolled(cell_table(self.rows))

    def _say(self, line: str, is_error: bool = False) -> None:
        self._status.value = status_html(line, is_error)

    def _lock_controls(self, is_busy: bool) -> None:
        self._begin.disabled, self._end.disabled = is_busy, not is_busy

    def _controls(self) -> list[Any]:
        import ipywidgets as w

        self._field = w.Text(value=self._start, description="folder or file", continuous_update=False)
        self._field.observe(self._move, "value")
        self._begin = button("Watch", "eye", "follow the records of this folder", self.watch)
        self._end = button("Stop watching", "stop", "follow no more", self.stop, disabled=True)
        self._status, self._table, self._figure = w.HTML(status_html("")), w.HTML(), w.Output()
        self._paint()
        return [row(self._field, self._begin, self._end), self._status, self._figure, self._table]

    def _recorded(self) -> str:
        from specdec_lib.viz.live.panels.cell_map import cell_table, plot_cells
        from specdec_lib.viz.renderer import figure_html

        if not self.rows:
            return f"<p>{html.escape(sentences.NO_RECORDS.format(self._start))}</p>"
        figure = figure_html(plot_cells(self.rows).to_dict())
        return f"{figure}{scrolled(cell_table(self.rows))}"


def looks(place: Path, read: ReadCells, every: float, stopped: threading.Event) -> Iterator[Seen | None]:
    """What is seen whenever something has changed, and nothing in between; it never ends by itself."""
    known: object = ()
    while True:
        found = found_above(place)
        lack = _lack(found)
        now = lack or _state(_results(found))
        if now != known:
            known = now
            yield Seen((), lack=lack) if lack else _seen(found, read)
        else:
            yield None
        stopped.wait(every)


def found_above(place: Path) -> Path:
    """What that path names below the working directory, or below the nearest one above it that has it."""
    places = (base / place for base in (Path.cwd(), *Path.cwd().parents))
    return next((found for found in places if found.exists()), place)


def _results(place: Path) -> Path:
    return place / RESULTS if place.is_dir() else place


def _lack(place: Path) -> str:
    """Why there are no records; nothing where there may be some."""
    if _results(place).exists():
        return ""
    if not place.exists():
        return sentences.NOT_THERE.format(place)
    failures = place / FAILED
    number = sum(1 for _ in failures.glob("*.ipynb"))
    if number and number >= _num_planned(place):
        return sentences.ALL_FAILED.format(counted(number, "cell"), failures)
    if number:
        return sentences.SOME_FAILED.format(place, number, failures)
    return sentences.NO_RECORDS.format(place)


def _num_planned(folder: Path) -> int:
    try:
        return len(json.loads((folder / PLAN).read_bytes())["cells"])
    except (OSError, ValueError, LookupError, TypeError):
        return 0


def _state(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size


def _seen(place: Path, read: ReadCells) -> Seen:
    try:
        return Seen(list(read(place)), lack=sentences.NO_RECORDS.format(place))
    except Exception as error:  # the next look may find it whole
        return Seen((), in_one_line(error))
