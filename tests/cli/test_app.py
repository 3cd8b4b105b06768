"""The wrapper around the commands: what a user sees when something is wrong, and that help is light."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from specdec_lib import __version__
from specdec_lib.cli import app, main
from specdec_lib.cli.app import BRIEF_WAIT
from specdec_lib.errors import SpecDecError, UnsoundLogits
from specdec_lib.utils.entry_point import BROKEN_PIPE

ROOT = Path(__file__).parents[2]
COMMANDS = ("pairs", "doctor", "generate", "bench", "results", "explain", "verify", "train")


def process(*arguments: str, code: str = "", **options) -> subprocess.CompletedProcess:
    program = ["-c", code] if code else ["-m", "specdec_lib"]
    return subprocess.run(
        [sys.executable, *program, *arguments],
        text=True,
        timeout=120,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS), ["pairs"]])
def test_help_and_pairs_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from specdec_lib.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'transformers', 'numpy', 'huggingface_hub', 'structlog', 'asyncio'}; "
        "heavy &= set(sys.modules); "
        "sys.exit(f'{heavy} imported' if heavy else code)"
    )
    done = process(*arguments, code=code, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "x", "--target", "/no/such/folder", "--draft", "pocket-draft"],
        ["generate", "x", "--target", "a/b/c", "--autoregressive"],
        ["bench", "--target", "pocket-target", "--draft", "~nobody-here/m"],
        ["generate", "x", "--target", ".", "--draft", "pocket-draft"],
        ["verify", "--target", "/no/such/folder", "--draft", "pocket-draft"],
        ["verify", "--target", "pocket-target", "--draft", "a/b/c", "--mutant", "residual_is_p"],
    ],
)
def test_a_wrong_path_is_refused_before_anything_heavy_is_imported(arguments: list[str]) -> None:
    code = (
        "import sys; from specdec_lib.cli import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'transformers', 'huggingface_hub'} & set(sys.modules); "
        "sys.exit(f'{heavy} imported' if heavy else code)"
    )
    done = process(*arguments, code=code, stdout=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(("error: model folder", "error: folder"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(specdec, command: str) -> None:
    shown = specdec(command, "--help")
    assert shown.code == 0 and f"Example: specdec {command}" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_draft_lengths_have_one_name_that_every_command_takes_for_a_number_or_a_list() -> None:
    params = [p for command in typer.main.get_command(app.app).commands.values() for p in command.params]
    asked = [param.opts for param in params if "-k" in param.opts or param.name.startswith("k_")]
    assert len(asked) == 5 and all({"--k", "-k"} <= set(names) for names in asked)


def test_without_a_command_the_help_is_shown(specdec) -> None:
    shown = specdec()
    assert shown.code == 0 and all(command in shown.out for command in COMMANDS)


def test_a_working_folder_that_was_removed(specdec, tmp_path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    shown = specdec("generate", "x")
    assert shown.code == 2 and shown.err.startswith("error: the working folder does not exist any more")
    assert specdec("--help").code == 0 and specdec("--version").code == 0


def test_version(specdec) -> None:
    assert specdec("--version").out == f"specdec {__version__}\n"


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ({}, {"GOMP_SPINCOUNT": BRIEF_WAIT}),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
    ],
    ids=str,
)
def test_threads_wait_briefly_unless_the_environment_says_how(specdec, monkeypatch, given, then) -> None:
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    for name in names:
        monkeypatch.setenv(name, "")  # so that what the command sets is undone
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert specdec("--version").code == 0
    assert {name: os.environ[name] for name in names if name in os.environ} == then


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["pears"], "No such command 'pears'"),
        (["pairs", "--jsn"], "No such option: --jsn"),
        (["train"], "Missing option"),
        (["generate", "a", "b"], "unexpected extra argument"),
        (["generate", "a", "-n", "-1"], "--max-new-tokens"),
        (["generate", "a", "--temperature", "warm"], "--temperature"),
    ],
)
def test_usage_errors_are_one_line_that_names_the_help(specdec, arguments, said) -> None:
    shown = specdec(*arguments)
    assert shown.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1
    assert said in shown.err and "--help)" in shown.err


@pytest.mark.parametrize(
    "error, code, line",
    [
        (SpecDecError("two\nlines \x1b[31m"), 2, "error: two lines ␛[31m\n"),
        (OSError(errno.ENOSPC, "No space"), 2, "error: writing the output: No space\n"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "data"), 2, "error: data: Is a directory\n"),
        (MemoryError(), 2, f"error: {app.NO_MEMORY}\n"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, f"error: {app.NO_MEMORY}\n"),
        (UnsoundLogits("the logits of m are not finite"), 2, "error: the logits of m are not finite\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_ends_a_command_becomes_a_code_and_a_line(specdec, monkeypatch, error, code, line) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("specdec_lib.cli.commands.pairs.console_for", fail)
    shown = specdec("pairs")
    assert (shown.code, shown.err.lstrip("\n")) == (code, line)


@pytest.mark.parametrize("bug", [ZeroDivisionError, EOFError, RuntimeError])
def test_a_bug_keeps_its_traceback(specdec, monkeypatch, bug: type[Exception]) -> None:
    def fail() -> None:
        raise bug

    monkeypatch.setattr("specdec_lib.cli.commands.pairs.console_for", fail)
    with pytest.raises(bug):
        specdec("pairs")


class FullDisk(io.StringIO):
    """Standard output on a disk without room."""

    def write(self, content: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("arguments", [["pairs"], ["pairs", "--json"], ["--version"], ["--help"]])
def test_output_to_a_full_disk(monkeypatch, capsys, arguments: list[str]) -> None:
    monkeypatch.setattr(sys, "stdout", FullDisk())
    assert main(arguments) == 2
    assert capsys.readouterr().err == "error: writing the output: No space left on device\n"


@pytest.mark.parametrize("arguments", [["pairs"], ["pairs", "--json"], ["--help"]])
def test_a_closed_pipe_ends_it_silently(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = process(*arguments, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, "")


INTERRUPT = """
import runpy, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
sys.argv = ["specdec", "pairs"]
{start}
"""


@pytest.mark.parametrize("module", ["typer", "rich", "specdec_lib.cli.app", "specdec_lib.cli.terminal"])
@pytest.mark.parametrize(
    "start",
    [
        "from specdec_lib.cli import main; sys.exit(main())",
        "runpy.run_module('specdec_lib', run_name='__main__', alter_sys=True)",
    ],
    ids=["script", "module"],
)
def test_an_interrupt_while_the_program_is_still_imported(module: str, start: str) -> None:
    done = process(code=INTERRUPT.format(module=module, start=start), stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("module", ["specdec_lib", "specdec_lib.models.loader", "specdec_lib.data.prompts"])
@pytest.mark.parametrize("ended_by, lines", [("KeyboardInterrupt", 0), ("ZeroDivisionError", 1)])
def test_a_module_that_is_interrupted_while_it_is_imported(tmp_path, module, ended_by, lines) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'specdec_lib.errors':\n            raise {ended_by}\n\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", module, "pairs"],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0 and done.stderr.count("Traceback") == lines, done.stderr


def test_a_terminal_that_cannot_show_a_character_shows_an_escape() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = process("generate", "", env=environment, stdout=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr.startswith("error: the prompt is empty")
    done = process("doctor", "--é", env=environment, stdout=subprocess.PIPE)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_terminal_of_no_columns_is_one_of_an_unknown_width(specdec, monkeypatch) -> None:
    """As containers and editors report it: rich would print nothing at all."""
    shown = specdec("pairs").out
    monkeypatch.setenv("COLUMNS", "0")
    assert specdec("pairs").out == shown
