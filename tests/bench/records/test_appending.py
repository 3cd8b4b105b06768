"""Appending where locks, disks and people get in the way."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from specdec_lib.bench.records import appending
from specdec_lib.bench.records.appending import append_lines
from specdec_lib.bench.records.schema import append_record, require_writable
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
