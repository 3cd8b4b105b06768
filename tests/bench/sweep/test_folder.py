"""The folder of a sweep: a cell is done or not, whenever the process was killed, whatever the disk said."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made_cells import made_cell

from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.sweep import folder as folder_module
from specdec_lib.bench.sweep.folder import SweepFolder, SweepNotSaved
from specdec_lib.bench.sweep.running import Done
from specdec_lib.errors import SpecDecError


def done(number: int) -> Done:
    key = f"{number:016x}"
    return Done(key, made_cell(num_prompts=1, num_tokens=8) | {"key": key}, b"{}", b"runs\n" * 2000)


def kept(path: Path) -> list[str]:
    """The keys in the file of records, which must all be whole."""
    records, problems = read_records(path / "results.jsonl")
    assert problems == []
    return [record["key"] for record in records]


def test_a_cell_is_a_folder_and_a_line(tmp_path) -> None:
    with SweepFolder(tmp_path / "sweep") as folder:
        assert folder.done() == set()
        folder.add(done(1))
        folder.add(done(1))
        folder.add(done(2))
        assert folder.done() == {done(1).key, done(2).key}
        assert folder.record(done(2).key) == done(2).record
    assert kept(folder.path) == [done(1).key, done(2).key]
    cell = folder.path / "cells" / done(1).key
    assert {path.name for path in cell.iterdir()} == {"cell.json", "notebook.ipynb", "runs.jsonl"}
    assert not folder.work.exists()


def test_what_a_killed_process_left_is_put_right(tmp_path) -> None:
    with SweepFolder(tmp_path) as folder:
        for number in (1, 2):
            folder.add(done(number))
    lines = folder.results.read_bytes().splitlines(keepends=True)
    folder.results.write_bytes(lines[0] + lines[1][:100])
    (folder.work / "half").mkdir(parents=True)
    with SweepFolder(tmp_path) as folder:
        assert list(folder.work.iterdir()) == []
    assert sorted(kept(tmp_path)) == [done(1).key, done(2).key]
    folder.results.unlink()
    with SweepFolder(tmp_path):
        assert sorted(kept(tmp_path)) == [done(1).key, done(2).key]


def test_a_sweep_that_ended_while_it_said_what_it_is_goes_on(tmp_path) -> None:
    for name in ("cells", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / ".sweep.json").write_text('{"name"')
    with SweepFolder(tmp_path) as folder:
        folder.write_plan({"name": "mine"})
    assert json.loads((tmp_path / "sweep.json").read_text()) == {"name": "mine"}


def test_what_others_put_among_cells_and_lines_is_passed_over(tmp_path) -> None:
    with SweepFolder(tmp_path) as folder:
        folder.add(done(1))
    (tmp_path / "cells" / ".DS_Store").write_bytes(b"a desktop's")
    with folder.results.open("ab") as file:
        file.write(b'{"key": []}\n' + b"[" * 100_000 + b"\n")
    with SweepFolder(tmp_path) as folder:
        assert folder.done() == {done(1).key}
    assert folder.results.read_bytes().count(done(1).key.encode()) == 1


def test_a_cell_whose_record_is_gone_is_run_again(tmp_path) -> None:
    with SweepFolder(tmp_path) as folder:
        for number in (1, 2):
            folder.add(done(number))
    (tmp_path / "cells" / done(1).key / "cell.json").unlink()
    (tmp_path / "cells" / done(2).key / "cell.json").write_bytes(b"")
    folder.results.unlink()
    with SweepFolder(tmp_path) as folder:
        assert folder.done() == set()
        folder.add(done(1))
    assert kept(tmp_path) == [done(1).key]


def test_a_last_line_that_is_whole_but_for_its_end_stays(tmp_path) -> None:
    with SweepFolder(tmp_path) as folder:
        folder.add(done(1))
    folder.results.write_bytes(folder.results.read_bytes().rstrip(b"\n"))
    with SweepFolder(tmp_path) as folder:
        folder.add(done(2))
    assert kept(tmp_path) == [done(1).key, done(2).key]


def test_two_processes_do_not_run_one_sweep(tmp_path) -> None:
    with SweepFolder(tmp_path), pytest.raises(SpecDecError, match="another process runs this sweep"):
        SweepFolder(tmp_path).__enter__()
    with SweepFolder(tmp_path):
        pass


def test_a_folder_of_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("words")
    with pytest.raises(SpecDecError, match="no sweep's"):
        SweepFolder(tmp_path).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("at", ["cell.json", "notebook.ipynb", "runs.jsonl", "results.jsonl"])
def test_a_full_disk_is_one_line_and_the_cell_is_not_half_there(tmp_path, monkeypatch, at) -> None:
    with SweepFolder(tmp_path) as folder:
        folder.add(done(1))
        write = folder_module._write_synced

        def full(path: Path, content: bytes) -> None:
            if path.name == at:
                path.write_bytes(content[:10])
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, content)

        def no_room(path, record) -> None:
            if at == "results.jsonl":
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(folder_module, "_write_synced", full)
        monkeypatch.setattr(folder_module, "append_record", no_room)
        with pytest.raises(SweepNotSaved, match="No space left on device; make room"):
            folder.add(done(2))
    monkeypatch.undo()
    with SweepFolder(tmp_path) as folder:
        whole = {done(1).key} | ({done(2).key} if at == "results.jsonl" else set())
        assert folder.done() == whole
    assert set(kept(tmp_path)) == whole


def test_a_sweep_without_room_is_told_so(tmp_path, monkeypatch) -> None:
    with SweepFolder(tmp_path) as folder:
        folder.require_room()

        def full(*_: object) -> None:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

        monkeypatch.setattr(folder_module, "_write_synced", full)
        with pytest.raises(SweepNotSaved, match="Disk quota exceeded"):
            folder.require_room()


SWEEP = """
import sys
sys.path.insert(0, {tests!r})
from bench.sweep.test_folder import done
from specdec_lib.bench.sweep.folder import SweepFolder
with SweepFolder({path!r}) as folder:
    print("begun", flush=True)
    for number in range(24):
        if done(number).key not in folder.done():
            folder.add(done(number))
"""


def test_killed_at_any_instant_no_cell_is_lost_or_twice_or_half(tmp_path) -> None:
    """A sweep of 24 cells, killed without warning twenty times in the middle of its writing, then ended."""
    code = SWEEP.format(tests=str(Path(__file__).parents[2]), path=str(tmp_path))
    dice, before = random.Random(3), set[str]()
    for kill in range(21):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"begun\n"
        if kill < 20:
            time.sleep(dice.uniform(0, 0.006))
            child.send_signal(signal.SIGKILL)
        assert child.wait() == (0 if kill == 20 else -signal.SIGKILL) or child.returncode == 0
        child.stdout.close()
        there = set(os.listdir(tmp_path / "cells"))
        assert before <= there
        before = there
        for key in there:
            assert json.loads((tmp_path / "cells" / key / "cell.json").read_bytes())["key"] == key
            assert (tmp_path / "cells" / key / "runs.jsonl").read_bytes() == done(0).runs
    keys = kept(tmp_path)
    assert len(keys) == len(set(keys)) == 24 and set(keys) == before
