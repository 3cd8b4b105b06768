"""Results files read line by line: whatever is in them, in pieces of any size, by one process or several."""

from __future__ import annotations

import json
import multiprocessing
import os
from itertools import accumulate
from pathlib import Path

import pytest

from specdec_lib.bench.records.appending import to_line
from specdec_lib.bench.results import scanning, sources
from specdec_lib.bench.results.conditions import Condition, read_conditions
from specdec_lib.bench.results.scanning import Scan
from specdec_lib.bench.results.sources import pieces_of
from specdec_lib.errors import RecordError
from tests.bench.records.test_schema import make_record
from tests.written_sweeps import OTHER_MACHINE, small_cell, write_cells


@pytest.fixture
def results(tmp_path: Path) -> Path:
    cells = [small_cell(n, k=k) for n, k in enumerate((1, 2, 4, 8))]
    cells += [small_cell(9, environment=OTHER_MACHINE)]
    return write_cells(tmp_path / "sweep" / "results.jsonl", cells)


def test_a_folder_is_that_of_a_sweep_and_rows_keep_their_order(results: Path) -> None:
    scan = Scan([results.parent])
    assert [(row.k, row.machine) for row in scan] == [(1, "A"), (2, "A"), (4, "A"), (8, "A"), (4, "B")]
    assert (scan.cells, scan.repeated, scan.num_problems, scan.paths) == (5, 0, 0, [results])


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_pieces_are_whole_lines_and_know_where_they_lie(results: Path, size: int, monkeypatch) -> None:
    monkeypatch.setattr(sources, "_PIECE", size)
    content = results.read_bytes()
    pieces = list(pieces_of(results))
    assert len(pieces) > 1
    assert [piece.offset for piece in pieces] == [0, *accumulate(piece.length for piece in pieces)][:-1]
    assert pieces[-1].offset + pieces[-1].length == len(content)
    for piece in pieces:
        there = content[piece.offset :][: piece.length]
        assert there.endswith(b"\n") and there.split(b"\n") == piece.lines()


def test_lines_that_are_no_records_are_named_and_the_others_kept(results: Path, monkeypatch) -> None:
    good = to_line(small_cell(20), results)
    broken = json.loads(good)
    del broken["counts"]
    torn = {
        good[:100]: "not JSON",
        b"\xff\xfe": "not UTF-8",
        b"[1, 2]": "expected a JSON object, got list",
        json.dumps(broken).encode(): "field 'counts' is missing",
        json.dumps(json.loads(good) | {"schema": 2}).encode(): "schema 2 is not 1",
        json.dumps(json.loads(good) | {"kind": ["cell"]}).encode(): "kind ['cell'] is none of",
        json.dumps(json.loads(good) | {"environment": 3}).encode(): "field 'environment' is int",
        good.replace(b'"temperature":0.0', b'"temperature":NaN').strip(): "it holds NaN",
        b"[" * 100_000: "nested too deeply",
    }
    with results.open("ab") as file:
        file.writelines(line + b"\n\n" for line in torn)
        file.write(good)
    monkeypatch.setattr(sources, "_PIECE", 1000)
    scan = Scan([results])
    assert len(list(scan)) == 6
    assert scan.num_problems == len(torn)
    for number, problem, said in zip(range(6, 100, 2), scan.problems, torn.values(), strict=False):
        assert problem.startswith(f"{results}:{number}: ") and said in problem, problem


def test_of_many_such_lines_the_first_are_named_and_all_counted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(scanning, "NAMED", 3)
    path = write_cells(tmp_path / "r.jsonl", [small_cell()], *[b"{}"] * 10)
    scan = Scan([path])
    assert len(list(scan)) == 1
    assert (scan.num_problems, len(scan.problems)) == (10, 3)


def test_records_of_other_kinds_are_counted(tmp_path: Path) -> None:
    runs = [json.dumps(make_record(repeat)).encode() for repeat in range(3)]
    scan = Scan([write_cells(tmp_path / "r.jsonl", [small_cell()], *runs)])
    assert len(list(scan)) == 1 and scan.others == {"run": 3}


def test_a_cell_that_stands_there_again_counts_once_also_in_another_file(
    results: Path, tmp_path: Path
) -> None:
    again = write_cells(tmp_path / "again.jsonl", [small_cell(0, k=1), small_cell(0, k=1, session="other")])
    scan = Scan([results, again, results])
    rows = list(scan)
    assert len(rows) == 6 and scan.repeated == 6
    assert [row.session for row in rows if row.key == f"{0:016x}"] == ["session-0", "other"]


def test_only_what_meets_all_conditions_comes_by_its_machine_too(results: Path) -> None:
    for written, number in ((["k=4"], 2), (["k=4", "machine=B"], 1), (["machine=A", "k>1"], 3), (["k=3"], 0)):
        scan = Scan([results], read_conditions(written))
        assert len(list(scan)) == number and scan.cells == 5


def test_several_processes_read_what_one_reads(results: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "_PIECE", 3000)
    foreign = write_cells(
        tmp_path / "f.jsonl", [small_cell(30)], b"{torn", json.dumps(make_record()).encode()
    )
    files, conditions = [results, foreign], read_conditions(["k!=2"])
    alone, shared = (Scan(files, conditions, workers) for workers in (1, 2))
    assert list(alone) == list(shared)
    told = ("cells", "repeated", "others", "problems", "num_problems")
    assert [getattr(alone, name) for name in told] == [getattr(shared, name) for name in told]
    assert alone.machines.environments == shared.machines.environments


class Deadly(Condition):
    """Another process that is handed it ends at once."""

    def __reduce__(self):
        return os._exit, (9,)


def test_a_process_that_is_killed_is_one_clear_line(results: Path) -> None:
    with pytest.raises(RecordError, match="was ended from outside; make room in memory"):
        list(Scan([results], [Deadly("k", "=", 4)], workers=2))


def test_who_stops_early_leaves_no_process_behind(results: Path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "_PIECE", 100)
    rows = iter(Scan([results], workers=2))
    assert next(rows).k == 1
    rows.close()
    assert multiprocessing.active_children() == []


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(results: Path) -> None:
    results.write_bytes(b"\xef\xbb\xbf" + results.read_bytes())
    scan = Scan([results])
    assert len(list(scan)) == 5 and scan.num_problems == 0


def test_a_pipe_is_read_once(results: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if os.fork() == 0:
        pipe.write_bytes(results.read_bytes())
        os._exit(0)
    assert len(list(Scan([pipe]))) == 5


def test_what_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.jsonl is not there; name a results file"):
        Scan([tmp_path / "none.jsonl"])
    with pytest.raises(RecordError, match=r"holds no results\.jsonl; name"):
        Scan([tmp_path])


def test_a_sweep_of_which_no_cell_is_done_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(RecordError, match=r"no cell of the sweep in .* is done; `specdec sweep` runs"):
        Scan([tmp_path])
    (tmp_path / "failed").mkdir()
    for number in range(2):
        (tmp_path / "failed" / f"{number}.ipynb").touch()
    with pytest.raises(RecordError, match=r"is done \(2 failed: their notebooks are in .*failed\)"):
        Scan([tmp_path])
