"""Appending where locks, disks and people get in the way, and to what is no results file."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from specdec_lib.bench.records import appending
from specdec_lib.bench.records.appending import append_lines, append_record, require_results, require_writable
from specdec_lib.bench.records.reading import read_records
from specdec_lib.errors import RecordError
from tests.bench.records.test_schema import make_record


@pytest.mark.parametrize("name", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_without_locks_lines_are_appended_and_it_is_said_once(tmp_path, monkeypatch, capsys, name) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "runs.jsonl"
    for i in range(3):
        append_record(path, make_record(i))
    assert path.read_bytes().count(b"\n") == 3
    said = capsys.readouterr().err
    assert said.count("has no locks") == 1 and str(path) in said


def test_another_error_of_the_lock_is_an_error(tmp_path: Path, monkeypatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(RecordError, match="Input/output error"):
        append_record(tmp_path / "runs.jsonl", make_record())


def test_without_locks_nothing_is_cut_off(tmp_path: Path, monkeypatch) -> None:
    """The end of the file may be somebody else's line."""
    path, write = tmp_path / "r", os.write
    path.write_bytes(b"mine\n")

    def interrupted(descriptor: int, data: bytes) -> int:
        with path.open("ab") as other:
            other.write(b"theirs\n")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(appending, "fcntl", None)
    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(OSError, match="full"):
        append_lines(path, b"more\n")
    monkeypatch.setattr(os, "write", write)
    assert path.read_bytes() == b"mine\ntheirs\n"


@pytest.fixture
def held(tmp_path: Path):
    """A file on which somebody sleeps."""
    path = tmp_path / "runs.jsonl"
    with path.open("ab") as sleeper:
        fcntl.flock(sleeper, fcntl.LOCK_EX)
        yield path, sleeper


def test_a_sleeper_is_waited_for_aloud_and_not_for_ever(held, monkeypatch, capsys) -> None:
    path, _ = held
    monkeypatch.setattr(appending, "PATIENCE", 0.0)
    monkeypatch.setattr(appending, "LONGEST_WAIT", 0.2)
    with pytest.raises(RecordError, match=r"another process has held it .*not written") as caught:
        append_record(path, make_record())
    assert "\n" not in str(caught.value) and path.read_bytes() == b""
    said = capsys.readouterr().err
    assert said.count("is held by another process; waiting up to") == 1


def test_a_sleeper_that_wakes_up_loses_nothing(held, monkeypatch) -> None:
    path, sleeper = held
    monkeypatch.setattr(appending.time, "sleep", lambda seconds: fcntl.flock(sleeper, fcntl.LOCK_UN))
    append_record(path, make_record())
    assert path.read_bytes().count(b"\n") == 1


@pytest.mark.parametrize("during", ["fsync", "the last write"])
def test_what_is_written_stays_when_an_interrupt_comes_after(tmp_path, monkeypatch, during: str) -> None:
    path, write = tmp_path / "runs.jsonl", os.write
    append_record(path, make_record(0))

    def interrupt(descriptor: int, *data: bytes) -> None:
        if data:
            write(descriptor, *data)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync" if during == "fsync" else "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        append_record(path, make_record(1))
    assert path.read_bytes().count(b"\n") == 2


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "pipe", Path("/dev/null"), tmp_path, tmp_path / "file" / "r.jsonl"):
        with pytest.raises(RecordError, match=f"cannot write results to {path}: ") as caught:
            require_writable(path)
        assert "\n" not in str(caught.value)
        with pytest.raises(RecordError):
            append_record(path, make_record())


@pytest.mark.parametrize("content", ["", "\n", '{"schema":1,"sess', '{"schema":7,"kind":"run"}\n'])
def test_a_file_that_records_went_to_takes_more(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.jsonl"
    require_results(path)  # not there yet
    path.write_text(content)
    require_results(path)


@pytest.mark.parametrize("content", ['{"model_type": "llama"}', "prose\n", '{"prompt": "the cat"}\n', "\0\1"])
def test_a_file_of_something_else_takes_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    with pytest.raises(RecordError, match="holds no record but something else"):
        require_results(path)


@pytest.mark.parametrize(
    "record, why",
    [
        ({}, "schema None"),
        (make_record(environment={"load": float("nan")}), "not JSON"),
        (make_record(environment={"ids": {1, 2}}), "not JSON"),
        (make_record(decoder=4), "'decoder' is int"),
    ],
)
def test_what_is_no_record_is_refused_before_the_file_is_touched(
    tmp_path: Path, record: dict, why: str
) -> None:
    with pytest.raises(RecordError, match=why):
        append_record(tmp_path / "runs.jsonl", record)
    assert not (tmp_path / "runs.jsonl").exists()


@pytest.mark.parametrize("sequence", [["part", "full"], ["full"]])
def test_a_disk_that_fills_up_in_the_middle_of_a_line(tmp_path, monkeypatch, sequence: list[str]) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before = path.read_bytes()
    real_write, steps = os.write, iter(sequence)

    def failing_write(descriptor: int, data) -> int:
        if next(steps) == "part":
            return real_write(descriptor, bytes(data[:25]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", failing_write)
    with pytest.raises(RecordError, match="No space left on device; the record was not written") as caught:
        append_record(path, make_record(1))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    monkeypatch.undo()
    append_record(path, make_record(2))
    assert [record["repeat"] for record in read_records(path)[0]] == [0, 2]


def test_a_disk_that_reports_the_failure_only_when_synced(tmp_path, monkeypatch) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before = path.read_bytes()

    def failing_sync(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing_sync)
    with pytest.raises(RecordError, match="Input/output error"):
        append_record(path, make_record(1))
    assert path.read_bytes() == before


def test_an_interrupt_while_writing_leaves_no_half_line(tmp_path, monkeypatch) -> None:
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before, real_write = path.read_bytes(), os.write
    calls = iter(["part", "interrupt"])

    def interrupted_write(descriptor: int, data) -> int:
        if next(calls) == "part":
            return real_write(descriptor, bytes(data[:25]))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted_write)
    with pytest.raises(KeyboardInterrupt):
        append_record(path, make_record(1))
    assert path.read_bytes() == before


def test_a_real_limit_on_the_file_size(tmp_path: Path) -> None:
    """The kernel itself cuts the write short: what a full file system does, without filling one."""
    path = tmp_path / "runs.jsonl"
    append_record(path, make_record(0))
    before = path.read_bytes()
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from tests.bench.records.test_schema import make_record
        from specdec_lib.bench.records.appending import append_record
        from specdec_lib.errors import RecordError
        path = Path(sys.argv[1])
        limit = path.stat().st_size + 100
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            append_record(path, make_record(1))
        except RecordError as error:
            print(error)
    """)
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert "File too large; the record was not written" in done.stdout, done.stderr
    assert path.read_bytes() == before


def test_appending_to_a_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="directory"):
        append_record(tmp_path, make_record())


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "r.jsonl", tmp_path / "file" / "deeper" / "r.jsonl"):
        with pytest.raises(RecordError, match=r"r\.jsonl: its folder is a file; choose another --output"):
            require_writable(path)
