"""Records appended to a results file, whole or not at all, by one process at a time.

A results file is only ever appended to. Half a line is taken back where writing fails, and only then: once
all bytes are out they stay, also when an interrupt comes while they are being synced. Where the file system
has no locks, lines are appended without, which is said once.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import time
from collections.abc import Generator, Iterable
from pathlib import Path

from specdec_lib.bench.records.contents import Described
from specdec_lib.bench.records.reading import BYTE_ORDER_MARK, from_line
from specdec_lib.bench.records.schema import problem_of
from specdec_lib.errors import RecordError
from specdec_lib.utils.logging import get_logger
from specdec_lib.utils.paths import FilePath

try:
    import fcntl
except ImportError:  # not on Windows: appends from several processes are not serialised there
    fcntl = None

NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What a file system answers that has no locks to give."""
PATIENCE, LONGEST_WAIT = 2.0, 120.0
"""Seconds that somebody else may hold the file before it is said, and before it is given up."""
_PAUSE = 0.05

_said_without: set[str] = set()


def append_record(path: FilePath, record: Described) -> None:
    """Append one record: :func:`append_records` of it alone."""
    append_records(path, [record])


def append_records(path: FilePath, records: Iterable[Described]) -> None:
    """Append ``records`` to the file at ``path``, a line each, all or none, flushed to the disk.

    Raises:
        RecordError: one of them is not a record, holds something JSON has no word for (NaN
            included), or cannot be written; the message says which, in one line.
    """
    lines = b"".join(to_line(record, path) for record in records)
    try:
        append_lines(path, lines)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise RecordError(
            f"append to {path}: {reason}; the record was not written, the lines before it are kept. "
            "Make room or choose another output path, then run again."
        ) from error


def require_writable(path: FilePath) -> None:
    """Find out before measuring, not after, whether records can be appended to ``path``; makes the file.

    Raises:
        RecordError: it is a folder, a pipe or a device, or cannot be written.
    """
    try:
        with open_for_appending(path):
            pass
    except OSError as error:
        is_below_a_file = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "its folder is a file" if is_below_a_file else error.strerror
        raise RecordError(f"cannot write results to {path}: {why}; choose another --output") from error


def require_results(path: FilePath) -> None:
    """Refuse to append to a file of something else: a folder's config.json, somebody's prompts.

    What is not there, or empty, or begins with a record of any schema, or one cut off, may be appended to.

    Raises:
        RecordError: no line of the file is, or was to be, a record.
    """
    if not os.path.isfile(path):  # opening a pipe would wait for somebody to write into it
        return
    with contextlib.suppress(OSError), open(path, "rb") as file:
        lines = [line for line in file if line.strip()]
        begun = (line.removeprefix(BYTE_ORDER_MARK).startswith(b'{"schema":') for line in lines)
        if lines and not (any(begun) or any(map(_is_record, lines))):
            raise RecordError(
                f"{path} holds no record but something else, and is left as it is; choose another --output"
            )


def _is_record(line: bytes) -> bool:
    try:
        return bool(from_line(line))
    except RecordError:
        return False


def to_line(record: Described, path: FilePath) -> bytes:
    """The line of a record in the file at ``path``.

    Raises:
        RecordError: it is no record, or holds something JSON has no word for; the message names the file.
    """
    if problem := problem_of(record):
        raise RecordError(f"append to {path}: not a record ({problem})")
    try:
        return json.dumps(dict(record), allow_nan=False, separators=(",", ":")).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise RecordError(f"append to {path}: the record is not JSON ({error})") from error


# -- lines, whole or not at all ----------------------------------------------------------------------


def append_lines(path: FilePath, lines: bytes) -> None:
    """Append ``lines``, all or none, flushed to the disk; folder and file are made if need be.

    A last line without its newline (an earlier crash) is ended first, so that it spoils only itself.

    Raises:
        RecordError: the file is held by somebody else for ``LONGEST_WAIT`` seconds.
        OSError: it cannot be written, or is no regular file.
    """
    with open_for_appending(path) as descriptor:
        locked = _lock(descriptor, path)
        _append_whole(descriptor, lines, locked)


@contextlib.contextmanager
def open_for_appending(path: FilePath) -> Generator[int, None, None]:
    """A descriptor of the regular file at ``path``, made if need be; a pipe is refused and not waited for.

    Raises:
        OSError: it cannot be opened for writing, or is a folder, a pipe or a device.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: FilePath) -> bool:
    """Wait until this process alone holds the file; False where there are no locks."""
    if fcntl is None:
        return False
    start, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError as error:
            waited = time.monotonic() - start
            if waited > LONGEST_WAIT:
                raise RecordError(
                    f"append to {path}: another process has held it for {waited:.0f} s; the record was not "
                    "written. End that process, or choose another output path, then run again."
                ) from error
            if waited > PATIENCE and not said:
                said = True
                _say(f"{path} is held by another process; waiting up to {LONGEST_WAIT:.0f} s for it")
            time.sleep(_PAUSE)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            if str(path) not in _said_without:
                _said_without.add(str(path))
                _say(f"{path}: its file system has no locks; let only one process append to it at a time")
            return False


def _say(message: str) -> None:
    get_logger(__name__).warning(message)


def _append_whole(descriptor: int, lines: bytes, alone: bool) -> None:
    """Write ``lines`` at the end and sync them, or leave the file at the length that it had.

    Where others may be writing too, nothing is cut off: it might be theirs. An interrupt leaves what was
    written in whole; only a disk that fails takes it back.
    """
    length = os.fstat(descriptor).st_size
    data = lines if _ends_with_newline(descriptor, length) else b"\n" + lines
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    except BaseException as error:  # also an interrupt from the keyboard: take the half line back
        is_whole = os.fstat(descriptor).st_size - length == len(data)
        if alone and (isinstance(error, OSError) or not is_whole):
            with contextlib.suppress(OSError):  # the first error is the one to tell
                os.ftruncate(descriptor, length)
        raise


def _ends_with_newline(descriptor: int, length: int) -> bool:
    if length == 0:
        return True
    os.lseek(descriptor, length - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    """``os.write`` until all of ``data`` is out: one call may write only a part of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
