"""A file is written whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specdec_lib.utils.files import whole_file, write_whole


def test_the_new_content_takes_the_place_of_the_old_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file"]


def test_what_fails_midway_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    with pytest.raises(ValueError, match="midway"), whole_file(path) as file:
        file.write(b"half")
        assert path.read_bytes() == b"old"
        raise ValueError("midway")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"content")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"content"


def test_text_is_written_as_open_takes_it(tmp_path: Path) -> None:
    with whole_file(tmp_path / "file", "w", encoding="utf-8", newline="") as file:
        file.write("α\r\n")
    assert (tmp_path / "file").read_bytes() == "α\r\n".encode()


@pytest.mark.parametrize("name, said", [(".", "a folder"), (os.devnull, "not a regular file")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(OSError, match=said):
        write_whole(tmp_path / name, b"")
