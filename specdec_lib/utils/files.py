"""Files that are written whole or not at all: whoever looks sees the old content or the new one, never half.

What is written goes into a file beside the one that is meant, reaches the disk, and takes its name. What
fails on the way, or is killed, leaves the old file as it was.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import IO, Any

from specdec_lib.utils.paths import FilePath


def write_whole(path: FilePath, content: bytes) -> None:
    """Put ``content`` in the place of the file at ``path``, all of it or nothing; folders are made.

    Raises:
        OSError: it cannot be written, or is a folder, a pipe or a device.
    """
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def whole_file(path: FilePath, mode: str = "wb", **options: Any) -> Generator[IO[Any], None, None]:
    """A file to write to, which takes the place of the one at ``path`` where the block ends without an error.

    Args:
        mode, options: as ``open`` takes them.

    Raises:
        OSError: as :func:`write_whole`.
    """
    meant = Path(os.path.realpath(path))  # through a link, so that the link stays one
    if meant.exists() and not meant.is_file():
        raise OSError(f"it is {'a folder' if meant.is_dir() else 'not a regular file'}")
    meant.parent.mkdir(parents=True, exist_ok=True)
    unfinished = meant.with_name(f".{meant.name}.{os.getpid()}-{get_ident()}.tmp")
    try:
        with unfinished.open(mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(meant)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(meant.parent)


def sync_folder(folder: Path) -> None:
    """The new name reaches the disk too, where a system lets a folder be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
