"""*Sweep*: a folder in which a sweep is running, looked at every second; map and table follow its records.

The file is read again only where its size or its time has changed. A last line that is half written is the
reader's to pass over: how records are read is handed in, since ``bench`` knows it.
"""

from __future__ import annotations

import html
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

RESULTS = "results.jsonl"
CellRows = Sequence[Mapping[str, Any]]
ReadCells = Callable[[Path], CellRows]
"""Reads the rows of a folder: temperature, domain, k, speedup, and whatever else there is."""


@dataclass(frozen=True)
class Seen:
    """What the file holds now; ``problem``: why it could not be read."""

    rows: CellRows
    problem: str = ""


class WatchSweep(Panel):
    """Follows a sweep.

    Args:
        folder: of the sweep; it need not be there yet. It is looked for here and in the folders above.
        read: called with the folder when its records have changed.
        recorded: rows for a page without a kernel, and where nothing is in the folder yet.
        every: seconds between two looks.
    """

    name, recorded = "sweep", sentences.RECORDED_CELLS

    def __init__(
        self, folder: str | Path, read: ReadCells, *, recorded: CellRows = (), every: float = 1.0
    ) -> None:
        self.folder, self.every = Path(folder), every
        self.rows: CellRows = list(recorded)
        self._start, self._read, self._worker = str(folder), read, Worker(self._hear)

    def __repr__(self) -> str:
        return f"WatchSweep({self._start})"

    def show(self) -> None:
        """Begins to watch."""
        self.watch()

    def watch(self) -> bool:
        """Begin; False where it is being watched."""
        _ = self.widget
        self.folder = Path(self._field.value.strip() or ".").expanduser()
        self._lock_controls(True)
        self._say(sentences.WATCHING.format(self.folder))
        return self._worker.start(lambda stopped: looks(self.folder, self._read, self.every, stopped))

    def stop(self) -> None:
        """Watch no more."""
        self._worker.stop()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nobody watches; whether that came to pass."""
        return self._worker.wait(seconds)

    def _hear(self, event: Any) -> None:
        if isinstance(event, Seen):
            self._draw(event)
        elif isinstance(event, Ended):
            self._lock_controls(False)
            self._say(event.line or sentences.NOT_WATCHING, event.how == "failed")

    def _draw(self, seen: Seen) -> None:
        if seen.problem:
            self._say(sentences.CANNOT_READ.format(seen.problem), is_error=True)
            return
        if not seen.rows:
            self._say(sentences.NO_RECORDS.format(self.folder))
            return
        self.rows = seen.rows
        self._say(sentences.CELLS.format(counted(len(seen.rows), "cell"), time.strftime("%H:%M:%S")))
        self._paint()

    def _paint(self) -> None:
        from specdec_lib.viz.live.panels.cell_map import cell_table, plot_cells
        from specdec_lib.viz.renderer import OfflineRenderer

        if not self.rows:
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

        self._field = w.Text(value=self._start, description="folder")
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


def looks(folder: Path, read: ReadCells, every: float, stopped: threading.Event) -> Iterator[Seen | None]:
    """What is seen whenever something has changed, and nothing in between; it never ends by itself."""
    known: object = ()
    while True:
        place = found_above(folder)
        now = _state(place / RESULTS)
        if now != known:
            known = now
            yield _seen(place, read) if now is not None else Seen(())
        else:
            yield None
        stopped.wait(every)


def found_above(folder: Path) -> Path:
    """A folder of that path below the working directory, or below the nearest one above it that has one."""
    places = (base / folder for base in (Path.cwd(), *Path.cwd().parents))
    return next((place for place in places if place.is_dir()), folder)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size


def _seen(folder: Path, read: ReadCells) -> Seen:
    try:
        return Seen(list(read(folder)))
    except Exception as error:  # the next look may find it whole
        return Seen((), in_one_line(error))
