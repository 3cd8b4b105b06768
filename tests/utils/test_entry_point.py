"""What ends ``python -m specdec_lib.…``: an exit code, and one line where there is something to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from specdec_lib.errors import InvalidArgument, ServerUnavailable
from specdec_lib.utils.entry_point import exit_code, os_reason

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = [sys.executable, "-m", "specdec_lib.data.prompts", "--tokenizer", "pocket", "--source", "builtin"]


@pytest.mark.parametrize(
    "error, code, said",
    [
        (InvalidArgument("no such\nthing"), 2, "[x] no such thing\n"),
        (ServerUnavailable("nobody there"), 2, "[x] nobody there\n"),
        (OSError(28, "No space left on device"), 2, "[x] writing the output: No space left on device\n"),
        (OSError(13, "Permission denied", "/some/file"), 2, "[x] /some/file: Permission denied\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_ends_a_run_becomes_a_code_and_a_line(error, code, said, capsys) -> None:
    def run() -> None:
        raise error

    assert exit_code(run, "[x] ") == code
    assert capsys.readouterr().err == said


def test_a_working_folder_that_was_removed_is_named(tmp_path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert os_reason(FileNotFoundError(2, "No such file")).startswith("the working folder does not exist")


def test_a_run_that_ends_well() -> None:
    assert exit_code(lambda: None, "[x] ") == 0


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code(lambda: print(1 / 0), "[x] ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_to_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*PROMPTS, "--output", str(tmp_path / "p.json")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    assert ended.returncode == 2
    assert ended.stderr == "[prompts] error: writing the output: No space left on device\n"


def test_a_closed_pipe_ends_it_silently(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*PROMPTS, "--output", str(tmp_path / "p.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 141)
    process.stderr.close()
