"""Results of several machines in one file: nothing lost, nothing twice, and the file whole at any moment."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from specdec_lib.bench.records.kinds import CellRecord
from specdec_lib.bench.records.reading import read_records
from specdec_lib.bench.results import merging
from specdec_lib.bench.results.merging import merge_results
from specdec_lib.errors import InvalidArgument, RecordError
from tests.bench.records.test_schema import make_record
from tests.written_sweeps import OTHER_MACHINE, small_cell, write_cells


def cells(*numbers: int, **more) -> list[CellRecord]:
    return [small_cell(n, **more) | {"time": f"2026-01-{28 - n:02d}T00:00:00+00:00"} for n in numbers]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return write_cells(tmp_path / "here.jsonl", cells(0, 1, 2))


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return write_cells(tmp_path / "there" / "results.jsonl", cells(0, 1, 2, 3, environment=OTHER_MACHINE))


def test_every_cell_of_every_machine_is_in_it_by_time(here: Path, there: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "all.jsonl"
    merged = merge_results([here, there.parent], out)
    records, problems = read_records(out)
    assert problems == [] and len(records) == 7
    assert [record.time for record in records] == sorted(record.time for record in records)
    assert (merged.cells, merged.repeated, merged.several) == (7, 0, 0)
    assert merged.machines == {"A": 3, "B": 4}
    lines = set(here.read_bytes().splitlines()) | set(there.read_bytes().splitlines())
    assert set(out.read_bytes().splitlines()) == lines


def test_the_order_of_files_and_of_lines_does_not_matter(here: Path, there: Path, tmp_path: Path) -> None:
    merge_results([here, there], tmp_path / "a.jsonl")
    lines = [*here.read_bytes().splitlines(True), *there.read_bytes().splitlines(True)]
    random.Random(0).shuffle(lines)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_bytes(b"\n".join(lines))
    merge_results([shuffled], tmp_path / "b.jsonl")
    merge_results([there, here, shuffled], tmp_path / "c.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "c.jsonl").read_bytes()


def test_what_stands_there_again_is_in_it_once_and_what_was_measured_again_twice(
    here: Path, tmp_path: Path
) -> None:
    again = write_cells(tmp_path / "again.jsonl", [*cells(1), *cells(2, session="another")])
    merged = merge_results([here, again], tmp_path / "all.jsonl")
    assert (merged.cells, merged.repeated, merged.several) == (4, 1, 1)
    records, _ = read_records(tmp_path / "all.jsonl")
    assert sorted(record.session for record in records if record["key"] == f"{2:016x}") == [
        "another",
        "session-2",
    ]


def test_what_the_file_held_before_stays(here: Path, there: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    merge_results([here], out)
    merged = merge_results([there], out)
    assert merged.cells == 7
    before = out.read_bytes()
    assert merge_results([there, here], out).repeated == 7
    assert merge_results([out], out).repeated == 0
    assert out.read_bytes() == before


def test_torn_lines_and_other_kinds_stay_behind_and_are_told(tmp_path: Path) -> None:
    unsound = json.loads(json.dumps(dict(small_cell(5))))
    unsound["rounds"] = [["x"]]
    run = json.dumps(make_record()).encode()
    foreign = write_cells(tmp_path / "f.jsonl", cells(1), b"{torn", run, json.dumps(unsound).encode())
    merged = merge_results([foreign], tmp_path / "all.jsonl")
    assert (merged.cells, merged.num_problems, merged.others) == (1, 2, {"run": 1})
    first, second = merged.problems
    assert first.startswith(f"{foreign}:2: not JSON")
    assert second.startswith(f"{foreign}:4: field 'rounds' is") and "not rows of numbers" in second


@pytest.mark.parametrize(
    "line, said", [(b"{torn", "not JSON"), (json.dumps(make_record()).encode(), "'run'")]
)
def test_a_file_of_something_else_is_not_written_over(
    line: bytes, said: str, here: Path, tmp_path: Path
) -> None:
    out = write_cells(tmp_path / "all.jsonl", cells(7), line)
    before = out.read_bytes()
    with pytest.raises(RecordError, match=rf"its line 2 is no cell \(.*{said}.* would be lost"):
        merge_results([here], out)
    assert out.read_bytes() == before


def test_what_is_appended_meanwhile_is_not_lost(here: Path, there: Path, monkeypatch) -> None:
    lines = merging._lines

    def while_appending(files, places):
        yield from lines(files, places)
        with here.open("ab") as file:
            file.write(b"{}\n")

    monkeypatch.setattr(merging, "_lines", while_appending)
    before = here.read_bytes()
    with pytest.raises(RecordError, match="it grew meanwhile"):
        merge_results([there], here)
    assert here.read_bytes() == before + b"{}\n"
    assert len(os.listdir(here.parent)) == 2


def test_a_full_disk_leaves_the_file_as_it_was(here: Path, there: Path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = here.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="No space left on device; nothing was changed there"):
        merge_results([there], here)
    assert here.read_bytes() == before and len(os.listdir(here.parent)) == 2


def test_a_mark_of_the_byte_order_is_left_behind(here: Path, tmp_path: Path) -> None:
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + here.read_bytes())
    merge_results([marked], tmp_path / "a.jsonl")
    merge_results([here], tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_pipes_and_folders_are_refused(here: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="reads its files twice, and - is a pipe"):
        merge_results([here, "-"], tmp_path / "all.jsonl")
    with pytest.raises(InvalidArgument, match=r"writes one file, and .* is a folder"):
        merge_results([here], tmp_path)
    with pytest.raises(InvalidArgument, match=r"writes one file, and /dev/null is none; name a regular file"):
        merge_results([here], os.devnull)
