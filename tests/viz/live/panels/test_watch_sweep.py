"""A sweep is watched: drawn anew as records arrive, through half a line, and not when nothing has changed."""

from __future__ import annotations

import json
import queue
import threading
from pathlib import Path

import pytest
from made_cells import made_sweep

from specdec_lib.bench.records.appending import to_line
from specdec_lib.bench.results.scanning import Scan
from specdec_lib.viz.live.panels.cell_map import cell_table, line_names, plot_cells
from specdec_lib.viz.live.panels.watch_sweep import Seen, WatchSweep, found_above, looks

CELLS = [
    to_line(cell.line, "made").decode()
    for cell in made_sweep(ks=(2, 4), domains=("code", "conversation"), temperatures=(0.0,))
]


def read(folder: Path):
    return [row._asdict() for row in Scan([folder], workers=1)]


def write(folder: Path, *lines: str) -> None:
    with (folder / "results.jsonl").open("a", encoding="utf8") as file:
        file.writelines(lines)


def line(number: int) -> str:
    return CELLS[number].rstrip("\n") + "\n"


def test_a_file_is_read_again_only_where_it_has_changed(tmp_path):
    seen = looks(tmp_path, read, 0.0, threading.Event())
    nothing = Seen((), lack=f"no records in {tmp_path} yet")
    assert next(seen) == nothing and next(seen) is None, "nothing is there"
    write(tmp_path, line(0))
    assert len(next(seen).rows) == 1
    assert [next(seen) for _ in range(3)] == [None] * 3
    write(tmp_path, line(1), line(2)[:200])
    assert len(next(seen).rows) == 2, "half a line is no record, and no error"
    write(tmp_path, line(2)[200:])
    assert len(next(seen).rows) == 3


def test_a_file_that_cannot_be_read_is_said_and_looked_at_again(tmp_path):
    def refuses(folder):
        raise OSError("the disk is away")

    write(tmp_path, line(0))
    seen = looks(tmp_path, refuses, 0.0, threading.Event())
    assert next(seen) == Seen((), "OSError: the disk is away") and next(seen) is None


def test_a_folder_is_found_in_those_above(tmp_path, monkeypatch):
    (tmp_path / "runs/mine").mkdir(parents=True)
    (tmp_path / "lab/notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "lab/notebooks")
    assert found_above(Path("runs/mine")) == tmp_path / "runs/mine"
    assert found_above(Path("runs/other")) == Path("runs/other")


def first_lack(place: Path) -> str:
    return next(looks(place, read, 0.0, threading.Event())).lack


def test_each_place_without_records_has_a_sentence_of_its_own(tmp_path):
    failed = tmp_path / "failed"
    assert first_lack(tmp_path / "none").startswith(f"{tmp_path / 'none'} is not there yet; name the folder")
    failed.mkdir()
    (failed / "a.ipynb").touch()
    (tmp_path / "sweep.json").write_text(json.dumps({"cells": [{}, {}]}))
    assert first_lack(tmp_path) == f"no cell of {tmp_path} is done yet; 1 failed: see {failed}"
    (failed / "b.ipynb").touch()
    assert first_lack(tmp_path) == f"2 cells, all failed: see {failed}"


def test_a_results_file_is_watched_like_its_folder(tmp_path):
    write(tmp_path, line(0))
    seen = looks(tmp_path / "results.jsonl", read, 0.0, threading.Event())
    assert len(next(seen).rows) == 1 and next(seen) is None


def test_another_folder_is_watched_at_once_and_nothing_of_the_first_stays(tmp_path):
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    write(tmp_path / "full", line(0))
    panel, lines = WatchSweep(tmp_path / "full", read, recorded=[ROW], every=0.01), queue.Queue()
    assert panel.widget.children
    say = panel._say
    panel._say = lambda told, is_error=False: (say(told, is_error), lines.put(told))

    def until(words: str) -> str:
        return next(told for told in iter(lambda: lines.get(timeout=20), None) if words in told)

    assert panel.watch() and until("1 cell at")
    panel._field.value = str(tmp_path / "empty")
    assert until("no records in") == f"no records in {tmp_path / 'empty'} yet"
    assert not panel.rows and not panel._figure.outputs and not panel._table.value
    panel._field.value = str(tmp_path / "full" / "results.jsonl")
    assert until("1 cell at") and panel._figure.outputs and panel._table.value
    panel.stop()
    assert panel.wait(20)


def test_what_was_recorded_is_named_so_where_nothing_is_there_yet(tmp_path):
    panel = WatchSweep(tmp_path, read, recorded=[ROW])
    assert panel.widget.children
    panel._draw(Seen((), lack="nothing"))
    assert "nothing; below is what was recorded" in panel._status.value and panel._figure.outputs


def test_the_panel_follows_until_it_is_stopped(tmp_path):
    panel, drawn = WatchSweep(tmp_path, read, every=0.01), threading.Event()
    assert panel.widget.children
    hear = panel._worker._hear
    panel._worker._hear = lambda event: (hear(event), isinstance(event, Seen) and event.rows and drawn.set())
    assert panel.watch() and panel.watch() is False
    for number in range(2):
        drawn.clear()
        write(tmp_path, line(number))
        assert drawn.wait(20)
    panel.stop()
    assert panel.wait(20) and "not watching" in panel._status.value
    (shown,) = panel._figure.outputs
    assert list(shown["data"]) == ["application/vnd.plotly.v1+json"]
    assert panel._table.value.count("<tr>") == 3 and not panel._begin.disabled


# -- map and table -----------------------------------------------------------------------------------

ROW = {"pair": "p", "draft": "d", "domain": "code", "temperature": 0.0, "k": 2, "speedup": 1.5}


def test_a_line_is_named_by_what_differs():
    assert line_names([ROW, ROW | {"k": 4}]) == ["code", "code"]
    assert line_names([ROW, ROW | {"draft": "lookup"}]) == ["d, code", "lookup, code"]
    assert line_names([]) == []


def test_cells_of_one_place_are_one_and_those_without_a_time_are_none():
    rows = [ROW, ROW | {"speedup": 1.5 * 4}, ROW | {"k": 4, "speedup": None}, ROW | {"temperature": 0.8}]
    figure = plot_cells(rows)
    assert [list(trace.x) for trace in figure.data] == [["K = 2"], ["K = 2"]]
    assert figure.data[0].customdata[0][0] == pytest.approx([3.0, 2])


def test_the_newest_cells_come_first_in_the_table_whatever_their_numbers_are_called():
    table = cell_table([ROW | {"sd_tokens_per_second": 20.0, "ar_tokens_per_second": 10.0}, ROW | {"k": 8}])
    assert [cells[2] for cells in table.cells] == ["8", "2"]
    assert table.cells[1][-2:] == ["20.0", "10.0"] and table.cells[0][-2:] == ["–", "–"]


def test_without_a_kernel_the_recorded_rows_stand_there():
    assert "figure-" in WatchSweep("x", read, recorded=[ROW]).static()
    assert "no records in x" in WatchSweep("x", read).static()
