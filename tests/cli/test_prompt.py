"""What an option's words mean, where a type alone does not say it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specdec_lib.cli.prompt import asked_prompts
from specdec_lib.errors import InvalidArgument


@pytest.mark.parametrize("value, number", [("1", 1), ("30", 30), ("007", 7)])
def test_prompts_as_a_number(value: str, number: int) -> None:
    assert asked_prompts(value) == (number, None)


@pytest.mark.parametrize("name", ["prompts.jsonl", "mine.txt", "12.5", "./30", "3_0", "３"])
def test_prompts_as_a_file(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("a prompt\n")
    assert asked_prompts(name) == (None, Path(name))


def test_prompts_from_a_pipe_are_refused_without_waiting(tmp_path) -> None:
    """Both the check and the measurement read them, and a pipe gives them once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(InvalidArgument, match=r"is a pipe or a device, .* give a number, or a file"):
            asked_prompts(str(path))


@pytest.mark.parametrize(
    "value, said",
    [
        ("0", "--prompts is 0; give a number of at least 1"),
        ("-3", "--prompts is -3"),
        ("2.5", "'2.5' is neither a number nor a file that exists"),
        ("", "'' is neither"),
        (".", "'.' is a folder"),
        ("9" * 5000, "is neither a number"),
        ("no\0name", "is neither a number"),
    ],
    ids=lambda value: value[:12],
)
def test_prompts_that_are_neither(value: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match="give a number") as refused:
        asked_prompts(value)
    assert said in str(refused.value)
