"""The folder of a sweep: one folder a cell, made whole and moved into place, and one file of all records.

    FOLDER/sweep.json           what the sweep is: its settings, its cells by number and key
    FOLDER/results.jsonl        one record a cell that is done
    FOLDER/cells/KEY/           cell.json (the same record), notebook.ipynb, runs.jsonl
    FOLDER/failed/KEY.ipynb     the notebook of a cell that failed, as it stopped

A cell is done once its folder is there, which happens in one step of the file system. Whoever starts again
puts into ``results.jsonl`` what the end of the process kept out of it, and takes back half a line.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from specdec_lib.bench.records.appending import append_lines, append_record
from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.reading import from_line
from specdec_lib.bench.sweep import sentences
from specdec_lib.bench.sweep.running import Done
from specdec_lib.errors import RecordError, SpecDecError
from specdec_lib.utils.files import sync_folder, write_whole

try:
    import fcntl
except ImportError:  # not on Windows: two processes on one sweep are not told apart there
    fcntl = None

RESULTS, PLAN, RECORD, NOTEBOOK, RUNS = (
    "results.jsonl",
    "sweep.json",
    "cell.json",
    "notebook.ipynb",
    "runs.jsonl",
)
_ROOM = 1 << 18
"""Bytes that a sweep which goes on must be able to write."""
_OURS = {RESULTS, PLAN, "cells", "failed", "work", "lock"}


class SweepNotSaved(SpecDecError):
    """The disk is full, or the folder cannot be written to; what is done stays done."""


class SweepFolder:
    """Where a sweep keeps what it measures; one process at a time.

    Use it in a ``with`` block, which holds the folder and puts right what a killed process left.

    Raises:
        SpecDecError: the folder holds something else, another process runs the sweep, or it cannot be
            written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.results = self.path / RESULTS
        self._lock: int | None = None

    def __enter__(self) -> SweepFolder:
        there = {one.name for one in self.path.iterdir()} if self.path.is_dir() else set[str]()
        others = {name for name in there - _OURS if not name.startswith(f".{PLAN}")}  # a plan half written
        if others and not there & {PLAN, RESULTS}:
            raise SpecDecError(sentences.ANOTHER_FOLDER.format(self.path))
        with self._saving():
            for name in ("cells", "work"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            self._take()
            shutil.rmtree(self.path / "work", ignore_errors=True)
            self.work.mkdir(exist_ok=True)
            self._mend()
        return self

    def __exit__(self, *raised: object) -> None:
        with contextlib.suppress(OSError):
            self.work.rmdir()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def work(self) -> Path:
        """Where cells are made before they are done; emptied when a sweep starts."""
        return self.path / "work"

    def done(self) -> set[str]:
        """The keys of the cells that are done: those whose folder has a record."""
        cells = self.path / "cells"
        names = os.listdir(cells) if cells.is_dir() else []
        return {name for name in names if not name.startswith(".") and _has_record(cells / name)}

    def record(self, key: str) -> CellRecord:
        """The record of a cell that is done."""
        return _cell(self.path / "cells" / key)

    def add(self, done: Done) -> None:
        """Keep a cell: its folder first, which makes it done, then its line.

        Raises:
            SweepNotSaved: the disk is full, say; then the cell is not done.
        """
        with self._saving():
            made, place = self.work / f"{done.key}.done", self.path / "cells" / done.key
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(parents=True)
            line = json.dumps(dict(done.record), allow_nan=False, separators=(",", ":")).encode()
            for name, content in ((RECORD, line), (NOTEBOOK, done.notebook), (RUNS, done.runs)):
                _write_synced(made / name, content)
            if _has_record(place):  # done before, by whoever ran it too
                shutil.rmtree(made)
                return
            shutil.rmtree(place, ignore_errors=True)
            os.replace(made, place)
            sync_folder(place.parent)
            append_record(self.results, done.record)
            shutil.rmtree(self.work / done.key, ignore_errors=True)
            (self.path / "failed" / f"{done.key}.ipynb").unlink(missing_ok=True)

    def require_room(self) -> None:
        """Find out whether anything can be written still.

        Raises:
            SweepNotSaved: it cannot; a notebook that failed may have failed for that reason.
        """
        with self._saving():
            probe = self.work / "room"
            _write_synced(probe, bytes(_ROOM))
            probe.unlink()

    def keep_failed(self, key: str, notebook: bytes | None) -> Path | None:
        """Keep the notebook of a cell that failed; None where there is none to keep."""
        if notebook is None:
            return None
        with self._saving():
            place = self.path / "failed" / f"{key}.ipynb"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(notebook)
            return place

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Say what the sweep is, for whoever watches it."""
        with self._saving():
            write_whole(self.path / PLAN, json.dumps(plan, indent=1).encode())

    # -- what a killed process left --------------------------------------------------------

    def _mend(self) -> None:
        """Take back half a line, and append the records of cells that are done and not in the file."""
        known = set[str]()
        if self.results.exists():
            content = self.results.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if len(whole) < len(content) and not _is_record(content[len(whole) :]):
                with self.results.open("r+b") as file:
                    file.truncate(len(whole))
            for line in content.split(b"\n"):
                with contextlib.suppress(ValueError, AttributeError, TypeError, RecursionError):
                    known.add(json.loads(line).get("key"))
        for key in sorted(self.done() - known):
            append_lines(self.results, (self.path / "cells" / key / RECORD).read_bytes() + b"\n")

    def _take(self) -> None:
        """Hold the folder until the process ends, however it ends."""
        if fcntl is None:
            return
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise SpecDecError(sentences.ANOTHER_RUNS.format(self.path)) from None
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP):
                raise

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            yield
        except RecordError as error:
            raise SweepNotSaved(str(error)) from error
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise SweepNotSaved(sentences.NOT_SAVED.format(self.path, why)) from error


def _cell(folder: Path) -> CellRecord:
    record = from_line((folder / RECORD).read_bytes())
    assert isinstance(record, CellRecord)
    return record


def _has_record(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return (folder / RECORD).stat().st_size > 0
    return False


def _is_record(line: bytes) -> bool:
    try:
        return bool(from_line(line))
    except RecordError:
        return False


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
